"""What may stand on a command line, and the sentence for what may not."""

from collections.abc import Callable
from typing import Any

import pytest

from coord.events import agent, commands, model, questions
from coord.events.errors import UsageError
from coord.services.cli import values

GOOD = [
    (values.as_name, "w-1", "w-1"),
    (values.as_name, "A_b-9" + "x" * 59, "A_b-9" + "x" * 59),
    (values.as_lease, "30s", 30.0),
    (values.as_lease, "1", 1.0),
    (values.as_lease, "24h", 86_400.0),
    (values.as_lease, "1500ms", 1.5),
    (values.as_position, "0", 0),
    (values.as_position, "9223372036854775807", 2**63 - 1),
    (values.as_ratio, "0", 0.0),
    (values.as_ratio, "0.25", 0.25),
    (values.as_ratio, "40%", 0.4),
    (values.as_ratio, "100%", 1.0),
    (values.as_silence, "1s", 1.0),
    (values.as_silence, "365d", 31_536_000.0),
    (values.as_factor, "0.5", 0.5),
    (values.as_factor, "100%", 1.0),
    (values.as_numbers, "0", [0]),
    (values.as_numbers, "7,8,9223372036854775807", [7, 8, 2**63 - 1]),
    (values.as_json, '{"a": [1, null, "\\ud83e\\udde8"]}', {"a": [1, None, "🧨"[:0] + "\U0001f9e8"]}),
    (values.as_json, "null", None),
    (values.as_text, "für 日本語", "für 日本語"),
]
BAD = [
    *((values.as_name, text) for text in (
        "", " ", ".", "..", "a.b", "a b", "a/b", ">", "*", "a\n", "\x1b[2Jx", "é", "e\u0301", "\U0001f9e8", "a" * 65,
        "-", "--", "--help", "-x", "$SYS", "@/etc/passwd", "{{7*7}}", "[red]x[/]", "\udcff", "\0", "１",
    )),
    *((values.as_lease, text) for text in (
        "", "-1", "0", "0.5", "nan", "inf", "1e309", "1e3", "soon", "5parsecs", "\u0663", "1_0", "0x10", "+5", " 5",
        "5 ", "86401", "25h", "9" * 400, "1,5", "s", "1h30m",
    )),
    *((values.as_position, text) for text in (
        "", "-1", "1.5", "9223372036854775808", "99999999999999999999", "9" * 5000, "\u0663", "1_0", "0x1", "+1", " 1", "1e3",
    )),
    *((values.as_ratio, text) for text in ("", "-0.1", "1.1", "101%", "nan", "inf", "1e-1", "%", ".5", "0.5.", "½")),
    *((values.as_silence, text) for text in ("", "0", "-1h", "366d", "9" * 400, "nan", "1h30m", "for ever")),
    *((values.as_factor, text) for text in ("", "0", "0%", "0.0", "1.1", "-1", "nan", "1e-1")),
    *((values.as_numbers, text) for text in (
        "", ",", "1,", ",1", "1,,2", "1 2", "1, 2", "-1", "1.5", "9223372036854775808", "٣", "1," * 1_000 + "1",
    )),
    *((values.as_json, text) for text in ("1e999", "[-1e400]",
        "", "{", "NaN", "Infinity", "-Infinity", "[1,]", "{'a': 1}", '{"a": 1, "a": 2}', "[" * 100_000,
        '"' + "x" * 300_000 + '"', '"\udcff"', "1 2", "\ufeff{}",
    )),
    *((values.as_text, text) for text in ("", " \n", "x" * 2_001, "\udcff", "a\0b")),
]  # fmt: skip


@pytest.mark.parametrize(("read", "text", "value"), GOOD)
def test_a_value_is_read(read: Callable[[str, str], Any], text: str, value: Any) -> None:
    assert read(text, "--it") == value


@pytest.mark.parametrize(("read", "text"), BAD)
def test_a_wrong_value_is_one_printable_sentence_that_names_the_option(
    read: Callable[[str, str], Any], text: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(text, "--it")
    sentence = str(caught.value)
    assert sentence.startswith("--it ")
    assert sentence.isprintable()
    assert len(sentence) < 300


def test_the_limits_are_those_of_the_words() -> None:
    assert values.TITLE_LENGTH_MAX == model.TITLE_LENGTH_MAX
    assert values.TEXT_LENGTH_MAX == model.NOTE_LENGTH_MAX
    assert (values.LEASE_SECONDS_MIN, values.LEASE_SECONDS_MAX) == (
        model.LEASE_SECONDS_MIN, model.LEASE_SECONDS_MAX,
    )  # fmt: skip
    assert values.PRIORITY_MAX == model.PRIORITY_MAX
    assert values.POSITION_MAX == model.POSITION_MAX
    assert values.WIP_LIMIT_MAX == agent.WIP_LIMIT_MAX
    assert values.ROWS_MAX == questions.ROWS_MAX
    assert commands.Submit.model_fields["priority"].default == 5
