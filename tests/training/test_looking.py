"""Looking at a checkpoint from the shell: the same line each time, and nothing said of one that is damaged."""

import json
from pathlib import Path

import pytest
from trainers import text_file, trainer_on

from coord.training_worker.looking import main


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text and the last checkpoint of a run on it."""
    root = tmp_path_factory.mktemp("looking")
    trainer = trainer_on(root, steps=20)
    trainer.train()
    return root


def checkpoint_in(root: Path) -> Path:
    (found,) = root.rglob("step-20")
    return found


def line(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(list(words)) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("task", "key"), [("checksum", "manifest"), ("evaluate", "loss"), ("sample", "text")]
)
def test_each_task_says_the_same_twice(
    trained: Path, capsys: pytest.CaptureFixture[str], task: str, key: str
) -> None:
    words = (task, str(checkpoint_in(trained)), str(text_file(trained)))
    first = line(capsys, *words)
    assert (first["task"], first["step"]) == (task, 20)
    assert first[key]
    assert line(capsys, *words) == first


def test_a_loss_is_measured_on_what_was_never_trained_on(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = line(capsys, "evaluate", str(checkpoint_in(trained)), str(text_file(trained)))
    assert isinstance(found["loss"], float)
    assert 0 < found["loss"] < 5.6


def test_another_text_is_refused(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.txt"
    other.write_text("something else entirely " * 500)
    assert main(["evaluate", str(checkpoint_in(trained)), str(other)]) == 2
    assert "was not trained on" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer_on(tmp_path, steps=20).train()
    path = checkpoint_in(tmp_path)
    model = path / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1] + b"\x01")
    assert main(["checksum", str(path)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "model.safetensors" in said.err


@pytest.mark.parametrize("words", [[], ["sing", "folder"], ["evaluate"], ["evaluate", "a", "b", "c"]])
def test_what_makes_no_sense_is_one_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_several_tasks_give_a_line_each_and_a_wrong_one_none(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (str(checkpoint_in(trained)), str(text_file(trained)))
    assert main(["checksum,sample", *words]) == 0
    told = [json.loads(one)["task"] for one in capsys.readouterr().out.splitlines()]
    assert told == ["checksum", "sample"]
    assert main(["checksum,nothing", *words]) == 2
    assert capsys.readouterr().out == ""
