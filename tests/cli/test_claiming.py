"""The verbs claim, why and wait: what is claimed, in which order and why, and what is waited for."""

import io
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli, stopped_by
from houses import until
from scripted_service import HANG_UP, SILENCE, Heard, Service, item, refused, said

from coord.events.commands import REFUSALS, refusal
from coord.services.cli import fences, patience
from coord.services.cli.main import run
from coord.services.folder import Folder

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]


def done_with(*items: dict[str, Any], **more: Any) -> bytes:
    """Write the reply `done` about several items."""
    return said({"status": "done", "id": items[0]["id"], "item": items[0], "items": items, **more})


def feed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Put a text on stdin."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_several_are_claimed_at_once_and_all_their_fences_remembered(
    here: Path, service: Start, capsys: Capture
) -> None:
    asked = service(done_with(item("w-1", fence=7), item("w-2", fence=8)))
    assert run(["claim", "--agent", "a1", "-n", "5"]) == 0
    assert capsys.readouterr().out == "w-1  fence 7  lease 30s  A title\nw-2  fence 8  lease 30s  A title\n"
    assert asked.heard[0].body["count"] == 5
    assert "wait_seconds" not in asked.heard[0].body
    assert [fences.recall(Folder(here), "a1", 3, name) for name in ("w-1", "w-2")] == [7, 8]


@pytest.mark.parametrize("count", ["0", "101", "many"])
def test_how_many_are_claimed_at_once_is_bounded(here: Path, capsys: Capture, count: str) -> None:
    assert run(["claim", "--agent", "a1", "--count", count]) == 2
    assert f"--count is '{count}'; it must be a whole number from 1 to 100." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "wait", "item_id"),
    [
        (["--wait", "5s"], 5.0, None),
        (["--wait=500ms", "w-1"], 0.5, "w-1"),
        (["w-1", "--wait"], patience.ROUND_SECONDS, "w-1"),
        (["--wait", "w-1"], patience.ROUND_SECONDS, "w-1"),
        (["--wait", "-n", "2"], patience.ROUND_SECONDS, None),
        (["--wait", "2d"], patience.ROUND_SECONDS, None),
        (["--wait", "0s"], 0.0, None),
    ],
)
def test_a_claim_waits_for_so_long_and_without_a_time_for_ever(
    here: Path, service: Start, words: list[str], wait: float, item_id: str | None
) -> None:
    asked = service(done_with(item("w-1")))
    assert run(["claim", "--agent", "a1", *words]) == 0
    assert asked.heard[0].body["wait_seconds"] == pytest.approx(wait, abs=0.1)
    assert asked.heard[0].body.get("item_id") == item_id


def test_a_wait_whose_time_is_over_has_an_exit_code_of_its_own(
    here: Path, service: Start, capsys: Capture
) -> None:
    asked = service(refused("nothing_to_claim", 3, "no open item fits a1.", ""))
    assert run(["claim", "--agent", "a1", "--wait", "0.3s"]) == 3
    assert capsys.readouterr().err == "coord: no open item fits a1.\n"
    assert len(asked.heard) == 1


def test_the_client_waits_longer_than_the_coordinator_does(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORD_REQUEST_SECONDS", "0.2")
    service(SILENCE)
    assert run(["claim", "--agent", "a1", "--wait", "0.3s"]) == 6
    assert "no answer came within 0.5 s" in capsys.readouterr().err


def test_a_wait_survives_a_coordinator_that_goes_away_under_the_same_request_id(
    here: Path, service: Start, capsys: Capture
) -> None:
    answers = iter([HANG_UP, refused("nothing_to_claim", 3), done_with(item("w-1"))])
    asked = service(lambda _: next(answers))
    assert run(["claim", "--agent", "a1", "--wait"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("w-1  fence 7")
    assert told.err.count("Asking again under the same request id.") == 1
    first, second, third = (heard.body["request_id"] for heard in asked.heard)
    assert first == second != third


def test_an_outcome_that_stays_unknown_is_not_asked_for_for_ever(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "UNKNOWNS_MAX", 2)
    asked = service(HANG_UP)
    assert run(["claim", "--agent", "a1", "--wait"]) == 6
    assert len(asked.heard) == 3
    assert capsys.readouterr().err.count("Asking again") == 1


def test_a_given_request_id_stays_the_same_however_long_it_takes(here: Path, service: Start) -> None:
    answers = iter([refused("nothing_to_claim", 3), done_with(item("w-1"))])
    asked = service(lambda _: next(answers))
    assert run(["claim", "--agent", "a1", "--wait", "--request-id", "r"]) == 0
    assert [heard.body["request_id"] for heard in asked.heard] == ["r", "r"]


def test_a_refusal_that_waiting_does_not_mend_ends_the_wait(here: Path, service: Start) -> None:
    asked = service(refused("evicted"))
    assert run(["claim", "--agent", "a1", "--wait", "1h"]) == 4
    assert len(asked.heard) == 1


def test_ctrl_c_ends_a_wait_and_says_that_nothing_is_held(cli: Cli, service: Start) -> None:
    asked = service(SILENCE)
    process = cli.start("claim", "--agent", "a1", "--wait")
    until(lambda: asked.asked.is_set())
    ran = stopped_by(process, signal.SIGINT)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == "coord: you stopped waiting; what would be won now is given back.\n"


SCORES = {"priority": 0.5556, "age": 0.01, "deadline": 0.5, "match": 1.0, "fairness": 0.25, "total": 0.5189}
WEIGHTS = {"priority": 0.7, "age": 0.06, "deadline": 0.12, "match": 0.05, "fairness": 0.07}


def ranked(item_id: str, place: int, **more: Any) -> dict[str, Any]:
    return {"id": item_id, "title": "T", "place": place, "scores": SCORES if place else None, **more}


def explained(**fields: Any) -> bytes:
    explanation = {"fitting": 2, "waiting": 3, "weights": WEIGHTS, **fields}
    return said({"status": "done", "id": "claims", "already": True, "explanation": explanation})


def test_why_shows_the_order_and_claims_nothing(here: Path, service: Start, capsys: Capture) -> None:
    asked = service(explained(agent="a1", ranked=[ranked("w-2", 1), ranked("w-1", 2)]))
    assert run(["claim", "--agent", "a1", "--why"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a1 could claim 2 items now; 3 more wait for others or for their time",
        "PLACE  ID   TOTAL  PRIORITY   AGE  DEADLINE  MATCH  FAIRNESS  TITLE",
        "    1  w-2   0.52      0.56  0.01      0.50   1.00      0.25  T",
        "    2  w-1   0.52      0.56  0.01      0.50   1.00      0.25  T",
        "total = 0.7 x priority + 0.06 x age + 0.12 x deadline + 0.05 x match + 0.07 x fairness",
    ]
    assert asked.heard[0].verb == "explain"
    assert (asked.heard[0].body["agent"], asked.heard[0].body["limit"]) == ("a1", 10)
    assert not (here / "fences").exists()


def test_why_in_json_is_the_explanation(here: Path, service: Start, capsys: Capture) -> None:
    service(explained(ranked=[ranked("w-2", 1)]))
    assert run(["claim", "--agent", "a1", "--why", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ranked"][0]["scores"] == SCORES


@pytest.mark.parametrize(
    ("waits_for", "sentence"),
    [
        (["w-2"], "w-9 waits for w-2"),
        (["w-2", "w-3", "its time, in 5m"], "w-9 waits for w-2, w-3 and its time, in 5m"),
        ([], "w-9 waits for a moment"),
    ],
)
def test_why_says_what_an_item_waits_for(
    here: Path, service: Start, capsys: Capture, waits_for: list[str], sentence: str
) -> None:
    asked = service(explained(item=ranked("w-9", 0, waits_for=waits_for), ranked=[]))
    assert run(["why", "w-9"]) == 0
    assert capsys.readouterr().out == f"{sentence}\n"
    assert "agent" not in asked.heard[0].body


def test_why_says_what_keeps_an_item_or_an_agent_back(here: Path, service: Start, capsys: Capture) -> None:
    full = [{"team": "red", "holds": 2, "wip_limit": 2}]
    answers = iter([
        explained(item=ranked("w-9", 0, fault="it is blocked: so"), ranked=[]),
        explained(agent="a1", fitting=1, waiting=0, fault="a1 is drained.", full=full, kept_back=3, ranked=[]),
    ])  # fmt: skip
    service(lambda _: next(answers))
    assert run(["why", "w-9", "--agent", "a1"]) == run(["claim", "--agent", "a1", "--why"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "w-9 cannot be claimed by a1: it is blocked: so",
        "a1 is given nothing now: a1 is drained.",
        "the team red is full: 2 of at most 2 items are held for it",
        "so 3 more wait until one of them ends",
        "a1 could claim 1 item otherwise",
    ]


def test_why_says_the_place_of_an_item_and_what_is_before_it(
    here: Path, service: Start, capsys: Capture
) -> None:
    service(explained(item=ranked("w-9", 4), ranked=[ranked("w-3", 3)]))
    assert run(["why", "w-9", "--agent", "a1", "-n", "1"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0] == "w-9 can be claimed: place 4 for a1, behind 3 others"
    assert [line.split()[:2] for line in lines[2:4]] == [["3", "w-3"], ["4", "w-9"]]
    assert "the last 1 before it; see --count" in told.err


def test_an_agent_of_the_environment_is_the_one_it_is_explained_for(
    here: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = service(explained(item=ranked("w-9", 1)))
    monkeypatch.setenv("COORD_AGENT", "a7")
    assert run(["why", "w-9"]) == 0
    assert asked.heard[0].body["agent"] == "a7"


OUTCOMES = [
    (["completed", "completed"], 0),
    (["completed", "failed"], 7),
    (["parked"], 7),
    (["cancelled", "completed"], 7),
]


@pytest.mark.parametrize(("statuses", "code"), OUTCOMES)
def test_wait_prints_what_each_came_to_and_not_all_completed_has_a_code(
    here: Path, service: Start, capsys: Capture, statuses: list[str], code: int
) -> None:
    items = [item(f"w-{place}", status=status) for place, status in enumerate(statuses)]
    asked = service(done_with(*items))
    ids = [one["id"] for one in items]
    assert run(["wait", *ids, "--timeout", "1s"]) == code
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"w-{place}  {status}" for place, status in enumerate(statuses)]
    assert asked.heard[0].body["item_ids"] == ids
    assert asked.heard[0].body["wait_seconds"] == pytest.approx(1.0, abs=0.1)


def test_wait_any_prints_those_that_came_to_something_with_the_reason(
    here: Path, service: Start, capsys: Capture
) -> None:
    asked = service(done_with(item("w-1"), item("w-2", status="failed", reason="no \x1b disk")))
    assert run(["wait", "w-1", "w-2", "w-1", "--any"]) == 7
    assert capsys.readouterr().out == "w-2  failed  no \\x1b disk\n"
    assert (asked.heard[0].body["any"], asked.heard[0].body["item_ids"]) == (True, ["w-1", "w-2"])


def test_a_wait_that_is_not_over_in_time_has_the_code_of_nothing(
    here: Path, service: Start, capsys: Capture
) -> None:
    service(refused("not_yet", 3, "w-1 did not end yet.", "Wait again."))
    assert run(["wait", "w-1", "--timeout", "0s"]) == 3
    assert capsys.readouterr().err == "coord: w-1 did not end yet. Wait again.\n"


def test_wait_takes_ids_from_stdin_and_many_of_them_in_several_requests(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(heard: Heard) -> bytes:
        return done_with(*(item(name, status="completed") for name in heard.body["item_ids"]))

    asked = service(answer)
    feed(monkeypatch, b"".join(b'{"id": "w-%d"}\n' % number for number in range(250)))
    assert run(["wait", "-", "--json"]) == 0
    assert [len(heard.body["item_ids"]) for heard in asked.heard] == [200, 50]
    assert len(json.loads(capsys.readouterr().out)["items"]) == 250


@pytest.mark.parametrize(
    ("words", "stdin", "sentence"),
    [
        (["-"], b"", "stdin names no item."),
        (["-", "w-1"], b"", "the ids come from stdin, or stand on the line."),
        (["a b"], b"", "the item 'a b' is not a name"),
        (["w-1", "--timeout", "soon"], b"", "--timeout is 'soon'; it must be a time"),
        (["--any", "-"], b"".join(b"w-%d\n" % number for number in range(201)), "--any is for at most 200 items"),
    ],
)  # fmt: skip
def test_what_cannot_be_waited_for_is_told(
    here: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    stdin: bytes,
    sentence: str,
) -> None:
    feed(monkeypatch, stdin)
    assert run(["wait", *words]) == 2
    assert capsys.readouterr().err.startswith(f"coord: {sentence}")


@pytest.mark.parametrize("text", ["10min", "1h30m", "5 s", "366d", "-1s", "-1", "1\n"])
def test_what_stands_behind_wait_and_begins_as_a_time_is_meant_as_one(
    here: Path, capsys: Capture, text: str
) -> None:
    told = []
    for words in (["--wait", text], [f"--wait={text}"]):
        assert run(["claim", "--agent", "a1", *words]) == 2
        told.append(capsys.readouterr().err)
    assert told[0] == told[1]
    assert "; it must be a time from 0s to 365d, such as 500ms, 30s or 1h." in told[0]


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_is_one_sentence_with_its_exit_code(
    here: Path, service: Start, capsys: Capture, code: str
) -> None:
    no = refusal(code, f"{REFUSALS[code]}.", "Do so.")
    service(refused(code, no.exit_code, no.reason, no.hint))
    assert run(["claim", "w-1", "--agent", "a1"]) == no.exit_code
    assert no.exit_code == (3 if code in ("nothing_to_claim", "not_yet") else 4)
    assert capsys.readouterr().err == f"coord: {REFUSALS[code]}. Do so.\n"
