"""The command line as a process: streams that are closed, signals, terminals, limits; and what it imports."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import COORD, UNMEASURED, Cli, stopped_by
from ptys import in_terminal
from scripted_service import AS_OF, SILENCE, Service, done, said, streamed

from coord.services.cli.surface import HEAVY, VERBS

Start = Callable[..., Service]
HEAVY_MODULES = {
    "asyncio", "click", "dataclasses", "dataclasses_json", "duckdb", "email", "faststream", "http", "http.client",
    "inspect", "msgspec", "nats", "nanoarrow", "numpy", "pathlib", "psutil", "pydantic", "requests", "rich", "ssl",
    "subprocess", "textual", "threading", "tomllib", "typer", "uvicorn", "urllib.request", "uuid",
}  # fmt: skip
LIGHT: dict[str, list[str]] = {
    "submit": ["submit", "x"], "claim": ["claim", "--agent", "a1"], "show": ["show", "w-1"], "board": ["board"],
    "progress": ["progress", "w-1", "--agent", "a1"], "complete": ["complete", "w-1", "--agent", "a1"],
    "fail": ["fail", "w-1", "--agent", "a1"], "release": ["release", "w-1", "--agent", "a1"],
    "cancel": ["cancel", "w-1"], "block": ["block", "w-1"], "unblock": ["unblock", "w-1"], "mine": ["mine", "--agent", "a1"],
    "requeue": ["requeue", "w-1"], "reopen": ["reopen", "w-1"], "reprioritise": ["reprioritise", "w-1", "--priority", "9"],
    "depend": ["depend", "w-1", "--on", "w-2"], "why": ["why", "w-1"], "wait": ["wait", "w-1", "--timeout", "1s"],
    "drain": ["drain", "a1"], "evict": ["evict", "a1"], "team": ["team", "red", "--wip", "2"], "stats": ["stats"],
    "register": ["register", "a1"], "heartbeat": ["heartbeat", "a1"],
    "retire": ["retire", "a1"], "agents": ["agents"], "nodes": ["nodes"], "top": ["top"], "health": ["health"],
    "history": ["history", "w-1"], "deadletters": ["deadletters"],
    "runs": ["runs"], "alerts": ["alerts"], "ack": ["ack", "a-1"], "silence": ["silence", "a-1", "--for", "1h"],
    "direct": ["direct", "r1", "pause"], "withdraw": ["withdraw", "r1", "d-1"],
    "weigh": ["weigh", "backlog", "--usual"], "metrics": ["metrics"], "compare": ["compare", "r1", "r2"],
    "plot": ["plot", "r1"], "events": ["events"], "man": ["man"], "completion": ["completion", "bash"],
}  # fmt: skip


SPREAD = {"count": 1, "mean": 0.1, "p50": 0.1, "p90": 0.1, "p99": 0.1, "max": 0.1}
FLOW: dict[str, Any] = {
    "throughput": {"claimed": {"count": 1, "per_minute": 1.0, "bins": [0, 1]}}, "since_ns": 0, "until_ns": 10**9,
    **dict.fromkeys(("wait", "cycle", "lead"), SPREAD), "causes": {}, "items": {"open": 1}, "agents": [],
}  # fmt: skip


def reply(heard: Any) -> bytes:
    agent = {"agent": "a1", "incarnation": 3, "status": "active"}
    document = json.loads(done(status="completed").partition(b"\r\n\r\n")[2])
    explanation = {"item": {"id": "w-1", "title": "T", "place": 0, "waits_for": ["w-2"]}}
    return said(
        {**document, "agent": agent, "items": [document["item"]], "explanation": explanation, "points": 1}
    )


def answer(heard: Any) -> bytes:
    item = json.loads(done().partition(b"\r\n\r\n")[2])["item"]
    base = {
        "as_of": AS_OF,
        "rows": [],
        "total": 0,
        "counts": {},
        "events": [],
        "score": 100.0,
        "entity": "system",
        "item": item,
        **FLOW,
    }
    line = {"metric": "loss", "steps": [0, 1], **{key: [2.0, 1.0] for key in ("lowest", "highest", "last")}}
    curve = {
        "run": "r1",
        "name": "r1",
        "status": "running",
        "lines": [line],
        "marks": [],
        "metrics": ["loss"],
    }
    if heard.verb == "runs" and heard.body.get("run"):
        base["rows"] = [
            {
                "run": "r1",
                "name": "r1",
                "status": "running",
                "step": 1,
                "starts": 1,
                "age_seconds": 1,
                "silent_seconds": 0,
            }
        ]
    return said({**base, **curve, "submitted_at_ns": 1, "changed_at_ns": 1})


def test_every_verb_is_light_or_known_to_be_heavy() -> None:
    assert VERBS.keys() == LIGHT.keys() | HEAVY


@pytest.mark.parametrize("words", LIGHT.values(), ids=list(LIGHT))
def test_a_light_command_imports_nothing_heavy(
    cli: Cli, service: Start, projector: Start, words: list[str]
) -> None:
    service(reply)
    projector(answer)
    script = (
        "import sys; from coord.services.cli.main import run; code = run(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    python = Path(COORD).with_name("python")
    done = subprocess.run(
        [python, "-c", script, *words], env=cli.environment | UNMEASURED, cwd=cli.home, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == (3 if words[0] == "mine" else 0), done.stderr
    loaded = set(done.stderr.splitlines()[-1].split())
    assert loaded & HEAVY_MODULES == set()
    assert len(loaded) < 130


def test_a_reader_that_goes_away_ends_a_command_quietly(cli: Cli, projector: Start) -> None:
    row = {
        "position": 1,
        "recorded_at_ns": 0,
        "subject": "ev.l.work.w",
        "type": "work.claimed.v2",
        "fields": {},
    }
    projector(streamed(*[row] * 5_000))
    process = cli.start("tail", "--from", "1", "--until", "now", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_reader_that_was_gone_before_is_no_different(cli: Cli, service: Start, projector: Start) -> None:
    service(said({"status": "leading"}))
    projector(answer)
    reading, writing = os.pipe()
    os.close(reading)
    ran = cli.run("board", stdout=writing)
    os.close(writing)
    assert (ran.code, ran.err) == (141, "")


@pytest.mark.parametrize("words", [["board"], ["board", "--json"], ["--help"], ["schema"]])
def test_a_full_disk_is_told_and_is_no_success(cli: Cli, projector: Start, words: list[str]) -> None:
    projector(answer)
    with open("/dev/full", "wb") as full:
        ran = cli.run(*words, stdout=full)
    assert ran.code == 1
    assert ran.err.splitlines()[-1] == "coord: the output cannot be written: No space left on device."
    assert all(line.startswith("coord: ") for line in ran.err.splitlines())


def closed(*streams: int) -> Callable[[], None]:
    def close() -> None:
        for stream in streams:
            os.close(stream)

    return close


@pytest.mark.parametrize(("streams", "code"), [((1,), 0), ((2,), 0), ((0,), 0), ((0, 1, 2), 0)])
def test_closed_streams_are_no_reason_to_fail(
    cli: Cli, projector: Start, streams: tuple[int, ...], code: int
) -> None:
    projector(answer)
    process = cli.start("board", preexec_fn=closed(*streams))
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert b"Traceback" not in out + err


def test_an_error_without_a_stderr_is_still_an_exit_code(cli: Cli) -> None:
    assert cli.run("claim", "--agent", "", preexec_fn=closed(2)).code == 2


def test_ctrl_c_ends_a_command_quietly(cli: Cli, projector: Start) -> None:
    asked = projector(SILENCE)
    process = cli.start("tail", "--from", "1")
    assert asked.asked.wait(30)
    ran = stopped_by(process, signal.SIGINT)
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_ctrl_c_in_a_command_that_was_sent_names_the_request(cli: Cli, service: Start) -> None:
    asked = service(SILENCE)
    process = cli.start("claim", "--agent", "a1", "--request-id", "r-1")
    assert asked.asked.wait(30)
    ran = stopped_by(process, signal.SIGINT)
    assert ran.code == 130
    assert "--request-id r-1" in ran.err
    assert ran.err.count("\n") == 1


def test_sigterm_ends_a_command_as_it_ends_any(cli: Cli, projector: Start) -> None:
    asked = projector(SILENCE)
    process = cli.start("tail", "--from", "1")
    assert asked.asked.wait(30)
    ran = stopped_by(process, signal.SIGTERM)
    assert (ran.code, ran.err) == (-signal.SIGTERM, "")


BOARD = {
    "as_of": AS_OF, "counts": {"claimed": 1},
    "rows": [{"id": "w-1", "title": "T" * 100 + "\x1b[2J", "status": "claimed", "priority": 5, "age_seconds": 1.0,
              "state_seconds": 1.0}],
}  # fmt: skip


def test_in_a_terminal_a_table_fits_has_colour_and_says_that_it_was_cut(cli: Cli, projector: Start) -> None:
    projector(said(BOARD))
    shown = in_terminal(cli, "board", 60, {"TERM": "xterm"})
    plain = re.sub(r"\x1b\[[0-9]*m", "", shown)
    assert "\x1b[36mclaimed\x1b[0m" in shown
    assert "\x1b" not in plain
    assert "…" in plain
    assert max(map(len, plain.splitlines()[1:3])) <= 60
    assert "cut to the width of this terminal" in plain


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1", "TERM": "xterm", "FORCE_COLOR": "1"}, {"TERM": "dumb"}]
)
def test_where_colour_is_not_welcome_there_is_none(
    cli: Cli, projector: Start, environment: dict[str, str]
) -> None:
    projector(said(BOARD))
    assert "\x1b" not in in_terminal(cli, "board", 80, environment)


@pytest.mark.parametrize("given", ["999999", "-5", "٣", "9" * 400])
def test_a_nonsensical_width_harms_nobody(cli: Cli, projector: Start, given: str) -> None:
    projector(said(BOARD))
    assert "w-1" in in_terminal(cli, "board", 80, {"COLUMNS": given})


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "0"}, {"FORCE_COLOR": "1", "NO_COLOR": "1"}])
def test_in_a_pipe_nothing_is_cut_and_nothing_is_coloured(
    cli: Cli, projector: Start, environment: dict[str, str]
) -> None:
    projector(said(BOARD))
    ran = cli.run("board", environment={"COLUMNS": "40", "TERM": "xterm"} | environment)
    assert "T" * 100 + "\\x1b[2J" in ran.out
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        ([], {"FORCE_COLOR": "1", "COLUMNS": "40"}),
        ([], {"CLICOLOR_FORCE": "1"}),
        (["--color", "always"], {"NO_COLOR": "1"}),
        (["--color=always"], {"TERM": "dumb"}),
    ],
)
def test_colours_can_be_forced_into_a_pipe_where_still_nothing_is_cut(
    cli: Cli, projector: Start, words: list[str], environment: dict[str, str]
) -> None:
    projector(said(BOARD))
    ran = cli.run("board", *words, environment=environment)
    assert "\x1b[36mclaimed\x1b[0m" in ran.out
    assert "T" * 100 in ran.out


def test_a_pipe_that_is_for_eyes_is_fitted_to_columns(cli: Cli, projector: Start) -> None:
    projector(said(BOARD))
    ran = cli.run("board", "--color", "always", environment={"COLUMNS": "50"})
    assert "…" in ran.out
    assert max(len(re.sub(r"\x1b\[[0-9]*m", "", line)) for line in ran.out.splitlines()) <= 50


def test_colours_can_be_refused(cli: Cli, projector: Start) -> None:
    projector(said(BOARD))
    shown = in_terminal(cli, "board", 80, {"TERM": "xterm", "FORCE_COLOR": "1"}, "--color", "never")
    assert "\x1b" not in shown
    assert cli.run("board", "--color", "purple").code == 2


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "xx_YY.nonsense"])
def test_a_poor_locale_harms_nobody(cli: Cli, projector: Start, locale: str) -> None:
    projector(said({**BOARD, "rows": [{**BOARD["rows"][0], "title": "日本語 für"}]}))  # type: ignore[index]
    environment = {"LANG": locale, "LC_ALL": locale, "PYTHONIOENCODING": "ascii"}
    ran = cli.run("board", environment=environment)
    assert ran.code == 0
    assert "\\u65e5" in ran.out


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xed\xa0\x80"])
@pytest.mark.parametrize(
    "words", [["claim", b"@", "--agent", "a1"], ["submit", b"@"], ["complete", "w", "--agent", b"@"], [b"@"],
              ["submit", "x", "--body", b'"@"'], ["board", b"--@"]],
)  # fmt: skip
def test_words_that_are_no_unicode_are_usage_errors(cli: Cli, words: list[str | bytes], raw: bytes) -> None:
    given = [word.replace(b"@", raw) if isinstance(word, bytes) else word for word in words]
    ran = cli.run(*given)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("coord: ")
    assert ran.err.count("\n") == 1
    assert ran.err.rstrip("\n").isprintable()


def test_a_data_folder_may_have_a_name_that_is_no_unicode(cli: Cli, tmp_path: Path) -> None:
    ran = cli.run("board", "--data", bytes(tmp_path) + b"/\xff\x1b")
    assert ran.code == 5
    assert ran.err.rstrip("\n").isprintable()


def test_the_module_can_be_run_too(cli: Cli) -> None:
    python = str(Path(COORD).with_name("python"))
    ran = subprocess.run([python, "-m", "coord.services.cli.main", "--version"], env=cli.environment, check=False,
                         capture_output=True, text=True, timeout=30)  # fmt: skip
    assert ran.stdout.startswith("coord ")
