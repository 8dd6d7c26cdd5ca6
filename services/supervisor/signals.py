"""Signals as something to wait for."""

import contextlib
import select
import signal
import socket
from typing import Final, Self


class Signals:
    """Signals as something to wait for, while the context lasts."""

    _STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.asked = 0
        """How often a stop was asked for."""

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self.asked > 0

    def __enter__(self) -> Self:
        self._heard, told = socket.socketpair()
        for end in (self._heard, told):
            end.setblocking(False)
        self._told = told
        self._wakeup_before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        self._before = {
            number: signal.signal(number, self._note) for number in (*self._STOPPING, signal.SIGCHLD)
        }
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._heard.close()
        self._told.close()

    def wait(self, seconds: float, descriptors: list[int] | None = None) -> None:
        """Wait for a signal, for one of the descriptors, or for the time to pass."""
        listened: list[int] = [self._heard.fileno(), *(descriptors or [])]
        select.select(listened, [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            self._heard.recv(4096)

    def _note(self, number: int, _: object) -> None:
        self.asked += number in self._STOPPING
