"""The command's side: starts the process, reads what it says, and kills it when its time is over.

The statement's time is counted while the process is waited for, and not while whoever asked is busy printing.
"""

import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from coord.events.errors import CoordError, Exit, NoServer, Refused, UsageError, visible
from coord.events.streams import MIB
from coord.services import clock
from coord.services.query.wanted import Wanted

START_SECONDS: Final = 120.0
"""Until the statement runs: the engine is loaded, and `events` is read from the log if it is named."""
GRACE_SECONDS: Final = 1.0
LINE_BYTES_MAX: Final = 64 * MIB
"""Of a thousand rows."""
_MODULE: Final = "coord.services.query.process"
_READ_BYTES: Final = 256 * 1024
_ERRORS: Final[dict[int, type[CoordError]]] = {
    Exit.USAGE: UsageError, Exit.REFUSED: Refused, Exit.NO_SERVER: NoServer,
}  # fmt: skip

Line = dict[str, Any]


class DamagedCopy(NoServer):
    """The copy cannot be read; another one may."""


def ask(wanted: Wanted, parquet: Path | None = None) -> Iterator[Line]:
    """Run a statement and yield what the process says of it; Parquet is written to a file, whole or not at all.

    Raises:
        UsageError, Refused, NoServer: what the process says no with.
        Refused: it takes too much time or memory.
        DamagedCopy: the copy cannot be read.
    """
    if parquet is None:
        yield from _Run(wanted).lines()
        return
    beside = parquet.with_name(f".{parquet.name}.{os.getpid()}")
    try:
        with open(beside, "xb") as file:
            yield from _Run(wanted, file).lines()
        beside.replace(parquet)
    except OSError as error:
        raise UsageError(f"{visible(str(parquet), 200)} cannot be written: {error.strerror}.") from error
    finally:
        beside.unlink(missing_ok=True)


class _Run:
    """One process, from its start to its end."""

    def __init__(self, wanted: Wanted, file: IO[bytes] | None = None) -> None:
        self._file = file
        self._seconds = wanted.settings.query_seconds
        self._memory_mib = wanted.settings.query_memory_mib
        self._left = START_SECONDS
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        pipe = os.pipe() if file is not None else ()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            pass_fds=pipe[1:],
            process_group=0,
        )
        for descriptor in pipe[1:]:
            os.close(descriptor)
        self._parquet = pipe[0] if pipe else -1
        self._wanted = replace(wanted, parquet=pipe[1]) if pipe else wanted

    def lines(self) -> Iterator[Line]:
        """Yield what the process says; it has ended when this has."""
        try:
            self._tell()
            ended = False
            for raw in self._raw_lines():
                line: Line = msgspec.json.decode(raw)
                if line["kind"] == "no":
                    raise _no(line)
                if line["kind"] == "running":
                    self._left = self._seconds + GRACE_SECONDS
                ended = line["kind"] == "done"
                yield line
            if not ended:
                raise self._died()
        finally:
            self._end()

    def _tell(self) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(self._wanted, self._process.stdin)
            self._process.stdin.close()
        except BrokenPipeError:
            """It has ended already; why, is seen when it is read from."""

    def _raw_lines(self) -> Iterator[bytes]:
        assert self._process.stdout is not None
        said = self._process.stdout.fileno()
        open_ends, lines = {said, self._parquet} - {-1}, _Lines()
        while open_ends:
            began = clock.monotonic()
            ready, _, _ = select.select(open_ends, (), (), max(self._left, 0.0))
            self._left -= clock.monotonic() - began
            if not ready:
                raise self._too_late()
            for end in ready:
                found = os.read(end, _READ_BYTES)
                if not found:
                    open_ends.discard(end)
                elif end == said:
                    yield from lines.whole(found)
                elif self._file is not None:
                    self._file.write(found)

    def _too_late(self) -> Refused:
        return Refused(
            f"the statement was ended: it takes longer than the {self._seconds:g} s it may.",
            "Ask for less, or set query_seconds.",
        )

    def _died(self) -> CoordError:
        """Say what a process died of that said nothing."""
        code = self._process.wait()
        if -code == signal.SIGXCPU:
            return self._too_late()
        if code < 0:
            return Refused(
                f"the statement was ended by signal {-code}: it takes more than the {self._memory_mib} MiB"
                " of memory it may, most likely.",
                "Ask for less, or set query_memory_mib.",
            )
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        if "MemoryError" in last:
            return Refused("the statement was ended: it takes more memory than it may.", "Ask for less.")
        return CoordError(f"the process that ran the statement ended with {code}: {visible(last, 200)}")

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()
        if self._parquet >= 0:
            os.close(self._parquet)


class _Lines:
    """Puts lines together from what a pipe gives."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0

    def whole(self, found: bytes) -> list[bytes]:
        """Take what has come, and return the lines that are whole by it.

        Raises:
            Refused: a line has become too long.
        """
        first, newline, behind = found.partition(b"\n")
        self._rest.append(first)
        self._size += len(first)
        if self._size > LINE_BYTES_MAX:
            raise Refused("the rows are too large to be shown.", "Ask for fewer columns, or parts of them.")
        if not newline:
            return []
        *whole, rest = behind.split(b"\n")
        line = b"".join(self._rest)
        self._rest, self._size = [rest], len(rest)
        return [line, *whole]


def _no(line: Line) -> CoordError:
    kind = DamagedCopy if line["damaged"] else _ERRORS.get(line["exit_code"], CoordError)
    return kind(line["reason"], line["hint"])
