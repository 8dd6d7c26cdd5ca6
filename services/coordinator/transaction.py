"""One wish on its way through the coordinator, and what it may be answered."""

import asyncio
from dataclasses import dataclass, field

from coord.events.commands import Done, Refusal, Unknown
from coord.services.coordinator.outcome import NOTHING_BESIDE, Beside, Change, Plan
from coord.services.coordinator.wishes import Subject, Wish


@dataclass(frozen=True, slots=True)
class Answered:
    """The log holds an event of this very request already, at `position`, perhaps of another aggregate."""

    position: int


Answer = Done | Refusal | Unknown | Answered


@dataclass(slots=True)
class Transaction:
    """One wish on its way."""

    request_id: str
    actor: str
    command: Wish
    answer: "asyncio.Future[Answer]"
    about: Subject
    agent: str | None
    traceparent: str = ""
    decisions: int = 0
    plan: Plan | None = None
    touches: tuple[str, ...] = field(default=())
    beside: Beside = NOTHING_BESIDE

    @property
    def planned(self) -> tuple[Change, ...]:
        """What it is to append."""
        return self.plan.changes if self.plan is not None else ()

    @property
    def size(self) -> int:
        """How many events it is to append."""
        return len(self.planned)

    def tell(self, answer: Answer) -> None:
        """Answer the caller, unless that was done."""
        if not self.answer.done():
            self.answer.set_result(answer)
