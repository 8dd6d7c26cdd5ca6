"""Old versions of events, and how each becomes the present one. What was stored is never rewritten."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from coord.events.model import Event, Title
from coord.events.tokens import TOKEN_PATTERN
from coord.events.work import CAPABILITIES_MAX, WorkSubmitted

_NEEDS_PATTERN: Final = rf"^(?:{TOKEN_PATTERN}(?: ?, ?{TOKEN_PATTERN}){{0,{CAPABILITIES_MAX - 1}}})?$"
_PRIORITY_OF_WORD: Final = {"low": 2, "normal": 5, "high": 8}


class WorkSubmittedV1(Event):
    """The first shape: priority in words, capabilities in one string, the lease in milliseconds."""

    title: Title
    priority: Literal["low", "normal", "high"] = "normal"
    needs: str = Field(default="", pattern=_NEEDS_PATTERN, max_length=2_000)
    """Capabilities, separated by commas."""
    lease_ms: int = Field(default=30_000, ge=1_000, le=86_400_000)


@dataclass(frozen=True, slots=True)
class Upcaster:
    """How one old version is read."""

    old_type: str
    model: type[Event]
    upcast: Callable[[Event], Event]


def _work_submitted_v1(old: Event) -> Event:
    assert isinstance(old, WorkSubmittedV1)
    return WorkSubmitted(
        title=old.title,
        priority=_PRIORITY_OF_WORD[old.priority],
        capabilities=tuple(name for need in old.needs.split(",") if (name := need.strip())),
        lease_seconds=old.lease_ms / 1000,
    )


UPCASTERS: Final = {
    upcaster.old_type: upcaster
    for upcaster in (Upcaster("work.submitted.v1", WorkSubmittedV1, _work_submitted_v1),)
}
