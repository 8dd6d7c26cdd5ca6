"""The error tree: every class has its exit code, and says something even when nobody did."""

import re
from typing import Any

import pytest

from coord.events import errors
from coord.events.errors import CoordError, Exit, visible

TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CoordError)]
WITH_ARGUMENTS: dict[type[CoordError], tuple[Any, ...]] = {errors.AlreadyAppended: (7, "ev.local.work.w-1")}


def test_the_exit_codes_are_what_the_documents_promise() -> None:
    assert {code.name: code.value for code in Exit} == {
        "DONE": 0, "UNEXPECTED": 1, "USAGE": 2, "NOTHING": 3, "REFUSED": 4, "NO_SERVER": 5, "UNKNOWN": 6, "WANTING": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.CoordError, 1), (errors.UsageError, 2), (errors.SettingsError, 2), (errors.TokenError, 2),
        (errors.InvalidEvent, 2), (errors.NothingThere, 3), (errors.Refused, 4), (errors.Conflict, 4),
        (errors.AlreadyAppended, 4), (errors.NoServer, 5), (errors.FolderTaken, 5), (errors.UnsafeServer, 5),
        (errors.OutcomeUnknown, 6), (errors.FoundWanting, 7),
    ],
)  # fmt: skip
def test_each_error_ends_with_its_exit_code(kind: type[CoordError], code: int) -> None:
    assert kind.exit_code == code


def test_the_tree_in_the_opening_names_every_error_with_its_parents_code() -> None:
    drawn = re.findall(r"^[ |`+-]*([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)
    assert {kind.__name__ for kind in TREE} <= set(drawn)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_without_words_says_its_own_sentence(kind: type[CoordError]) -> None:
    error = kind(*WITH_ARGUMENTS.get(kind, ()))
    assert error.message.endswith(".")
    assert str(error) == error.message


def test_the_hint_follows_the_message() -> None:
    assert str(CoordError("It broke.", "Mend it.")) == "It broke. Mend it."
    assert str(CoordError("It is blocked: by me", "Mend it.")) == "It is blocked: by me. Mend it."


@pytest.mark.parametrize(
    "text", ["\x1b]0;title\x07", "a\u202eb", "line\nline", "\0", "\ud800", "\u200b", "é\x9b31m"]
)
def test_what_could_act_on_a_terminal_is_escaped(text: str) -> None:
    assert visible(text).isprintable()


def test_what_is_harmless_is_shown_as_it_is_and_the_long_is_cut() -> None:
    assert visible("Zażółć 木 😀") == "Zażółć 木 😀"
    assert visible("x" * 100, 20) == "x" * 17 + "..."
