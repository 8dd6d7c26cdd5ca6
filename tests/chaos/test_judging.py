"""The judges of histories: what can have happened passes, and every planted fault is caught, by name."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from chaos.history import NEVER, History, Operation, read, written
from chaos.model import Rules, State, Timing, step
from chaos.search import explain
from chaos.verdict import judge
from chaos.witness import Logged
from hypothesis import given
from hypothesis import strategies as st

LEASE = 1.0
_ids = itertools.count()


def done(verb: str, agent: str, began: float, ended: float, **known: object) -> Operation:
    known = {"id": f"r{next(_ids)}", "item": "w", "outcome": "done"} | known
    if verb == "claim":
        known = {"lease_seconds": LEASE} | known
    return Operation(verb=verb, agent=agent, began=began, ended=ended, **known)  # type: ignore[arg-type]


def refused(verb: str, agent: str, began: float, ended: float, reason: str, **known: object) -> Operation:
    return done(verb, agent, began, ended, **{"outcome": "refused", "reason": reason, **known})


def unknown(verb: str, agent: str, began: float, **known: object) -> Operation:
    return done(verb, agent, began, NEVER, **{"outcome": "unknown", **known})


SUBMITTED = done("submit", "boss", 0.0, 0.1)
CLAIMED = done("claim", "ada", 1.0, 1.1, fence=2)
COMPLETED = done("complete", "ada", 1.5, 1.6, fence=2)
TAKEN_OVER = done("claim", "bob", 2.05, 2.2, fence=3)

GIVEN_BACK_TWICE = (
    SUBMITTED, CLAIMED, done("release", "ada", 1.2, 1.3, fence=2), done("claim", "bob", 1.4, 1.5, fence=3),
    done("release", "bob", 1.6, 1.7, fence=3),
)  # fmt: skip

POSSIBLE: dict[str, Sequence[Operation]] = {
    "one life": (SUBMITTED, CLAIMED, COMPLETED),
    "a claim that runs out": (SUBMITTED, CLAIMED, TAKEN_OVER, done("complete", "bob", 2.3, 2.4, fence=3)),
    "a late finisher is refused": (
        SUBMITTED, CLAIMED, TAKEN_OVER, refused("complete", "ada", 2.3, 2.4, "stale_fence", fence=2),
    ),
    "the answer comes back in another order": (
        SUBMITTED, done("claim", "ada", 1.0, 2.0, fence=2), done("complete", "ada", 1.1, 1.9, fence=2),
    ),
    "a claim that nobody heard of won": (
        SUBMITTED, unknown("claim", "ada", 1.0), refused("claim", "bob", 1.2, 1.3, "taken"),
        done("complete", "ada", 1.4, 1.5, fence=2),
    ),
    "a claim that nobody heard of lost": (SUBMITTED, unknown("claim", "ada", 1.0), done("claim", "bob", 1.2, 1.3, fence=2)),
    "a completion that nobody heard of": (
        SUBMITTED, CLAIMED, unknown("complete", "ada", 1.5, fence=2),
        done("read", "eve", 3.0, 3.1, phase="completed"),
    ),
    "asked again, it is already so": (
        SUBMITTED, CLAIMED, done("claim", "ada", 1.2, 1.3, fence=2, already=True), COMPLETED,
        done("complete", "ada", 1.7, 1.8, fence=2, already=True),
    ),
    "renewed in time": (
        SUBMITTED, CLAIMED, done("renew", "ada", 1.9, 2.0, fence=2), done("claim", "bob", 2.8, 3.1, fence=3),
    ),
    "given back and taken": (
        SUBMITTED, CLAIMED, done("release", "ada", 1.2, 1.3, fence=2), done("claim", "bob", 1.4, 1.5, fence=3),
    ),
    "given back twice, and resting": (
        *GIVEN_BACK_TWICE, refused("claim", "cyd", 1.8, 1.9, "nothing_to_claim", item=""),
        done("claim", "cyd", 3.0, 3.1, fence=4),
    ),
    "cancelled under the holder": (
        SUBMITTED, CLAIMED, done("cancel", "boss", 1.2, 1.3),
        refused("complete", "ada", 1.4, 1.5, "illegal_transition", fence=2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("history", POSSIBLE.values(), ids=POSSIBLE)
def test_what_can_have_happened_passes(history: Sequence[Operation]) -> None:
    told = judge(history)
    assert told.clean, told.words()


IMPOSSIBLE: dict[str, tuple[str, Sequence[Operation]]] = {
    "a double claim": (
        "two holders at once", (SUBMITTED, CLAIMED, done("claim", "bob", 1.2, 1.3, fence=3)),
    ),
    "a double claim with one fence": (
        "one fence two holders", (SUBMITTED, CLAIMED, done("claim", "bob", 1.0, 1.2, fence=2)),
    ),
    "a double claim in spite of a renewal": (
        "two holders at once", (SUBMITTED, CLAIMED, done("renew", "ada", 1.9, 2.0, fence=2), TAKEN_OVER),
    ),
    "a claim after complete": (
        "claim after the end", (SUBMITTED, CLAIMED, COMPLETED, done("claim", "bob", 3.0, 3.1, fence=3)),
    ),
    "a lost complete": (
        "lost completion", (SUBMITTED, CLAIMED, COMPLETED, done("read", "eve", 3.0, 3.1, phase="claimed")),
    ),
    "a stale lease that completes": (
        "stale fence completed", (SUBMITTED, CLAIMED, TAKEN_OVER, done("complete", "ada", 2.3, 2.4, fence=2)),
    ),
    "two who complete": (
        "two winners",
        (SUBMITTED, CLAIMED, COMPLETED, done("complete", "bob", 1.5, 1.6, fence=3)),
    ),
    "a fence that goes back": (
        "fence went back", (SUBMITTED, done("claim", "ada", 1.0, 1.1, fence=5), done("claim", "bob", 3.0, 3.1, fence=4)),
    ),
    "nothing to claim, though it was open": (
        "nothing though open",
        (SUBMITTED, refused("claim", "ada", 1.0, 1.1, "nothing_to_claim", item=""), done("claim", "ada", 2, 2.1, fence=2)),
    ),
    "nothing to claim, though its rest was over": (
        "nothing though open",
        (*GIVEN_BACK_TWICE, refused("claim", "cyd", 3.9, 4.0, "nothing_to_claim", item=""), done("claim", "cyd", 5.0, 5.1, fence=4)),
    ),
    "a rightful holder refused": (
        "impossible", (SUBMITTED, CLAIMED, refused("complete", "ada", 1.5, 1.6, "stale_fence", fence=2)),
    ),
    "not found, though it is there": (
        "impossible", (SUBMITTED, refused("claim", "ada", 1.0, 1.1, "unknown_id")),
    ),
    "held by nobody, and yet taken": (
        "impossible", (SUBMITTED, refused("claim", "ada", 1.0, 1.1, "taken")),
    ),
    "won though it was refused before it was submitted": (
        "impossible", (done("claim", "ada", 0.0, 0.1, fence=2), done("submit", "boss", 1.0, 1.1)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("led_at", "clean"), [(1.6, False), (2.2, False), (2.5, True), (4.9, True), (5.2, False)]
)
def test_a_rest_may_begin_anew_with_another_coordinator(led_at: float, clean: bool) -> None:
    """The second time it is given back it rests for 1.1 s at most, which is seen a second later at the latest."""
    nothing = refused("claim", "cyd", 4.4, 4.5, "nothing_to_claim", item="")
    history = (*GIVEN_BACK_TWICE, nothing, done("claim", "cyd", 5.0, 5.1, fence=4))
    assert judge(history, rules=Rules(led_since=(led_at,))).clean is clean


@pytest.mark.parametrize(("name", "history"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_planted_fault_is_caught_by_name(name: str, history: Sequence[Operation]) -> None:
    told = judge(history)
    assert any(fault.startswith(name) for fault in told.faults), told.words()


BLIND = {
    "nothing to claim, though it was open",
    "nothing to claim, though its rest was over",
    "two who complete",
}


@pytest.mark.parametrize("case", sorted(IMPOSSIBLE.keys() - BLIND))
def test_the_search_finds_it_without_the_names(case: str) -> None:
    assert explain([one for one in IMPOSSIBLE[case][1] if one.item]).verdict == "impossible"


def logged(one: Operation, position: int, **known: object) -> Logged:
    types = {"submit": "work.submitted", "claim": "work.claimed", "complete": "work.completed"}
    fence = position if one.verb == "claim" else one.fence
    fields = {
        "request": one.id,
        "item": one.item,
        "type": types[one.verb],
        "agent": one.agent,
        "fence": fence,
    }
    return Logged(position, **fields | known)  # type: ignore[arg-type]


LIFE = tuple(replace(one, position=place) for place, one in enumerate((SUBMITTED, CLAIMED, COMPLETED), 1))
LOG = [logged(one, place) for place, one in enumerate(LIFE, 1)]


def test_a_log_that_says_the_same_is_believed() -> None:
    assert judge(LIFE, LOG).clean, judge(LIFE, LOG).words()


REFUSED = refused("claim", "bob", 1.2, 1.3, "taken")
CONTRADICTED: dict[str, tuple[str, Sequence[Operation], Sequence[Logged]]] = {
    "a lost acknowledged event": ("acknowledged, and not in the log", LIFE, LOG[:2]),
    "an answer about another item": (
        "the answer is not what the log holds", LIFE, [LOG[0], replace(LOG[1], item="v"), LOG[2]],
    ),
    "an answer to another agent": (
        "the answer is not what the log holds", LIFE, [LOG[0], replace(LOG[1], agent="bob"), LOG[2]],
    ),
    "an answer with another position": (
        "the answer is not what the log holds", LIFE, [*LOG[:2], replace(LOG[2], position=9)],
    ),
    "another fence": ("the fence is not what the log holds", LIFE, [*LOG[:2], replace(LOG[2], fence=1)]),
    "a refusal that happened": (
        "refused, and yet in the log", (*LIFE, REFUSED), [*LOG, logged(REFUSED, 4)],
    ),
    "an event twice": ("in the log twice", LIFE, [*LOG, replace(LOG[2], position=4)]),
    "an event nobody wanted": ("nobody asked for it", LIFE, [*LOG, Logged(4, "r-none", "w", "work.cancelled")]),
    "a claim of what is claimed": (
        "against the rules", LIFE, [*LOG[:2], Logged(7, "x", "w", "work.claimed", "bob", 7), LOG[2]],
    ),
    "an order that is not that of time": (
        "the log's order is not that of time", LIFE, [replace(LOG[0], position=4), *LOG[1:]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "history", "log"), CONTRADICTED.values(), ids=CONTRADICTED)
def test_an_answer_that_disagrees_with_the_log_is_caught(
    name: str, history: Sequence[Operation], log: Sequence[Logged]
) -> None:
    told = judge(history, log)
    assert any(fault.startswith(name) for fault in told.faults), told.words()


def test_a_claim_that_nobody_heard_of_is_looked_up_in_the_log() -> None:
    lost = unknown("claim", "ada", 1.0, item="")
    finished = done("complete", "ada", 1.5, 1.6, fence=2, position=3)
    log = [logged(LIFE[0], 1), logged(lost, 2, item="w"), logged(finished, 3)]
    assert judge([LIFE[0], lost, finished], log).clean
    assert judge([LIFE[0], lost], log[:1]).clean


def test_a_history_comes_back_from_paper() -> None:
    every = [*LIFE, unknown("complete", "ada", 1.5, fence=2)]
    assert read(written(every)) == every


def test_an_answer_comes_once() -> None:
    history = History()
    asked = history.begin("claim", "ada", "w")
    history.end(asked, "done", fence=2)
    with pytest.raises(AssertionError, match="was answered before"):
        history.end(asked, "refused")


def test_what_is_too_tangled_is_said_to_be_undecided() -> None:
    crowd = [
        SUBMITTED,
        *(unknown("claim", f"a{n}", 1.0) for n in range(6)),
        done("read", "eve", 9, 9.1, phase="failed"),
    ]
    assert explain(crowd, Rules(states_max=20)).verdict == "undecided"
    assert explain(crowd).verdict == "impossible"


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(("submit", "claim", "complete", "release", "cancel")),
        st.sampled_from(("ada", "bob")),
        st.integers(0, 6),
        st.integers(1, 3),
        st.sampled_from(("done", "done", "refused", "unknown")),
        st.integers(1, 3),
    ),
    max_size=5,
)


def _made(verb: str, agent: str, began: int, length: int, outcome: str, fence: int) -> Operation:
    reason = (
        {"claim": "taken", "submit": "already_exists"}.get(verb, "stale_fence")
        if outcome == "refused"
        else ""
    )
    presented = fence if verb not in ("submit", "cancel") and (verb != "claim" or outcome == "done") else None
    ended = NEVER if outcome == "unknown" else began + length
    return done(verb, agent, began, ended, outcome=outcome, fence=presented, reason=reason, lease_seconds=2.0)


def _by_brute_force(operations: Sequence[Operation], rules: Rules) -> bool:
    """Try every order of every choice of what was never answered."""
    must = [one for one in operations if one.outcome != "unknown"]
    may = [one for one in operations if one.outcome == "unknown"]
    return any(
        _runs(order, rules)
        for size in range(len(may) + 1)
        for chosen in itertools.combinations(may, size)
        for order in itertools.permutations([*must, *chosen])
    )


def _runs(order: Sequence[Operation], rules: Rules) -> bool:
    reached = [(State(), Timing())]
    for one in order:
        reached = [way for state, timing in reached for way in step(state, timing, one, rules)]
    return bool(reached)


@given(OPERATIONS)
def test_the_search_agrees_with_trying_everything(drawn: list[tuple[str, str, int, int, str, int]]) -> None:
    history, rules = [_made(*one) for one in drawn], Rules(slack_seconds=0.0)
    expected = "explained" if _by_brute_force(history, rules) else "impossible"
    assert explain(history, rules).verdict == expected
