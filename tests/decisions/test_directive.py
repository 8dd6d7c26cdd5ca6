"""Given the facts about a directive, when somebody directs or withdraws, then facts, nothing, or a refusal."""

from typing import Any

import pytest

from coord.events import directive as facts
from coord.events import examples
from coord.events.catalog import kind_of
from coord.events.commands import Direct, Refusal, Withdraw
from coord.events.envelope import Envelope, Recorded
from coord.events.model import Event
from coord.services.decisions import directive as directives

ISSUED = facts.DirectiveIssued(
    directive_id="d-1", entity_kind="run", action="lower_learning_rate", parameters={"factor": 0.5, "steps": 0},
    epoch=41, live_seconds=60.0, alert="a-1", reason="the loss rose",
)  # fmt: skip
WITHDRAWN = facts.DirectiveWithdrawn(directive_id="d-1", reason="a mistake")


def given(*events: Event) -> directives.Directive | None:
    directive = None
    for position, event in enumerate(events, 10):
        envelope = Envelope(id=str(position), type=kind_of(event).type, source="/test", time="")
        recorded = Recorded(position, 0, "local", "directive", "r-1", envelope, event)
        directive = directives.evolve(directive, recorded)
    return directive


def direct(**fields: Any) -> Direct:
    known = {
        "entity": "r-1", "action": "lower_learning_rate", "parameters": {"factor": 0.5, "steps": 0},
        "epoch": 41, "alert": "a-1", "reason": "the loss rose",
    }  # fmt: skip
    return Direct(**{"request_id": "r", **known, **fields})


def issue(directive: directives.Directive | None, last_position: int | None = 50, **fields: Any) -> Any:
    return directives.decide_issue(directive, direct(**fields), "d-1", last_position)


def withdraw(directive: directives.Directive | None) -> Any:
    command = Withdraw(request_id="r", entity="r-1", directive_id="d-1", reason="a mistake")
    return directives.decide_withdraw(directive, command)


def code(decision: object) -> str:
    assert isinstance(decision, Refusal), decision
    return str(decision.code)


def test_a_directive_is_issued_with_the_epoch_that_was_given() -> None:
    assert issue(None) == [ISSUED]


def test_without_an_epoch_it_is_the_entitys_last_event() -> None:
    (event,) = issue(None, epoch=None)
    assert event.epoch == 50


def test_an_entity_that_never_said_anything_is_unknown() -> None:
    refused = issue(None, last_position=None, epoch=None)
    assert code(refused) == "unknown_id"
    assert refused.reason == "there is no run r-1: it has no event yet."


def test_an_epoch_of_the_issuers_needs_no_event_of_the_entity() -> None:
    assert issue(None, last_position=None) == [ISSUED]


def test_the_same_directive_again_is_already_so_whatever_the_entity_did_since() -> None:
    assert issue(given(ISSUED)) == []
    assert issue(given(ISSUED), epoch=None) == []
    assert issue(given(ISSUED), epoch=None, last_position=None) == []
    assert issue(given(ISSUED, WITHDRAWN)) == []


@pytest.mark.parametrize(
    "other",
    [{"parameters": {"factor": 0.25}}, {"action": "pause", "parameters": {}}, {"epoch": 42}, {"alert": None},
     {"reason": "something else"}, {"live_seconds": 5.0}],
)  # fmt: skip
def test_other_content_under_the_same_id_is_refused(other: dict[str, Any]) -> None:
    assert code(issue(given(ISSUED), **other)) == "already_exists"


def test_a_directive_is_withdrawn_once() -> None:
    assert withdraw(given(ISSUED)) == [WITHDRAWN]
    assert withdraw(given(ISSUED, WITHDRAWN)) == []


def test_what_was_never_issued_cannot_be_withdrawn() -> None:
    assert code(withdraw(None)) == "unknown_id"


def test_the_view_shows_what_was_asked_and_whether_it_stands() -> None:
    directive = given(ISSUED, WITHDRAWN)
    assert directive is not None
    shown = directives.view(directive)
    assert (shown.id, shown.entity, shown.status, shown.epoch) == ("d-1", "r-1", "withdrawn", 41)
    assert shown.parameters == {"factor": 0.5, "steps": 0}


GOOD: list[dict[str, Any]] = [
    {"action": "skip_batch", "parameters": {"batches": [0]}},
    {"action": "skip_batch", "parameters": {"batches": list(range(directives.BATCHES_MAX))}},
    {"action": "lower_learning_rate", "parameters": {"factor": 1}},
    {"action": "lower_learning_rate", "parameters": {"factor": 0.001, "steps": 200}},
    {"action": "roll_back", "parameters": {"before_step": 0}},
    {"action": "roll_back", "parameters": {"before_step": 300, "skip_batches": []}},
    {"action": "roll_back", "parameters": {"before_step": 300, "skip_batches": [297, 298]}},
    *({"action": action, "parameters": {}} for action in (
        "restore_learning_rate", "halve_micro_batch", "checkpoint_now", "pause", "resume", "stop",
    )),
    *({"action": action, "parameters": {}, "entity_kind": kind}
      for action in ("pause", "resume", "stop", "drain") for kind in ("agent", "node")),
]  # fmt: skip

BAD: list[dict[str, Any]] = [
    {"action": "skip_batch", "parameters": {}},
    {"action": "skip_batch", "parameters": {"batches": []}},
    {"action": "skip_batch", "parameters": {"batches": 7}},
    {"action": "skip_batch", "parameters": {"batches": [-1]}},
    {"action": "skip_batch", "parameters": {"batches": [1.0]}},
    {"action": "skip_batch", "parameters": {"batches": [True]}},
    {"action": "skip_batch", "parameters": {"batches": list(range(directives.BATCHES_MAX + 1))}},
    {"action": "lower_learning_rate", "parameters": {}},
    {"action": "lower_learning_rate", "parameters": {"factor": 0}},
    {"action": "lower_learning_rate", "parameters": {"factor": -0.5}},
    {"action": "lower_learning_rate", "parameters": {"factor": 1.01}},
    {"action": "lower_learning_rate", "parameters": {"factor": "0.5"}},
    {"action": "lower_learning_rate", "parameters": {"factor": True}},
    {"action": "lower_learning_rate", "parameters": {"factor": 0.5, "steps": -1}},
    {"action": "lower_learning_rate", "parameters": {"factor": 0.5, "step": 1}},
    {"action": "roll_back", "parameters": {}},
    {"action": "roll_back", "parameters": {"before_step": -1}},
    {"action": "roll_back", "parameters": {"before_step": None}},
    {"action": "roll_back", "parameters": {"before_step": 2**63}},
    {"action": "roll_back", "parameters": {"before_step": 1, "skip_batches": ["2"]}},
    {"action": "pause", "parameters": {"seconds": 5}},
    {"action": "drain", "parameters": {}},
    {"action": "roll_back", "parameters": {"before_step": 1}, "entity_kind": "node"},
    {"action": "pause", "parameters": {}, "entity_kind": "system"},
    {"action": "pause", "parameters": {}, "entity_kind": "team"},
    {"action": "pause", "parameters": {}, "entity_kind": "work"},
]


@pytest.mark.parametrize("fields", GOOD, ids=str)
def test_what_can_be_obeyed_is_issued(fields: dict[str, Any]) -> None:
    (event,) = issue(None, **fields)
    assert event.parameters == fields["parameters"]


@pytest.mark.parametrize("fields", BAD, ids=str)
def test_what_nobody_could_obey_is_refused(fields: dict[str, Any]) -> None:
    assert code(issue(None, **fields)) == "bad_parameters"


def test_a_refusal_names_the_action_the_value_and_what_is_allowed() -> None:
    refused = issue(None, parameters={"factor": 2})
    assert refused.reason == "factor of lower_learning_rate is 2."
    assert refused.hint == "It must be a number above 0 and up to 1."
    refused = issue(None, action="roll_back", parameters={"before_step": 1}, entity_kind="agent")
    assert refused.reason == "roll_back is for a run, which the agent r-1 is not."
    refused = issue(None, parameters={"\x1b[2J": 2})
    assert refused.reason == r"lower_learning_rate has no parameter '\x1b[2J'."
    assert refused.hint == "It takes factor, steps."
    refused = issue(None, parameters={"factor": "x" * 60_000})
    assert len(refused.reason) < 200


def test_the_documents_own_example_can_be_obeyed() -> None:
    example = examples.COMMANDS["direct"]
    assert isinstance(example, Direct)
    assert directives.fault_of(example) is None
