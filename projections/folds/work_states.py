"""How a work item moves between its states, on a draft: what the fold of every event about one is made of."""

from typing import Final

from coord.events.envelope import Recorded
from coord.events.planning import DELAY_SECONDS_MAX, ReclaimCause
from coord.projections.folds.oddities import note
from coord.projections.folds.shape import Draft
from coord.projections.folds.work_rows import ATTEMPTS, WORK, WORK_ENDED, Attempt, Item

REASON_LENGTH_MAX: Final = 200
"""Of the end of a claim; the whole is in the log."""
REST_SECONDS_MAX: Final = 2 * DELAY_SECONDS_MAX
"""As long as a rest can be, spread as far as it may be; a fact that says more is not believed."""
SECOND_NS: Final = 1_000_000_000


def live(draft: Draft, recorded: Recorded) -> Item | None:
    """Return the item to change; None, and a note, when there is none alive."""
    item = draft.change(WORK, recorded.entity)
    if item is None:
        ended = draft.get(WORK_ENDED, recorded.entity)
        note(
            draft, recorded, f"the item is {ended.status} already" if ended else "no such item was submitted"
        )
        return None
    item.position = recorded.position
    return item


def in_state(draft: Draft, recorded: Recorded, status: str) -> Item | None:
    """Return the item if it is in this state; else None, and a note."""
    item = live(draft, recorded)
    if item is not None and item.status != status:
        note(draft, recorded, f"the item is {item.status}, not {status}")
        return None
    return item


def held(draft: Draft, recorded: Recorded, fence: int) -> Item | None:
    """Return the item if this claim holds it; else None, and a note."""
    item = live(draft, recorded)
    if item is None:
        return None
    if item.status != "claimed" or item.fence != fence:
        note(draft, recorded, f"the claim {fence} does not hold the item")
        return None
    return item


def end(draft: Draft, recorded: Recorded, item: Item, status: str, reason: str | None = None) -> None:
    """The item has ended: completed, failed or cancelled."""
    if item.status == "claimed":
        attempt_over(draft, recorded, item, status, reason)
    elif status != "cancelled":
        note(draft, recorded, "nobody held the item")
    becomes(recorded, item, status)
    draft.drop(WORK, item.id)
    draft.put(WORK_ENDED, item)


def put_back(recorded: Recorded, item: Item, status: str, rest_seconds: float | None = None) -> None:
    """Nobody holds the item any more, and it has not ended: it may be claimed from now on, after its rest."""
    becomes(recorded, item, status)
    rest_ns = int(min(rest_seconds or 0.0, REST_SECONDS_MAX) * SECOND_NS)
    item.opened_at_ns = max(item.opened_at_ns, recorded.recorded_at_ns + rest_ns)
    item.progress = item.progress_note = None


def becomes(recorded: Recorded, item: Item, status: str) -> None:
    """The item is in another state; nobody who held it counts as stuck any more."""
    item.status, item.stuck = status, False
    item.changed_at_ns = recorded.recorded_at_ns


def attempt_over(
    draft: Draft,
    recorded: Recorded,
    item: Item,
    outcome: str,
    reason: str | None = None,
    cause: ReclaimCause | None = None,
) -> None:
    """The present claim is over; `cause` is why the coordinator ended it."""
    item.touched_at_ns = recorded.recorded_at_ns
    draft.append(
        ATTEMPTS,
        Attempt(
            item=item.id,
            agent=item.agent,
            team=item.team,
            incarnation=item.incarnation,
            fence=item.fence,
            attempt=item.attempt,
            outcome=outcome,
            cause=cause,
            reason=reason[:REASON_LENGTH_MAX] if reason else None,
            submitted_at_ns=item.submitted_at_ns,
            opened_at_ns=item.opened_at_ns,
            claimed_at_ns=item.changed_at_ns,
            ended_at_ns=recorded.recorded_at_ns,
            position=recorded.position,
        ),
    )
