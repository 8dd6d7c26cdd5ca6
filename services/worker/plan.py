"""What a worker is to do, and where it stands."""

from collections.abc import Callable
from dataclasses import dataclass

from coord.services.folder import Folder
from coord.services.worker.holding import Holding
from coord.services.worker.template import Template


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker is to do."""

    agent: str
    template: Template
    incarnation: int | None = None
    is_registered: bool = False
    """The worker registered the agent itself, and is heard though it holds nothing."""
    jobs: int = 1
    lease_seconds: float | None = None
    item_id: str | None = None
    """Only this one."""
    wait_seconds: float = 0.0
    """How long to wait for it."""
    most: int | None = None
    """At most so many items, then no more."""
    idle_seconds: float | None = None
    """Without anything to do for so long, it ends."""
    usual_lease_seconds: float = 30.0
    """While nothing is held, heartbeats come as if it were for this."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a worker stands."""

    folder: Folder
    site: str
    request_seconds: float
    ended: Callable[[Holding], bytes] | None = None
    """What is printed of an item that has ended, with its newline; the output of commands goes to stderr then."""
