"""Nothing that comes from the log can move, colour or hide anything on a terminal."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coord.services.cli.safe import safe, safe_json

HOSTILE = [
    "\x1b[2J", "\x1b]52;c;QUFB\x07", "\x1b]0;title\x07", "\x9b31m", "\x90q\x9c", "\x08\x08\x08", "\r overwritten",
    "a\nb", "a\tb", "\x00", "\x7f", "\x85", "\u202e gnp.exe", "\u2066x\u2069", "\u200f", "\u200b", "\ufeff",
    "\u2028", "\u2029", "\u00ad", "\U000e0041", "\ud800", "\udcff", "\ue000", "\U0010ffff", "\ufff9x\ufffb", "\x0e", "\x18",
]  # fmt: skip
ANY_TEXT = st.text(st.characters())
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=10,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_shown_as_what_it_is(text: str) -> None:
    shown = safe(f"before{text}after")
    assert shown.isprintable()
    assert "\\" in shown
    assert shown.startswith("before")
    assert shown.endswith("after")


@given(ANY_TEXT)
def test_any_text_becomes_one_printable_line(text: str) -> None:
    shown = safe(text)
    assert shown.isprintable()
    assert not {unicodedata.category(mark) for mark in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode()


@given(ANY_TEXT.filter(str.isprintable))
def test_a_printable_text_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    "text", ["[red]x[/]", "[@click=app.quit]x[/]", "{{7*7}}", "%s%n", "<b>", "`x`", "日本語 für"]
)
def test_no_markup_is_interpreted(text: str) -> None:
    assert safe(text) == text
    assert json.loads(safe_json(text)) == text


@pytest.mark.parametrize("value", [0, 1.5, None, True, ["a\x1b"]])
def test_any_value_can_be_shown(value: object) -> None:
    assert safe(value).isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_json_of_a_hostile_text_is_printable_and_still_says_the_same(text: str) -> None:
    line = safe_json({text: [text]})
    assert line.isprintable()
    assert json.loads(line) == {text: [text]}


@given(ANY_JSON)
def test_json_of_anything_is_one_printable_line_and_still_says_the_same(value: object) -> None:
    line = safe_json(value)
    assert line.isprintable()
    assert json.loads(line) == value


@given(ANY_JSON)
def test_indented_json_is_printable_line_by_line_and_still_says_the_same(value: object) -> None:
    text = safe_json(value, 2)
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == value
