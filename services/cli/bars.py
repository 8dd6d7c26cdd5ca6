"""How far something is that takes longer than two seconds: a bar with rate and time left, on a terminal's stderr.

    stderr is       told
    a terminal      a bar by rich, gone when the work is done; above it the data, as it comes
    anything else   a sentence after five seconds, and every ten
    --json          nothing

What is quick says nothing at all, and loads nothing.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from coord.services import clock
from coord.services.cli.terminal import flush, is_colourful, talk
from coord.services.wording import age

if TYPE_CHECKING:
    from rich.progress import Progress

BAR_SECONDS: Final = 2.0
SENTENCE_SECONDS: Final = 5.0
SENTENCES_EVERY_SECONDS: Final = 10.0
_REFRESH_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 0.2
_BAR_COLUMNS: Final = 24


class Bar:
    """One piece of work, told of from outside by `to`, from any thread."""

    def __init__(self, what: str, unit: str, total: float | None, quiet: bool) -> None:
        self._what, self._unit, self._total = what, unit, total
        self._done, self._words = 0.0, ""
        self._quiet = quiet or sys.stderr is None
        self._animated = not self._quiet and _is_animated()
        self._began = clock.monotonic()
        self._next = self._began + (BAR_SECONDS if self._animated else SENTENCE_SECONDS)
        self._shown: Progress | None = None
        self._lock = threading.RLock()

    def to(self, done: float, total: float | None = None, words: str = "") -> None:
        """Say how far it is, of how much where that is known, and what is special about it."""
        self._done, self._words = done, words
        self._total = self._total if total is None else total
        self.look()

    def look(self) -> None:
        """Show how far it is, when that is due."""
        with self._lock:
            now = clock.monotonic()
            if self._quiet or now < self._next:
                return
            self._next = now + (_REFRESH_SECONDS if self._animated else SENTENCES_EVERY_SECONDS)
            if self._animated:
                self._draw(now)
            else:
                talk(f"coord: {self._what}: {self.told(now)}")

    def told(self, now: float) -> str:
        """Say how far it is, how quick, and how long it will take."""
        seconds = max(now - self._began, 1e-9)
        if not self._unit:
            return ", ".join(filter(None, (f"{age(seconds)} so far", self._words)))
        of = f" of {self._total:,.0f}" if self._total else ""
        rate = f"{_rate(self._done / seconds)} a second" if self._done else f"{age(seconds)} so far"
        left = max((self._total or 0) - self._done, 0)
        eta = f"{age(seconds * left / self._done)} left" if self._done and left else ""
        return ", ".join(filter(None, (f"{self._done:,.0f}{of} {self._unit}", rate, eta, self._words)))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar away while something else is written."""
        with self._lock:
            if self._shown is not None:
                self._shown.stop()
            try:
                yield
            finally:
                if self._shown is not None:
                    flush()
                    self._shown.start()

    def close(self) -> None:
        """Take the bar away for good."""
        with self._lock:
            self._quiet = True
            if self._shown is not None:
                self._shown.stop()
                self._shown = None

    def _draw(self, now: float) -> None:
        if self._shown is None:
            self._shown = _made(self._what, self._total, self.told(now))
            flush()
            self._shown.start()
        task = self._shown.task_ids[0]
        self._shown.update(task, completed=self._done, total=self._total, told=self.told(now), refresh=True)


@contextmanager
def bar(
    what: str, unit: str = "", total: float | None = None, quiet: bool = False, ticking: bool = False
) -> Iterator[Bar]:
    """Give out a bar for something that tells how far it is.

    Args:
        what: is done, such as `reading the log`.
        unit: of what is counted, such as `messages`; nothing is counted without one.
        total: how many there are, where that is known from the start.
        quiet: with --json.
        ticking: looked after by a thread, for work that tells seldom; not for a process that forks.
    """
    made = Bar(what, unit, total, quiet)
    with _ticking(made.look) if ticking and not made._quiet else _still():
        try:
            yield made
        finally:
            made.close()


@contextmanager
def waiting(what: str, look: Callable[[], tuple[int, int]], unit: str, quiet: bool = False) -> Iterator[None]:
    """Tell of something that is only waited for; `look` says how far it is, and of how much."""
    made = Bar(what, unit, None, quiet)
    with _ticking(lambda: made.to(*look())) if not made._quiet else _still():
        try:
            yield
        finally:
            made.close()


@contextmanager
def _still() -> Iterator[None]:
    yield


@contextmanager
def _ticking(tick: Callable[[], None]) -> Iterator[None]:
    over = threading.Event()

    def tell() -> None:
        while not over.wait(_LOOK_SECONDS):
            tick()

    beside = threading.Thread(target=tell, daemon=True)
    beside.start()
    try:
        yield
    finally:
        over.set()
        beside.join()


def _is_animated() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _made(what: str, total: float | None, told: str) -> "Progress":
    """Make the bar of rich; it writes to stderr alone, and stdout stays the data's."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    plain = sys.stdout is not None and sys.stdout.isatty() and not is_colourful()
    shown = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *([BarColumn(_BAR_COLUMNS)] if total else []),
        TextColumn("{task.fields[told]}", markup=False),
        console=Console(stderr=True, no_color=plain or None, highlight=False),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    shown.add_task(what, total=total, told=told)
    return shown


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
