"""Names and subjects: one rule, and no way out of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coord.events.errors import Exit, InvalidEvent, TokenError
from coord.events.tokens import (
    TOKEN_LENGTH_MAX,
    TOKEN_PATTERN,
    command_subject,
    event_subject,
    is_token,
    question_subject,
    sample_subject,
    scenario_id,
    split_subject,
    token,
)

TOKENS = st.from_regex(f"\\A{TOKEN_PATTERN}\\Z")


@given(TOKENS)
def test_a_token_is_itself(name: str) -> None:
    assert token(name, "agent") == name


@given(st.text(max_size=70))
def test_whatever_is_a_token_is_made_of_the_64_letters_alone(text: str) -> None:
    letters = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    assert is_token(text) == (0 < len(text) <= TOKEN_LENGTH_MAX and set(text) <= letters)


@pytest.mark.parametrize(
    "name", ["", "a.b", "a b", "*", ">", "ä", "a\n", "a\0", "../a", "１", "x" * 65, "\x1b[31m", "\u202e"]
)
def test_anything_else_is_refused_in_one_printable_sentence(name: str) -> None:
    with pytest.raises(TokenError, match=r"agent .* is not a name") as refused:
        token(name, "agent")
    assert refused.value.exit_code == Exit.USAGE
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


@given(TOKENS, TOKENS, TOKENS)
def test_a_subject_splits_into_what_it_was_made_of(first: str, second: str, third: str) -> None:
    assert split_subject(event_subject(first, second, third), "ev") == (first, second, third)
    assert split_subject(sample_subject(first, second, third), "sample") == (first, second, third)
    assert split_subject(command_subject(first, second, third), "cmd") == (first, second, third)


@given(st.text(max_size=80))
def test_any_text_is_a_subject_of_the_grammar_or_refused(text: str) -> None:
    try:
        names = split_subject(text, "ev")
    except InvalidEvent:
        assert not re.fullmatch(rf"ev(\.{TOKEN_PATTERN}){{3}}", text)
    else:
        assert text == "ev." + ".".join(names)


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "ev",
        "ev.a.b",
        "ev.a.b.c.d",
        "ev.a.b.",
        "ev..b.c",
        "ev.a.*.c",
        "ev.a.b.>",
        "EV.a.b.c",
        "live.a.b.c",
        "ev.a.b.c\n",
        "$JS.a.b.c",
    ],
)
def test_a_subject_outside_the_grammar_is_refused(subject: str) -> None:
    with pytest.raises(InvalidEvent, match="is not ev"):
        split_subject(subject, "ev")


def test_a_wildcard_never_gets_into_a_subject() -> None:
    for make in (event_subject, sample_subject, command_subject):
        with pytest.raises(TokenError):
            make("local", "work", ">")
    with pytest.raises(TokenError):
        question_subject("*")


def test_a_scenario_is_named_by_the_words_of_its_title() -> None:
    assert scenario_id("One winner, of 200!") == "one-winner-of-200"


@given(st.text(min_size=1, max_size=200))
def test_a_scenarios_name_is_a_token_and_its_own_name(title: str) -> None:
    name = scenario_id(title)
    assert is_token(name)
    assert scenario_id(name) == name


def test_two_titles_too_long_for_a_name_have_two_names() -> None:
    assert scenario_id("a" * 199 + "b") != scenario_id("a" * 199 + "c")
