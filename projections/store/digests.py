"""Digests of tables: equal tables have equal digests, whatever built them and in whatever order."""

from typing import Final

from coord.events.streams import EVENTS
from coord.projections.intake import LEDGER
from coord.projections.store.reader import Reader
from coord.projections.store.schema import ALL_TABLES

_DIGEST: Final = """
    SELECT printf('%016x%016x', (coalesce(sum(hash(t)), 0) % 18446744073709551616)::UBIGINT,
                  coalesce(bit_xor(hash(t)), 0)::UBIGINT)
    FROM (SELECT * FROM "{name}" {where}) t"""
_LEDGER: Final = frozenset(table.name for table in LEDGER)


def digests(reader: Reader) -> dict[str, str]:
    """Return the digest of every table: the sum and the exclusive or of its rows' hashes."""
    return {table.name: reader.value(_DIGEST.format(name=table.name, where="")) for table in ALL_TABLES}


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
