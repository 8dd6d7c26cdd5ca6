"""Waiting, and workers that hold claims for commands."""

import json
import signal
import subprocess
from pathlib import Path

from command_line import RUN_SECONDS
from features.scene import SHORT_LEASE, Scene
from houses import until
from pytest_bdd import given, parsers, then, when

from coord.events.errors import Exit
from coord.services import clock
from coord.services.client import health
from coord.services.folder import COORDINATOR_SOCKET

AT_ONCE_SECONDS = 1.0


def _begin(scene: Scene, name: str, *words: str) -> "subprocess.Popen[bytes]":
    """Begin a command whose output is read later."""
    path = scene.root / f"{name}.out"
    with path.open("wb") as out:
        process = scene.house.cli.start(*words, stdout=out, stderr=subprocess.STDOUT)
    scene.ending.callback(_end, process)
    scene.kept[name] = (process, path)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _waits(scene: Scene) -> bool:
    """Tell whether the coordinator has somebody waiting."""
    return bool(health(scene.house.folder, COORDINATOR_SOCKET, RUN_SECONDS)["patient"])


@when(parsers.parse("{agent:w} waits for whatever is best"))
def wait_for_best(scene: Scene, agent: str) -> None:
    scene.act(agent, "claim", "--wait", "20s")


@when(parsers.parse("{agent:w} waits one second for whatever comes"))
def wait_a_second(scene: Scene, agent: str) -> None:
    scene.act(agent, "claim", "--wait", "1s")


@given(parsers.parse("{agent:w} waits for whatever comes"))
def waits(scene: Scene, agent: str) -> None:
    _begin(scene, agent, "claim", "--wait", "60s", "--agent", agent, "--json")
    until(lambda: _waits(scene))


@when(parsers.parse('somebody submits "{title}"'))
def submit(scene: Scene, title: str) -> None:
    scene.submit(title)
    scene.kept["submitted"] = clock.monotonic()


@then(parsers.parse('{agent:w} is given "{title}" within a second'))
def is_given(scene: Scene, agent: str, title: str) -> None:
    process, path = scene.kept[agent]
    assert process.wait(RUN_SECONDS) == Exit.DONE
    assert clock.monotonic() - scene.kept["submitted"] < AT_ONCE_SECONDS
    assert json.loads(path.read_text())["id"] == scene.item(title)


@when(parsers.parse("{agent:w} is interrupted"))
def interrupt(scene: Scene, agent: str) -> None:
    process, _ = scene.kept[agent]
    process.send_signal(signal.SIGINT)
    process.wait(RUN_SECONDS)
    until(lambda: not _waits(scene))


@given("somebody waits for it")
def somebody_waits(scene: Scene) -> None:
    _begin(scene, "somebody", "wait", scene.it, "--timeout", "60s")
    until(lambda: _waits(scene))


@then(parsers.parse("the wait ends, and tells that it is {status:w}"))
def wait_ends(scene: Scene, status: str) -> None:
    process, path = scene.kept["somebody"]
    assert process.wait(RUN_SECONDS) == Exit.DONE
    assert f"{scene.it}  {status}" in path.read_text()


@when(parsers.parse('a worker runs "{line}" for each item'))
def work_on_each(scene: Scene, line: str) -> None:
    words = ("work", "--agent", "worker", "--exec", line, "--idle", "1s")
    scene.last = scene.house.cli.run(*words)
    assert scene.last.code in (Exit.DONE, Exit.WANTING), scene.last


@given(parsers.parse('a worker runs "{line}" for it'))
def runs(scene: Scene, line: str) -> None:
    _run(scene, line)


@given(parsers.parse('a worker runs "{line}" for it, under a lease of one second'))
def runs_shortly(scene: Scene, line: str) -> None:
    _run(scene, line, "--lease", SHORT_LEASE)


def _run(scene: Scene, line: str, *words: str) -> None:
    """Have a worker run a command that first writes its process id."""
    pid = scene.root / "command.pid"
    shell = f"echo $$ >{pid}.new && mv {pid}.new {pid} && exec {line}"
    _begin(scene, "worker", "run", scene.it, "--agent", "worker", *words, "--", "sh", "-c", shell)
    scene.kept["pid"] = int(until(lambda: pid.exists() and pid.read_text().strip()))


@when(parsers.parse('the worker is put out, because "{reason}"'))
def evict_worker(scene: Scene, reason: str) -> None:
    scene.house.ask("evict", "worker", "--reason", reason)


@when(parsers.parse('{agent:w} is put out, because "{reason}"'))
def evict(scene: Scene, agent: str, reason: str) -> None:
    scene.house.ask("evict", agent, "--reason", reason)


@when("the worker is killed")
def kill_worker(scene: Scene) -> None:
    process, _ = scene.kept["worker"]
    process.kill()
    process.wait(RUN_SECONDS)


@then("the command is ended")
def command_ended(scene: Scene) -> None:
    until(lambda: not Path(f"/proc/{scene.kept['pid']}").exists())
