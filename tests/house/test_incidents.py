"""Training incidents in a whole house: each is found, answered and obeyed, and the run ends as if nothing had been.

They run on real text, two at a time; what happens to them is real: bytes that are noise, a learning rate 200
times too high, numbers that are none, an allocator that fails.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from command_line import COORD
from houses import House, running_house, until
from trainers import in_a_child

from coord.services.cli.main import run as command_line

pytestmark = pytest.mark.timeout(300)

SMALL: Final = (
    "--layers", "1", "--width", "48", "--heads", "2", "--batch", "16", "--context", "32", "--steps", "420",
    "--checkpoint-every", "50", "--canary-every", "10", "--evaluate-every", "1000000",
)  # fmt: skip
LARGE: Final = (
    "--layers", "1", "--width", "32", "--heads", "2", "--batch", "128", "--context", "64", "--steps", "12",
    "--warm-up", "2", "--canary-every", "4",
)  # fmt: skip
RUNS: Final[Mapping[str, tuple[str, ...]]] = {
    "untouched": SMALL,
    "corrupt": (*SMALL, "--drill", "corrupt-batch@200"),
    "glitch": (*SMALL, "--drill", "learning-rate@200x200"),
    "no-numbers": (*SMALL, "--drill", "nan-batch@200x3"),
    "roomy": LARGE,
    "cramped": (*LARGE, "--memory-limit", "36MiB"),
}
OF_THEIR_OWN: Final = ("roomy", "cramped")
"""Not forked: what a process has freed before it is limited would be used again, and no allocation would fail."""
AT_ONCE: Final = 2
"""More would train faster than the two cores of a small machine can also take in, and end before they are asked anything."""
WITHIN: Final = 0.01


@dataclass(frozen=True)
class Incidents:
    """How each run ended, and what the house knows of it."""

    house: House
    ended: dict[str, dict[str, Any]]

    def directives(self, run: str) -> dict[str, dict[str, Any]]:
        """Return what the run was asked, by action, once all is answered."""

        def answered() -> list[dict[str, Any]]:
            asked: list[dict[str, Any]] = self.house.ask("runs", run)["rows"][0]["directives"]
            return asked if asked and all(one["status"] != "issued" for one in asked) else []

        return {one["action"]: one for one in until(answered)}

    def rules(self, run: str) -> set[str]:
        """Return the rules that found something in the run."""
        return {row["rule"] for row in self.house.ask("alerts", "--entity", run)["rows"]}

    def wait_for(self, rule: str, run: str) -> None:
        """Wait until a rule is seen to have found something in the run: a short run ends before the watchdog has told."""
        until(lambda: rule in self.rules(run))


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incidents]:
    """Every run, to its end."""
    import_module("coord.training_worker.main")
    with running_house(tmp_path_factory.mktemp("incidents")) as house:
        codes: dict[str, int] = {}
        for pair in _groups(RUNS, AT_ONCE):
            codes |= _ended(house, pair)
        told = {run: (house.cli.home / f"{run}.err").read_text() for run in RUNS}
        assert codes == dict.fromkeys(RUNS, 0), told
        yield Incidents(house, {run: json.loads((house.cli.home / f"{run}.out").read_text()) for run in RUNS})


def _groups(names: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    """Cut names into groups of so many."""
    left = iter(names)
    while group := tuple(islice(left, size)):
        yield group


def _ended(house: House, runs: tuple[str, ...]) -> dict[str, int]:
    """Start these runs together, and return how each ended."""
    trainers = {
        run: _start(house, run, RUNS[run])
        if run in OF_THEIR_OWN
        else in_a_child(partial(_train, house, run, RUNS[run]))
        for run in runs
    }
    try:
        return {run: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for run, pid in trainers.items()}
    except BaseException:
        for pid in trainers.values():
            os.kill(pid, signal.SIGKILL)
        raise


def _start(house: House, run: str, words: tuple[str, ...]) -> int:
    """Start `coord train` and return its process."""
    with (house.cli.home / f"{run}.out").open("wb") as out, (house.cli.home / f"{run}.err").open("wb") as err:
        command = [COORD, "train", "--run", run, *words, "--json"]
        return os.posix_spawn(
            COORD,
            command,
            house.cli.environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, err.fileno(), 2)],
        )


def _train(house: House, run: str, words: tuple[str, ...]) -> None:
    """Be `coord train`, in a process forked from one that has torch: six imports of it cost more than the runs."""
    os.environ.clear()
    os.environ.update(house.cli.environment)
    os.chdir(house.cli.home)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{run}.{name}", os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    code = command_line(["train", "--run", run, *words, "--json"])
    sys.stdout.flush()
    os._exit(code)


def test_an_untouched_run_is_asked_nothing(incidents: Incidents) -> None:
    (row,) = incidents.house.ask("runs", "untouched")["rows"]
    assert (row["status"], row["step"], row["directives"]) == ("completed", 420, [])
    assert incidents.rules("untouched") == set()


def test_a_corrupt_batch_is_left_out_and_put_in_quarantine(incidents: Incidents) -> None:
    incidents.wait_for("loss-spike", "corrupt")
    asked = incidents.directives("corrupt")["skip_batch"]
    assert (asked["status"], asked["parameters"]) == ("applied", {"batches": [200]})
    assert incidents.ended["corrupt"]["left_out"] >= 1
    assert incidents.ended["corrupt"]["rolled_back"] == 0


def test_a_glitch_of_the_learning_rate_is_rolled_back(incidents: Incidents) -> None:
    incidents.wait_for("model-damaged", "glitch")
    asked = incidents.directives("glitch")["roll_back"]
    assert asked["status"] == "applied"
    assert "rolled back from step" in asked["answer"]
    assert asked["parameters"]["before_step"] <= 201
    assert incidents.ended["glitch"]["rolled_back"] == 1


def test_losses_that_are_no_numbers_are_rolled_back_and_their_batches_passed_over(
    incidents: Incidents,
) -> None:
    incidents.wait_for("loss-not-finite", "no-numbers")
    asked = incidents.directives("no-numbers")["roll_back"]
    assert (asked["status"], asked["parameters"]["skip_batches"]) == ("applied", [200, 201, 202])
    assert incidents.ended["no-numbers"]["left_out"] >= 3


def test_memory_that_runs_out_ends_in_half_the_micro_batch(incidents: Incidents) -> None:
    incidents.wait_for("out-of-memory", "cramped")
    assert incidents.directives("cramped")["halve_micro_batch"]["status"] == "applied"
    assert incidents.ended["cramped"]["out_of_memory"] >= 1
    assert incidents.ended["cramped"]["step"] == 12


@pytest.mark.parametrize("run", ["corrupt", "glitch", "no-numbers"])
def test_the_model_is_as_good_in_the_end_as_that_of_the_untouched_run(run: str, incidents: Incidents) -> None:
    ended, untouched = incidents.ended[run], incidents.ended["untouched"]
    assert ended["step"] == untouched["step"] == 420
    assert ended["canary_loss"] == pytest.approx(untouched["canary_loss"], rel=WITHIN)


def test_half_the_micro_batch_gives_the_losses_of_the_whole(incidents: Incidents) -> None:
    ended, roomy = incidents.ended["cramped"], incidents.ended["roomy"]
    assert ended["loss"] == pytest.approx(roomy["loss"], rel=1e-4)
    assert ended["canary_loss"] == pytest.approx(roomy["canary_loss"], rel=1e-4)


def test_every_checkpoint_that_was_told_of_verifies_or_made_room_for_a_newer_one(
    incidents: Incidents,
) -> None:
    for run, ended in incidents.ended.items():
        (row,) = incidents.house.ask("runs", run)["rows"]
        newest = max(row["checkpoints"], key=lambda one: int(one["step"]))
        folder = Path(ended["checkpoint"])
        assert folder == incidents.house.folder.path("runs", run, *newest["path"].split("/"))
        assert (folder / "manifest.json").is_file()
