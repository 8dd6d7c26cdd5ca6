"""Training runs: real ones, small, on the sources of Python's library; killed, started again and compared."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from features.scene import Scene
from houses import until
from pytest_bdd import given, parsers, then, when

from coord.events.errors import Exit

RUN_SECONDS = 120
"""How long a small training may take on a busy machine."""
SMALL = ("--width", "32", "--layers", "1", "--context", "32", "--batch", "8", "--evaluate-every", "100000")
ENDLESS = ("--steps", "100000", "--canary-every", "10", "--checkpoint-every", "20", "--warm-up", "20")
SHORT = ("--steps", "200", "--checkpoint-every", "20")
RESUMABLE_STEP = 20
TRIES_MAX = 5
FAULT_STEP = 120


@given("a training run")
def train_on(scene: Scene) -> None:
    _train(scene, "calm", *ENDLESS)
    _wait(scene, lambda: _step(scene) > 0)


@given("a training run that meets a corrupt batch")
def train_corrupt(scene: Scene) -> None:
    _train(scene, "corrupt", *ENDLESS, "--drill", f"corrupt-batch@{FAULT_STEP}")


@given("a training run whose learning rate leaps for one step")
def train_leaping(scene: Scene) -> None:
    _train(scene, "leaping", *ENDLESS, "--drill", f"learning-rate@{FAULT_STEP}")


@given("a training run that was never broken off")
def train_unbroken(scene: Scene) -> None:
    _train(scene, "unbroken", *SHORT)
    assert scene.kept["process"].wait(RUN_SECONDS) == Exit.DONE


@given("the same training again, killed after a checkpoint")
def train_killed(scene: Scene) -> None:
    _train_and_kill(scene, "killed", RESUMABLE_STEP)


@given("a training run that was killed after two checkpoints")
def train_killed_late(scene: Scene) -> None:
    _train_and_kill(scene, "damaged", 2 * RESUMABLE_STEP)


def _train_and_kill(scene: Scene, name: str, step: int) -> None:
    """Kill -9 a training once a checkpoint of this step is told; one that ends before that is no use."""
    for number in range(TRIES_MAX):
        _train(scene, f"{name}-{number}", *SHORT)
        process = scene.kept["process"]
        _wait(scene, lambda: (_run(scene).get("checkpoint_step") or 0) >= step)
        process.kill()
        if process.wait() == -signal.SIGKILL:
            return
    raise AssertionError(f"{TRIES_MAX} trainings ended before they could be killed")


def _train(scene: Scene, run: str, *options: str) -> None:
    """Begin a training; what it takes is kept, to begin it again."""
    scene.kept["run"] = run
    scene.kept["training"] = ("train", "--run", run, *SMALL, *options)
    scene.kept["process"] = scene.begin(*scene.kept["training"])


def _wait(scene: Scene, condition: Callable[[], Any]) -> None:
    """Wait for something that a training does; one that has ended does nothing more."""

    def look() -> bool:
        found = bool(condition())
        assert found or scene.kept["process"].poll() is None, "the training ended before it"
        return found

    until(look, RUN_SECONDS)


@when("its newest checkpoint is damaged")
def damage(scene: Scene) -> None:
    folder = _checkpoints(scene)[-1]
    weights = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 0xFF
    weights.chmod(0o600)
    weights.write_bytes(content)
    scene.kept["damaged"] = _step_of(folder)


@when("it is started again")
def start_again(scene: Scene) -> None:
    scene.kept["process"] = scene.begin(*scene.kept["training"])


@then("it goes on from a checkpoint, to its end")
def went_on(scene: Scene) -> None:
    assert scene.kept["process"].wait(RUN_SECONDS) == Exit.DONE
    assert _resumed_from(scene) >= RESUMABLE_STEP


@then("it goes on from the checkpoint before")
def went_on_before(scene: Scene) -> None:
    assert scene.kept["process"].wait(RUN_SECONDS) == Exit.DONE
    assert 0 < _resumed_from(scene) < scene.kept["damaged"]


@then("each of its losses equals that of the run that was never broken off")
def equal_losses(scene: Scene) -> None:
    """A point of before the kill may be lost with the process; from where it went on, all are there."""
    mine, unbroken = _losses(scene, scene.kept["run"]), _losses(scene, "unbroken")
    assert sorted(unbroken) == list(range(int(SHORT[1])))
    assert mine.keys() >= set(range(_resumed_from(scene), int(SHORT[1])))
    assert mine.items() <= unbroken.items()


@then("it makes more steps")
def more_steps(scene: Scene) -> None:
    before = _step(scene)
    _wait(scene, lambda: _step(scene) > before)


@then("it makes no more steps")
def no_more_steps(scene: Scene) -> None:
    at = scene.kept["answer"]["step"]
    silent = until(lambda: _run(scene)["silent_seconds"] > 1)
    assert silent
    assert _step(scene) <= at


@then(parsers.parse('it has ended as "{outcome}"'))
def ended(scene: Scene, outcome: str) -> None:
    until(lambda: _run(scene)["status"] == outcome, RUN_SECONDS)
    assert scene.kept["process"].wait(RUN_SECONDS) is not None


def _run(scene: Scene) -> Any:
    """Return what is known of the run; nothing before it is."""
    rows = scene.house.ask("runs")["rows"]
    return next((row for row in rows if row["run"] == scene.kept["run"]), {})


def _step(scene: Scene) -> int:
    return int(_run(scene).get("step", 0))


def _events(scene: Scene, kind: str, run: str = "") -> list[Any]:
    told = scene.house.ask("history", run or scene.kept["run"], "--aggregate", "run")["events"]
    return [event for event in told if event["type"].startswith(kind)]


def _resumed_from(scene: Scene) -> int:
    return int(_events(scene, "run.started")[-1]["fields"].get("resumed_from_step") or 0)


def _losses(scene: Scene, run: str) -> dict[int, float]:
    """Return the loss of each step as the log has it; of a step made twice, the later."""
    points = [point for event in _events(scene, "run.metrics", run) for point in event["fields"]["points"]]
    return {point["step"]: point["values"]["loss"] for point in points if "loss" in point["values"]}


def _checkpoints(scene: Scene) -> list[Path]:
    folder = scene.house.folder.path("runs", scene.kept["run"], "checkpoints")
    whole = [path for path in folder.iterdir() if path.name.removeprefix("step-").isdigit()]
    return sorted(whole, key=_step_of)


def _step_of(folder: Path) -> int:
    return int(folder.name.removeprefix("step-"))
