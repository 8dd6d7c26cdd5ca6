"""The verbs of the closed loop that look and take notice: alerts, ack, silence and runs."""

import io
import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_loop import alert, alerts, asked, noticed, one_run, runs
from scripted_service import Heard, Service, refused

from coord.services import clock
from coord.services.cli import call
from coord.services.cli.checks import check_watchdog
from coord.services.cli.main import run
from coord.services.folder import Folder

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]
UNKNOWN = refused("unknown_id", reason="there is no alert a-9.", hint="coord alerts lists what there is.")


def test_alerts_are_listed_with_what_was_directed_and_what_came_of_it(
    here: Path, projector: Start, capsys: Capture
) -> None:
    several = [asked(status="applied", step=1203), asked("d-0", "refused", step=1100)]
    heard = projector(
        alerts(
            alert("a-2", severity="critical", directives=several, silenced_seconds=3_000.0),
            alert(directives=[asked()]),
            alert("a-3", severity="info", status="acknowledged", entity_kind="node", entity="n1"),
            alert("a-4", status="resolved", directives=[asked(age_seconds=61.0)]),
            active=2, acknowledged=1, resolved=5,
        )
    ).heard  # fmt: skip
    assert run(["alerts", "--entity", "r1", "--limit", "9"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 active · 1 acknowledged · 5 resolved   as of position 9"
    assert [line.split() for line in lines[1:2]] == [
        ["ALERT", "SEVERITY", "STATUS", "AGE", "ABOUT", "RULE", "DIRECTED", "SUMMARY"]
    ]
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[2:]]
    assert [row[:5] for row in rows] == [
        ["a-2", "critical", "active, silent 50m", "90s", "run:r1"],
        ["a-1", "warning", "active", "90s", "run:r1"],
        ["a-3", "info", "acknowledged", "90s", "node:n1"],
        ["a-4", "warning", "resolved", "90s", "run:r1"],
    ]
    assert [row[6] for row in rows] == [
        "roll_back applied at 1203 (+1)", "roll_back asked 12s ago", "-", "roll_back not answered",
    ]  # fmt: skip
    assert rows[0][7] == "the loss rose \\x1b[2J"
    assert heard[0].body == {"entity": "r1", "limit": 9}


@pytest.mark.parametrize(
    ("words", "counts", "told", "talk"),
    [
        ([], {}, "no alerts", "nobody has raised an alert yet."),
        (["--status", "open"], {"resolved": 2}, "2 resolved", "no alert is open."),
        (["--entity", "r9"], {"active": 1}, "1 active", "there is no alert about r9."),
        (
            ["--entity", "r9", "--status", "active"],
            {"active": 1},
            "1 active",
            "no alert about r9 is active.",
        ),
    ],
)
def test_where_no_alert_is_that_is_said(
    here: Path, projector: Start, capsys: Capture, words: list[str], counts: dict[str, int], told: str, talk: str
) -> None:  # fmt: skip
    projector(alerts(**counts))
    assert run(["alerts", *words]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{told}   as of position 9\n"
    assert shown.err == f"coord: {talk}\n"


def test_alerts_in_json_are_the_answer_itself(here: Path, projector: Start, capsys: Capture) -> None:
    projector(alerts(alert(), active=1))
    assert run(["alerts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["id"] == "a-1"


def test_who_takes_notice_is_the_agent_or_else_the_user(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = service(noticed()).heard
    assert run(["ack", "a-1", "--note", "looking", "--request-id", "r"]) == 0
    assert run(["ack", "a-1", "--agent", "ada"]) == 0
    monkeypatch.setenv("COORD_AGENT", "bob")
    assert run(["ack", "a-1"]) == 0
    assert capsys.readouterr().out == "a-1  acknowledged\n" * 3
    me = call.user_name()
    assert heard[0].body == {"request_id": "r", "alert_id": "a-1", "by": me, "note": "looking"}
    assert [one.body["by"] for one in heard[1:]] == ["ada", "bob"]
    assert [one.headers["coord-actor"] for one in heard] == [me, "ada", "bob"]
    assert all(one.verb == "acknowledge" for one in heard)


def test_a_user_name_is_made_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    user = list(pwd.getpwuid(os.getuid()))

    def named(name: str) -> str:
        monkeypatch.setattr(pwd, "getpwuid", lambda _: pwd.struct_passwd([name, *user[1:]]))
        return call.user_name()

    assert named("ada.l@home") == "ada-l-home"
    assert named("a" * 99) == "a" * 64

    def nobody(uid: int) -> Any:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert call.user_name() == f"user-{os.getuid()}"


def test_silence_names_the_moment_until_which(here: Path, service: Start, capsys: Capture) -> None:
    heard = service(noticed("active")).heard
    before_ns = clock.now_ns()
    assert run(["silence", "a-1", "--for", "2h", "--reason", "known", "--agent", "ada"]) == 0
    assert capsys.readouterr().out == "a-1  active  silenced for 2h\n"
    body = heard[0].body
    assert (body["by"], body["reason"], heard[0].verb) == ("ada", "known", "silence")
    assert 7_200 <= (body["until_ns"] - before_ns) / 1e9 < 7_300


def test_alerts_may_come_from_stdin_and_the_highest_exit_code_counts(
    here: Path, service: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b'a-1  warning\n{"id": "a-9"}\n'
    monkeypatch.setattr("sys.stdin", type("Input", (), {"buffer": io.BytesIO(lines)})())
    heard = service(lambda heard: UNKNOWN if heard.body["alert_id"] == "a-9" else noticed(already=True)).heard
    assert run(["ack", "-", "--agent", "ada"]) == 4
    shown = capsys.readouterr()
    assert shown.out == "a-1  acknowledged (already)\n"
    assert shown.err == "coord: line 2: there is no alert a-9. coord alerts lists what there is.\n"
    assert len({one.body["request_id"] for one in heard}) == 2


def test_runs_are_listed(here: Path, projector: Start, capsys: Capture) -> None:
    latest = {"loss": 2.345678, "canary_loss": 2.5, "learning_rate": 3e-4, "tokens_per_second": 12_345.6}
    full = one_run(
        latest=latest, score=82.5, checkpoint_step=1_000, node="n1", directives=[asked(status="applied", step=9)]
    )  # fmt: skip
    bare = one_run("r2", status="failed", name="big \x1b[2J", latest={"loss": "nan"})
    heard = projector(runs(full, bare)).heard
    assert run(["runs", "--limit", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 of 2 runs running   as of position 9"
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[2:]]
    assert rows[0] == [
        "r1", "running", "82", "1203", "2.3457", "2.5", "0.0003", "12346", "1000", "roll_back applied at 9",
        "5m", "0.5s", "n1", "tiny",
    ]  # fmt: skip
    assert rows[1] == [
        "r2", "failed", "-", "1203", "nan", *"-" * 5, "5m", "0.5s", "-", "big \\x1b[2J",
    ]  # fmt: skip
    assert heard[0].body == {"limit": 5}


def test_a_run_that_runs_may_be_paused(here: Path, projector: Start, capsys: Capture) -> None:
    paused = {"paused": 1.0}
    projector(runs(one_run(latest=paused), one_run("r2", status="stopped", latest=paused)))
    assert run(["runs"]) == 0
    shown = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert shown[2:] == [["r1", "paused"], ["r2", "stopped"]]


def test_a_run_that_obeyed_a_pause_is_paused_also_where_it_tells_no_such_figure(
    here: Path, projector: Start, capsys: Capture
) -> None:
    obeyed = asked(action="pause", parameters={}, status="applied", step=1203, answered_seconds=0.1)
    projector(runs(one_run(directives=[obeyed]), one_run("r2", directives=[{**obeyed, "step": 9}])))
    assert run(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 of 2 runs running, 1 paused   as of position 9"
    assert [line.split()[:2] for line in lines[2:]] == [["r1", "paused"], ["r2", "running"]]


def test_where_nothing_was_trained_that_is_said(here: Path, projector: Start, capsys: Capture) -> None:
    projector(runs())
    assert run(["runs"]) == 0
    assert "nothing was trained yet" in capsys.readouterr().err


def one_in_full(heard: Heard) -> bytes:
    if heard.verb == "alerts":
        node = alert("a-node", entity_kind="node")
        return alerts(alert(summary="the loss rose"), node, active=2)
    checkpoints = [
        {"step": step, "path": f"checkpoints/{step}", "size_bytes": 2**20, "write_seconds": 0.05, "age_seconds": 9.0}
        for step in range(900, 0, -100)
    ]  # fmt: skip
    directives = [
        asked(status="applied", step=1203, answered_seconds=0.042, answer="to step 750", alert="a-1"),
        asked("d-0", action="skip_batch", parameters={"batches": [7, 8]}),
    ]
    row = one_run(
        starts=2, latest={"zeta": 1.0, "loss": 2.5, "canary_loss": "inf"}, score=70.0,
        checkpoints=checkpoints, directives=directives, out_of_memory=3, agent="ada", reason="so", left_out=5, left_out_step=1200,
    )  # fmt: skip
    return runs(row)


def test_a_paused_run_has_no_speed(here: Path, projector: Start, capsys: Capture) -> None:
    latest = {"loss": 2.0, "tokens_per_second": 12_345.0, "paused": 1.0}
    projector(lambda heard: alerts() if heard.verb == "alerts" else runs(one_run(latest=latest)))
    assert run(["runs"]) == 0
    shown = capsys.readouterr().out
    assert "paused" in shown
    assert "12345" not in shown
    assert run(["runs", "r1"]) == 0
    assert "\nlatest, before it was paused\n" in capsys.readouterr().out


def test_one_run_is_shown_in_full(here: Path, projector: Start, capsys: Capture) -> None:
    heard = projector(one_in_full).heard
    assert run(["runs", "r1"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "r1 running: so step 1203 as of position 9"
    for line in (
        "started 5m ago, begun 2 times",
        "failed allocations 3",
        "updates left out 5, the last at step 1,200",
        "health 70",
        "d-1 12s roll_back before_step 900 applied at 1203 42 ms to step 750 the canary rose a-1",
        "d-0 12s skip_batch batches 7,8 asked 12s ago - - the canary rose -",
        "checkpoints, the last 5 of 9",
        "900 9s 1.0 MiB 50 ms checkpoints/900",
        "a-1 warning active 90s loss-spike - the loss rose",
    ):
        assert line in lines
    place = lines.index("latest")
    assert lines[place + 1 : place + 4] == ["loss 2.5", "canary_loss inf", "zeta 1"]
    assert not any(line.startswith(("not finite", "a-node", "400 ")) for line in lines)
    assert [one.body for one in heard] == [{"run": "r1"}, {"entity": "r1"}]


def test_one_run_in_json_has_its_alerts_beside_it(here: Path, projector: Start, capsys: Capture) -> None:
    projector(one_in_full)
    assert run(["runs", "r1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["run"] for row in told["rows"]] == ["r1"]
    assert [row["id"] for row in told["alerts"]] == ["a-1"]


def test_a_run_that_nobody_knows_is_refused(here: Path, projector: Start, capsys: Capture) -> None:
    projector(refused("unknown_id", reason="there is no run r9."))
    assert run(["runs", "r9"]) == 4
    assert capsys.readouterr().err.startswith("coord: there is no run r9.")


def test_doctor_says_who_watches_where_a_house_is_up(here: Path, projector: Start) -> None:
    folder = Folder(here)
    assert list(check_watchdog(folder)) == []

    def states(pid: int, **states: str) -> list[tuple[str, str]]:
        folder.write_json({"pid": pid, "states": states}, "up.json")
        return [(finding.verdict, finding.words) for finding in check_watchdog(folder)]

    me = os.getpid()
    assert states(0, watchdog="serving") == []
    assert states(me, projector="serving") == [("warn", "nobody here watches runs and machines")]
    assert states(me, watchdog="failed") == []
    projector(alerts(active=2, acknowledged=1, resolved=9))
    assert states(me, watchdog="serving") == [("ok", "it watches; 2 alerts are active, 1 acknowledged")]
