"""Reading a store as if it held some rows more: they are put in for one reader, and taken out again when it ends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from coord.projections.folds.shape import Columns
from coord.projections.store.arrow import to_arrow
from coord.projections.store.faults import read_border
from coord.projections.store.reader import Reader
from coord.projections.store.schema import BY_NAME
from coord.projections.store.writer import Store


@contextmanager
def reader_with(store: Store, rows: Mapping[str, Columns]) -> Iterator[Reader]:
    """Read one snapshot with rows of these tables in it, which hold none of their keys.

    Raises:
        StoreBroken: the file or engine failed.
    """
    with read_border():
        cursor = store.cursor()
        try:
            cursor.execute("BEGIN TRANSACTION")
            for name, columns in rows.items():
                cursor.register("supposed", to_arrow(BY_NAME[name], columns))
                cursor.execute(f'INSERT INTO "{name}" FROM supposed').fetchall()
                cursor.unregister("supposed")
            yield Reader(cursor)
        finally:
            cursor.execute("ROLLBACK")
            cursor.close()
