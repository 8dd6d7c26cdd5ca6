"""One claim at a time, for as many items as the worker has room for; it waits at the coordinator.

A claim that is called off is asked once more, under the same id and without waiting: what it had won by then is given
back, so that nothing is held by nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services import clock
from coord.services.worker.asking import Answer, Asking, Coordinator
from coord.services.worker.plan import Plan

CLAIM_SECONDS: Final = 30.0
"""How long one claim waits; asked again at once, it waits on."""
CLAIMED_MAX: Final = 100
SETTLE_SECONDS: Final = 2.0

Item = Mapping[str, Any]


class Claims:
    """The claim under way."""

    def __init__(
        self,
        coordinator: Coordinator,
        plan: Plan,
        won: Callable[[Sequence[Item], str, bool], object],
        refused: Callable[[CoordError, float], object],
    ) -> None:
        """Claim for a plan.

        Args:
            coordinator: who is asked.
            plan: for whom, and what.
            won: called with the items, the request's id, and whether it had to be asked again.
            refused: called with the error, and how long it took.
        """
        self._coordinator = coordinator
        self._plan = plan
        self._won = won
        self._refused = refused
        self._asking: Asking | None = None
        self._asked_at = 0.0
        self._settling = 0

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for that could still bring something."""
        return self._asking is not None or self._settling > 0

    def ask(self, count: int, wait_seconds: float, until: float) -> None:
        """Claim up to so many items; asked again until a moment, while nobody answers."""
        assert self._asking is None
        fields = self._fields()
        if count > 1:
            fields["count"] = min(count, CLAIMED_MAX)
        if wait_seconds:
            fields["wait_seconds"] = wait_seconds
        self._asked_at = clock.monotonic()
        self._asking = Asking(self._coordinator, "claim", fields, self._answered, until)

    def call_off(self) -> None:
        """Claim no more."""
        asking, self._asking = self._asking, None
        if asking is None:
            return
        asking.drop()
        if asking.sent_at:
            self._settling += 1
            until = clock.monotonic() + SETTLE_SECONDS
            Asking(self._coordinator, "claim", self._fields(), self._settled, until, asking.request_id)

    def _fields(self) -> dict[str, Any]:
        fields = {
            "agent": self._plan.agent,
            "incarnation": self._plan.incarnation,
            "item_id": self._plan.item_id,
            "lease_seconds": self._plan.lease_seconds,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _answered(self, asking: Asking, answer: Answer) -> None:
        self._asking = None
        if isinstance(answer, CoordError):
            self._refused(answer, clock.monotonic() - self._asked_at)
        else:
            self._won(_items(answer), asking.request_id, asking.tries > 1)

    def _settled(self, _: Asking, answer: Answer) -> None:
        self._settling -= 1
        for item in () if isinstance(answer, CoordError) else _items(answer):
            self._settling += 1
            fields = {
                "agent": self._plan.agent,
                "incarnation": item["incarnation"],
                "item_id": item["id"],
                "fence": item["fence"],
                "reason": "the worker was about to end",
                "unbegun": True,
            }
            until = clock.monotonic() + SETTLE_SECONDS
            Asking(self._coordinator, "release", fields, self._given_back, until)

    def _given_back(self, _: Asking, __: Answer) -> None:
        self._settling -= 1


def _items(reply: Mapping[str, Any]) -> Sequence[Item]:
    return reply.get("items") or [reply["item"]]
