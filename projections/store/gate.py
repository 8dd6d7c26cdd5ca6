"""The gate: which statements of people's own may run. What it does not know, it refuses.

    one statement, a SELECT      EXPLAIN before one, DESCRIBE, SUMMARIZE and SHOW TABLES are SELECTs, too
    its tree, node by node       query nodes, table references and classes of expressions of these lists
    tables                       those that the file holds, and what the statement itself names with WITH
    functions                    those of functions.txt: none of them reads a file, a setting or a variable, or writes

The tree is the engine's own (`json_serialize_sql`), so the gate and the engine read a statement alike. The lists
hold for the version of the engine they were written for: what a later one adds is refused until it is listed.
The gate keeps nobody from asking for too much; limits of the operating system do that.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

import duckdb
import msgspec

from coord.events.errors import Refused, UsageError, visible

SQL_LENGTH_MAX: Final = 20_000
_DEPTH_MAX: Final = 400
_SHOWN: Final = 60

_QUERY_NODES: Final = frozenset(("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"))
_TABLE_REFERENCES: Final = frozenset(
    ("BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF")
)
_MODIFIERS: Final = frozenset(
    ("LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER")
)
_ORDERS: Final = frozenset(("ORDER_DEFAULT", "ASCENDING", "DESCENDING"))
_TYPES: Final = _QUERY_NODES | _TABLE_REFERENCES | _MODIFIERS | _ORDERS
_CLASSES: Final = frozenset((
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION",
    "LAMBDA", "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW", "TYPE",
))  # fmt: skip
TABLE_FUNCTIONS: Final = frozenset(("generate_series", "json_each", "json_tree", "range", "unnest"))
_SHOWN_TABLES: Final = '"tables"'
"""What SHOW TABLES shows."""

_EXPLAIN: Final = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*explain(\s+analyze)?\s+", re.IGNORECASE | re.DOTALL
)
_WITH_NAME: Final = re.compile(r"[\w ]{1,64}")
"""Of what WITH names: nothing that could be a path."""


class Admitted(msgspec.Struct, frozen=True):
    """A statement that may run."""

    sql: str
    """Without what follows it; it stands within parentheses as well as alone."""
    tables: frozenset[str]
    """The tables and views of the file that it reads."""
    selects: bool
    """Whether it is a SELECT, and not one that explains or describes."""


class Gate:
    """The gate before one file; `tables` are what the file holds. The engine it parses with holds nothing."""

    def __init__(self, tables: Iterable[str]) -> None:
        self._tables = {name.lower(): name for name in tables}
        self._parser = duckdb.connect(config={"autoload_known_extensions": "false", "threads": "1"})

    def close(self) -> None:
        """Let go of the engine."""
        self._parser.close()

    def admit(self, sql: str) -> Admitted:
        """Look at a statement.

        Raises:
            UsageError: it is none, or cannot be read.
            Refused: it is none that may run; the message says what is in the way.
        """
        explained = _EXPLAIN.match(sql)
        inner = sql[explained.end() :] if explained else sql
        inner = self._one_statement(inner)
        tree = self._tree(inner)
        named = frozenset(name.lower() for name in _with_names(tree))
        read = frozenset(filter(None, (self._looked_at(node, named) for node in _nodes(tree))))
        described = any(node.get("type") == "SHOW_REF" for node in _nodes(tree))
        whole = f"{explained[0].strip()} {inner}" if explained else inner
        return Admitted(whole, read, not explained and not described)

    def _one_statement(self, sql: str) -> str:
        """Return the text of the only statement there is."""
        if not sql.strip():
            raise UsageError("there is no statement.", 'Say one: coord query "SELECT count(*) FROM work"')
        if len(sql) > SQL_LENGTH_MAX:
            raise UsageError(f"the statement has {len(sql)} characters; at most {SQL_LENGTH_MAX} are taken.")
        try:
            found = self._parser.extract_statements(sql)
        except duckdb.Error as error:
            raise UsageError(told(error)) from error
        if not found:
            raise UsageError("there is no statement.")
        if len(found) > 1:
            raise Refused(f"there are {len(found)} statements; one SELECT is taken.")
        if found[0].type != duckdb.StatementType.SELECT:
            raise Refused(f"a statement that begins with '{_first_word(sql)}' is not taken; one SELECT is.")
        return _without_end(sql)

    def _tree(self, sql: str) -> Any:
        try:
            (text,) = self._parser.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()[0]
            answer = msgspec.json.decode(text)
        except (duckdb.Error, RecursionError, msgspec.DecodeError) as error:
            raise Refused(
                "the statement cannot be looked through: it is nested too deep, or too odd."
            ) from error
        if answer["error"] or len(answer["statements"]) != 1:
            raise Refused(
                f"this is not taken: {_sentence(answer.get('error_message') or 'no single SELECT')}"
            )
        return answer["statements"]

    def _looked_at(self, node: dict[str, Any], named: frozenset[str]) -> str | None:
        """Look at one node; returns the table that it reads, if it reads one of the file.

        Raises:
            Refused: it is none that may be there.
        """
        kind = node.get("class")
        if kind is not None:
            if kind not in _CLASSES:
                raise Refused(f"an expression of the kind {kind} is not taken.")
            if kind in ("FUNCTION", "WINDOW"):
                _look_at_function(node)
            return None
        type_ = node.get("type")
        if not isinstance(type_, str) or type_.endswith("_TYPE_INFO"):
            return None
        if type_ not in _TYPES:
            raise Refused(f"a part of the kind {type_} is not taken; only SELECT is.")
        if type_ == "TABLE_FUNCTION":
            _look_at_table_function(node)
        if type_ == "BASE_TABLE":
            return self._known(node, named)
        if type_ == "SHOW_REF" and node.get("table_name") and node["table_name"] != _SHOWN_TABLES:
            return self._known(node, frozenset())
        return None

    def _known(self, node: dict[str, Any], named: frozenset[str]) -> str | None:
        name, schema, catalog = (
            str(node.get(key) or "") for key in ("table_name", "schema_name", "catalog_name")
        )
        if catalog or schema not in ("", "main"):
            raise Refused(f"the schema '{visible(catalog or schema, _SHOWN)}' is not open to questions.")
        if not schema and name.lower() in named:
            return None
        found = self._tables.get(name.lower())
        if found is None:
            raise Refused(
                f"there is no table '{visible(name, _SHOWN)}'.", "coord query --tables lists what there is."
            )
        return found


def _without_end(sql: str) -> str:
    """Return a statement without the semicolons, and the comments between them, that end it."""
    raw = sql.encode()
    tokens = [at for at, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment]
    while tokens and raw[tokens[-1] : tokens[-1] + 1] == b";":
        raw = raw[: tokens.pop()]
    return raw.decode().strip()


def told(error: BaseException) -> str:
    """Write what the engine says as one sentence: its first line, and what it thinks was meant."""
    lines = [line.strip() for line in str(error).splitlines()]
    meant = next((line for line in lines[1:] if line.startswith(("Candidate", "Did you mean"))), "")
    return _sentence(f"{lines[0] if lines else type(error).__name__}{f' ({meant})' if meant else ''}")


def _sentence(words: str) -> str:
    shown = visible(" ".join(words.split()).replace(": :", ":"), 300)
    return shown if shown.endswith((".", "!", "?")) else f"{shown}."


def _first_word(sql: str) -> str:
    return visible((re.sub(r"/\*.*?\*/|--[^\n]*", " ", sql, flags=re.DOTALL).split() or ["?"])[0], _SHOWN)


def _look_at_function(node: dict[str, Any]) -> None:
    name = str(node.get("function_name") or "")
    if node.get("catalog") or node.get("schema") not in (None, "", "main"):
        raise Refused(f"the function '{visible(name, _SHOWN)}' of a schema of its own is not taken.")
    if name.lower() not in functions() | TABLE_FUNCTIONS:
        raise Refused(f"the function '{visible(name, _SHOWN)}' is not among those that statements may use.")


def _look_at_table_function(node: dict[str, Any]) -> None:
    name = str((node.get("function") or {}).get("function_name") or "").lower()
    if name not in TABLE_FUNCTIONS:
        raise Refused(
            f"the table function '{visible(name, _SHOWN)}' is not taken: it may reach beyond the tables."
        )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a tree, without going deeper into the stack than one call."""
    left: list[tuple[Any, int]] = [(tree, 0)]
    while left:
        here, depth = left.pop()
        if depth > _DEPTH_MAX:
            raise Refused("the statement is nested too deep.")
        if isinstance(here, dict):
            yield here
            left.extend((value, depth + 1) for value in here.values())
        elif isinstance(here, list):
            left.extend((value, depth + 1) for value in here)


def _with_names(tree: Any) -> Iterator[str]:
    """Yield what WITH names."""
    for node in _nodes(tree):
        for entry in (node.get("cte_map") or {}).get("map", ()):
            name = str(entry["key"])
            if not _WITH_NAME.fullmatch(name):
                raise Refused(f"WITH names '{visible(name, _SHOWN)}'; letters, digits and _ are taken.")
            yield name


@cache
def functions() -> frozenset[str]:
    """Return the names of the functions that statements may use."""
    text = files(__package__).joinpath("functions.txt").read_text("utf-8")
    lines = (line for line in text.lower().splitlines() if not line.startswith("#"))
    return frozenset(name for line in lines for name in line.split())
