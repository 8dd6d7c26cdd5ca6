"""The filter keeps what matches, and says what it cannot read."""

import pytest

from coord.events.oversight import AlertRow, RunRow
from coord.events.questions import AgentRow, BoardRow, NodeRow
from coord.tui.filtering import SOMETIMES, filtered

ROWS = [
    {"id": "w-1", "state": "open", "age_seconds": 10},
    {"id": "w-2", "state": "claimed", "age_seconds": 4_000, "title": "Eval"},
]
NAMES = {"age": lambda row: row["age_seconds"]}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", "w-1 w-2"),
        ("state:open", "w-1"),
        ("/state:open", "w-1"),
        ("age>1h", "w-2"),
        ("!eval", "w-1"),
        ("state=open,claimed age<1h", "w-1"),
        ("team:blue", ""),
    ],
)
def test_what_matches_is_kept(text: str, kept: str) -> None:
    assert " ".join(row["id"] for row in filtered(ROWS, text, NAMES).rows) == kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age>banana", "age is compared with 'banana'; a number or a time such as 90s is wanted."),
        ("state:", "state: wants a value."),
        ("color:red", "there is no field color; there are age."),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_is_left_out(text: str, said: str) -> None:
    left = filtered(ROWS, text, NAMES)
    assert left.fault == said
    assert list(left.rows) == ROWS


def test_fields_that_a_row_may_be_without_are_fields_of_some_row() -> None:
    models = (AgentRow, AlertRow, BoardRow, NodeRow, RunRow)
    assert {name for model in models for name in model.model_fields} >= SOMETIMES
