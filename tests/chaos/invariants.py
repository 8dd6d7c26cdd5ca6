"""Named faults in a history, for people: each is one sentence about one item, and none of them cries wolf.

They find less than the search does, and say what they find.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from chaos.history import ANY, NEVER, Operation, by_item
from chaos.model import ENDED, Rules

from coord.services.decisions.holding import RELEASED

REST_LATE_SECONDS: Final = 1.0
"""How much later than it says a rest may be seen to be over."""
Named = Callable[[str, Sequence[Operation], Rules], Iterator[str]]
_ENDINGS: Final = ("complete", "fail", "release", "cancel")


def broken(operations: Iterable[Operation], rules: Rules | None = None) -> list[str]:
    """Return what is wrong, a sentence each."""
    every = list(operations)
    rules = rules or Rules()
    found = [
        f"{name.__name__.replace('_', ' ')}: {item}: {told}"
        for item, about in by_item(every).items()
        for name in NAMED
        for told in name(item, sorted(about, key=lambda one: one.began), rules)
    ]
    return found + [f"nothing though open: {told}" for told in nothing_though_open(every, rules)]


def two_winners(item: str, about: Sequence[Operation], rules: Rules) -> Iterator[str]:
    """Two claims completed the same item."""
    winners = {(one.agent, one.fence) for one in about if (one.verb, one.outcome) == ("complete", "done")}
    if len(winners) > 1:
        yield f"completed by {sorted(winners, key=str)}"


def one_fence_two_holders(item: str, about: Sequence[Operation], rules: Rules) -> Iterator[str]:
    """Two agents were given the same claim."""
    holders: defaultdict[int | None, set[str]] = defaultdict(set)
    for one in _won(about):
        holders[one.fence].add(one.agent)
    yield from (f"{fence} was given to {sorted(names)}" for fence, names in holders.items() if len(names) > 1)


def claim_after_the_end(item: str, about: Sequence[Operation], rules: Rules) -> Iterator[str]:
    """It was claimed after it was acknowledged that it has ended."""
    ends = [one for one in about if one.verb in ("complete", "fail", "cancel") and one.outcome == "done"]
    for claim in _won(about):
        late = [end for end in ends if claim.began > end.ended and not claim.already]
        yield from (f"{claim.agent} won {claim.fence} after {end.verb} by {end.agent}" for end in late[:1])


def stale_fence_completed(item: str, about: Sequence[Operation], rules: Rules) -> Iterator[str]:
    """A claim that was known to be over completed."""
    for end in about:
        if (end.verb, end.outcome) == ("complete", "done") and end.fence is not None and not end.already:
            newer = [one for one in _won(about) if (one.fence or 0) > end.fence and one.ended < end.began]
            yield from (
                f"{end.agent} with {end.fence}, though {one.agent} had {one.fence}" for one in newer[:1]
            )


def fence_went_back(item: str, about: Sequence[Operation], rules: Rules) -> Iterator[str]:
    """A later claim has a smaller fence."""
    highest: Operation | None = None
    for one in sorted(_won(about), key=lambda one: one.ended):
        if highest is not None and highest.ended < one.began and (one.fence or 0) < (highest.fence or 0):
            yield f"{one.fence} for {one.agent} came after {highest.fence} for {highest.agent}"
        if highest is None or (one.fence or 0) > (highest.fence or 0):
            highest = one


def two_holders_at_once(item: str, about: Sequence[Operation], rules: Rules) -> Iterator[str]:
    """It was given away while the lease of its holder was running."""
    maybe = [one for one in about if one.verb in _ENDINGS and one.outcome != "refused"]
    claims = _won(about)
    for first in claims:
        for second in claims:
            if second.began <= first.ended or second.agent == first.agent or second.already:
                continue
            over = any(one.began <= second.ended and one.ended >= first.began for one in maybe)
            between = [one for one in about if one.verb == "claim" and one.outcome != "refused"]
            another = any(
                one not in (first, second) and one.agent != first.agent and one.began < second.ended
                for one in between
            )  # fmt: skip
            signs = [one for one in about if _renews(one, first) and one.ended < second.began]
            since = max([first.began, *(one.began for one in signs)])
            lease = first.lease_seconds
            if (
                not over
                and not another
                and (lease is None or second.ended < since + lease - rules.slack_seconds)
            ):
                yield f"{second.agent} won it {second.ended - since:.3f} s after a sign of life of {first.agent}"


def lost_completion(item: str, about: Sequence[Operation], rules: Rules) -> Iterator[str]:
    """It was seen not to have ended after its completion was acknowledged."""
    ends = [one for one in about if (one.verb, one.outcome) == ("complete", "done")]
    for seen in about:
        if (seen.verb, seen.outcome) == ("read", "done") and seen.phase not in ENDED:
            lost = [end for end in ends if end.ended < seen.began]
            yield from (f"seen {seen.phase} after {end.agent} had completed it" for end in lost[:1])


def nothing_though_open(operations: Sequence[Operation], rules: Rules) -> Iterator[str]:
    """An agent was told that there is nothing to claim while an item was open all the time."""
    opened = list(_open_intervals(operations, rules))
    for one in operations:
        if (one.verb, one.outcome, one.reason) == ("claim", "refused", "nothing_to_claim"):
            items = [item for item, since, until in opened if since < one.began and one.ended < until]
            if items:
                yield f"{one.agent} was told so, and {', '.join(items[:3])} was open from before until after"


def _open_intervals(operations: Sequence[Operation], rules: Rules) -> Iterator[tuple[str, float, float]]:
    """Yield when an item was open for certain: from an answer that opened it until anybody may have taken it."""
    anywhere = [
        one for one in operations if one.verb == "claim" and one.item == ANY and one.outcome == "unknown"
    ]
    for item, about in by_item(operations).items():
        takers = [one for one in about if one.verb in ("claim", "cancel") and one.outcome != "refused"]
        for one in about:
            if one.verb in ("submit", "release") and one.outcome == "done" and not one.already:
                others = (other for other in (*takers, *anywhere) if other.ended > one.began)
                until = min((max(other.began, one.began) for other in others), default=NEVER)
                rest = _rest_seconds_max(one, about)
                begins = [one.ended, *(led for led in rules.led_since if rest and one.ended < led < until)]
                ends = [*(led - REST_LATE_SECONDS for led in begins[1:]), until]
                for begin, end in zip(begins, ends, strict=True):
                    if begin + rest < end:
                        yield item, begin + rest, end


def _rest_seconds_max(opening: Operation, about: Sequence[Operation]) -> float:
    """Return how long an item may rest before it is on offer: it does where it was given back before."""
    before = sum(
        one.verb == "release"
        and one.outcome != "refused"
        and one.began < opening.ended
        and one is not opening
        for one in about
    )
    if opening.verb == "submit" or not before:
        return 0.0
    doubled = RELEASED.delay_seconds * 2.0 ** (before - 1)
    return min(RELEASED.delay_seconds_max, doubled) * (1 + RELEASED.jitter) + REST_LATE_SECONDS


def _renews(one: Operation, claim: Operation) -> bool:
    return (one.verb, one.outcome, one.agent, one.fence) == ("renew", "done", claim.agent, claim.fence)


def _won(about: Sequence[Operation]) -> list[Operation]:
    return [one for one in about if (one.verb, one.outcome) == ("claim", "done")]


NAMED: Final[tuple[Named, ...]] = (
    claim_after_the_end,
    fence_went_back,
    lost_completion,
    one_fence_two_holders,
    stale_fence_completed,
    two_holders_at_once,
    two_winners,
)
