"""The verb submit: what options and lines of stdin say of an item, and batches that are whole or not at all."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_service import SILENCE, Heard, Service, done, item, refused, said

from coord.events.commands import COMMANDS
from coord.services import clock
from coord.services.cli import submitting
from coord.services.cli.main import run

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]
NOW_NS = 1_790_000_000_000_000_000


def submitted(heard: Heard) -> bytes:
    """Answer as a coordinator does: with what was submitted."""
    if heard.verb == "submit":
        return done(heard.body.get("item_id") or "w-9", status="open", agent=None, title=heard.body["title"])
    items = [
        item(one.get("item_id") or f"w-{place}", title=one["title"], status="open")
        for place, one in enumerate(heard.body["items"], 1)
    ]
    return said({"status": "done", "id": items[0]["id"], "position": 7, "already": False, "items": items})


def feed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Put a text on stdin."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


ALL_OPTIONS = {
    "--id": ("w-5", "item_id", "w-5"),
    "--priority": ("9", "priority", 9),
    "--team": ("red", "team", "red"),
    "--parent": ("w-0", "parent", "w-0"),
    "--not-before": ("in 5m", "not_before_ns", NOW_NS + 300 * 10**9),
    "--deadline": ("2026-12-01", "deadline_ns", 1_796_083_200 * 10**9),
    "--lease": ("2m", "lease_seconds", 120.0),
    "--concurrency": ("gpu:2", "concurrency", {"key": "gpu", "limit": 2}),
    "--stuck-after": ("10m", "stuck_seconds", 600.0),
    "--on-stuck": ("reassign", "on_stuck", "reassign"),
    "--body": ('{"path": "x"}', "body", {"path": "x"}),
    "--verify": ("One winner: of 200", "verify", "one-winner-of-200"),
}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock on the wall."""
    monkeypatch.setattr(clock, "now_ns", lambda: NOW_NS)


def test_every_option_is_a_word_of_the_command(
    here: Path, service: Start, capsys: Capture, now: None
) -> None:
    asked = service(submitted)
    words = ["submit", "A title", "--request-id", "r"]
    for flag, (text, _, _) in ALL_OPTIONS.items():
        words += [flag, text]
    words += ["--capability", "gpu", "--capability", "big", "--after", "w-1", "--after", "w-2"]
    words += ["--attempts", "3", "--backoff", "500ms", "--backoff-max", "1m", "--agent", "ada"]
    assert run(words) == 0
    assert capsys.readouterr().out == "w-5\n"
    assert asked.heard[0].body == {
        "request_id": "r", "title": "A title", "capabilities": ["gpu", "big"], "depends_on": ["w-1", "w-2"],
        "retry": {"attempts": 3, "delay_seconds": 0.5, "delay_seconds_max": 60.0}, "not_before_said": "in 5m",
        **{name: value for _, name, value in ALL_OPTIONS.values()},
    }  # fmt: skip
    assert asked.heard[0].headers["coord-actor"] == "ada"
    COMMANDS["submit"].model_validate_json(json.dumps(asked.heard[0].body), strict=True)


def test_a_line_of_json_says_the_same_under_the_same_names(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch, now: None
) -> None:
    asked = service(submitted)
    line: dict[str, Any] = {flag[2:].replace("-", "_"): text for flag, (text, _, _) in ALL_OPTIONS.items()}
    line |= {
        "title": "A title",
        "priority": 9,
        "body": {"path": "x"},
        "capabilities": ["gpu"],
        "after": "w-1",
    }
    line |= {"attempts": 3, "backoff": "500ms", "backoff_max": "1m"}
    feed(monkeypatch, json.dumps(line).encode())
    assert run(["submit", "-", "--request-id", "r"]) == 0
    assert asked.heard[0].body == {
        "request_id": clock.derived_id("r", 1),
        "items": [
            {"title": "A title", "capabilities": ["gpu"], "depends_on": ["w-1"],
             "retry": {"attempts": 3, "delay_seconds": 0.5, "delay_seconds_max": 60.0}, "not_before_said": "in 5m",
             **{name: value for _, name, value in ALL_OPTIONS.values()}},
        ],
    }  # fmt: skip
    COMMANDS["submit-many"].model_validate_json(json.dumps(asked.heard[0].body), strict=True)


@pytest.mark.parametrize(("words", "said"), [
    (["--idempotency-key", "k", "--not-before", " +1H ", "--deadline", "tomorrow 14:02"], {"not_before": "+1h", "deadline": "tomorrow 14:02"}),
    (["--id", "w-5", "--deadline", "2h"], {"deadline": "2h"}),
    (["--idempotency-key", "k", "--not-before", "2026-12-01 14:02", "--deadline", "2026-12-02"], {}),
    (["--not-before", "+1h", "--deadline", "2h"], {}),
])  # fmt: skip
def test_words_that_mean_another_moment_later_go_with_what_can_be_submitted_again(
    here: Path, service: Start, words: list[str], said: dict[str, str]
) -> None:
    asked = service(submitted)
    assert run(["submit", "A title", *words]) == 0
    told = asked.heard[0].body
    assert {name[: -len("_said")]: text for name, text in told.items() if name.endswith("_said")} == said
    COMMANDS["submit"].model_validate_json(json.dumps(told), strict=True)


def test_a_line_takes_back_a_moment_and_its_words(
    here: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = service(submitted)
    feed(
        monkeypatch,
        b'{"title": "x", "id": "w", "deadline": null}\n{"title": "y", "id": "v", "deadline": "3h"}',
    )
    assert run(["submit", "-", "--deadline", "2h"]) == 0
    first, second = asked.heard[0].body["items"]
    assert first == {"title": "x", "item_id": "w"}
    assert second["deadline_said"] == "3h"


def test_a_line_takes_a_concurrency_key_as_it_is_printed(
    here: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = service(submitted)
    feed(monkeypatch, b"".join(
        b'{"title": "x", "concurrency": %s}\n' % said
        for said in (b'{"key":"db","limit":2}', b'{"key": "db"}', b'"db:2"', b'"db"')
    ))  # fmt: skip
    assert run(["submit", "-"]) == 0
    limits = [one["concurrency"] for one in asked.heard[0].body["items"]]
    assert limits == [{"key": "db", "limit": limit} for limit in (2, 1, 2, 1)]


@pytest.mark.parametrize(("said", "sentence"), [
    ('"priority": true', "priority is 'true'; it must be a whole number from 0 to 9."),
    ('"priority": [5, null]', "priority is '[5, null]'; it must be a whole number from 0 to 9."),
    ('"after": [{"id": "e"}]', "after '{\"id\": \"e\"}' is not a name"),
    ('"concurrency": {"key": "db", "limit": true}', "concurrency's limit is 'true'; it must be a whole number from 1"),
    ('"concurrency": {"key": "a b"}', "concurrency's key 'a b' is not a name"),
    ('"concurrency": {"limit": 2}', 'concurrency is {"limit": 2}; it must be KEY, KEY:N or {"key": KEY, "limit": N}.'),
    ('"concurrency": {"key": "db", "most": 2}', 'concurrency is {"key": "db", "most": 2}; it must be KEY'),
])  # fmt: skip
def test_a_sentence_shows_what_a_line_says_as_it_was_written(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, said: str, sentence: str
) -> None:
    feed(monkeypatch, b'{"title": "x", %s}' % said.encode())
    assert run(["submit", "-"]) == 2
    assert capsys.readouterr().err.startswith(f"coord: line 1: {sentence}")


def test_lines_are_one_batch_and_the_options_hold_where_a_line_does_not_say_otherwise(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = service(submitted)
    feed(
        monkeypatch,
        b'One\n\n  \n{"title": "Two", "id": "w-b", "priority": 0, "team": null, "after": ["w-c"], "attempts": 5}\n'
        b'{"title": "Three", "id": "w-c", "idempotency_key": null}\n',
    )
    assert run(["submit", "-", "--priority", "7", "--team", "red", "--attempts", "2", "--backoff", "3s"]) == 0
    assert capsys.readouterr().out == "w-1\nw-b\nw-c\n"
    retry = {"attempts": 2, "delay_seconds": 3.0}
    assert [heard.body["items"] for heard in asked.heard] == [[
        {"title": "One", "priority": 7, "team": "red", "retry": retry},
        {"title": "Two", "item_id": "w-b", "priority": 0, "depends_on": ["w-c"], "retry": {**retry, "attempts": 5}},
        {"title": "Three", "item_id": "w-c", "priority": 7, "team": "red", "retry": retry},
    ]]  # fmt: skip


def test_a_batch_in_json_prints_each_item_as_if_it_were_alone(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    service(submitted)
    feed(monkeypatch, b"One\nTwo\n")
    assert run(["submit", "-", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["status"], one["id"], one["item"]["title"]) for one in told] == [
        ("done", "w-1", "One"), ("done", "w-2", "Two"),
    ]  # fmt: skip


def test_more_lines_than_one_request_takes_go_in_several_asked_again_under_the_same_ids(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = service(submitted)
    for _ in range(2):
        feed(monkeypatch, b"x\n" * (submitting.BATCH_MAX * 2 + 1))
        assert run(["submit", "-", "--request-id", "r"]) == 0
    assert [len(heard.body["items"]) for heard in asked.heard] == [1000, 1000, 1] * 2
    ids = [heard.body["request_id"] for heard in asked.heard]
    assert len(set(ids)) == 3
    assert ids[:3] == ids[3:]
    assert len(capsys.readouterr().out.splitlines()) == 4002


def test_a_batch_is_no_larger_than_a_request_may_be(
    here: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "BATCH_BYTES_MAX", 1_000)
    asked = service(submitted)
    feed(monkeypatch, (b"x" * 190 + b"\n") * 9)
    assert run(["submit", "-"]) == 0
    assert [len(heard.body["items"]) for heard in asked.heard] == [4, 4, 1]


FAULTY = [
    b'{"title": "x", "colour": 1}', b'{"id": "w-1"}', b"{", b'{"title": "x", "id": "a b"}', b"\xff\xfe", b"x" * 201,
    b'{"title": "x", "lease": "soon"}', b'{"title": "x", "verify": ""}', b'{"title": ""}', b'{"title": "a\\u0000b"}',
    b'{"title": "\\ud800"}', b'{"title": null}', b'{"title": "x", "priority": true}', b'{"title": "x", "after": 7.5}',
    b'{"title": "x", "after": [["w"]]}', b'{"title": "x", "backoff": "1s"}', b'{"title": "x", "concurrency": "k:0"}',
    b'{"title": "x", "deadline": "soon"}', b'{"title": "x", "id": "w", "idempotency_key": "k"}',
    b'{"title": "x", "on_stuck": "tell"}', b'{"title": "x", "stuck_after": "1s", "on_stuck": "panic"}',
]  # fmt: skip


@pytest.mark.parametrize("line", FAULTY)
def test_a_faulty_line_is_told_and_nothing_of_its_batch_is_submitted(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    asked = service(submitted)
    feed(monkeypatch, b"One\n" + line + b"\nTwo\n" + line)
    assert run(["submit", "-"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, asked.heard) == ("", [])
    first, second, last = printed.err.splitlines()
    assert first.startswith("coord: line 2: ")
    assert second.startswith("coord: line 4: ")
    assert last == "coord: nothing was submitted; mend this, and send all lines again."


def test_behind_a_batch_that_is_refused_nothing_is_submitted(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(heard: Heard) -> bytes:
        bad = any(one["title"] == "bad" for one in heard.body["items"])
        return refused("dependency_cycle", 4, "a -> b -> a.", "Leave one out.") if bad else submitted(heard)

    monkeypatch.setattr(submitting, "BATCH_MAX", 2)
    asked = service(answer)
    feed(monkeypatch, b"a\n\nb\nbad\nc\nd\ne\n")
    assert run(["submit", "-", "--request-id", "r"]) == 4
    printed = capsys.readouterr()
    assert printed.out == "w-1\nw-2\n"
    first, last = printed.err.splitlines()
    assert first == "coord: lines 4 to 5: a -> b -> a. Leave one out."
    assert last == (
        "coord: 2 items were submitted, up to line 3, and nothing from line 4 on;"
        " mend this, and send the lines from 4 on again, with another --request-id."
    )
    assert len(asked.heard) == 2


def test_a_faulty_line_ends_it_and_what_is_left_can_be_sent_again(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "BATCH_MAX", 1)
    asked = service(submitted)
    lines = [b"a\n", b"{\n", b"c\n", b"d\n"]
    feed(monkeypatch, b"".join(lines))
    assert run(["submit", "-"]) == 2
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("coord: line 2: ")
    assert last == (
        "coord: 1 item was submitted, up to line 1, and nothing from line 2 on;"
        " mend this, and send the lines from 2 on again."
    )
    feed(monkeypatch, b"b\n" + b"".join(lines[2:]))
    assert run(["submit", "-"]) == 0
    assert [one["title"] for heard in asked.heard for one in heard.body["items"]] == ["a", "b", "c", "d"]


def test_a_batch_whose_outcome_is_unknown_is_asked_again_with_all_its_lines(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORD_REQUEST_SECONDS", "0.1")
    monkeypatch.setattr(submitting, "BATCH_MAX", 2)
    asked = service(SILENCE)
    feed(monkeypatch, b"a\nb\nc\n")
    assert run(["submit", "-", "--request-id", "r-7"]) == 6
    told = capsys.readouterr().err
    assert told.startswith("coord: lines 1 to 2: submit-many was sent, and ")
    assert told.endswith("Ask again with the same lines and: --request-id r-7\n")
    assert len(asked.heard) == 1


def test_without_a_server_it_is_told_from_which_line_on_nothing_was_submitted(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, b"a\nb\n")
    assert run(["submit", "-"]) == 5
    assert capsys.readouterr().err.startswith(
        "coord: from line 1 on, nothing was submitted: no coordinator runs"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-", "--id", "w-1"], "--id is for one item."),
        (["-", "--idempotency-key", "k"], "--idempotency-key is for one item."),
        (["-", "--backoff", "1s"], "a rest before the next try is said, and no number of tries. Add --attempts."),
        (["x", "--backoff-max", "1s"], "a rest before the next try is said"),
        (["x", "--attempts", "3", "--backoff", "9s", "--backoff-max", "1s"], "the longest rest is shorter than the first."),
        (["x", "--attempts", "0"], "--attempts is '0'; it must be a whole number from 1 to 100."),
        (["x", "--backoff", "2d", "--attempts", "2"], "--backoff is '2d'; it must be a time from 0s to 24h"),
        (["x", "--on-stuck", "tell"], "what happens to a stuck item is said, and not when it is stuck."),
        (["x", "--stuck-after", "1m", "--on-stuck", "panic"], "--on-stuck is 'panic'; it must be one of tell, reassign."),
        (["x", "--id", "w", "--idempotency-key", "k"], "an item has an id, or one made of its idempotency key."),
        (["x", "--idempotency-key", "k" * 201], "--idempotency-key has 201 characters"),
        (["x", "--concurrency", "a b:2"], "--concurrency's key 'a b' is not a name"),
        (["x", "--concurrency", "k:many"], "--concurrency's limit is 'many'"),
        (["x", "--after", "a b"], "--after 'a b' is not a name"),
        (["x", "--deadline", "yesterday 14:02"], "--deadline is 'yesterday 14:02', which names no moment to come."),
        (["x", "--not-before", "#5"], "--not-before is '#5', which names no moment to come."),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told_before_anything_is_sent(
    here: Path, capsys: Capture, words: list[str], sentence: str
) -> None:
    assert run(["submit", *words]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"coord: {sentence}")
    assert printed.err.count("\n") == 1


def test_one_attempt_is_said_as_such_and_none_is_left_to_the_default(here: Path, service: Start) -> None:
    asked = service(submitted)
    assert run(["submit", "x", "--attempts", "1"]) == 0
    assert run(["submit", "x", "--idempotency-key", "nightly/2026-11-29"]) == 0
    assert asked.heard[0].body["retry"] == {"attempts": 1}
    assert asked.heard[1].body["idempotency_key"] == "nightly/2026-11-29"
    assert "retry" not in asked.heard[1].body
