"""The archive's rows in the order of their positions, a stretch at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from coord.projections.archive import COLUMNS
from coord.projections.store.parquet import Parquet, ParquetFault
from coord.services.archive.place import files_of

MEMORY_MIB: Final = 192
Row = tuple[Any, ...]
"""In the order of COLUMNS."""


class Rows:
    """The rows from a position on. All of it blocks: call it in a thread where others wait."""

    def __init__(
        self, root: Path, last: int, fault: Callable[[ParquetFault], None], from_position: int = 1
    ) -> None:
        """Look which files there are.

        Args:
            root: the archive's folder.
            last: the position up to which it is whole; what stands behind it is not looked at.
            fault: is told of each file that cannot be read, whose rows are then missing; it may raise.
            from_position: the first position that is wanted.
        """
        self._engine = Parquet(MEMORY_MIB)
        self._fault = fault
        self._done = from_position - 1
        self._ahead = [found for found in files_of(root) if found.first <= last]
        self._open: dict[Path, int] = {}
        """Files that were reached, and the last position of each."""
        self.files = len(self._ahead)

    def up_to(self, last: int) -> list[Row]:
        """Return the rows behind those that were returned before, up to a position."""
        while self._ahead and self._ahead[0].first <= last:
            self._reach(self._ahead.pop(0).path)
        found = self._rows(f"WHERE position > {self._done} AND position <= {last} ORDER BY position")
        self._open = {path: end for path, end in self._open.items() if end > last}
        self._done = last
        return found

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    def _rows(self, which: str) -> list[Row]:
        if not self._open:
            return []
        try:
            return self._engine.rows(list(self._open), COLUMNS, which)
        except ParquetFault:
            return sorted(self._one_by_one(which), key=lambda row: int(row[0]))

    def _one_by_one(self, which: str) -> list[Row]:
        rows: list[Row] = []
        for path in list(self._open):
            try:
                rows += self._engine.rows([path], COLUMNS, which)
            except ParquetFault as fault:
                del self._open[path]
                self._fault(fault)
        return rows

    def _reach(self, path: Path) -> None:
        try:
            end = self._engine.value(path, "max(position)") or 0
        except ParquetFault as fault:
            self._fault(fault)
            return
        if end > self._done:
            self._open[path] = end
