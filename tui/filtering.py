"""The filter: `state:running age>1h !eval` over rows. Words stand for any text in the row; `!` negates.

A condition is FIELD:WORD (a part of the value; several by comma), FIELD=WORD (the whole value), FIELD>N or
FIELD<N (numbers, or times such as 90s and 2h). Conditions hold together, whatever their case. What cannot
be read is told in a sentence, and then nothing is left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from coord.services.setting_kinds import parse_duration

Row = Mapping[str, Any]
Field = Callable[[Row], Any]
FILTER_LENGTH_MAX: Final = 200
SOMETIMES: Final = frozenset(
    (
        "agent", "by", "capabilities", "fence", "lease_seconds", "node", "note", "progress", "reason", "score",
        "team", "verify", "wip_limit", "work_item",
    )
)  # fmt: skip
"""Fields that a row may be without, and still be asked for by."""
_ROWS_LOOKED_AT: Final = 100
"""For the fields that rows have of themselves."""
_CONDITION: Final = re.compile(r"/?([A-Za-z_]+)([:=<>])(.*)", re.DOTALL)


class Filtered(NamedTuple):
    """What is left."""

    rows: list[Row]
    fault: str = ""
    """What cannot be read, in a sentence."""


def filtered(rows: Sequence[Row], text: str, names: Mapping[str, Field]) -> Filtered:
    """Keep the rows that match.

    Args:
        rows: in their order, which stays.
        text: the filter as it was typed.
        names: the fields that a view offers; those of the row itself can be named too.
    """
    known = {*names, *SOMETIMES, *(name for row in rows[:_ROWS_LOOKED_AT] for name in row)} if rows else None
    try:
        tests = [_test(word, names, known) for word in text[:FILTER_LENGTH_MAX].split()]
    except ValueError as error:
        return Filtered(list(rows), str(error))
    return Filtered([row for row in rows if all(test(row) for test in tests)])


def told(filter: str, shown: int, total: int, fault: str) -> str:
    """Say what a filter leaves, for the line under the heads; empty without a filter."""
    if fault:
        return f"filter ▸ {filter}   {fault}"
    return f"filter ▸ {filter}   {shown:,} of {total:,}" if filter else ""


def _test(word: str, names: Mapping[str, Field], known: set[str] | None) -> Callable[[Row], bool]:
    if word.startswith("!") and len(word) > 1:
        inner = _test(word[1:], names, known)
        return lambda row: not inner(row)
    match = _CONDITION.fullmatch(word)
    if match is None:
        wanted = word.lower()
        return lambda row: wanted in _whole(row, names)
    name, sign, value = match[1].lower(), match[2], match[3].lower()
    if known is not None and name not in known:
        raise ValueError(f"there is no field {name[:20]}; there are {', '.join(sorted(names or known))}.")
    read = names.get(name) or (lambda row: row.get(name))
    if sign in "<>":
        return _compared(read, sign, _number(name, value))
    parts = [part for part in value.split(",") if part]
    if not parts:
        raise ValueError(f"{name}{sign} wants a value.")
    if sign == "=":
        return lambda row: _text(read(row)) in parts
    return lambda row: any(part in _text(read(row)) for part in parts)


def _compared(read: Field, sign: str, limit: float) -> Callable[[Row], bool]:
    def test(row: Row) -> bool:
        value = read(row)
        if not isinstance(value, int | float):
            return False
        return value > limit if sign == ">" else value < limit

    return test


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(
            f"{name} is compared with {value[:20]!r}; a number or a time such as 90s is wanted."
        ) from error


def _whole(row: Row, names: Mapping[str, Field]) -> str:
    return " ".join((*map(_text, row.values()), *(_text(read(row)) for read in names.values())))


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower()
