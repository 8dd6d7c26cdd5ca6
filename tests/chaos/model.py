"""One work item, as it must look to anybody who watches it from outside: the sequential model.

    absent --submit--> open --claim--> claimed --complete--> completed
                        ^               | | `--fail--> failed
                        `----release----' `--cancel--> cancelled      (also from open)

    claim     from open. Its fence is greater than every earlier one of the item. Of what an agent holds already,
              it changes nothing.
    renew     by the holder with its fence: the lease counts from here on
    complete, fail, release   by the holder with its fence; again by who did it, it changes nothing
    of itself a claimed item is open again at any time after the lease of its holder

`step` tells in which ways an operation can take effect next, if any. What an operation that was never answered
was given is not known: its fence is None until somebody is seen to use it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from chaos.history import Operation

Phase = Literal["absent", "open", "claimed", "completed", "failed", "cancelled"]
ENDED: Final = frozenset({"completed", "failed", "cancelled"})
_ENDS: Final[dict[str, Phase]] = {"complete": "completed", "fail": "failed", "release": "open"}


@dataclass(frozen=True, slots=True)
class Rules:
    """What is taken for granted."""

    slack_seconds: float = 0.05
    """How much earlier than its length a lease may end: what clocks are read for takes time."""
    states_max: int = 500_000
    """How many states of one item are looked at before it counts as undecided."""
    led_since: tuple[float, ...] = ()
    """When a coordinator was first seen to lead. Where the broker's clock was set back, a rest begins anew with it."""


class State(NamedTuple):
    """What an item is."""

    phase: Phase = "absent"
    agent: str = ""
    fence: int | None = None
    highest: int = 0
    """The highest fence that was seen."""


class Timing(NamedTuple):
    """When: no earlier than `at` the last operation took effect, no earlier than `since` the lease began."""

    at: float = 0.0
    since: float = 0.0
    lease_seconds: float | None = None


Ways = Iterator[tuple[State, Timing]]


def step(state: State, timing: Timing, operation: Operation, rules: Rules) -> Ways:
    """Yield every way in which an operation can take effect now."""
    timing = timing._replace(at=max(timing.at, operation.began))
    if timing.at <= operation.ended:
        yield from _ways(state, timing, operation)
    if state.phase == "claimed" and timing.lease_seconds is not None:
        over = max(timing.at, timing.since + timing.lease_seconds - rules.slack_seconds)
        if over <= operation.ended:
            yield from _ways(state._replace(phase="open"), timing._replace(at=over), operation)


def _ways(state: State, timing: Timing, operation: Operation) -> Ways:
    if operation.outcome == "refused":
        if _may_be_refused(state, operation):
            yield state, timing
    elif operation.verb == "claim":
        yield from _claim(state, timing, operation)
    elif operation.verb in ("submit", "cancel", "read"):
        yield from _by_anybody(state, timing, operation)
    else:
        yield from _by_holder(state, timing, operation)


def _may_be_refused(state: State, operation: Operation) -> bool:
    """Tell whether a refusal of this reason is true of the item."""
    reason = operation.reason
    if reason == "taken":
        return state.phase == "claimed" and state.agent != operation.agent
    if reason == "illegal_transition":
        return state.phase in ENDED
    if reason == "unknown_id":
        return state.phase == "absent"
    if reason == "already_exists":
        return state.phase != "absent"
    if reason in ("stale_fence", "wrong_holder"):
        return not (state.phase == "claimed" and _is_holder(state, operation))
    return True


def _by_anybody(state: State, timing: Timing, operation: Operation) -> Ways:
    if operation.verb == "read":
        if operation.phase == state.phase:
            yield state, timing
    elif operation.verb == "submit":
        fresh = state.phase == "absent"
        yield (state._replace(phase="open") if fresh else state), timing
    elif state.phase not in ENDED | {"absent"}:
        yield state._replace(phase="cancelled", agent=operation.agent), timing
    elif state.phase == "cancelled":
        yield state, timing


def _claim(state: State, timing: Timing, operation: Operation) -> Ways:
    fence = operation.fence if operation.outcome == "done" else None
    fresh = fence is None or fence > state.highest
    won = State("claimed", operation.agent, fence, state.highest if fence is None else fence)
    begun = timing._replace(since=timing.at, lease_seconds=operation.lease_seconds)
    if state.phase == "open" and fresh and not operation.already:
        yield won, begun
    if state.phase != "claimed":
        return
    if state.agent == operation.agent and (state.fence in (None, fence) or fence is None):
        known = state.fence if fence is None else fence
        yield state._replace(fence=known, highest=max(state.highest, known or 0)), timing


def _by_holder(state: State, timing: Timing, operation: Operation) -> Ways:
    if not _is_holder(state, operation):
        return
    fence = state.fence if operation.fence is None else operation.fence
    known = state._replace(fence=fence, highest=max(state.highest, fence or 0))
    ends = _ENDS.get(operation.verb)
    if state.phase == "claimed":
        if ends is None:
            yield known, timing._replace(since=timing.at)
        else:
            yield known._replace(phase=ends), timing
    elif state.phase == ends or (
        operation.verb == "renew" and operation.already and state.phase == "completed"
    ):
        yield known, timing


def _is_holder(state: State, operation: Operation) -> bool:
    """Tell whether an operation speaks of the last claim, as far as that is known."""
    if state.agent != operation.agent:
        return False
    if operation.fence is None or state.fence == operation.fence:
        return True
    return state.fence is None and operation.fence > state.highest
