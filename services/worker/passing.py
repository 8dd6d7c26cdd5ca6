"""What commands write, passed on as it comes, without this process ever waiting for whoever reads it.

    command --pipe--> Stream (keeps the end) --> Outlet (a bounded row) --when it can be written--> stdout, stderr

When an outlet's row is full its streams are not read, and the commands wait; leases are renewed all the same.
"""

import os
import select
import stat
from collections.abc import Callable
from typing import Final

from coord.services.worker.loop import Act, Loop

ROW_BYTES_MAX: Final = 256 * 1024
"""How much waits for a reader before commands do."""
LINE_BYTES_MAX: Final = 8 * 1024
"""A line that is longer is passed on in pieces, where lines are marked."""
_PIECE_BYTES: Final = select.PIPE_BUF
"""What a pipe that can be written takes without waiting."""
_CHUNK_BYTES: Final = 65_536


class Outlet:
    """stdout or stderr of this process."""

    def __init__(self, loop: Loop, descriptor: int, gone: Callable[[OSError], object]) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._gone: Callable[[OSError], object] | None = gone
        self._row = bytearray()
        self._waits = False
        self._paused: list[Act] = []
        mode = os.fstat(descriptor).st_mode
        self._is_ready_always = stat.S_ISREG(mode) or os.fstat(descriptor).st_rdev == _null_device()

    @property
    def is_full(self) -> bool:
        """Whether whoever wants to write more must wait."""
        return len(self._row) >= ROW_BYTES_MAX

    def write(self, text: bytes) -> None:
        """Write, now or when it can be."""
        if self._gone is not None:
            self._row += text
            if not self._waits:
                self._flush()

    def when_room(self, act: Act) -> None:
        """Have something called once there is room."""
        self._paused.append(act)

    def finish(self, seconds: float) -> None:
        """Write what is left; a reader that does not read within `seconds` loses it."""
        while self._row and (self._is_ready_always or select.select([], [self._descriptor], [], seconds)[1]):
            self._write_piece()
        self._loop.watch(self._descriptor)

    def _flush(self) -> None:
        while self._row and (self._is_ready_always or select.select([], [self._descriptor], [], 0)[1]):
            self._write_piece()
        if bool(self._row) != self._waits:
            self._waits = bool(self._row)
            self._loop.watch(self._descriptor, writes=self._flush if self._waits else None)
        if not self.is_full:
            paused, self._paused = self._paused, []
            for act in paused:
                act()

    def _write_piece(self) -> None:
        try:
            del self._row[: os.write(self._descriptor, self._row[:_PIECE_BYTES])]
        except OSError as error:
            self._row.clear()
            gone, self._gone = self._gone, None
            if gone is not None:
                gone(error)


class Stream:
    """One pipe from a command to an outlet."""

    def __init__(
        self, loop: Loop, descriptor: int, outlet: Outlet, mark: bytes, keep: Callable[[bytes, bytes], bytes]
    ) -> None:
        """Begin to pass on.

        Args:
            loop: of this process.
            descriptor: the pipe's end; it is closed here.
            outlet: where it goes.
            mark: what each line begins with; empty: everything is passed on as it comes.
            keep: from what was kept and what came, to what is kept.
        """
        os.set_blocking(descriptor, False)
        self.kept = b""
        self._loop = loop
        self._descriptor = descriptor
        self._outlet = outlet
        self._mark = mark
        self._keep = keep
        self._begun = bytearray()
        self._is_open = True
        self._listen()

    def finish(self) -> None:
        """Pass on what is there, and close: whoever could still write has left the command."""
        while self._is_open and self._read():
            pass
        self._close()

    def _listen(self) -> None:
        if self._is_open:
            self._loop.watch(self._descriptor, reads=self._hear)

    def _hear(self) -> None:
        if self._outlet.is_full:
            self._loop.watch(self._descriptor)
            self._outlet.when_room(self._listen)
        elif not self._read():
            self._close()

    def _read(self) -> bool:
        """Read a piece; False when no more will come, or none is there though it was said so."""
        try:
            chunk = os.read(self._descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if chunk:
            self.kept = self._keep(self.kept, chunk)
            self._pass_on(chunk)
        return bool(chunk)

    def _pass_on(self, chunk: bytes) -> None:
        if not self._mark:
            self._outlet.write(chunk)
            return
        self._begun += chunk
        if len(self._begun) >= LINE_BYTES_MAX or b"\n" in chunk:
            whole, _, rest = bytes(self._begun).rpartition(b"\n")
            lines = whole.split(b"\n") if b"\n" in self._begun else []
            if len(rest) >= LINE_BYTES_MAX:
                lines, rest = [*lines, rest], b""
            self._begun = bytearray(rest)
            self._outlet.write(b"".join(self._mark + line + b"\n" for line in lines))

    def _close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._loop.watch(self._descriptor)
        os.close(self._descriptor)
        if self._begun:
            self._outlet.write(self._mark + bytes(self._begun) + b"\n")


def last_line(bytes_max: int) -> Callable[[bytes, bytes], bytes]:
    """Keep the last line that is not empty; of one that is longer, its end, which is then one byte too long."""

    def keep(kept: bytes, came: bytes) -> bytes:
        text = kept + came
        return text[text.rstrip().rfind(b"\n") + 1 :][-bytes_max - 1 :]

    return keep


def last_bytes(count: int) -> Callable[[bytes, bytes], bytes]:
    """Keep the last bytes."""
    return lambda kept, came: (kept + came[-count:])[-count:]


def _null_device() -> int:
    return os.stat(os.devnull).st_rdev
