"""`coord train` and the module that torchrun starts: the same words, and one sentence for what cannot be trained."""

import json
from pathlib import Path
from typing import Any

import pytest
from trainers import TINY, text_file

from coord.services.cli import training
from coord.services.cli.main import run
from coord.services.cli.parse import parse
from coord.services.folder import Folder
from coord.training_worker import __main__ as module
from coord.training_worker.configuration import read_configuration
from coord.training_worker.options import OPTIONS

WORDS = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder on which a house once ran, and none runs now."""
    path = tmp_path / "data"
    monkeypatch.setenv("COORD_DATA", str(path))
    monkeypatch.chdir(tmp_path)
    Folder(path).make()
    Folder(path).write_json({}, "credentials.json")
    return path


def test_both_command_lines_read_the_same() -> None:
    words = ["FILE"]
    for number, option in enumerate(OPTIONS):
        values = {"--drill": "nan-batch@7", "--precision": "fp32", "--memory-limit": "1GiB", "--run": "r"}
        value = values.get(option.flag, str(number + 1))
        words += [option.flag, value] if option.metavar else [option.flag] * (option.flag != "--fresh")
    parsed = parse(["train", *words])
    assert parsed is not None
    ours: dict[str, Any] = {
        **parsed.values,
        "width": "16",
        "heads": "4",
        "micro_batch": "1",
        "learning_rate": "1",
    }
    theirs = {
        **vars(module._parser().parse_args(words)),
        **{name: ours[name] for name in ("width", "heads", "micro_batch", "learning_rate")},
    }
    assert read_configuration(ours) == read_configuration(theirs)
    assert set(parsed.values) == {option.name for option in OPTIONS if option.flag != "--fresh"} | {"file"}


@pytest.mark.parametrize("begin", [lambda words: run(["train", *words]), module.main])
def test_what_cannot_be_trained_is_one_sentence(
    begin: Any, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").touch()
    for words, sentence in (
        (["nothing"], f"coord: there is no {tmp_path}/nothing. Name a text, or a folder of texts."),
        (["empty"], f"coord: {tmp_path}/empty is empty. Name a text to train on."),
        (["--steps", "x"], "coord: --steps is 'x'; it must be a whole number from 1 to 1000000000."),
        (["--resume"], "coord: --resume needs --run NAME: which run shall go on?"),
        (["--drill", "nan-batch@-1"], "coord: --drill is 'nan-batch@-1'; it must be corrupt-batch@STEP"),
    ):
        assert begin(words) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith(sentence)
        assert said.err.count("\n") == 1


def test_without_torch_the_extra_is_named(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "find_spec", lambda _: None)
    assert run(["train"]) == 2
    assert capsys.readouterr().err == (
        "coord: coord train needs torch. Install it with: pip install 'coord[train]'\n"
    )


def test_where_no_house_ever_ran_nothing_is_trained_and_nothing_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COORD_DATA", str(tmp_path / "nothing"))
    assert run(["train", str(text_file(tmp_path))]) == 5
    assert capsys.readouterr().err.endswith("Start it with: coord up\n")
    assert not (tmp_path / "nothing").exists()


def test_a_run_that_another_process_trains_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = Folder(Folder(data).make("runs", "r-1"))
    taken.lock()
    assert run(["train", str(text_file(tmp_path)), *WORDS]) == 5
    assert capsys.readouterr().err.startswith(f"coord: another process trains in {taken.root}.")


def test_a_house_that_is_away_is_no_reason_not_to_train(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coord.training_worker.run.CLOSE_SECONDS", 0.1)
    assert run(["train", str(text_file(tmp_path)), *WORDS, "--steps", "30", "--json"]) == 0
    said = capsys.readouterr()
    ended = json.loads(said.out)
    assert (ended["run"], ended["outcome"], ended["step"]) == ("r-1", "completed", 30)
    assert ended["canary_loss"] < 5
    assert Path(ended["checkpoint"]).is_dir()
    assert "train: run r-1 begins" in said.err
    assert list((data / "runs" / "r-1" / "spool").iterdir())
    assert module.main([str(text_file(tmp_path)), *WORDS, "--steps", "31"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("r-1 completed: 31 steps, ")
    assert "train: run r-1 goes on before step 30" in said.err
