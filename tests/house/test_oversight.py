"""Runs, alerts and directives on a real house: the trainer publishes, people look, answer and direct."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from command_line import RUN_SECONDS
from houses import House, until

from coord.events import run
from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.model import Event
from coord.services import client, clock
from coord.services.log import Log
from coord.services.settings import Settings

RUN = "tiny-gpt-1"


def publish(house: House, *events: Event) -> int:
    """Publish events of the run as its trainer does, and return the last position once it is folded in."""

    async def tell() -> int:
        log = await Log.connect(Settings(data=house.folder.root), house.folder, "trainer", "test")
        position = 0
        for event in events:
            kind = kind_of(event)
            envelope = Envelope(clock.new_id(), kind.type, "/tests", clock.rfc3339(clock.now_ns()))
            position = await log.publish(f"ev.local.run.{RUN}", envelope, event)
        await log.close()
        return position

    position = asyncio.run(tell())
    until(lambda: house.ask("runs")["as_of"]["position"] >= position)
    return position


def metrics(sequence: int, step: int, **values: Any) -> run.RunMetricsRecorded:
    points = (run.Point(step=step, values=values),)
    return run.RunMetricsRecorded(writer="w", writer_sequence=sequence, points=points)


def tell(house: House, verb: str, **fields: Any) -> dict[str, Any]:
    return client.tell(house.folder, verb, {"request_id": clock.new_id(), **fields}, "grace", RUN_SECONDS)


def shown(house: House) -> Any:
    return house.ask("runs", RUN)["rows"][0]


@contextmanager
def directing(house: House, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Direct the run and wait for its answer, in a process of its own."""
    process = house.cli.start("direct", RUN, *words, "--wait", "--json", "--agent", "grace")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def answered(house: House, kind: type, **fields: Any) -> None:
    """Answer the newest directive as soon as it is there."""
    found = until(lambda: [one for one in shown(house)["directives"] if one["status"] == "issued"])
    publish(
        house, kind(directive_id=found[0]["id"], directive_position=found[0]["position"], step=1004, **fields)
    )


def test_a_watched_run_is_seen_noticed_and_directed(house: House) -> None:
    assert house.ask("runs")["rows"] == house.ask("alerts")["rows"] == []
    assert house.cli.run("runs", RUN).code == 4
    assert house.cli.run("direct", RUN, "pause").code == 4
    position = publish(
        house,
        run.RunStarted(name="tiny"),
        metrics(0, 999, loss=2.3, learning_rate=3e-4),
        metrics(1, 1000, loss=2.5, batch=1000),
    )
    evidence = [{"stream": "EVENTS", "position": position}]
    tell(
        house, "raise", alert_id="a-1", rule="seen-by-eye", entity_kind="run", entity=RUN, severity="critical",
        summary="the loss looks odd", evidence=evidence,
    )  # fmt: skip
    told = tell(
        house, "direct", entity=RUN, action="roll_back", parameters={"before_step": 900}, reason="damaged", alert="a-1"
    )  # fmt: skip
    publish(
        house,
        run.RunDirectiveApplied(directive_id=told["id"], directive_position=told["position"], step=1001),
        metrics(2, 901, loss=2.4),
    )
    row = until(lambda: found if (found := shown(house))["step"] == 901 else None)
    assert row["latest"] == {"loss": 2.4, "learning_rate": 3e-4, "batch": 1000.0}
    assert [(one["id"], one["status"], one["step"]) for one in row["directives"]] == [
        (told["id"], "applied", 1001)
    ]
    assert row["directives"][0]["answered_seconds"] > 0
    lines = house.cli.run("alerts").out.splitlines()
    assert lines[0].startswith("1 active")
    assert "roll_back applied at 1001" in lines[2]
    assert house.cli.run("runs", RUN).out.startswith(f"{RUN}  running  step 901")
    assert "critical: the loss looks odd" in house.cli.run("health", "--explain", f"run:{RUN}").out

    assert house.cli.run("ack", "a-1", "--agent", "grace", "--note", "looking").out == "a-1  acknowledged\n"
    assert house.cli.run("ack", "a-1").out == "a-1  acknowledged (already)\n"
    assert house.cli.run("silence", "a-1", "--for", "1h").code == 0
    (noticed,) = until(lambda: house.ask("alerts", "--status", "acknowledged")["rows"])
    assert 3_500 < until(lambda: house.ask("alerts")["rows"][0].get("silenced_seconds")) <= 3_600
    assert noticed["by"] is not None
    tell(house, "resolve", alert_id="a-1", reason="it looks well again")
    assert (
        until(lambda: house.ask("alerts", "--status", "resolved")["rows"])[0]["reason"]
        == "it looks well again"
    )
    assert house.cli.run("ack", "a-1").code == house.cli.run("silence", "a-1", "--for", "1h").code == 4
    assert house.cli.run("ack", "a-9").code == 4


def test_a_person_directs_a_run_and_hears_what_it_did(house: House) -> None:
    publish(house, run.RunStarted(name="tiny"), metrics(0, 1003, loss=2.3))
    with directing(house, "checkpoint_now") as process:
        answered(house, run.RunDirectiveApplied, note="written")
        out, err = process.communicate(timeout=RUN_SECONDS)
        assert process.returncode == 0, err
        assert json.loads(out)["answered"]["answer"] == "written"
    with directing(house, "roll_back", "--before-step", "5") as process:
        answered(house, run.RunDirectiveRefused, reason="there is no such checkpoint")
        out, err = process.communicate(timeout=RUN_SECONDS)
        assert process.returncode == 4, err
        assert json.loads(out)["answered"]["status"] == "refused"
    late = house.cli.run("direct", RUN, "pause", "--live", "1s", "--wait")
    assert (late.code, late.out.split()[1:]) == (3, ["pause", "issued"])
    asked = house.ask("direct", RUN, "stop", "--reason", "enough")["id"]
    assert house.cli.run("withdraw", RUN, asked, "--reason", "a mistake").out == f"{asked}  withdrawn\n"
    assert house.cli.run("withdraw", RUN, asked).out == f"{asked}  withdrawn (already)\n"
    assert house.cli.run("withdraw", RUN, "d-none").code == 4
    assert until(lambda: [one for one in shown(house)["directives"] if one["status"] == "withdrawn"])
    assert house.cli.run("direct", RUN, "drain").code == 4
    with directing(house, "resume") as process:
        issued = until(lambda: [one for one in shown(house)["directives"] if one["action"] == "resume"])
        assert house.cli.run("withdraw", RUN, issued[0]["id"], "--reason", "no").code == 0
        process.communicate(timeout=RUN_SECONDS)
        assert process.returncode == 4
