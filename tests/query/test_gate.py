"""What may run and what may not: the corpus of hostile statements, and the parts of a statement one by one."""

import json
import shutil
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

import duckdb
import pytest

from coord.events.errors import CoordError, Refused, UsageError
from coord.projections.store.gate import SQL_LENGTH_MAX, Admitted, Gate, functions
from coord.projections.store.sandbox import Sandbox
from coord.services.query import log_events

LINES = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "hostile_sql.jsonl").read_text().splitlines()
]
CANARIES = "/tmp/chaos-canary-*"
TOO_MUCH = {line["label"]: line["sql"] for line in LINES if line["expect"] == "limit"}
"""What takes too long or too much; `test_process` has some of them run."""


@pytest.fixture(scope="module")
def sandbox(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A locked sandbox, with one event."""
    own = tmp_path_factory.mktemp("own") / "coord.duckdb"
    shutil.copyfile(tables, own)
    made = Sandbox(own, 256)
    row = log_events.EventRow(1, 10**18, "work.submitted.v4", "work", "w-1", "ada", "e-1", '{"util": 7}')
    made.add(log_events.TABLE, [row])
    made.run(log_events.VIEW)
    made.lock()
    yield made
    made.close()


@pytest.fixture(scope="module")
def gate(sandbox: Sandbox) -> Iterator[Gate]:
    made = Gate([*(one.name for one in sandbox.held()), log_events.NAME])
    yield made
    made.close()


def rows(gate: Gate, sandbox: Sandbox, sql: str, limit: int = 100) -> list[list[Any]]:
    asked = sandbox.ask(gate.admit(sql), limit)
    return [row for some in asked.rows() for row in some]


@pytest.mark.parametrize("line", LINES, ids=[line["label"] for line in LINES])
def test_a_line_of_the_corpus_is_met_as_it_should_be(
    gate: Gate, sandbox: Sandbox, line: dict[str, Any]
) -> None:
    if line["expect"] == "deny":
        with pytest.raises((Refused, UsageError)) as refused:
            rows(gate, sandbox, line["sql"])
        said = str(refused.value)
        assert said.isprintable()
        assert len(said) < 500
    elif line["expect"] == "allow":
        assert rows(gate, sandbox, line["sql"])
    else:
        _met(gate, line["sql"])
    assert not glob(CANARIES)


def _met(gate: Gate, sql: str) -> Admitted | CoordError:
    """Hold that the gate itself survives a statement that would take too much."""
    try:
        return gate.admit(sql)
    except CoordError as error:
        return error


ALLOWED = (
    "FROM work SELECT id",
    "FROM main.work",
    "(SELECT 1) UNION ALL SELECT 2 ORDER BY 1",
    "VALUES (1), (2)",
    "WITH RECURSIVE r AS (SELECT 1 a UNION ALL SELECT a + 1 FROM r WHERE a < 5) FROM r",
    "WITH x AS MATERIALIZED (SELECT 1 a) FROM x",
    "SELECT list_transform([1, 2], lambda x: x + 1), [x * 2 for x in [1, 2]], unnest([1, 2])",
    "SELECT CASE WHEN true THEN 1 END, 1 BETWEEN 0 AND 2, 'a' LIKE 'b', 1 IN (1, 2), EXISTS (SELECT 1)",
    "SELECT count(*) FILTER (WHERE status = 'open'), max(position) OVER () FROM work GROUP BY position",
    "SELECT DISTINCT ON (status) * EXCLUDE (id) FROM work ORDER BY position LIMIT 50%",
    "FROM work ASOF JOIN work w2 ON work.position >= w2.position",
    "FROM work w JOIN LATERAL (SELECT w.id) ON true",
    "PIVOT (SELECT status, 1 n FROM work) ON status IN ('open', 'claimed') USING sum(n)",
    "SELECT time_bucket(INTERVAL 1 HOUR, recorded_at), data->>'$.util', strftime(now(), '%H') FROM events",
    "SELECT quantile_cont(position, [0.5, 0.99]), arg_max(id, position) FROM work",
    "SELECT e.id, j.key, j.value FROM events e, json_each(e.data) j",
    "FROM generate_series(1, 3) t(n) SELECT n",
    "SHOW TABLES",
    "SUMMARIZE work",
    "DESCRIBE SELECT 1",
    "-- said first\n EXPLAIN ANALYZE SELECT count(*) FROM work;",
    "SELECT 'ü -- ; x' AS \"a;b\" ; ; /* and last */ -- done",
)


@pytest.mark.parametrize("sql", ALLOWED)
def test_what_people_write_is_taken(gate: Gate, sandbox: Sandbox, sql: str) -> None:
    assert rows(gate, sandbox, sql)


REFUSED = {
    "WITH x AS (COPY (SELECT 1) TO '/tmp/chaos-canary-gate') SELECT 1": "a part of the kind COPY_QUERY_NODE",
    "WITH x AS (DELETE FROM work RETURNING *) FROM x": "a part of the kind DELETE_QUERY_NODE",
    "WITH \"/etc/passwd\" AS (SELECT 1) FROM '/etc/passwd'": "WITH names '/etc/passwd'",
    "DESCRIBE '/etc/passwd'": "there is no table '/etc/passwd'",
    "SHOW DATABASES": "there is no table",
    "SHOW ALL TABLES": "there is no table",
    "FROM other.work": "the schema 'other' is not open",
    "FROM information_schema.tables": "the schema 'information_schema' is not open",
    "SELECT $1": "the kind PARAMETER",
    "SELECT current_setting('temp_directory')": "the function 'current_setting' is not among",
    "SELECT getvariable('a')": "the function 'getvariable' is not among",
    "SELECT nextval('s')": "the function 'nextval' is not among",
    "SELECT sleep_ms(100000)": "the function 'sleep_ms' is not among",
    "SELECT sum(1) OVER w FROM work WINDOW w AS (ORDER BY pg_sleep(1))": "the function 'pg_sleep' is not among",
    "SELECT system.main.lower('A')": "of a schema of its own",
    "FROM query('FROM work')": "the table function 'query' is not taken",
    "FROM range(3), read_text('/etc/hostname')": "the table function 'read_text' is not taken",
    "SELECT (SELECT count(*) FROM glob('/*'))": "the table function 'glob' is not taken",
    "EXPLAIN COPY work TO '/tmp/chaos-canary-gate'": "begins with 'COPY'",
    "EXPLAIN EXPLAIN SELECT 1": "begins with 'EXPLAIN'",
    "PRAGMA database_list": "begins with 'PRAGMA'",
    "CALL force_checkpoint()": "begins with 'CALL'",
    "/* SELECT */ -- SELECT\n INSTALL httpfs": "begins with 'INSTALL'",
    "SELECT 1; SELECT 2": "there are 2 statements",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_may_not_be_there_is_named(gate: Gate, sql: str) -> None:
    with pytest.raises(Refused) as refused:
        gate.admit(sql)
    assert REFUSED[sql] in refused.value.message
    assert not glob(CANARIES)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("", "there is no statement."),
        (" ;; ", "there is no statement."),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT 'a", "unterminated string literal"),
        ("x" * (SQL_LENGTH_MAX + 1), "20001 characters"),
        ("SELECT 1" + "+1" * 5_000, "Max expression depth"),
    ],
)
def test_what_is_no_statement_is_a_usage_error(gate: Gate, sql: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        gate.admit(sql)
    assert words in str(refused.value)


def test_the_gate_tells_which_tables_are_read(gate: Gate) -> None:
    admitted = gate.admit(
        "WITH work AS (FROM Agents) SELECT * FROM work, EVENTS e WHERE e.id IN (SELECT id FROM alerts);"
    )
    assert admitted.tables == {"agents", "events", "alerts"}
    assert admitted.selects
    assert not gate.admit("DESCRIBE work").selects


def test_the_functions_that_may_be_used_are_known_to_the_engine_and_none_of_them_reaches_out() -> None:
    connection = duckdb.connect()
    known = {
        str(name).lower()
        for (name,) in connection.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    }
    assert functions() <= known
    reaching = (
        "read_",
        "pg_",
        "duckdb_",
        "pragma_",
        "current_setting",
        "getenv",
        "write_",
        "nextval",
        "sleep",
    )
    assert [name for name in functions() if name.startswith(reaching)] == []


def test_the_sandbox_itself_has_nothing_to_reach_when_the_gate_is_passed_by(sandbox: Sandbox) -> None:
    for sql in (
        "FROM read_text('/etc/hostname')",
        "FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/chaos-canary-sandbox' (USE_TMP_FILE false)",
        "ATTACH '/tmp/chaos-canary-sandbox.db' AS x",
        "DELETE FROM work",
        "SET enable_external_access = true",
        "SET memory_limit = '1TB'",
        "INSTALL httpfs",
        "SELECT getenv('HOME')",
    ):
        with pytest.raises((Refused, UsageError)):
            list(sandbox.ask(Admitted(sql, frozenset(), False), 10).rows())
    assert not glob(CANARIES)
    (name,) = sandbox._connection.execute(
        "SELECT path FROM duckdb_databases() WHERE NOT internal"
    ).fetchall()[0]
    with pytest.raises((Refused, UsageError)):
        sandbox.run(f"COPY (SELECT 1) TO '{name}' (USE_TMP_FILE false)")
    assert not Path(name).exists()


def test_rows_come_in_order_and_up_to_the_limit(gate: Gate, sandbox: Sandbox) -> None:
    sql = "SELECT a FROM range(200000) t(a) ORDER BY hash(a)"
    asked = sandbox.ask(gate.admit(sql), 2_500)
    found = [row[0] for some in asked.rows() for row in some]
    assert (len(found), asked.count, asked.truncated) == (2_500, 2_500, True)
    whole = sandbox.ask(gate.admit(sql), 200_000)
    every = [row[0] for some in whole.rows() for row in some]
    assert (every[:2_500], len(set(every)), whole.truncated) == (found, 200_000, False)


def test_values_of_every_kind_become_json(gate: Gate, sandbox: Sandbox) -> None:
    sql = """
        SELECT 1.5 AS d, sum(1) AS h, 170141183460469231731687303715884105727::HUGEINT AS big, true AS t, NULL AS n,
               'nan'::DOUBLE AS x, [1, 2] AS l, {'a': 1} AS s, '{"a": 1}'::JSON AS j, DATE '2026-01-02' AS day,
               TIMESTAMPTZ '2026-01-02 03:04:05+00' AS tz, INTERVAL 1 DAY AS i, 'x'::BLOB AS b, 1 AS d, 1 AS d_1"""
    asked = sandbox.ask(gate.admit(sql), 5)
    (row,) = next(asked.rows())
    assert row == [
        1.5, 1, "170141183460469231731687303715884105727", True, None, "nan", "[1,2]", '{"a":1}', '{"a": 1}',
        "2026-01-02", "2026-01-02 03:04:05+00", "1 day", "x", 1, 1,
    ]  # fmt: skip
    names = [column.name for column in asked.columns]
    assert names[:2] == ["d", "h"]
    assert len(set(names)) == len(names) == 15
    assert [column.name for column in asked.columns if column.nested] == ["l", "s", "j"]
