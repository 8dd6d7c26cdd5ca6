"""The verbs of holders, cancel, show and board: what is asked, what is printed, which exit code."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_service import AS_OF, HANG_UP, SILENCE, Service, done, item, refused, said

from coord.services.cli import fences
from coord.services.cli.main import run
from coord.services.folder import Folder

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]
GONE = b"gone"
"""A coordinator that was there."""
LEADING = said({"status": "leading", "paused_seconds": 0.0})


def feed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Put a text on stdin."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_claim_prints_one_line_and_remembers_the_fence(here: Path, service: Start, capsys: Capture) -> None:
    asked = service(done(title="Hash \x1b[2Jit"))
    assert run(["claim", "--agent", "a1", "--lease", "30s"]) == 0
    assert capsys.readouterr().out == "w-1  fence 7  lease 30s  Hash \\x1b[2Jit\n"
    assert fences.recall(Folder(here), "a1", 3, "w-1") == 7
    assert asked.heard[0].headers["coord-actor"] == "a1"
    assert asked.heard[0].body["lease_seconds"] == 30.0
    assert "item_id" not in asked.heard[0].body


def test_claim_in_json_names_the_fence(here: Path, service: Start, capsys: Capture) -> None:
    service(done())
    assert run(["claim", "w-1", "--agent", "a1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["id"], document["fence"]) == ("w-1", 7)


@pytest.mark.parametrize(("code", "exit_code"), [("nothing_to_claim", 3), ("taken", 4), ("wip_limit", 4)])
def test_a_claim_that_is_refused_says_why_on_stderr(
    here: Path, service: Start, capsys: Capture, code: str, exit_code: int
) -> None:
    service(refused(code, exit_code, "it is held by \x1b[31ma2.", "Claim another."))
    assert run(["claim", "w-1", "--agent", "a1"]) == exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "coord: it is held by \\x1b[31ma2. Claim another.\n"
    assert not (here / "fences").exists()


def test_a_refusal_in_json_is_data_with_its_code(here: Path, service: Start, capsys: Capture) -> None:
    service(refused("taken"))
    assert run(["claim", "w-1", "--agent", "a1", "--json"]) == 4
    printed = capsys.readouterr()
    assert json.loads(printed.out)["code"] == "taken"
    assert printed.err == "coord: no. Do so.\n"


def test_an_unknown_outcome_in_json_names_the_request(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORD_REQUEST_SECONDS", "0.1")
    service(SILENCE)
    assert run(["claim", "--agent", "a1", "--json", "--request-id", "r-7"]) == 6
    printed = capsys.readouterr()
    assert json.loads(printed.out)["request_id"] == "r-7"
    assert "Ask again with: --request-id r-7" in printed.err


def test_claim_takes_no_ids_from_stdin(here: Path, capsys: Capture) -> None:
    assert run(["claim", "-", "--agent", "a1"]) == 2
    assert "claim takes one id, or none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "words", "sentence"),
    [
        ({}, ["claim"], "nobody is named to act"),
        ({}, ["heartbeat"], "nobody is named to act"),
        ({}, ["heartbeat", "a1", "--agent", "a2"], "two agents are named"),
        ({"COORD_AGENT": ""}, ["claim"], "the agent '' is not a name"),
        ({"COORD_AGENT": "a b"}, ["submit", "x"], "the agent 'a b' is not a name"),
        ({"COORD_INCARNATION": "now"}, ["claim", "--agent", "a1"], "COORD_INCARNATION is 'now'"),
        ({"COORD_INCARNATION": "0"}, ["claim", "--agent", "a1"], "COORD_INCARNATION is '0'"),
        ({"COORD_NONSENSE": "1"}, ["claim", "--agent", "a1"], "COORD_NONSENSE"),
    ],
)
def test_who_acts_must_be_said(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: list[str],
    sentence: str,
) -> None:  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(words) == 2
    assert sentence in capsys.readouterr().err


def test_the_environment_says_who_acts_and_as_which_incarnation(
    here: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORD_AGENT", "a1")
    monkeypatch.setenv("COORD_INCARNATION", "3")
    asked = service(done())
    assert run(["claim"]) == 0
    assert asked.heard[0].body["agent"] == "a1"
    assert asked.heard[0].body["incarnation"] == 3


HOLDS = [
    (["progress", "w-1", "--fraction", "40%", "--note", "half"], {"fraction": 0.4, "note": "half"}),
    (["complete", "w-1", "--result", '{"ok": [1]}'], {"result": {"ok": [1]}}),
    (["fail", "w-1", "--reason", "broken"], {"reason": "broken"}),
    (["fail", "w-1"], {"reason": "no reason was given"}),
    (["release", "w-1"], {}),
]


@pytest.mark.parametrize(("words", "fields"), HOLDS)
def test_the_remembered_fence_is_sent(
    here: Path, service: Start, words: list[str], fields: dict[str, Any]
) -> None:
    fences.remember(Folder(here), "a1", 3, "w-1", 7)
    asked = service(done())
    assert run([*words, "--agent", "a1", "--request-id", "r"]) == 0
    body = {"request_id": "r", "agent": "a1", "item_id": "w-1", "fence": 7, **fields}
    assert asked.heard[0].verb == words[0]
    assert asked.heard[0].body == body


def test_a_given_fence_wins_and_without_any_none_is_sent(here: Path, service: Start) -> None:
    asked = service(done())
    assert run(["complete", "w-1", "--agent", "a1"]) == 0
    fences.remember(Folder(here), "a1", 3, "w-1", 7)
    assert run(["complete", "w-1", "--agent", "a1", "--fence", "5"]) == 0
    assert ["fence" in heard.body for heard in asked.heard] == [False, True]
    assert asked.heard[1].body["fence"] == 5


def test_the_incarnation_selects_its_own_fence(
    here: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fences.remember(Folder(here), "a1", 3, "w-1", 7)
    fences.remember(Folder(here), "a1", 8, "w-1", 9)
    asked = service(done())
    monkeypatch.setenv("COORD_INCARNATION", "3")
    assert run(["progress", "w-1", "--agent", "a1"]) == 0
    monkeypatch.setenv("COORD_INCARNATION", "4")
    assert run(["progress", "w-1", "--agent", "a1"]) == 0
    assert [heard.body.get("fence") for heard in asked.heard] == [7, None]


@pytest.mark.parametrize("words", [words for words, _ in HOLDS])
def test_a_claim_that_ended_is_forgotten_and_one_that_goes_on_is_not(
    here: Path, service: Start, words: list[str]
) -> None:
    fences.remember(Folder(here), "a1", 3, "w-1", 7)
    service(done())
    assert run([*words, "--agent", "a1"]) == 0
    kept = 7 if words[0] == "progress" else None
    assert fences.recall(Folder(here), "a1", 3, "w-1") == kept


@pytest.mark.parametrize(
    ("code", "kept"), [("stale_fence", None), ("wrong_holder", None), ("overloaded", 7), ("taken", 7)]
)
def test_a_refusal_that_says_that_the_claim_is_over_makes_it_forgotten(
    here: Path, service: Start, code: str, kept: int | None
) -> None:
    fences.remember(Folder(here), "a1", 3, "w-1", 7)
    service(refused(code))
    assert run(["complete", "w-1", "--agent", "a1"]) == 4
    assert fences.recall(Folder(here), "a1", 3, "w-1") == kept


def test_what_was_so_already_is_done(here: Path, service: Start, capsys: Capture) -> None:
    service(done(already=True, status="completed"))
    assert run(["complete", "w-1", "--agent", "a1"]) == 0
    assert capsys.readouterr().out == "w-1  completed (already)\n"


def test_ids_come_through_a_pipe_as_lines_of_text_or_json(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    service(lambda heard: done(heard.body["item_id"], status="completed"))
    claim = json.dumps({"id": "w-3", "fence": 7})
    feed(monkeypatch, f"w-1\n\nw-2  fence 7  lease 30s  Title\n{claim}\n".encode())
    assert run(["complete", "-", "--agent", "a1"]) == 0
    assert capsys.readouterr().out == "w-1  completed\nw-2  completed\nw-3  completed\n"


def test_the_exit_code_of_many_is_the_highest_and_each_is_told(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = {"w-1": done("w-1"), "w-2": refused("unknown_id"), "w-3": refused("nothing_to_claim", 3)}
    service(lambda heard: replies[heard.body["item_id"]])
    feed(monkeypatch, b"w-2\na b.c\n.\nw-3\nw-1\n")
    replies["a"] = done("a")
    assert run(["cancel", "-", "--json"]) == 4
    printed = capsys.readouterr()
    statuses = [json.loads(line)["status"] for line in printed.out.splitlines()]
    assert statuses == ["refused", "done", "refused", "done"]
    assert printed.err.count("\n") == 3


def test_a_server_that_is_gone_ends_a_batch(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, b"w-1\nw-2\n")
    assert run(["cancel", "-"]) == 5
    assert capsys.readouterr().err.count("\n") == 1


def test_show_in_json_has_status_holder_and_fence(here: Path, projector: Start, capsys: Capture) -> None:
    answer = {"as_of": AS_OF, "item": item(), "submitted_at_ns": 1, "changed_at_ns": 2}
    projector(said(answer))
    assert run(["show", "w-1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["status"], shown["holder"], shown["fence"], shown["id"]) == ("claimed", "a1", 7, "w-1")
    projector(said({**answer, "item": {"id": "w-1", "title": "T", "status": "open", "priority": 5}}))
    assert run(["show", "w-1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["holder"], shown["fence"]) == (None, None)


def test_show_for_people_says_everything_safely(here: Path, projector: Start, capsys: Capture) -> None:
    answer = {
        "as_of": AS_OF, "item": item(title="\x1b[2J", body={"a": "\u202e"}, capabilities=["gpu"], verify="a-b"),
        "submitted_at_ns": AS_OF["time_ns"], "changed_at_ns": AS_OF["time_ns"], "progress": 0.5,
        "progress_note": "half",
    }  # fmt: skip
    projector(said(answer))
    assert run(["show", "w-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "w-1  claimed by a1, fence 7"
    assert "  title      \\x1b[2J" in lines
    assert "  needs      gpu" in lines
    assert "  verify     a-b" in lines
    assert "  progress   50 %" in lines
    assert '  body       {"a": "\\u202e"}' in lines


def test_an_unknown_id_is_refused(here: Path, projector: Start, capsys: Capture) -> None:
    projector(refused("unknown_id", 4, "there is no item w-1.", "coord board lists what there is."))
    assert run(["show", "w-1"]) == 4
    assert capsys.readouterr().err == "coord: there is no item w-1. coord board lists what there is.\n"


ROW = {
    "id": "w-1", "title": "T", "status": "claimed", "priority": 5, "agent": "a1", "attempt": 2, "progress": 0.5,
    "age_seconds": 720.0, "state_seconds": 4.0,
}  # fmt: skip


def test_the_board_counts_and_lists(here: Path, projector: Start, capsys: Capture) -> None:
    counts = {"open": 0, "claimed": 1, "completed": 3, "failed": 0, "cancelled": 0}
    asked = projector(
        said({"as_of": {**AS_OF, "lag": 2}, "counts": counts, "rows": [ROW], "truncated": True})
    )
    assert run(["board", "--status", "claimed", "--team", "blue", "--agent", "a1", "--limit", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "1 claimed · 3 completed for blue with a1   as of position 9, 2 events behind",
        "ID   STATUS   PRIO  HOLDER  TEAM  TRY  DONE  AGE  IN STATE  TITLE",
        "w-1  claimed     5  a1      -       2  50 %  12m        4s  T",
    ]
    assert "there is more than these 1; see --limit" in printed.err
    assert asked.heard[0].body == {"status": "claimed", "team": "blue", "agent": "a1", "limit": 1}


def test_an_empty_board_says_how_to_fill_it(here: Path, projector: Start, capsys: Capture) -> None:
    projector(said({"as_of": AS_OF, "counts": {}, "rows": []}))
    assert run(["board"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "no items yet   as of position 9\n"
    assert "coord submit" in printed.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--status", "parked"], "no item is parked."),
        (["--status", "open", "--team", "red"], "no item for red is open."),
        (["--team", "red", "--agent", "a1"], "a1 holds nothing for red now."),
    ],
)
def test_a_board_on_which_nothing_is_like_that_says_so(
    here: Path, projector: Start, capsys: Capture, words: list[str], sentence: str
) -> None:
    projector(said({"as_of": AS_OF, "counts": {"open": 1}, "rows": []}))
    assert run(["board", *words]) == 0
    assert capsys.readouterr().err == f"coord: {sentence}\n"


@pytest.mark.parametrize("words", [["board"], ["health"]])
@pytest.mark.parametrize(
    ("coordinator", "why"),
    [
        (LEADING, ""),
        (said({"status": "leading", "paused_seconds": 12.0}), "the log has confirmed nothing for 12s"),
        (HANG_UP, "the coordinator does not answer"),
        (None, ""),
        (GONE, "no coordinator leads on this machine"),
    ],
)
def test_the_board_and_health_say_that_claims_are_paused(
    here: Path, service: Start, projector: Start, capsys: Capture,
    words: list[str], coordinator: bytes | None, why: str,
) -> None:  # fmt: skip
    if coordinator is not None:
        started = service(coordinator if coordinator is not GONE else LEADING)
    if coordinator is GONE:
        started.stop()
        started.close()
    projector(
        said({"as_of": AS_OF, "counts": {"open": 1}, "rows": [ROW], "entity": "system", "score": 100.0})
    )
    assert run(words) == 0
    told = capsys.readouterr().err
    assert told == (f"coord: claims are paused: {why}. See: coord doctor\n" if why else "")
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out).get("claims_paused", "") == why


def test_an_answer_that_does_not_fit_is_a_fault_of_ours_and_no_traceback(
    here: Path, projector: Start, capsys: Capture
) -> None:
    projector(said({"as_of": AS_OF, "rows": [{}]}))
    assert run(["board"]) == 1
    assert capsys.readouterr().err.startswith("coord: unexpected: KeyError: 'counts'")


def test_the_board_says_why_nobody_works_on_an_item_and_when_it_is_due(
    here: Path, projector: Start, capsys: Capture
) -> None:
    now_ns, minute_ns = AS_OF["time_ns"], 60 * 10**9
    waits = {"items": ["w-2", "w-3"], "in_vain": ["w-3"], "until_ns": now_ns + 5 * minute_ns, "key": "gpu"}
    rows = [
        ROW | {"id": "w-1", "status": "open", "agent": None, "waits": waits, "deadline_ns": now_ns + 120 * minute_ns},
        ROW | {"id": "w-4", "stuck": True, "deadline_ns": now_ns - 9 * minute_ns},
        ROW | {"id": "w-5", "status": "blocked", "note": "no \x1b disk"},
        ROW | {"id": "w-6", "status": "completed", "note": "well", "deadline_ns": now_ns},
    ]  # fmt: skip
    asked = projector(
        said({"as_of": AS_OF, "counts": {"open": 2, "claimed": 1}, "waiting": 1, "stuck": 1, "rows": rows})
    )
    assert run(["board", "--status", "waiting"]) == 0
    head, names, first, second, third, last = capsys.readouterr().out.splitlines()
    assert head == "2 open (1 waiting) · 1 claimed (1 stuck)   as of position 9"
    assert names.split()[-3:] == ["DUE", "WHY", "TITLE"]
    assert "in 2h  waits for w-2, w-3 in vain, its time, in 5m, its turn at gpu" in first
    assert (second.split()[1], "9m late" in second) == ("stuck", True)
    assert "no \\x1b disk" in third
    assert last.split()[-3:] == ["-", "-", "T"]
    assert asked.heard[0].body == {"status": "waiting"}


def test_show_says_how_an_item_is_planned(here: Path, projector: Start, capsys: Capture) -> None:
    now_ns = AS_OF["time_ns"]
    planned = item(
        status="open", agent=None, fence=None, depends_on=["w-2"], parent="w-0", not_before_ns=now_ns + 10**9,
        deadline_ns=now_ns - 10**9, retry={"attempts": 3, "delay_seconds": 30.0, "delay_seconds_max": 300.0}, tries=2, stuck_seconds=600.0,
        concurrency={"key": "gpu", "limit": 2}, on_stuck="tell", scores=None,
    )  # fmt: skip
    answer = {
        "as_of": AS_OF, "item": planned, "submitted_at_ns": now_ns, "changed_at_ns": now_ns, "dependents": ["w-8"],
        "children": ["w-9"], "truncated": True, "waits": {"items": ["w-2"], "until_ns": now_ns + 10**9},
    }  # fmt: skip
    projector(said(answer))
    assert run(["show", "w-1"]) == 0
    told = dict(line.strip().split("  ", 1) for line in capsys.readouterr().out.splitlines()[1:])
    assert {name: text.strip() for name, text in told.items()} == {
        "title": "A title", "waits for": "w-2, its time, in 1s", "priority": "5", "parent": "w-0", "parts": "w-9 ...",
        "after": "w-2", "before": "w-8 ...", "not before": "2026-09-21 14:13:21Z, in 1s",
        "deadline": "2026-09-21 14:13:19Z, 1s ago", "tried": "2 of 3", "rests": "30s, then longer each time, up to 5m",
        "at once": "2 of gpu", "stuck after": "10m without work, and then told", "lease": "30s", "attempt": "1",
        "submitted": "0.0s ago", "changed": "0.0s ago",
    }  # fmt: skip


def test_show_says_that_a_claim_is_stuck_and_by_which_scores_it_was_chosen(
    here: Path, projector: Start, capsys: Capture
) -> None:
    scores = {"priority": 1.0, "age": 0.5, "deadline": 0.0, "match": 1.0, "fairness": 0.25, "total": 0.8175}
    answer = {
        "as_of": AS_OF,
        "item": item(stuck=True, scores=scores),
        "submitted_at_ns": 1,
        "changed_at_ns": 2,
    }
    projector(said(answer))
    assert run(["show", "w-1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("w-1  claimed by a1, fence 7, stuck: its holder lives and shows no work\n")
    assert "chosen by  0.82: priority 1.00, age 0.50, deadline 0.00, match 1.00, fairness 0.25\n" in told
