"""One thread's loop: descriptors, timers and signals, each with what is to be called for it.

Whatever is called returns soon; nothing here waits for anything but the next of them.
"""

import heapq
import selectors
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from coord.services import clock

Act = Callable[[], object]
_WAIT_SECONDS_MAX: Final = 60.0
_SIGNAL_BYTES: Final = 4_096
_TIMERS: Final = 1_000
"""So many, and those that were called off are looked for."""


class Timer:
    """Something to be called at a moment, unless it is called off."""

    __slots__ = ("act", "at")

    def __init__(self, at: float, act: Act) -> None:
        self.at = at
        self.act: Act | None = act

    def cancel(self) -> None:
        """Call it off; once it was called, this changes nothing."""
        self.act = None

    def __lt__(self, other: "Timer") -> bool:
        return self.at < other.at


class _Watched(NamedTuple):
    reads: Act | None
    writes: Act | None


class Loop:
    """What is waited for. Moments are those of the monotonic clock."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, _Watched] = {}
        self._timers: list[Timer] = []
        self._timers_max = _TIMERS

    def at(self, moment: float, act: Act) -> Timer:
        """Have something called at a moment."""
        timer = Timer(moment, act)
        heapq.heappush(self._timers, timer)
        if len(self._timers) > self._timers_max:
            self._timers = [one for one in self._timers if one.act is not None]
            heapq.heapify(self._timers)
            self._timers_max = max(_TIMERS, 2 * len(self._timers))
        return timer

    def after(self, seconds: float, act: Act) -> Timer:
        """Have something called in a while."""
        return self.at(clock.monotonic() + seconds, act)

    def watch(self, descriptor: int, reads: Act | None = None, writes: Act | None = None) -> None:
        """Have something called whenever a descriptor can be read or written; neither: leave it alone."""
        events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if writes else 0)
        known = descriptor in self._watched
        if not events:
            if known:
                del self._watched[descriptor]
                self._selector.unregister(descriptor)
            return
        self._watched[descriptor] = watched = _Watched(reads, writes)
        (self._selector.modify if known else self._selector.register)(descriptor, events, watched)

    def run(self, over: Callable[[], bool]) -> None:
        """Call what is due until it is over."""
        while not over():
            for key, mask in self._selector.select(self._seconds()):
                watched = self._watched.get(key.fd)
                if watched is not None and watched is key.data:
                    _call(watched, mask)
            self._call_due()

    def close(self) -> None:
        """Let go of all."""
        self._selector.close()

    @contextmanager
    def signals(self, numbers: Sequence[int], heard: Callable[[int], object]) -> Iterator[None]:
        """Have something called for these signals, for as long as the context lasts; those that are ignored stay so."""
        reading, writing = socket.socketpair()
        reading.setblocking(False)
        writing.setblocking(False)
        self.watch(reading.fileno(), lambda: [heard(number) for number in reading.recv(_SIGNAL_BYTES)])
        wakeup = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        wanted = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, lambda *_: None) for number in wanted}
        try:
            yield
        finally:
            for number, acted in before.items():
                signal.signal(number, acted)
            signal.set_wakeup_fd(wakeup)
            self.watch(reading.fileno())
            reading.close()
            writing.close()

    def _seconds(self) -> float:
        while self._timers and self._timers[0].act is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return _WAIT_SECONDS_MAX
        return min(max(self._timers[0].at - clock.monotonic(), 0.0), _WAIT_SECONDS_MAX)

    def _call_due(self) -> None:
        now = clock.monotonic()
        while self._timers and self._timers[0].at <= now:
            act, timer = self._timers[0].act, heapq.heappop(self._timers)
            timer.act = None
            if act is not None:
                act()


def _call(watched: _Watched, mask: int) -> None:
    if mask & selectors.EVENT_READ and watched.reads is not None:
        watched.reads()
    elif mask & selectors.EVENT_WRITE and watched.writes is not None:
        watched.writes()
