"""Questions about work items: one in full, and the board."""

from typing import Final, Literal

from coord.events.answer import ROWS_DEFAULT, Answer, Limit, PastQuestion
from coord.events.model import Count, Nanoseconds, Note, Ratio, Seconds, Title, Token, Words
from coord.events.planning import Dependencies
from coord.events.views import ItemStatus, ItemView, TeamView

LISTED_MAX: Final = 100
"""Of the children and dependents that are shown with an item."""
WAITS_LISTED_MAX: Final = 10


class Waits(Words):
    """Why an open item cannot be claimed now."""

    items: tuple[Token, ...] = ()
    """Of what it depends on, what is not completed; the first ten."""
    in_vain: tuple[Token, ...] = ()
    """Those of them that have failed, were cancelled, or do not exist: they will not be completed by themselves."""
    until_ns: Nanoseconds | None = None
    """Not before this: its time, or its rest after a try that failed."""
    key: Token | None = None
    """Its concurrency key, of which as many are held as may be."""


class ShowItem(PastQuestion):
    """One work item in full."""

    id: Token


class ItemAnswer(Answer):
    """The item; refused with `unknown_id` when there is none."""

    item: ItemView
    submitted_at_ns: Nanoseconds
    changed_at_ns: Nanoseconds
    progress: Ratio | None = None
    progress_note: Note | None = None
    submitted_position: Count = 0
    position: Count = 0
    """Of its last event."""
    body_bytes: Count = 0
    """Size of its body; a large one is read from the log, and absent while that is away."""
    result_bytes: Count = 0
    waits: Waits | None = None
    """None: it can be claimed, or is not open."""
    children: tuple[Token, ...] = ()
    """Items it is the parent of, in the order they were submitted; the first hundred."""
    dependents: tuple[Token, ...] = ()
    """Items that depend on it, likewise."""
    truncated: bool = False
    """Whether there are more of either."""


class Board(PastQuestion):
    """Work items by state, the most urgent first."""

    status: ItemStatus | Literal["waiting", "stuck"] | None = None
    """waiting: open, and cannot be claimed now; stuck: claimed, and shows no work. None: what has not ended, then
    what ended last."""
    team: Token | None = None
    agent: Token | None = None
    """What it holds; with a status that ends, what it held last."""
    linked: bool = False
    """Only items that depend on others, or that others depend on; each with what it depends on."""
    limit: Limit = ROWS_DEFAULT


class BoardRow(Words):
    """One line of the board."""

    id: Token
    title: Title
    status: str
    priority: int
    team: Token | None = None
    agent: Token | None = None
    fence: Count | None = None
    attempt: Count = 0
    progress: Ratio | None = None
    age_seconds: Seconds
    """Since it was submitted."""
    state_seconds: Seconds
    """Since its last change of state."""
    capabilities: tuple[Token, ...] = ()
    """What it needs its holder to offer."""
    lease_seconds: Seconds | None = None
    """How long its claim lasts without a sign of life."""
    verify: Token | None = None
    """The scenario that must have passed since its claim."""
    note: Note | None = None
    """What its holder said last; of an item that is blocked, parked or has ended, why. The first 200 characters."""
    tries: Count = 0
    """Failures and leases that ran out, since it was submitted, requeued or reopened."""
    deadline_ns: Nanoseconds | None = None
    """Of an item that has not ended."""
    stuck: bool = False
    """Its holder lives and shows no work."""
    waits: Waits | None = None
    """Why an open item cannot be claimed now."""
    depends_on: Dependencies | None = None
    """Told where `linked` is asked; none: it depends on nothing."""


class BoardAnswer(Answer):
    """The board."""

    counts: dict[str, Count]
    """Items by status, all of those of the team and the agent that were asked for, and of the linked ones if those were."""
    waiting: Count = 0
    """Of the open ones: those that cannot be claimed now."""
    stuck: Count = 0
    """Of the claimed ones."""
    full: tuple[TeamView, ...] = ()
    """Teams for which as many items are held as may be: what is open for them cannot be claimed now. The first hundred."""
    rows: tuple[BoardRow, ...]
    truncated: bool = False
