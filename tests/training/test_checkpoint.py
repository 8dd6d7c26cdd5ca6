"""Checkpoints: complete or not there, whenever the process dies; and what counts is what verifies."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from trainers import in_a_child

from coord.events.errors import CoordError
from coord.training_worker import checkpoint as checkpoints
from coord.training_worker.checkpoint import Checkpoint, Damaged, Facts, verified, write_checkpoint
from coord.training_worker.shelf import Shelf

KILLS = 12


def tensors(step: int) -> dict[str, Tensor]:
    """Return tensors that tell which step they are of."""
    return {"weight": torch.full((200, 100), float(step)), "bias": torch.full((7,), float(step))}


def write(folder: Path, step: int, good: bool = True) -> Checkpoint:
    """Write a checkpoint."""
    facts = Facts(step=step, position=step * 3, canary_loss=1.5, good=good, lasting={"width": 7})
    return write_checkpoint(folder, facts, tensors(step), {"weight/exp_avg": torch.ones(3)}, {"step": step})


def heard(folder: Path) -> tuple[Shelf, list[str]]:
    """Return a shelf and what it says."""
    said: list[str] = []
    return Shelf(folder, said.append), said


def steps_in(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    made = write(tmp_path, 5)
    assert made == verified(tmp_path / "step-5")
    assert (made.step, made.position, made.canary_loss, made.good, dict(made.lasting)) == (
        5, 15, 1.5, True, {"width": 7},
    )  # fmt: skip
    assert made.size_bytes == sum(path.stat().st_size for path in made.path.iterdir())
    into, state = tensors(0), {"weight/exp_avg": torch.zeros(3)}
    made.load(into, state)
    assert all(torch.equal(into[name], tensors(5)[name]) for name in into)
    assert torch.equal(state["weight/exp_avg"], torch.ones(3))
    assert made.state() == {"step": 5}
    assert steps_in(tmp_path) == ["step-5"]


def test_tensors_of_another_model_change_nothing(tmp_path: Path) -> None:
    made = write(tmp_path, 5)
    into = {"weight": torch.zeros(200, 100), "bias": torch.zeros(8)}
    with pytest.raises(Damaged, match="holds tensors of another model"):
        made.load(into, {"weight/exp_avg": torch.zeros(3)})
    assert not into["weight"].any()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def _pickle(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


def _make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


TAMPERINGS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "model flipped": ("model.safetensors", _flip),
    "model cut": ("model.safetensors", _cut),
    "model pickled": ("model.safetensors", _pickle),
    "optimizer gone": ("optimizer.safetensors", lambda path: path.unlink()),
    "state flipped": ("state.json", _flip),
    "manifest cut": ("manifest.json", _cut),
    "manifest gone": ("manifest.json", lambda path: path.unlink()),
    "manifest empty": ("manifest.json", lambda path: path.write_text("")),
    "manifest a list": ("manifest.json", lambda path: path.write_text("[]")),
    "manifest deep": ("manifest.json", lambda path: path.write_text("[" * 100_000)),
    "manifest long": ("manifest.json", lambda path: path.write_text(" " * (2**20 + 1))),
    "manifest a folder": ("manifest.json", _make_a_folder),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_a_checkpoint_that_was_tampered_with_is_passed_over_and_said(tampering: str, tmp_path: Path) -> None:
    name, act = TAMPERINGS[tampering]
    write(tmp_path, 5)
    act(write(tmp_path, 9).path / name)
    shelf, said = heard(tmp_path)
    newest = shelf.newest()
    assert newest is not None
    assert newest.step == 5
    assert len(said) == 1
    assert said[0].startswith("passed over: ")
    assert "step-9" in said[0]


def test_a_manifest_that_leads_elsewhere_is_none(tmp_path: Path) -> None:
    made = write(tmp_path, 5)
    manifest = json.loads((made.path / "manifest.json").read_text())
    manifest["files"]["../../secret"] = manifest["files"].pop("state.json")
    (made.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Damaged, match="is of something else"):
        verified(made.path)


def test_a_name_proves_nothing(tmp_path: Path) -> None:
    shutil.copytree(write(tmp_path, 5).path, tmp_path / "step-7")
    (tmp_path / "step-8").mkdir()
    (tmp_path / "step-9").write_text("")
    shelf, said = heard(tmp_path)
    newest = shelf.newest()
    assert newest is not None
    assert newest.step == 5
    assert len(said) == 3


@pytest.mark.parametrize("kill_at", range(KILLS))
def test_a_process_killed_while_it_writes_leaves_a_checkpoint_to_go_on_from(
    kill_at: int, tmp_path: Path
) -> None:
    """The child dies before its n-th call that makes something last; the calls are 7: six fsyncs and the rename."""
    write(tmp_path, 5)
    calls = iter(range(KILLS + 8))

    def counted(act: Callable[..., object]) -> Callable[..., object]:
        def call(*words: object) -> object:
            if next(calls) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*words)

        return call

    def child() -> None:
        os.fsync = counted(os.fsync)  # type: ignore[assignment]
        Path.rename = counted(Path.rename)  # type: ignore[assignment,method-assign]
        write(tmp_path, 9)

    _, status = os.waitpid(in_a_child(child), 0)
    shelf, said = heard(tmp_path)
    newest = shelf.newest()
    assert newest is not None
    assert newest.step == (9 if kill_at > 5 else 5)
    assert os.WIFSIGNALED(status) == (kill_at < 7)
    shelf.tidy()
    assert not [name for name in steps_in(tmp_path) if name.endswith(".tmp")]
    assert said == []


def test_a_process_killed_at_any_moment_leaves_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    write(tmp_path, 0)
    for kill in range(KILLS):

        def child() -> None:
            shelf, _ = heard(tmp_path)
            for step in range(1, 10_000):
                shelf.prune(write(tmp_path, step))

        pid = in_a_child(child)
        end = time.monotonic() + 0.004 * kill
        while time.monotonic() < end:
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        shelf, said = heard(tmp_path)
        newest = shelf.newest()
        shelf.tidy()
        assert newest is not None
        newest.load(into := tensors(0), {"weight/exp_avg": torch.zeros(3)})
        assert torch.equal(into["weight"], tensors(newest.step)["weight"])
        assert said == []
        assert not [name for name in steps_in(tmp_path) if name.endswith(".tmp")]


def test_a_checkpoint_of_the_same_step_takes_the_place_of_a_damaged_one(tmp_path: Path) -> None:
    _cut(write(tmp_path, 5).path / "state.json")
    assert write(tmp_path, 5) == verified(tmp_path / "step-5")
    assert steps_in(tmp_path) == ["step-5"]


def test_a_checkpoint_that_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 5)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(CoordError, match="step-9 cannot be written: No space left on device"):
        write(tmp_path, 9)
    assert verified(tmp_path / "step-5").step == 5


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ({10: True, 20: True, 30: True, 40: True}, [10, 30, 40]),
        ({100: True, 150: True, 200: True, 250: True, 260: True}, [150, 250, 260]),
        ({10: True, 20: False, 30: False, 40: False}, [10, 30, 40]),
        ({10: False, 120: False, 130: False, 240: False}, [130, 240]),
    ],
)
def test_the_last_two_an_older_one_and_the_last_good_one_are_kept(
    written: dict[int, bool], kept: list[int], tmp_path: Path
) -> None:
    shelf, _ = heard(tmp_path)
    for step, good in written.items():
        shelf.prune(write(tmp_path, step, good))
    assert steps_in(tmp_path) == sorted(f"step-{step}" for step in kept)


def test_a_roll_back_takes_the_newest_good_one_and_leaves_the_later_behind(tmp_path: Path) -> None:
    shelf, _ = heard(tmp_path)
    for step, good in ((10, True), (20, True), (30, False), (40, False), (50, True)):
        write(tmp_path, step, good)
    found = shelf.newest_good(45)
    assert found is not None
    assert found.step == 20
    assert shelf.newest_good(9) is None
    shelf.leave(after_step=20)
    assert steps_in(tmp_path) == ["step-10", "step-20"]


def test_what_is_set_aside_is_gone_on_from_by_nobody_and_is_still_there(tmp_path: Path) -> None:
    shelf, _ = heard(tmp_path / "checkpoints")
    write(shelf.folder, 5)
    shelf.set_aside()
    assert shelf.newest() is None
    (aside,) = tmp_path.glob("before-*")
    assert verified(aside / "step-5").step == 5
    shelf.set_aside()
    assert len(list(tmp_path.iterdir())) == 1
