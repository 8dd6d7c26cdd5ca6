"""The configuration of a training: read from words, each fault one sentence."""

from typing import Any

import pytest

from coord.events.errors import CoordError
from coord.training_worker.configuration import TrainingConfiguration, read_configuration
from coord.training_worker.drills import Drill, Drills, read_drill
from coord.training_worker.options import OPTIONS


def test_nothing_said_is_the_default() -> None:
    assert read_configuration({}) == TrainingConfiguration()


def test_the_defaults_that_the_help_states_are_those_that_hold() -> None:
    stated = {option.name: option.default for option in OPTIONS if option.default}
    assert read_configuration(stated) == TrainingConfiguration()
    assert set(stated) >= {"steps", "batch", "learning_rate", "precision"}


def test_every_option_is_read() -> None:
    values: dict[str, Any] = {
        "file": "/tmp/x", "run": "r-1", "resume": True, "steps": "7", "batch": "8", "micro_batch": "4",
        "context": "32", "layers": "3", "heads": "5", "width": "50", "learning_rate": "1e-3", "warm_up": "0",
        "precision": "bf16", "seed": "9", "threads": "2", "canary_every": "3", "evaluate_every": "4",
        "checkpoint_every": "5", "memory_limit": "2GiB", "no_sanitiser": True,
        "drill": ("corrupt-batch@5", "learning-rate@6x2.5"),
    }  # fmt: skip
    read = read_configuration(values)
    assert {option.name for option in OPTIONS} | {"file"} == {*values, "fresh"}
    assert read.described() == {
        "text": "/tmp/x", "resume": True, "steps": 7, "batch": 8, "micro_batch": 4, "context": 32, "layers": 3,
        "heads": 5, "width": 50, "learning_rate": 0.001, "warm_up": 0, "precision": "bf16", "seed": 9,
        "threads": 2, "canary_every": 3, "evaluate_every": 4, "checkpoint_every": 5,
        "memory_limit_bytes": 2**31, "sanitiser": False, "drills": ["corrupt-batch@5x1", "learning-rate@6x2.5"],
    }  # fmt: skip
    assert read_configuration({"fresh": True}).resume is False


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"steps": "0"}, "--steps is '0'; it must be a whole number from 1 to 1000000000."),
        ({"steps": ""}, "--steps is ''; it must be a whole number"),
        ({"steps": "٣"}, "--steps is '٣'; it must be a whole number"),
        ({"warm_up": "-1"}, "--warm-up is '-1'; it must be a whole number from 0"),
        ({"learning_rate": "nan"}, "--learning-rate is 'nan'; it must be a number above 0 and up to 10"),
        ({"learning_rate": "0"}, "--learning-rate is '0'"),
        ({"learning_rate": "11"}, "--learning-rate is '11'"),
        ({"precision": "int8"}, "--precision is 'int8'; it must be one of auto, fp32, bf16."),
        ({"memory_limit": "1"}, "--memory-limit is '1'; it must be a size such as 400MiB or 2GiB."),
        ({"memory_limit": "0MiB"}, "--memory-limit is '0MiB'"),
        ({"run": "a b"}, "--run 'a b' is not a name"),
        ({"file": ""}, "the text '' is no path."),
        ({"width": "10", "heads": "3"}, "--width is 10, and --heads 3: the width must be a multiple"),
        ({"batch": "4", "micro_batch": "5"}, "--micro-batch is 5, more than --batch, which is 4."),
        ({"resume": True, "fresh": True}, "--resume and --fresh exclude each other."),
        ({"resume": True}, "--resume needs --run NAME"),
        ({"drill": ("explode@3",)}, "--drill is 'explode@3'; it must be corrupt-batch@STEP"),
        ({"drill": ("nan-batch@3x0",)}, "the number of batches must be a whole one from 1 to 1000"),
        ({"drill": ("corrupt-batch@3x1.5",)}, "the number of batches must be a whole one"),
        ({"drill": ("learning-rate@3x0",)}, "the factor must be above 0"),
        ({"drill": ("nan-batch@3",) * 101}, "--drill is given 101 times; at most 100 are allowed."),
    ],
)
def test_a_wrong_value_is_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CoordError) as caught:
        read_configuration(values)
    assert sentence in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_drill_is_written_as_it_is_read() -> None:
    for text in ("corrupt-batch@5x3", "nan-batch@0x1", "learning-rate@7x0.5"):
        assert str(read_drill(text)) == text
    assert read_drill("learning-rate@7") == Drill("learning-rate", 7, 200.0)


def test_a_bad_batch_is_bad_each_time_and_a_glitch_happens_once() -> None:
    drills = Drills([read_drill(text) for text in ("corrupt-batch@5x2", "nan-batch@9", "learning-rate@7x3")])
    assert [number for number in range(12) if drills.corrupts(number)] == [5, 6]
    assert [number for number in range(12) if drills.corrupts(number)] == [5, 6]
    assert [number for number in range(12) if drills.poisons(number)] == [9]
    assert [drills.take_glitch(step) for step in (6, 7, 7, 8)] == [1.0, 3.0, 1.0, 1.0]
