"""Heartbeats: one renews all that is held and says which commands have worked, every third of the shortest lease, or of the
shortest time after which an item without evidence of work counts as stuck.

It names what it renews: another process of the agent's name may have died and left claims behind. A lease counts as
renewed from the moment the heartbeat was sent, not from its answer. An agent that may start nothing new, because it
registered again elsewhere, still holds what it has: those claims are renewed one by one, by progress.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from coord.events.errors import CoordError, Refused
from coord.services import clock
from coord.services.hardware.groups import Groups
from coord.services.worker.asking import Answer, Asking, Coordinator
from coord.services.worker.gpu_use import GpuUse
from coord.services.worker.holding import Holding
from coord.services.worker.loop import Timer
from coord.services.worker.plan import Plan

RENEWALS_PER_LEASE: Final = 3
"""So many, too, in the time that a holder may show no work."""
DRAINING: Final = "draining"
"""Status of an agent, and code of the refusal of its claims."""


class Renewals:
    """The heartbeat of a worker."""

    def __init__(
        self,
        coordinator: Coordinator,
        plan: Plan,
        held: Callable[[], Sequence[Holding]],
        refused: Callable[[Refused], object],
    ) -> None:
        """Beat for a plan, and for all that is held; `refused` is called when the agent may start nothing new."""
        self._coordinator = coordinator
        self._plan = plan
        self._held = held
        self._refused = refused
        self._is_refused = False
        self._groups = Groups()
        self._gpu_use = GpuUse(coordinator.loop)
        self._active: set[str] = set()
        self._asking: Asking | None = None
        self._asked_at = 0.0
        self._timer: Timer | None = None

    @property
    def interval(self) -> float:
        """Return how often it beats, in seconds."""
        watched = [one.stuck_seconds for one in self._held() if one.stuck_seconds is not None]
        return min([self.promised, *(seconds / RENEWALS_PER_LEASE for seconds in watched)])

    @property
    def promised(self) -> float:
        """Return how often it must be heard, in seconds: evidence of work may come oftener, and its lack is no silence."""
        leases = [holding.lease_seconds for holding in self._held()] or [self._plan.usual_lease_seconds]
        return min(leases) / RENEWALS_PER_LEASE

    def schedule(self) -> None:
        """See that the next heartbeat comes in time for all that is held."""
        if not self._held() and not self._plan.is_registered:
            return
        at = clock.monotonic() + self.interval
        if self._timer is not None and self._timer.act is not None:
            if self._timer.at <= at:
                return
            self._timer.cancel()
        self._timer = self._coordinator.loop.at(at, self._beat)

    def close(self) -> None:
        """Beat no more."""
        self._gpu_use.close()
        for one in (self._timer and self._timer.cancel, self._asking and self._asking.drop):
            if one:
                one()

    def _beat(self) -> None:
        held = list(self._held())
        self._active |= self._worked({one.group: one.id for one in held if one.group is not None})
        newest = self._plan.incarnation or max((one.incarnation for one in held), default=None)
        together = [one for one in held if one.incarnation == newest and not self._is_refused]
        if (together or not (held or self._is_refused)) and not self._may_be_answered():
            self._renew_all(together, newest)
        for holding in held:
            if holding not in together and holding.is_due():
                self._renew(holding)
        self.schedule()

    def _may_be_answered(self) -> bool:
        """Tell whether the last heartbeat is still waited for, because its answer counts as long as it comes in time."""
        return self._asking is not None and clock.monotonic() - self._asked_at < self.promised

    def _worked(self, groups: Mapping[int, str]) -> set[str]:
        """Return the items whose commands have worked: they computed since the last heartbeat, or used a GPU."""
        worked = self._groups.worked(groups)
        if worked != groups.keys():
            worked |= self._groups.owners(self._gpu_use.take())
            self._gpu_use.ask()
        return {groups[group] for group in worked}

    def _renew_all(self, together: Sequence[Holding], incarnation: int | None) -> None:
        if self._asking is not None:
            self._asking.drop()
        told = set(self._active)
        fields = {
            "agent": self._plan.agent,
            "incarnation": incarnation,
            "items": [holding.id for holding in together],
            "active": sorted(told) or None,
            "every_seconds": self.promised if self._plan.is_registered else None,
        }

        def answered(asking: Asking, answer: Answer) -> None:
            self._asking = None
            if not isinstance(answer, CoordError):
                self._active -= told
                for holding in together:
                    holding.renewed(asking.sent_at)
                if (answer.get("agent") or {}).get("status") == DRAINING:
                    self._refused(_draining(self._plan.agent))
            elif isinstance(answer, Refused) and not self._is_refused:
                self._is_refused = True
                for holding in together:
                    self._renew(holding)
                self._refused(answer)

        self._asked_at = clock.monotonic()
        self._asking = Asking(
            self._coordinator, "heartbeat", fields, answered, self._asked_at + self.promised
        )

    def _renew(self, holding: Holding) -> None:
        """Renew one claim, that of an incarnation which may start nothing new."""
        fields = {
            "agent": self._plan.agent,
            "incarnation": holding.incarnation,
            "item_id": holding.id,
            "fence": holding.fence,
        }

        def answered(asking: Asking, answer: Answer) -> None:
            if not isinstance(answer, CoordError):
                holding.renewed(asking.sent_at)

        Asking(self._coordinator, "progress", fields, answered, clock.monotonic() + self.promised)


def _draining(agent: str) -> Refused:
    error = Refused(f"{agent} is draining.")
    error.reply = {"status": "refused", "code": DRAINING, "reason": error.message}
    return error
