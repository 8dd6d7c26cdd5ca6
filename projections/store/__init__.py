"""The store: one DuckDB file, owned by one process. The only door to duckdb and nanoarrow.

    connection  open hardened, and the ladder of recovery on open
    schema      what each table is in SQL and in Arrow; the fingerprint of all of it
    rows        the rows that folds look at: read in bulk, kept while they are hot
    writer      one intake, one transaction
    segments    what is old of readings and rollups, sorted, in tables of their own; what is kept of it
    sealed_files  sealed tables into Parquet, and back
    reader      one question, one cursor, one snapshot
    digests     equal tables have equal digests, whatever built them
    gate        which statements of people's own may run
    sandbox     a copy of the file, opened so that they can do nothing but read it

One thread writes; any number read. Two rules of this engine shape the code: a result is always read to
its end (an open one keeps the log of writes from being emptied), and after an error nothing but ROLLBACK
is believed (a COMMIT would succeed and write nothing).
"""

from coord.projections.store.connection import (
    Opened,
    begin_anew,
    begin_store,
    open_store,
    remove_file,
    replace_file,
)
from coord.projections.store.digests import digests_of_events, digests_of_readings, oldest_of_readings
from coord.projections.store.faults import Starved, StoreBroken, StoreFull, Unfoldable, told_apart
from coord.projections.store.reader import Reader
from coord.projections.store.schema import FINGERPRINT
from coord.projections.store.segments import KEEPING, Keeping, Kept, end_ns_of, keeping
from coord.projections.store.writer import Store

__all__ = [
    "FINGERPRINT",
    "KEEPING",
    "Keeping",
    "Kept",
    "Opened",
    "Reader",
    "Starved",
    "Store",
    "StoreBroken",
    "StoreFull",
    "Unfoldable",
    "begin_anew",
    "begin_store",
    "digests_of_events",
    "digests_of_readings",
    "end_ns_of",
    "keeping",
    "oldest_of_readings",
    "open_store",
    "remove_file",
    "replace_file",
    "told_apart",
]
