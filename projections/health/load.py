"""The load: how much work waits for whom, and how the claims on it end. For the system and for each team.

Work within capacity costs nothing: each active agent may have an item in hand. What waits beyond that is
weighed against what gets done: the active agents, and the items completed in the last ten minutes.
"""

from typing import Final

from coord.events.questions import Deduction
from coord.projections.health.facts import RECENT_SECONDS, WorkFacts
from coord.projections.health.scale import deduct, items, saturating, seconds

BACKLOG_POINTS: Final = 40.0
BACKLOG_HALF: Final = 4.0
"""Items waiting per unit of capacity at which half of the points are gone."""
NOBODY_POINTS: Final = 25.0
STALLED_POINTS: Final = 20.0
STALLED_HALF: Final = 3.0
FAILED_POINTS: Final = 15.0
EXPIRED_POINTS: Final = 15.0
CALM: Final = 2.0
"""Ends of claims that are added to a share, so that one failure out of one is not all."""


def load_deductions(work: WorkFacts, active: int) -> list[Deduction]:
    """Judge the work of the system or a team, given how many agents are active."""
    return [
        *_backlog(work, active),
        *_nobody(work, active),
        *_stalled(work),
        *_failed(work),
        *_expired(work),
    ]


def _backlog(work: WorkFacts, active: int) -> list[Deduction]:
    unfinished = work.open + work.claimed
    waiting = max(0, unfinished - active)
    capacity = max(1, active + work.completed_recent)
    return deduct(
        "backlog",
        BACKLOG_POINTS * saturating(waiting / capacity, BACKLOG_HALF),
        f"{items(unfinished)} unfinished ({work.open} open, {work.claimed} claimed) for "
        f"{items(active, 'active agent')}; {work.completed_recent} completed in the last "
        f"{RECENT_SECONDS // 60} min.",
        work.waiting,
    )


def _nobody(work: WorkFacts, active: int) -> list[Deduction]:
    if active or not work.open:
        return []
    return deduct(
        "nobody_works",
        NOBODY_POINTS,
        f"{items(work.open)} open and no active agent; the oldest waits for {seconds(work.oldest_seconds)}.",
        work.waiting,
    )


def _stalled(work: WorkFacts) -> list[Deduction]:
    return deduct(
        "stalled",
        STALLED_POINTS * saturating(work.stalled, STALLED_HALF),
        f"{items(work.stalled)} held for long without a word of progress.",
        work.stalled_at,
    )


def _failed(work: WorkFacts) -> list[Deduction]:
    ends = work.failed_recent + work.completed_recent + CALM
    return deduct(
        "failures",
        FAILED_POINTS * work.failed_recent / ends,
        f"{work.failed_recent} failed and {work.completed_recent} completed in the last "
        f"{RECENT_SECONDS // 60} min.",
        work.failed_at,
    )


def _expired(work: WorkFacts) -> list[Deduction]:
    ends = work.expired_recent + work.completed_recent + CALM
    return deduct(
        "leases_expired",
        EXPIRED_POINTS * work.expired_recent / ends,
        f"{items(work.expired_recent, 'lease')} ran out in the last {RECENT_SECONDS // 60} min.",
        work.expired_at,
    )
