"""The archive's rows: how a message of EVENTS is written as columns, and read back as it was.

    FOLDER/events/site=SITE/day=YYYY-MM-DD/FIRST.parquet

A day is that of the broker's clock, in UTC; FIRST is the position of a file's first row. Texts that are no UTF-8 stand
in a column of their own, in base64: nothing is lost, and nothing is changed on the way.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import astuple

from coord.events.streams import EVENTS
from coord.events.tokens import is_token
from coord.events.wire import Stored
from coord.projections.folds.shape import Columns, Row, Table, columns_of

EVENTS_FOLDER: Final = "events"
NO_SITE: Final = "__HIVE_DEFAULT_PARTITION__"
"""Where the site is no name: what every reader of such folders takes for NULL."""
COMPUTED: Final = "make_timestamp(recorded_at_ns // 1000) AS recorded_at"
_FILE: Final = re.compile(r"([0-9]{12,19})\.parquet")
_DAY_SECONDS: Final = 86_400
_DAY_NS: Final = _DAY_SECONDS * 1_000_000_000


class ArchivedRow(Row):
    """One message of EVENTS."""

    position: int
    recorded_at_ns: int
    subject: str
    aggregate: str
    entity: str
    type: str | None
    id: str | None
    actor: str | None
    body: str | None
    headers: str
    """As JSON; a name that came twice has both values."""
    body_base64: str | None
    """In place of `body`, where that is no UTF-8."""


TABLE: Final = Table("archived", ArchivedRow)
COLUMNS: Final = ", ".join(ArchivedRow.__struct_fields__)


class Partition(NamedTuple):
    """One folder of files: of a site and a day."""

    site: str
    day: str

    @property
    def folder(self) -> str:
        """Its path in the archive."""
        return f"{EVENTS_FOLDER}/site={self.site}/day={self.day}"


def partition_of(stored: Stored) -> Partition:
    """Return where a message belongs."""
    site = stored.subject.split(".")[1:2]
    known = site[0] if site and is_token(site[0]) else NO_SITE
    return Partition(known, _day(stored.recorded_at_ns // _DAY_NS))


@lru_cache(maxsize=16)
def _day(number: int) -> str:
    return f"{datetime.fromtimestamp(number * _DAY_SECONDS, UTC):%Y-%m-%d}"


def by_partition(messages: Iterable[Stored]) -> dict[Partition, list[Stored]]:
    """Sort messages by where they belong, each in the order of the log."""
    found: dict[Partition, list[Stored]] = {}
    for stored in messages:
        found.setdefault(partition_of(stored), []).append(stored)
    return found


def rows_of(messages: Sequence[Stored]) -> Columns:
    """Write messages, at least one, as rows by column."""
    return columns_of(TABLE, map(row_of, messages))


def row_of(stored: Stored) -> ArchivedRow:
    """Write a message as a row."""
    headers = dict(stored.headers or {})
    tokens = [*stored.subject.split("."), "", "", ""]
    body = _text(stored.body)

    def header(name: str) -> str | None:
        return _clean(headers[name]) if name in headers else None

    return ArchivedRow(
        position=stored.position,
        recorded_at_ns=stored.recorded_at_ns,
        subject=_clean(stored.subject),
        aggregate=_clean(tokens[2]),
        entity=_clean(tokens[3]),
        type=header("ce-type"),
        id=header("ce-id"),
        actor=header("cx-actor"),
        body=body,
        headers=msgspec.json.encode(headers).decode(),
        body_base64=b64encode(stored.body).decode() if body is None else None,
    )


def stored_of(row: Sequence[Any]) -> Stored:
    """Read a row, in the order of COLUMNS, back as the message it was made of."""
    archived = ArchivedRow(*row)
    body = archived.body.encode() if archived.body is not None else b64decode(archived.body_base64 or "")
    headers: dict[str, str] = msgspec.json.decode(archived.headers)
    return Stored(EVENTS.name, archived.position, archived.recorded_at_ns, archived.subject, headers, body)


def difference(stored: Stored, row: Sequence[Any]) -> str:
    """Name the columns in which a row is not what its message is written as; empty: in none."""
    wanted = astuple(row_of(stored))
    names = (column.name for column in TABLE.columns)
    return ", ".join(name for name, one, other in zip(names, wanted, row, strict=True) if one != other)


def file_of(partition: Partition, first: int) -> str:
    """Return the path in the archive of the file that begins with a position."""
    return f"{partition.folder}/{first:012}.parquet"


def first_of(path: Path) -> int | None:
    """Return the position a file begins with; None for a file that is none of the archive's."""
    match = _FILE.fullmatch(path.name)
    return int(match[1]) if match else None


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _clean(text: str) -> str:
    """Leave out of a text what no UTF-8 can hold: half of a pair."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
