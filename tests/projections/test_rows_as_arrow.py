"""Rows as they travel to the store: whatever the columns hold comes out as it went in."""

import pytest
from msgspec.structs import astuple, replace

from coord.projections.folds.shape import Packs, Row, Table, columns_of, unpacked
from coord.projections.store.arrow import keys_to_arrow, packs_to_arrow, to_arrow


class Mixed(Row):
    """One column of each kind that is written as a block, and of each that is not."""

    name: str
    note: str | None
    count: int
    other: int | None
    value: float
    more: float | None
    flag: bool
    words: tuple[str, ...]
    numbers: tuple[int, ...] | None


class Reading(Row):
    """What comes together."""

    node: str
    at_ns: int
    value: float


TABLE = Table("rows", Mixed, key=("name", "count"))
ROWS = [
    Mixed("", None, 0, None, 0.0, None, True, (), None),
    Mixed("plain", "a note", 2**63 - 1, -1, -0.0, float("nan"), False, ("a", "b"), (1, 2)),
    Mixed("Lüfter 扇", "", -(2**63), 7, 1e-320, float("inf"), True, ("ü",), ()),
]


def test_every_value_comes_out_as_it_went_in() -> None:
    found = to_arrow(TABLE, columns_of(TABLE, ROWS)).to_pylist()
    assert [repr(list(row.values())) for row in found] == [
        repr([list(value) if isinstance(value, tuple) else value for value in astuple(row)]) for row in ROWS
    ]


def test_what_a_pack_shares_stands_once_and_the_rest_in_lists() -> None:
    table = Table("packs", Reading, packed=("at_ns", "value"))
    packs = Packs({"node": ["n1", "ü"], "at_ns": [1, 2, 3], "value": [0.5, -1.0, 2.0]}, [2, 1])
    assert packs_to_arrow(table, packs).to_pylist() == [
        {"node": "n1", "at_ns": [1, 2], "value": [0.5, -1.0]},
        {"node": "ü", "at_ns": [3], "value": [2.0]},
    ]
    assert unpacked(table, packs) == {
        "node": ["n1", "n1", "ü"],
        "at_ns": [1, 2, 3],
        "value": [0.5, -1.0, 2.0],
    }


def test_keys_are_rows_of_the_columns_of_the_key() -> None:
    found = keys_to_arrow(TABLE, [TABLE.key_of(row) for row in ROWS]).to_pylist()
    assert found == [{"name": row.name, "count": row.count} for row in ROWS]


@pytest.mark.parametrize(("column", "value"), [("count", 2**63), ("count", 1.5), ("name", 3), ("value", "x")])
def test_a_value_that_does_not_fit_its_column_is_refused(column: str, value: object) -> None:
    columns = columns_of(TABLE, ROWS)
    columns[column][1] = value
    with pytest.raises((ValueError, TypeError, OverflowError)):
        to_arrow(TABLE, columns)


@pytest.mark.parametrize("name", ["note", "other", "more", "numbers"])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 64, 100])
@pytest.mark.parametrize("every", [1, 2, 3, 1000])
def test_what_is_absent_among_many_is_absent_alone(name: str, count: int, every: int) -> None:
    there = {"note": "ü", "other": -7, "more": 0.5, "numbers": (1, 2)}[name]
    plain = Mixed("n", None, 0, None, 0.0, None, True, (), None)
    rows = [replace(plain, **{name: None if number % every == 0 else there}) for number in range(count)]
    flags = [replace(row, flag=number % 3 == 1) for number, row in enumerate(rows)]
    found = to_arrow(TABLE, columns_of(TABLE, flags)).to_pylist()
    shown = list(there) if isinstance(there, tuple) else there
    assert [row[name] for row in found] == [None if number % every == 0 else shown for number in range(count)]
    assert [row["flag"] for row in found] == [number % 3 == 1 for number in range(count)]
