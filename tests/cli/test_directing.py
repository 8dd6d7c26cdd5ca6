"""The verbs of directives: direct, and waiting for what the run says; withdraw; and what is refused before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from scripted_loop import alerts, asked, issued, noticed, one_run, runs
from scripted_service import HANG_UP, Service, refused

from coord.events import commands, directive
from coord.events.alert import EntityKind
from coord.services.cli import directing, values
from coord.services.cli.main import run
from coord.services.decisions.directive import BATCHES_MAX, PARAMETERS

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["alerts", "--status", "odd"], "--status is 'odd'; it must be one of open, active, acknowledged, resolved."),
        (["alerts", "--entity", "a b"], "--entity 'a b' is not a name"),
        (["ack", ""], "the alert '' is not a name"),
        (["ack", "a-1", "--agent", "a b"], "the agent 'a b' is not a name"),
        (["ack", "a-1", "--note", ""], "--note has 0 characters"),
        (["silence", "a-1"], "for how long is not said. Say it with --for, such as --for 1h."),
        (["silence", "a-1", "--for", "soon"], "--for is 'soon'; it must be a time from 1s to 365d, such as 30m"),
        (["silence", "a-1", "--for", "366d"], "--for is '366d'; it must be a time"),
        (["silence", "a-1", "--for", "0"], "--for is '0'; it must be a time"),
        (["direct", "r1", "fly"], f"the action is 'fly'; it must be one of {', '.join(directing.ACTIONS)}."),
        (["direct", "", "pause"], "the run '' is not a name"),
        (["direct", "r1", "pause", "--kind", "dog"], "--kind is 'dog'; it must be one of run, agent, node."),
        (["direct", "n1", "pause", "--kind", "node", "--wait"], "--wait is for runs: nobody answers for the node n1."),
        (["direct", "r1", "pause", "--factor", "0.5"], "pause takes no --factor. It takes no parameters."),
        (["direct", "r1", "roll_back", "--steps", "5"], "roll_back takes no --steps. It takes --before-step and --batches."),
        (["direct", "r1", "roll_back"], "roll_back needs --before-step. Try: coord direct --help"),
        (["direct", "r1", "skip_batch"], "skip_batch needs --batches."),
        (["direct", "r1", "lower_learning_rate"], "lower_learning_rate needs --factor."),
        (["direct", "r1", "lower_learning_rate", "--factor", "2"], "--factor is '2'; it must be a number above 0"),
        (["direct", "r1", "skip_batch", "--batches", "1;2"], "--batches is '1;2'; it must be up to 1000 whole numbers"),
        (["direct", "r1", "pause", "--live", "2d"], "--live is '2d'; it must be a time from 1s to 24h"),
        (["withdraw", "r1", "d 1"], "the directive 'd 1' is not a name"),
        (["runs", "a b"], "the run 'a b' is not a name"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_sentence_and_nothing_is_sent(
    here: Path, service: Start, projector: Start, capsys: Capture, words: list[str], sentence: str
) -> None:
    asked_for = service(noticed()), projector(alerts())
    assert run(words) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"coord: {sentence}")
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert [one.heard for one in asked_for] == [[], []]


@pytest.mark.parametrize(
    ("words", "action", "parameters"),
    [
        (["pause"], "pause", {}),
        (["checkpoint-now"], "checkpoint_now", {}),
        (["skip_batch", "--batches", "7"], "skip_batch", {"batches": [7]}),
        (["lower_learning_rate", "--factor", "50%"], "lower_learning_rate", {"factor": 0.5}),
        (
            ["lower_learning_rate", "--factor", "0.25", "--steps", "200"],
            "lower_learning_rate",
            {"factor": 0.25, "steps": 200},
        ),
        (["roll_back", "--before-step", "0"], "roll_back", {"before_step": 0}),
        (
            ["roll_back", "--before-step", "900", "--batches", "7,8"],
            "roll_back",
            {"before_step": 900, "skip_batches": [7, 8]},
        ),
    ],
)
def test_a_directive_is_its_action_with_its_parameters(
    here: Path, service: Start, capsys: Capture, words: list[str], action: str, parameters: dict[str, Any]
) -> None:
    heard = service(issued()).heard
    assert run(["direct", "r1", *words, "--agent", "ada", "--request-id", "r"]) == 0
    assert capsys.readouterr().out == f"d-1  {action}  issued\n"
    assert heard[0].body == {
        "request_id": "r", "entity_kind": "run", "entity": "r1", "action": action, "parameters": parameters,
        "live_seconds": 60.0, "reason": "ada asks for it",
    }  # fmt: skip
    assert (heard[0].verb, heard[0].headers["coord-actor"]) == ("direct", "ada")


def test_a_directive_may_be_for_others_live_long_and_have_a_reason(here: Path, service: Start) -> None:
    heard = service(issued()).heard
    words = ["direct", "n1", "drain", "--kind", "node", "--live", "2h", "--reason", "it is hot"]
    assert run(words) == 0
    body = heard[0].body
    assert (body["entity_kind"], body["live_seconds"], body["reason"]) == ("node", 7_200.0, "it is hot")


def test_a_withdrawal_says_so_and_a_second_that_it_was_so(
    here: Path, service: Start, capsys: Capture
) -> None:
    answers = [issued("withdrawn"), issued("withdrawn", already=True)]
    heard = service(lambda _: answers.pop(0)).heard
    assert run(["withdraw", "r1", "d-1", "--reason", "a mistake"]) == 0
    assert run(["withdraw", "r1", "d-1"]) == 0
    assert capsys.readouterr().out == "d-1  withdrawn\nd-1  withdrawn (already)\n"
    assert heard[0].body["reason"] == "a mistake"
    assert (heard[0].body["entity"], heard[0].body["directive_id"]) == ("r1", "d-1")


@pytest.mark.parametrize(
    ("answered", "sentence"),
    [
        (asked(status="applied", step=342, answer="batch 7 in quarantine"),
         "r1 obeyed d-1 already at step 342: batch 7 in quarantine."),
        (asked(action="pause", status="applied"), "r1 obeyed d-1 already. Go on with: resume"),
        (asked(status="refused", answer="\x1b[2J"), "r1 refused d-1 already: \\x1b[2J."),
    ],
)  # fmt: skip
def test_what_was_answered_cannot_be_taken_back(
    here: Path, service: Start, projector: Start, capsys: Capture, answered: dict[str, Any], sentence: str
) -> None:
    heard = service(issued("withdrawn")).heard
    projector(runs(one_run(directives=[asked("d-0"), answered])))
    assert run(["withdraw", "r1", "d-1"]) == 4
    assert capsys.readouterr().err == f"coord: {sentence}\n"
    assert heard == []


@pytest.mark.parametrize(
    "answer", [refused("unknown_id"), HANG_UP, runs(one_run()), runs(one_run(directives=[asked()]))]
)
def test_what_nobody_says_was_answered_is_taken_back(
    here: Path, service: Start, projector: Start, capsys: Capture, answer: bytes
) -> None:
    service(issued("withdrawn"))
    projector(answer)
    assert run(["withdraw", "r1", "d-1"]) == 0
    assert capsys.readouterr().out == "d-1  withdrawn\n"


@pytest.mark.parametrize("status", ["completed", "failed", "stopped"])
def test_a_run_that_is_over_is_not_waited_for(
    here: Path, service: Start, projector: Start, capsys: Capture, status: str
) -> None:
    service(issued())
    heard = projector(runs(one_run(status=status, directives=[asked()]))).heard
    assert run(["direct", "r1", "pause", "--wait"]) == 4
    shown = capsys.readouterr()
    assert shown.out == "d-1  pause  issued\n"
    assert shown.err == f"coord: r1 is {status}: nobody will obey d-1. See: coord runs r1\n"
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("answered", "code", "told"),
    [
        (asked(status="applied", step=1203, answer="to step 750"), 0, "applied at step 1203: to step 750"),
        (asked(status="applied", step=0), 0, "applied at step 0"),
        (asked(status="refused", step=1203, answer="epoch 9 is over"), 4, "refused at step 1203: epoch 9 is over"),
        (asked(status="withdrawn", answer="a mistake"), 4, "withdrawn: a mistake"),
    ],
)  # fmt: skip
def test_waiting_ends_with_what_the_run_said(
    here: Path, service: Start, projector: Start, capsys: Capture, answered: dict[str, Any], code: int, told: str
) -> None:  # fmt: skip
    service(issued())
    answers = [
        refused("unknown_id"),
        runs(one_run()),
        runs(one_run(directives=[asked("d-0", "applied", step=1)])),
        runs(one_run(directives=[asked()])),
        runs(one_run(directives=[asked("d-2"), answered])),
    ]
    heard = projector(lambda _: answers.pop(0)).heard
    assert run(["direct", "r1", "roll_back", "--before-step", "900", "--wait"]) == code
    assert capsys.readouterr().out == f"d-1  roll_back  issued\nd-1  {told}\n"
    assert [one.body for one in heard] == [{"run": "r1"}] * 5


def test_waiting_in_json_gives_one_document_with_the_answer(
    here: Path, service: Start, projector: Start, capsys: Capture
) -> None:
    service(issued())
    projector(runs(one_run(directives=[asked(status="refused", answer="no", step=7)])))
    assert run(["direct", "r1", "pause", "--wait", "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["id"], told["answered"]["status"], told["answered"]["answer"]) == ("d-1", "refused", "no")


def test_a_wait_that_runs_out_ends_with_3(
    here: Path, service: Start, projector: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directing, "_LATE_SECONDS", 0.0)
    service(issued())
    projector(runs(one_run(directives=[asked()])))
    assert run(["direct", "r1", "pause", "--wait", "--live", "1s"]) == 3
    shown = capsys.readouterr()
    assert shown.out == "d-1  pause  issued\n"
    assert shown.err == ("coord: r1 has not answered in time; it may not obey any more. See: coord runs r1\n")


def test_a_wait_that_nobody_can_answer_is_unknown_and_not_unsent(
    here: Path, service: Start, capsys: Capture
) -> None:
    service(issued())
    assert run(["direct", "r1", "pause", "--wait"]) == 6
    assert "d-1 was issued, and what became of it is not known: no projector runs" in capsys.readouterr().err


def test_a_directive_that_is_refused_is_not_waited_for(
    here: Path, service: Start, projector: Start, capsys: Capture
) -> None:
    service(refused("unknown_id", reason="there is no run r9."))
    heard = projector(HANG_UP).heard
    assert run(["direct", "r9", "pause", "--wait"]) == 4
    assert heard == []
    assert "there is no run r9." in capsys.readouterr().err


def test_what_may_be_asked_is_what_the_words_and_the_decisions_say() -> None:
    assert tuple(directing.ACTIONS) == get_args(directive.Action)
    assert {action: set(takes.values()) for action, takes in directing.ACTIONS.items() if takes} == {
        action: {parameter.name for parameter in takes} for action, takes in PARAMETERS.items()
    }
    assert {action: directing.ACTIONS[action][name] for action, name in directing.NEEDED.items()} == {
        action: parameter.name
        for action, takes in PARAMETERS.items()
        for parameter in takes
        if parameter.required
    }
    assert set(directing.KINDS) <= set(get_args(EntityKind))
    assert commands.Direct.model_fields["live_seconds"].default == directing.LIVE_SECONDS_DEFAULT
    assert values.LEASE_SECONDS_MAX == directive.LIVE_SECONDS_MAX
    assert values.BATCHES_MAX == BATCHES_MAX
