"""Messages into files: each file is whole or not there, and each message is in one, whatever is killed and when.

    pull --> wait until much, or long enough --> a file a partition, written anew while it is small --> the position

The position is written last. What was written behind it before a kill is taken out at the next start, and is written
again from the log.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coord.events.errors import CoordError
from coord.events.streams import MIB
from coord.events.wire import Stored
from coord.projections.archive import (
    COMPUTED,
    TABLE,
    Partition,
    by_partition,
    file_of,
    rows_of,
)
from coord.projections.intake import message_id
from coord.projections.store.parquet import Parquet
from coord.services import clock
from coord.services.archive.place import (
    AS_FOUND,
    Standing,
    check_identity,
    files_of,
    read_standing,
    shown,
    standing_of,
    write_standing,
)
from coord.services.log import Log

ROWS_MAX: Final = 20_000
"""Of one writing."""
BYTES_MAX: Final = 16 * MIB
"""Of the bodies of one writing."""
WHOLE_ROWS: Final = 20_000
"""Of a file that is not written anew any more, but followed by another."""
WHOLE_BYTES: Final = 8 * MIB
MEMORY_MIB: Final = 192

_log: Final = logging.getLogger("coord.archive")


class Export:
    """The writing end of one archive. Everything but `begin` blocks: call it in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._engine = Parquet(MEMORY_MIB)
        self._newest: dict[Partition, tuple[int, int]] = {}
        """The first position and the rows of the file that a partition grows in."""
        self.standing: Standing | None = None

    async def begin(self, log: Log) -> None:
        """Read how far the archive is.

        Raises:
            CoordError: it is of another log, or cannot be read.
        """
        self.standing = read_standing(self._root)
        if self.standing is not None:
            await check_identity(log, self._root, self.standing)

    @property
    def position(self) -> int:
        """Up to where everything is in the files."""
        return self.standing.position if self.standing is not None else 0

    def check_place(self) -> None:
        """Make sure that what is there is what was written.

        Raises:
            CoordError: the folder was moved aside, or put back, meanwhile.
        """
        if read_standing(self._root) != self.standing:
            raise CoordError(f"the archive {shown(self._root)} was moved meanwhile.", AS_FOUND)

    def clear(self) -> None:
        """Take out what was written and not finished: files, and rows, behind the position.

        Raises:
            ParquetFault: a file cannot be read.
        """
        newest: dict[Path, tuple[int, Path]] = {}
        for path, first in files_of(self._root):
            if first > self.position:
                path.unlink()
            else:
                newest[path.parent] = first, path
        for beside in (self._root / "events").glob("site=*/day=*/.*.parquet.*"):
            beside.unlink()
        for first, path in newest.values():
            if (self._engine.value(path, "max(position)") or 0) > self.position:
                rows = self._engine.cut(path, f"position <= {self.position}")
                _log.info("%s is cut back to %d rows: the rest was not finished", path, rows)
            self._note(path, first)

    def write(self, messages: Sequence[Stored]) -> None:
        """Put messages, at least one and in order behind the position, into files, and say so.

        Raises:
            CoordError: the disk is full or fails, the same again is safe; or the folder was moved meanwhile.
        """
        self.check_place()
        for partition, some in by_partition(messages).items():
            self._write(partition, some)
        first = self.standing.first_id if self.standing is not None else message_id(messages[0])
        standing = standing_of(first, messages[-1], clock.now_ns())
        write_standing(self._root, standing)
        self.standing = standing

    def close(self) -> None:
        """End the engine."""
        self._engine.close()

    def _write(self, partition: Partition, messages: Sequence[Stored]) -> None:
        first, rows = self._newest.get(partition, (0, WHOLE_ROWS))
        path = self._root / file_of(partition, first)
        grows = rows < WHOLE_ROWS and path.exists() and path.stat().st_size < WHOLE_BYTES
        if not grows:
            first = messages[0].position
            path = self._root / file_of(partition, first)
        before = f"position < {messages[0].position}" if grows else ""
        rows = self._engine.write(path, TABLE, rows_of(messages), COMPUTED, before)
        self._newest[partition] = first, rows

    def _note(self, path: Path, first: int) -> None:
        site, day = (part.partition("=")[2] for part in path.parts[-3:-1])
        self._newest[Partition(site, day)] = first, self._engine.value(path, "count(*)")


def is_due(pending: Sequence[Stored], size_bytes: int, waited_seconds: float, seconds: float) -> bool:
    """Tell whether what has come together is to be written: much of it, or long enough ago."""
    return bool(pending) and (
        len(pending) >= ROWS_MAX or size_bytes >= BYTES_MAX or waited_seconds >= seconds
    )
