"""The load: how much work waits for whom, and how the claims on it end. For the system and for each team.

Work within capacity costs nothing: each active agent may have an item in hand. What waits beyond that is
weighed against what gets done: the active agents, and the items completed in the last ten minutes. An item that
cannot be claimed now (it waits for others, or for its time) and one that is blocked are no load; one that is parked
wants somebody to look at it.
"""

from typing import Final

from coord.events.questions import Deduction
from coord.events.weights import WEIGHTS
from coord.projections.health.facts import RECENT_SECONDS, WorkFacts
from coord.projections.health.scale import deduct, items, saturating, seconds

BACKLOG_HALF: Final = 4.0
"""Items waiting per unit of capacity at which half of the points are gone."""
STALLED_HALF: Final = 3.0
STUCK_HALF: Final = 2.0
PARKED_HALF: Final = 5.0
CALM: Final = 2.0
"""Ends of claims that are added to a share, so that one failure out of one is not all."""


def load_deductions(work: WorkFacts, active: int, leaving: int = 0) -> list[Deduction]:
    """Judge the work of the system or a team.

    Args:
        work: what there is to do.
        active: how many agents are active.
        leaving: how many are drained and end what they hold: they have an item in hand, and take nothing new.
    """
    return [
        *_backlog(work, active, leaving),
        *_nobody(work, active),
        *_stalled(work),
        *_stuck(work),
        *_parked(work),
        *_failed(work),
        *_expired(work),
    ]


def _backlog(work: WorkFacts, active: int, leaving: int) -> list[Deduction]:
    unfinished = work.open + work.claimed
    waiting = max(0, unfinished - active - leaving)
    capacity = max(1, active + leaving + work.completed_recent)
    draining = f" and {leaving} draining" if leaving else ""
    return deduct(
        "backlog",
        WEIGHTS["backlog"] * saturating(waiting / capacity, BACKLOG_HALF),
        f"{items(unfinished)} unfinished ({work.open} open, {work.claimed} claimed) for "
        f"{items(active, 'active agent')}{draining}; {work.completed_recent} completed in the last "
        f"{RECENT_SECONDS // 60} min.",
        work.waiting,
    )


def _nobody(work: WorkFacts, active: int) -> list[Deduction]:
    if active or not work.open:
        return []
    return deduct(
        "nobody_works",
        WEIGHTS["nobody_works"],
        f"{items(work.open)} open and no active agent; the oldest waits for {seconds(work.oldest_seconds)}.",
        work.waiting,
    )


def _stalled(work: WorkFacts) -> list[Deduction]:
    return deduct(
        "stalled",
        WEIGHTS["stalled"] * saturating(work.stalled, STALLED_HALF),
        f"{items(work.stalled)} held for long without a word of progress.",
        work.stalled_at,
    )


def _stuck(work: WorkFacts) -> list[Deduction]:
    return deduct(
        "stuck",
        WEIGHTS["stuck"] * saturating(work.stuck, STUCK_HALF),
        f"{items(work.stuck)} held by agents that live and show no work on them.",
        work.stuck_at,
    )


def _parked(work: WorkFacts) -> list[Deduction]:
    return deduct(
        "parked",
        WEIGHTS["parked"] * saturating(work.parked, PARKED_HALF),
        f"{items(work.parked)} parked after the last attempt: somebody must look; coord requeue.",
        work.parked_at,
    )


def _failed(work: WorkFacts) -> list[Deduction]:
    ends = work.failed_recent + work.completed_recent + CALM
    return deduct(
        "failures",
        WEIGHTS["failures"] * work.failed_recent / ends,
        f"{work.failed_recent} failed and {work.completed_recent} completed in the last "
        f"{RECENT_SECONDS // 60} min.",
        work.failed_at,
    )


def _expired(work: WorkFacts) -> list[Deduction]:
    ends = work.expired_recent + work.completed_recent + CALM
    return deduct(
        "leases_expired",
        WEIGHTS["leases_expired"] * work.expired_recent / ends,
        f"{items(work.expired_recent, 'lease')} ran out in the last {RECENT_SECONDS // 60} min.",
        work.expired_at,
    )
