"""The verb query: people's own SQL on a copy of the tables, as a table, JSON, CSV or Parquet."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, Final

from coord.events.errors import NoServer, UsageError, visible
from coord.services.cli.bars import bar
from coord.services.cli.call import STDIN, Call, note
from coord.services.cli.past import heading, read_moment, until_ready
from coord.services.cli.render import Column, print_table
from coord.services.cli.safe import safe
from coord.services.cli.target import refuse_irregular
from coord.services.cli.terminal import is_terminal, out, out_json, talk
from coord.services.cli.values import as_text, as_whole
from coord.services.query.copies import Copy, newest, private, taken
from coord.services.query.running import DamagedCopy, ask
from coord.services.query.wanted import ROWS_DEFAULT, ROWS_IN_FILES, ROWS_IN_FILES_MAX, ROWS_SHOWN_MAX, Wanted

SQL_LENGTH_MAX: Final = 20_000
_STDIN_BYTES_MAX: Final = 4 * SQL_LENGTH_MAX
_CSV_END: Final = "\r\n"
_EXPLAINED: Final = ["explain_key", "explain_value"]
_FORMS: Final = ("json", "csv", "parquet")

Line = Mapping[str, Any]


def query(call: Call) -> None:
    """Ask a statement, or list the tables."""
    call.only_this_house()
    form = _form(call)
    sql = _statement(call)
    limit = _limit(call, in_files=form in ("csv", "parquet"))
    parquet = _file(call.text("parquet") or "") if form == "parquet" else None
    for place, copy in enumerate(_copies(call)):
        if place:
            note(f"the snapshot before it is asked: as of position {copy.as_of['position']}.")
        try:
            with private(call.folder, copy.file) as file:
                until_ns = int(copy.as_of["time_ns"]) if copy.as_of.get("past") else 0
                position = int(copy.as_of["position"])
                wanted = Wanted(call.settings, str(file), position, sql, limit, until_ns)
                _show(call, form, copy, ask(wanted, parquet), parquet)
            return
        except DamagedCopy as error:
            note(str(error))
    raise NoServer("no snapshot can be read.", "Take another one: coord query --fresh")


def _form(call: Call) -> str:
    """Return how the rows are shown: table, json, csv or parquet."""
    given = [name for name in _FORMS if call.on(name) or call.text(name) is not None]
    if len(given) > 1 and given != ["json", "parquet"]:
        raise UsageError(f"--{given[0]} and --{given[1]} are two forms.", "Name one.")
    return given[-1] if given else "table"


def _limit(call: Call, *, in_files: bool) -> int:
    text = call.text("limit")
    if text is None:
        return ROWS_IN_FILES if in_files else ROWS_DEFAULT
    return as_whole(text, "--limit", 1, ROWS_IN_FILES_MAX if in_files else ROWS_SHOWN_MAX)


def _file(text: str) -> Path:
    """Read where Parquet is to be written."""
    path = Path(text).absolute()
    if not text or "\0" in text:
        raise UsageError(f"--parquet is '{visible(text)}'; it must be a file in a folder that is there.")
    refuse_irregular(path, "--parquet")
    return path


def _statement(call: Call) -> str:
    """Return the statement; nothing, when the tables are to be listed."""
    text = call.text("sql")
    if call.on("tables"):
        if text is not None:
            raise UsageError("--tables lists tables and runs nothing.", "Leave the statement out.")
        return ""
    if text is None:
        raise UsageError(
            "there is no statement.", 'Say one: coord query "SELECT count(*) FROM work"; or see --tables.'
        )
    if text == STDIN:
        try:
            text = sys.stdin.buffer.read(_STDIN_BYTES_MAX).decode()
        except UnicodeDecodeError as error:
            raise UsageError("the statement is not UTF-8 text.") from error
    return as_text(text, "the statement", SQL_LENGTH_MAX)


def _copies(call: Call) -> Iterator[Copy]:
    """Yield the copies to ask, the best first; one that cannot be read gives way to the next.

    Raises:
        NoServer: there is none, and no projector to make one.
        Refused, UsageError: there is no such moment.
    """
    at = call.text("at")
    if at is not None:
        if call.on("fresh"):
            raise UsageError("--fresh and --at are two moments.", "Name one.")
        moment = read_moment(at)
        yield until_ready(lambda: taken(call.folder, **moment))
        return
    found = [] if call.on("fresh") else newest(call.folder)
    yield from found or [_fresh(call)]


def _fresh(call: Call) -> Copy:
    with bar("taking a snapshot", quiet=call.json, ticking=True):
        return taken(call.folder)


def _show(call: Call, form: str, copy: Copy, lines: Iterator[Line], parquet: Path | None) -> None:
    if form != "json" and not call.on("tables"):
        talk(f"coord: {heading({'as_of': copy.as_of})}")
    if call.on("tables"):
        _show_tables(call, list(lines))
    elif form == "csv":
        _show_csv(lines)
    elif parquet is not None:
        _show_parquet(call, copy, lines, parquet)
    else:
        _show_rows(form, copy, lines)


def _show_tables(call: Call, lines: list[Line]) -> None:
    found = [line for line in lines if line["kind"] == "table"]
    if call.json:
        out_json({
            "tables": [
                {
                    "name": one["name"],
                    "view": one["view"],
                    "what": one["what"],
                    "columns": [{"name": name, "type": type_} for name, type_ in one["columns"]],
                }
                for one in found
            ]
        })  # fmt: skip
        return
    rows = [
        (
            one["name"],
            "view" if one["view"] else "table",
            ", ".join(name for name, _ in one["columns"]),
            one["what"],
        )
        for one in found
    ]
    print_table(_TABLES, rows)


_TABLES: Final = (
    Column("NAME"),
    Column("KIND", rank=2),
    Column("COLUMNS", flexible=True),
    Column("WHAT IT IS", rank=1, flexible=True),
)


def _show_rows(form: str, copy: Copy, lines: Iterator[Line]) -> None:
    """Show rows that are few enough to be looked at together."""
    columns: list[Line] = []
    rows: list[list[Any]] = []
    truncated = False
    for line in lines:
        _note_sources(line)
        columns = line.get("columns", columns)
        if line["kind"] == "rows":
            rows += line["rows"]
        truncated = line.get("truncated", truncated)
    if form == "json":
        names = [column["name"] for column in columns]
        read = [[_nested(value, column) for value, column in zip(row, columns, strict=True)] for row in rows]
        out_json({
            "as_of": copy.as_of,
            "columns": [{"name": column["name"], "type": column["type"]} for column in columns],
            "rows": [dict(zip(names, row, strict=True)) for row in read],
            "truncated": truncated,
        })  # fmt: skip
    elif [column["name"] for column in columns] == _EXPLAINED:
        for _, plan in rows:
            for drawn in str(plan).splitlines():
                out(safe(drawn))
    elif columns:
        titles = [Column(safe(one["name"]), one["number"], not one["number"]) for one in columns]
        print_table(titles, [[_cell(value) for value in row] for row in rows])
    if truncated:
        _note_cut(len(rows))


def _show_csv(lines: Iterator[Line]) -> None:
    """Print rows as they come; on a terminal what could move its cursor is escaped."""
    tame = safe if is_terminal() else str
    for line in lines:
        _note_sources(line)
        if line["kind"] == "columns":
            out(_csv([tame(column["name"]) for column in line["columns"]]))
        elif line["kind"] == "rows":
            for row in line["rows"]:
                out(_csv([tame(value) if isinstance(value, str) else _cell(value) for value in row]))
        elif line.get("truncated"):
            _note_cut(line["rows"])


def _show_parquet(call: Call, copy: Copy, lines: Iterator[Line], parquet: Path) -> None:
    count, truncated = 0, False
    for line in lines:
        _note_sources(line)
        if line["kind"] == "done":
            count, truncated = line["rows"], line["truncated"]
    document = {"as_of": copy.as_of, "file": str(parquet), "rows": count, "truncated": truncated}
    call.show(document, [f"{count} rows written to {safe(parquet)}"])
    if truncated:
        _note_cut(count)


def _csv(row: list[Any]) -> str:
    """Write a line without its end; the writer quotes what its own end of a line is made of."""
    text = io.StringIO()
    csv.writer(text, lineterminator=_CSV_END).writerow(row)
    return text.getvalue().removesuffix(_CSV_END)


def _cell(value: Any) -> Any:
    return ("false", "true")[value] if isinstance(value, bool) else value


def _nested(value: Any, column: Line) -> Any:
    """Return a value that is JSON itself as what it says; one that is none stays the text it is."""
    if not column["nested"] or not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=_number)
    except (ValueError, RecursionError):
        return value


def _number(text: str) -> float | str:
    """Read a number of JSON; one that no float holds stays the text it is."""
    number = float(text)
    return number if isfinite(number) else text


def _note_sources(line: Line) -> None:
    if line.get("events_from", 1) > 1:
        note(f"events holds the newest only, from position {line['events_from']} on.")
    if line.get("archive"):
        note(f"the archive has {line['archive']}.")


def _note_cut(rows: int) -> None:
    note(f"there is more than these {rows} rows; see --limit.")
