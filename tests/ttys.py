"""A program on a pseudo-terminal, and every byte that it writes with its moment: for measuring, not for looking."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from coord.services import clock

WAIT_SECONDS = 20.0
_ESCAPE = re.compile(rb"\x1b\[[0-9;:?<>=]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")


class Tty:
    """A program that runs on a pseudo-terminal; a thread takes what it writes."""

    def __init__(self, process: "subprocess.Popen[bytes]", end: int, began: float) -> None:
        self._process, self._end = process, end
        self.began = began
        """When it was started, on the monotonic clock."""
        self._written: list[tuple[float, bytes]] = []
        self._more = threading.Condition()
        self._taking = threading.Thread(target=self._take, name="tty", daemon=True)
        self._taking.start()

    @property
    def count(self) -> int:
        """How many bytes it has written."""
        with self._more:
            return sum(len(part) for _, part in self._written)

    def mark(self) -> int:
        """Return a place in what is written, to look from there."""
        with self._more:
            return len(self._written)

    def text(self, mark: int = 0) -> bytes:
        """Return what it wrote from a place on, without escapes."""
        with self._more:
            return _ESCAPE.sub(b"", b"".join(part for _, part in self._written[mark:]))

    def press(self, keys: bytes) -> tuple[float, int]:
        """Write keys; return when, and the place in what is written by then."""
        mark, now = self.mark(), clock.monotonic()
        os.write(self._end, keys)
        return now, mark

    def when(self, wanted: bytes, mark: int = 0, seconds: float = WAIT_SECONDS) -> float:
        """Wait until it has written something from a place on; return when that arrived."""
        return self._when(lambda seen: wanted in seen, mark, seconds, repr(wanted))

    def when_visible(self, characters: int, seconds: float = WAIT_SECONDS) -> float:
        """Wait until it has written more than so many letters; return when that was."""
        return self._when(lambda seen: len(b"".join(seen.split()).decode("utf-8", "ignore")) > characters, 0,
                          seconds, f"{characters} letters")  # fmt: skip

    def cpu_seconds(self) -> float:
        """Return how much CPU time its threads have taken."""
        return self._scheduled(0)

    def waited_seconds(self) -> float:
        """Return how long its threads were ready to run and had no core: that is the machine's, not its own."""
        return self._scheduled(1)

    def _scheduled(self, column: int) -> float:
        nanoseconds = 0
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            with suppress(OSError):
                nanoseconds += int((task / "schedstat").read_text().split()[column])
        return nanoseconds / 1e9

    def _when(self, true, mark: int, seconds: float, what: str) -> float:  # type: ignore[no-untyped-def]
        end = clock.monotonic() + seconds
        seen, at = b"", mark
        with self._more:
            while True:
                while at < len(self._written):
                    moment, part = self._written[at]
                    seen, at = seen + part, at + 1
                    if true(_ESCAPE.sub(b"", seen)):
                        return moment
                left = end - clock.monotonic()
                assert left > 0, f"{what} did not come: {seen[-300:]!r}"
                self._more.wait(left)

    def join(self) -> None:
        """Wait until all is taken that a program wrote which has ended."""
        self._taking.join()

    def _take(self) -> None:
        while True:
            try:
                part = os.read(self._end, 1 << 16)
            except OSError:
                return
            with self._more:
                self._written.append((clock.monotonic(), part))
                self._more.notify_all()


@contextmanager
def tty(words: Sequence[str], width: int, height: int, environment: Mapping[str, str]) -> Iterator[Tty]:
    """Run a program on a pseudo-terminal of a size; it is ended with it."""
    end, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    began = clock.monotonic()
    process = subprocess.Popen(
        list(words), stdin=its, stdout=its, stderr=its, env=dict(environment), start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  (this process has no threads that matter to it)
    )  # fmt: skip
    os.close(its)
    opened = Tty(process, end, began)
    try:
        yield opened
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        opened.join()
        os.close(end)
