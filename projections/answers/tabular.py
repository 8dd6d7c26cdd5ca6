"""An answer's rows as a table of Arrow: a column for each field; what is itself made of parts is a text of JSON.

Only answers that are a list have this form. Flat answers of many rows are taken apart without a look at JSON.
"""

import types
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic_core import to_json

from coord.events.answer import AS_OF, TRUNCATED, Answer, list_in
from coord.events.errors import UsageError
from coord.events.model import Words
from coord.events.questions import QUESTIONS
from coord.projections.store.ipc import Column, Kind, to_ipc

_FLAT: Final[tuple[tuple[type, Kind], ...]] = (
    (bool, "flag"),
    (int, "integer"),
    (float, "number"),
    (str, "text"),
)


def list_of(name: str) -> tuple[str, type[Words]]:
    """Return the field of a question's answer that is its list, and what that is a list of.

    Raises:
        UsageError: it has none.
    """
    found = list_in(QUESTIONS[name][1])
    if found is None:
        lists = ", ".join(one for one, (_, answer) in QUESTIONS.items() if list_in(answer) is not None)
        raise UsageError(f"what {name} answers is no list, and comes as JSON alone.", f"As Arrow: {lists}.")
    return found


def to_table(name: str, answer: Answer) -> bytes:
    """Write an answer's list as a stream of Arrow; its schema says as of which moment, and whether it was cut.

    Raises:
        UsageError: the answer is no list.
    """
    field, model = list_of(name)
    rows = getattr(answer, field)
    columns = {one: _column(info.annotation, rows, one) for one, info in model.model_fields.items()}
    return to_ipc(columns, told_beside(answer))


def told_beside(answer: Answer) -> dict[str, str]:
    """Return what a table says beside its rows: in its schema, and in the headers of HTTP."""
    cut = "true" if getattr(answer, "truncated", False) or getattr(answer, "next", None) else "false"
    return {AS_OF: answer.as_of.model_dump_json(), TRUNCATED: cut}


def _column(annotation: Any, rows: Sequence[Words], field: str) -> Column:
    kind = _kind(annotation)
    values = [getattr(row, field) for row in rows]
    if kind is None:
        return Column(
            "text", [None if one is None else to_json(one, exclude_none=True).decode() for one in values]
        )
    if kind == "number":
        return Column(kind, [None if one is None else float(one) for one in values])
    return Column(kind, values)


def _kind(annotation: Any) -> Kind | None:
    """Return what a field is as a column; None: it is made of parts."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin is Literal:
        return "text"
    if origin in (Union, types.UnionType):
        kinds = [_kind(one) for one in get_args(annotation) if one is not types.NoneType]
        return "number" if "number" in kinds and set(kinds) <= {"number", "text"} else _same(kinds)
    return next((kind for flat, kind in _FLAT if annotation is flat), None)


def _same(kinds: Sequence[Kind | None]) -> Kind | None:
    return kinds[0] if len(set(kinds)) == 1 else None
