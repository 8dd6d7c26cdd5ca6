"""One wish on its way through the coordinator, and what it may be answered."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from coord.events.catalog import encode_event
from coord.events.commands import Done, Invalid, Refusal, Unknown
from coord.services.coordinator.outcome import NOTHING_BESIDE, Beside, Change, DoneWithItem, Plan
from coord.services.coordinator.wishes import Subject, Wish


@dataclass(frozen=True, slots=True)
class Answered:
    """The log holds an event of this very request already, at `position`, perhaps of another aggregate."""

    position: int


Answer = Done | Refusal | Unknown | Invalid | Answered
Heard = Answer | DoneWithItem
Hear = Callable[[Heard], object]
"""Is told the answer, once."""


class Transaction(Struct):
    """One wish on its way. A struct, as one is made for every command."""

    request_id: str
    actor: str
    command: Wish
    hear: Hear
    about: Subject
    traceparent: str = ""
    told: bool = False
    """It is answered, or nobody listens any more."""
    decisions: int = 0
    plan: Plan | None = None
    planned: tuple[Change, ...] = ()
    """What it is to append."""
    bodies: tuple[bytes, ...] = ()
    """The same, encoded."""
    touches: tuple[str, ...] = ()
    beside: Beside = NOTHING_BESIDE

    def decided(self, plan: Plan, touches: tuple[str, ...]) -> None:
        """Note what it is to append, and what must not be in flight beside it.

        Raises:
            InvalidEvent: an event cannot be written; it alone fails, not what would be appended with it.
        """
        self.bodies = tuple([encode_event(change.event) for change in plan.changes])
        self.plan, self.planned, self.touches = plan, plan.changes, touches
        self.decisions += 1

    def tell(self, answer: Heard) -> None:
        """Answer whoever asked, unless that was done."""
        if not self.told:
            self.told = True
            self.hear(answer)
