"""Digests of tables: equal tables have equal digests, whatever built them and in whatever order."""

from collections.abc import Mapping
from typing import Final

from coord.events.streams import EVENTS, SAMPLES
from coord.projections.intake import LEDGER
from coord.projections.store.reader import Reader
from coord.projections.store.schema import ALL_TABLES, SEALED

_DIGEST: Final = """
    SELECT printf('%016x%016x', (coalesce(sum(hash(t)), 0) % 18446744073709551616)::UBIGINT,
                  coalesce(bit_xor(hash(t)), 0)::UBIGINT)
    FROM (SELECT * FROM "{name}" {where}) t"""
_LEDGER: Final = frozenset(table.name for table in LEDGER)


def digests(reader: Reader) -> dict[str, str]:
    """Return the digest of every table: the sum and the exclusive or of its rows' hashes.

    Of a table with segments all rows count, by the name of its view: what is sealed already makes no difference.
    """
    return {table.whole: reader.value(_DIGEST.format(name=table.whole, where="")) for table in ALL_TABLES}


def digests_of_events(reader: Reader) -> dict[str, str]:
    """Return the digests of what a rebuild from the log gives equal, whole.

    Readings are kept for a time only, so their tables, and their lines in the ledger, are left out.
    """
    return {
        table.name: reader.value(
            _DIGEST.format(
                name=table.name, where=f"WHERE stream = '{EVENTS.name}'" if table.name in _LEDGER else ""
            )
        )
        for table in ALL_TABLES
        if table.stream == EVENTS.name
    }


def oldest_of_readings(reader: Reader) -> dict[str, int]:
    """Return when the oldest row of each sealed table was recorded; one without rows is left out."""
    found = {
        table.whole: reader.value(f'SELECT min(recorded_at_ns) FROM "{table.whole}"') for table in SEALED
    }
    return {name: oldest_ns for name, oldest_ns in found.items() if oldest_ns is not None}


def digests_of_readings(reader: Reader, since_ns: Mapping[str, int]) -> dict[str, str]:
    """Return the digests of the tables of SAMPLES: of sealed ones what was recorded since a moment, where one is named."""
    return {
        table.whole: reader.value(
            _DIGEST.format(
                name=table.whole,
                where=f"WHERE recorded_at_ns >= {since_ns[table.whole]}" if table.whole in since_ns else "",
            )
        )
        for table in ALL_TABLES
        if table.stream == SAMPLES.name
    }
