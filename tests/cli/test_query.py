"""`coord query` on snapshots: forms, limits, moments, damage; most of it without a second process."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_service import AS_OF, Heard, Service, refused, said
from snapshots_made import ITEMS, make_tables, take

from coord.events.errors import CoordError
from coord.projections.snapshots import Snapshot, snapshots
from coord.services.cli.main import run
from coord.services.folder import PROJECTOR_SOCKET, Folder
from coord.services.query import process, running
from coord.services.query.wanted import Wanted
from coord.services.query.wording import meaning

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a dozen items; nobody changes this file."""
    return make_tables(tmp_path_factory.mktemp("tables") / "coord.duckdb")


@pytest.fixture
def snapshot(data: Path, tables: Path) -> Snapshot:
    """A snapshot of them."""
    return take(data, tables, 16)


def _inline(wanted: Wanted, parquet: Path | None = None) -> Iterator[dict[str, Any]]:
    """Answer here, as the process would."""
    assert parquet is None
    try:
        for line in process.answer(wanted):
            yield json.loads(json.dumps(line))
    except CoordError as error:
        raise running._no(process._no(error)) from error


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run statements in this process."""
    monkeypatch.setattr("coord.services.cli.query.ask", _inline)


def asked(*words: str) -> int:
    return run(["query", *words])


@pytest.mark.usefixtures("inline", "snapshot")
def test_a_table_has_the_rows_and_stderr_the_moment(here: Path, capsys: Capture) -> None:
    assert asked("SELECT status, count(*) AS items FROM work GROUP BY ALL ORDER BY ALL") == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["status   items", "claimed      4", "open         8"]
    assert said.err.startswith("coord: as of position 16, ")
    assert not list(here.glob("projection/queries/*"))


@pytest.mark.usefixtures("inline", "snapshot", "here")
def test_json_has_all_of_it_and_nested_values_as_such(capsys: Capture) -> None:
    assert asked("SELECT id, capabilities FROM work WHERE id = 'w-1'", "--json") == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["rows"] == [{"id": "w-1", "capabilities": ["gpu", "python"]}]
    assert told["columns"] == [
        {"name": "id", "type": "VARCHAR"},
        {"name": "capabilities", "type": "VARCHAR[]"},
    ]
    assert (told["truncated"], told["as_of"]["position"], said.err) == (False, 16, "")


def no_json(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


@pytest.mark.usefixtures("inline", "snapshot", "here")
@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("'-inf'::DOUBLE", "-inf"),
        ("[1.5, 'nan'::DOUBLE, 'inf'::DOUBLE, '-inf'::DOUBLE]", [1.5, "nan", "inf", "-inf"]),
        (
            "{'NaN': 'nan'::FLOAT, 'said': 'no \"NaN, Infinity\\'}",
            {"NaN": "nan", "said": 'no "NaN, Infinity\\'},
        ),
        ("map(['inf'::DOUBLE], ['nan'::DOUBLE])", {"inf": "nan"}),
        ("'[Infinity, -inf, -NaN, 1e999, null]'::JSON", ["inf", "-inf", "nan", "1e999", None]),
    ],
)
def test_a_number_that_json_cannot_have_is_a_text_however_deep(
    capsys: Capture, sql: str, value: object
) -> None:
    assert asked(f"SELECT {sql} AS x", "--json") == 0
    assert json.loads(capsys.readouterr().out, parse_constant=no_json)["rows"] == [{"x": value}]


@pytest.mark.usefixtures("inline", "snapshot", "here")
def test_csv_can_be_read_by_others(capsys: Capture) -> None:
    assert asked("SELECT 'a,\"b\"\nc' AS text, NULL AS nothing, true AS yes, 1.5 AS number", "--csv") == 0
    assert list(csv.reader(capsys.readouterr().out.splitlines(keepends=True))) == [
        ["text", "nothing", "yes", "number"],
        ['a,"b"\nc', "", "true", "1.5"],
    ]


@pytest.mark.usefixtures("inline", "snapshot", "here")
@pytest.mark.parametrize("text", ["two\nlines", "two\rparts", "\r\n", "\n", ""])
def test_a_text_of_several_lines_is_one_value_of_csv(capsys: Capture, text: str) -> None:
    written = " || ".join(f"chr({ord(mark)})" for mark in text) or "''"
    assert asked(f"SELECT {written} AS said, {written} AS again", "--csv") == 0
    assert list(csv.reader(io.StringIO(capsys.readouterr().out, newline=""))) == [
        ["said", "again"],
        [text, text],
    ]


@pytest.mark.usefixtures("inline", "snapshot", "here")
@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_what_is_cut_is_said(capsys: Capture, form: tuple[str, ...]) -> None:
    assert asked("FROM work", "--limit", "5", *form) == 0
    assert "coord: there is more than these 5 rows; see --limit." in capsys.readouterr().err
    assert asked("FROM work", "--limit", str(ITEMS), *form) == 0
    assert "there is more" not in capsys.readouterr().err


@pytest.mark.usefixtures("inline", "snapshot", "here")
def test_nothing_of_a_value_reaches_the_terminal_raw(capsys: Capture) -> None:
    assert asked("SELECT chr(27) || '[2J' AS \"\x1b]0;x\"") == 0
    assert capsys.readouterr().out.splitlines() == ["\\x1b]0;x", "\\x1b[2J  "[:-2]]


@pytest.mark.usefixtures("inline", "snapshot", "here")
def test_a_plan_is_shown_line_by_line(capsys: Capture) -> None:
    assert asked("EXPLAIN SELECT count(*) FROM work WHERE status = 'open'") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("Aggregate" in line for line in lines)
    assert len(lines) > 5


@pytest.mark.usefixtures("inline", "snapshot", "here")
def test_every_table_and_view_is_told_with_its_columns_and_what_it_is(capsys: Capture) -> None:
    assert asked("--tables", "--json") == 0
    told = {table["name"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert told["work"]["columns"][0] == {"name": "id", "type": "VARCHAR"}
    assert (told["work"]["view"], told["work_all"]["view"], told["events"]["view"]) == (False, True, True)
    assert [name for name, table in told.items() if not table["what"]] == []
    assert asked("--tables") == 0
    assert "work_all" in capsys.readouterr().out
    assert meaning("no_such_table") == ""


@pytest.mark.usefixtures("inline", "snapshot", "here")
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("DROP TABLE work",), 4, "a statement that begins with 'DROP' is not taken; one SELECT is."),
        (("SELEC 1",), 2, "syntax error"),
        (("SELECT nope FROM work",), 2, 'Referenced column "nope" not found'),
        (("SELECT 'a'::INTEGER",), 2, "Conversion Error"),
        (("FROM nope",), 4, "there is no table 'nope'. coord query --tables lists what there is."),
        ((), 2, "there is no statement."),
        (("SELECT 1", "--tables"), 2, "--tables lists tables and runs nothing"),
        (("SELECT 1", "--csv", "--json"), 2, "are two forms"),
        (("SELECT 1", "--fresh", "--at", "3"), 2, "--fresh and --at are two moments"),
        (("SELECT 1", "--at", "nonsense"), 2, "names no moment"),
        (("SELECT 1", "--limit", "0"), 2, "--limit is '0'"),
        (("SELECT 1", "--limit", "100001"), 2, "--limit is '100001'"),
        (("SELECT 1", "--parquet", "/"), 2, "--parquet is '/', a folder; it must be a file."),
        (("SELECT 1", "--parquet", "/no/such/file"), 2, "it must be a file in a folder that is there"),
        (("SELECT 1", "--nats", "nats://h:1"), 2, "--nats is for up, serve and doctor"),
        (("x" * 20_001,), 2, "the statement has 20001 characters"),
        (("SELECT '\udcff'",), 2, "the statement is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_exit_code(
    capsys: Capture, words: tuple[str, ...], code: int, sentence: str
) -> None:
    assert asked(*words) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err.splitlines()[-1]
    assert len(said.err.splitlines()) <= 2


def test_only_a_regular_file_is_replaced_by_parquet(here: Path, capsys: Capture) -> None:
    pipe, link, file = here / "pipe.parquet", here / "link.parquet", here / "rows.parquet"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        assert asked("SELECT 1", "--parquet", str(path)) == 2
        assert f"--parquet is '{path}', a pipe; it must be a file." in capsys.readouterr().err
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)
    file.touch()
    assert asked("SELECT 1", "--parquet", str(file)) == 5
    assert "--parquet" not in capsys.readouterr().err


@pytest.mark.usefixtures("inline")
def test_a_damaged_snapshot_gives_way_to_the_one_before(
    here: Path, data: Path, tables: Path, capsys: Capture
) -> None:
    take(data, tables, 10)
    newest = take(data, tables, 16)
    newest.file.write_bytes(b"this is no database" * 4_096)
    assert asked("SELECT count(*) AS n FROM work", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["as_of"]["position"] == 10
    assert "coord: the snapshot cannot be read: " in said.err
    assert "the snapshot before it is asked: as of position 10." in said.err
    snapshots(Folder(data).path("projection", "snapshots"))[1].file.unlink()
    assert asked("SELECT 1") == 5
    assert "cannot be used: No such file or directory" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_without_a_snapshot_and_a_projector_it_says_what_to_do(capsys: Capture) -> None:
    assert asked("SELECT 1") == 5
    assert "no projector runs on the data folder" in capsys.readouterr().err


@pytest.mark.usefixtures("inline", "here")
@pytest.mark.parametrize(
    ("words", "path"),
    [
        ((), "snapshot?"),
        (("--fresh",), "snapshot?"),
        (("--at", "7"), "snapshot?at_position=7"),
        (("--at", "1970-01-02"), "snapshot?at_ns=86400000000000"),
    ],
)
def test_the_projector_is_asked_for_a_copy_of_the_moment(
    service: Start, tables: Path, capsys: Capture, words: tuple[str, ...], path: str
) -> None:
    def answer(heard: Heard) -> bytes:
        assert heard.verb == path
        return said({"as_of": {**AS_OF, "position": 7}, "file": str(tables), "taken_at_ns": 1})

    started = service(answer, PROJECTOR_SOCKET)
    assert asked("SELECT count(*) AS n FROM work", "--json", *words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["as_of"]["position"], told["rows"], len(started.heard)) == (7, [{"n": ITEMS}], 1)
    assert tables.exists()


@pytest.mark.usefixtures("inline", "here", "snapshot")
def test_a_moment_that_is_not_ready_is_asked_for_again(service: Start, tables: Path, capsys: Capture) -> None:
    def answer(_: Heard) -> bytes:
        if len(started.heard) < 3:
            return refused("not_yet", exit_code=3)
        return said({"as_of": AS_OF, "file": str(tables), "taken_at_ns": 1})

    started = service(answer, PROJECTOR_SOCKET)
    assert asked("SELECT 1", "--at", "7") == 0
    assert capsys.readouterr().err.count("Waiting; Ctrl-C stops.") == 2


@pytest.mark.usefixtures("inline", "here")
def test_events_need_the_log(snapshot: Snapshot, capsys: Capture) -> None:
    assert asked("SELECT count(*) FROM events") == 5
    assert "no server runs on the data folder" in capsys.readouterr().err
