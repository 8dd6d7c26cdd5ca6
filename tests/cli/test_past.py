"""Asking as of a past moment: what --at reads, what is sent, what is said beside the data; and searching the log."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_service import AS_OF, Heard, Service, refused, said

from coord.services import clock
from coord.services.cli.main import run
from coord.services.cli.past import heading

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]
DAY_NS = 86_400 * 10**9
PAST = {"position": 7, "time_ns": 1_790_000_000_000_000_000, "recorded_at_ns": 1, "past": True}

ANSWERS: dict[str, dict[str, Any]] = {
    "board": {"counts": {}, "rows": []},
    "agents": {"rows": []},
    "runs": {"rows": []},
    "alerts": {"counts": {}, "rows": []},
    "history w-1": {"events": []},
    "events": {"events": [], "searched_from": 1},
    "show w-1": {
        "item": {
            "id": "w-1",
            "title": "t",
            "status": "open",
            "priority": 5,
            "lease_seconds": 30.0,
            "attempt": 0,
        },
        "submitted_at_ns": 1,
        "changed_at_ns": 1,
    },
}


@pytest.mark.parametrize("words", ANSWERS)
def test_a_verb_that_reads_takes_a_past_moment_and_says_which_it_shows(
    here: Path, projector: Start, capsys: Capture, words: str
) -> None:
    asked = projector(said({"as_of": PAST, **ANSWERS[words]}))
    assert run([*words.split(), "--at", "#7"]) == 0
    assert asked.heard[0].body["at_position"] == 7
    captured = capsys.readouterr()
    assert "coord: as of position 7, 2026-09-21 14:13:20Z, " in captured.err
    assert "as of position 7, 2026" not in captured.out


@pytest.mark.parametrize("text", ["7", "#7"])
def test_a_position_may_stand_alone(here: Path, projector: Start, text: str) -> None:
    asked = projector(said({"as_of": PAST, **ANSWERS["board"]}))
    assert run(["board", f"--at={text}"]) == 0
    assert asked.heard[0].body == {"at_position": 7}


@pytest.mark.parametrize(("text", "ago_seconds"), [("-2h", 7_200), ("-90s", 90), ("now", 0)])
def test_a_time_is_sent_as_one(here: Path, projector: Start, text: str, ago_seconds: int) -> None:
    asked = projector(said({"as_of": PAST, **ANSWERS["board"]}))
    before = clock.now_ns()
    assert run(["board", "--at", text]) == 0
    at_ns = asked.heard[0].body["at_ns"]
    assert before <= at_ns + ago_seconds * 10**9 <= clock.now_ns()


def test_what_is_no_moment_is_told_before_anything_is_sent(
    here: Path, projector: Start, capsys: Capture
) -> None:
    asked = projector(said({}))
    assert run(["board", "--at", "soon"]) == 2
    assert capsys.readouterr().err.startswith("coord: --at is 'soon', which names no moment.")
    assert not asked.heard


def test_a_past_that_is_not_ready_is_waited_for_aloud(here: Path, projector: Start, capsys: Capture) -> None:
    not_yet = refused("not_yet", 3, "4,000 of 9,000 events are folded.")
    answers = iter([not_yet, not_yet, said({"as_of": PAST, **ANSWERS["board"]})])

    def answer(_: Heard) -> bytes:
        return next(answers)

    asked = projector(answer)
    assert run(["board", "--at", "7"]) == 0
    assert len(asked.heard) == 3
    assert capsys.readouterr().err.count("4,000 of 9,000 events are folded. Waiting; Ctrl-C stops.\n") == 2


def test_a_moment_of_today_has_no_date() -> None:
    now_ns = clock.now_ns()
    of_today = heading({"as_of": {"position": 3, "time_ns": now_ns}})
    assert of_today == f"as of position 3, {clock.rfc3339(now_ns)[11:19]}Z, 0.0s ago"
    before = heading({"as_of": {"position": 3, "time_ns": now_ns - 3 * DAY_NS}})
    assert before.endswith("Z, 3d ago")


def test_events_are_searched_for_and_the_newest_stands_last(
    here: Path, projector: Start, capsys: Capture
) -> None:
    event = {
        "position": 7, "recorded_at_ns": 1_790_000_000_123_000_000, "subject": "ev.local.work.w-1",
        "type": "work.claimed.v2", "id": "i", "actor": "a1", "fields": {"agent": "a1", "lease_seconds": 30.0},
    }  # fmt: skip
    asked = projector(said({"as_of": AS_OF, "events": [event], "searched_from": 7, "truncated": True}))
    filters = [
        "--aggregate",
        "work",
        "--entity",
        "w-1",
        "--type",
        "work.",
        "--actor",
        "a1",
        "--text",
        "LEASE",
    ]
    assert run(["events", *filters, "--limit", "1"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "1 event   as of position 9",
        "POSITION  RECORDED (UTC)            SUBJECT   EVENT            ACTOR  WHAT",
        "       7  2026-09-21 14:13:20.123Z  work.w-1  work.claimed.v2  a1     lease_seconds 30",
    ]
    assert captured.err == "coord: older ones may match: go on with --at 6, or see --limit.\n"
    assert asked.heard[0].body == {
        "aggregate": "work", "entity": "w-1", "type": "work.", "actor": "a1", "text": "LEASE", "limit": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("claimd", "coord: there is no type 'claimd'; it could be: work.claimed\n"),
        ("zebra", "coord: there is no type 'zebra'; types begin with: agent., alert., "),
        ("work", "coord: there is no type 'work'; types begin with: agent., alert., "),
        ("work.", ""),
        ("work.claimed", ""),
        ("work.claimed.v2", ""),
    ],
)
def test_a_type_that_is_none_is_told_with_what_it_could_be(
    here: Path, projector: Start, capsys: Capture, wanted: str, told: str
) -> None:
    projector(said({"as_of": AS_OF, "events": [], "searched_from": 1}))
    assert run(["events", "--type", wanted]) == 0
    captured = capsys.readouterr()
    assert captured.out == "0 events   as of position 9\n"
    assert captured.err.startswith(told)
    assert bool(captured.err) == bool(told)


def test_an_entity_may_be_named_with_its_kind_as_health_prints_it(
    here: Path, projector: Start, capsys: Capture
) -> None:
    asked = projector(said({"as_of": AS_OF, "events": [], "searched_from": 1}))
    assert run(["events", "--entity", "agent:bob"]) == 0
    assert asked.heard[0].body == {"aggregate": "agent", "entity": "bob"}
    assert run(["events", "--entity", "agent:bob", "--aggregate", "run"]) == 2
    assert run(["events", "--entity", "a:b:c"]) == 2
    assert len(asked.heard) == 1
    capsys.readouterr()


def test_an_item_that_came_later_is_not_there_yet(here: Path, projector: Start, capsys: Capture) -> None:
    def answer(heard: Heard) -> bytes:
        if "at_position" in heard.body or heard.body["id"] != "w-1":
            return refused("unknown_id", reason=f"there is no item {heard.body['id']}.")
        return said({"as_of": AS_OF, **ANSWERS["show w-1"], "submitted_position": 3})

    projector(answer)
    assert run(["show", "w-1", "--at", "#1"]) == 4
    assert capsys.readouterr().err == (
        "coord: w-1 is not there yet at position 1. It was submitted at position 3.\n"
    )
    assert run(["show", "w-2", "--at", "#1"]) == 4
    assert capsys.readouterr().err.startswith("coord: there is no item w-2.")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            "why w-1",
            "the coordinator, which it asks, knows only what waits now. Try: coord show ID --at WHEN",
        ),
        ("claim", "it acts now, in the order of now. Try: coord board --at WHEN"),
        ("doctor", "it looks at the house as it is now. Try: coord health --at WHEN"),
        ("submit x", "it acts now, and asks nothing."),
    ],
)
def test_what_has_no_past_says_why(here: Path, capsys: Capture, words: str, why: str) -> None:
    assert run([*words.split(), "--at", "-2h"]) == 2
    assert capsys.readouterr().err == f"coord: {words.split()[0]} takes no --at: {why}\n"


@pytest.mark.parametrize("words", ["weigh backlog --points 3", "team blue --wip 3"])
def test_nothing_is_said_of_the_past(here: Path, capsys: Capture, words: str) -> None:
    assert run([*words.split(), "--at", "-2h"]) == 2
    assert "and never of the past. Leave --at away." in capsys.readouterr().err
