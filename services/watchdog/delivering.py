"""Delivering one notice to the world outside: a webhook that is posted to, a command that is run.

Neither can hold up the watchdog: a post happens in a thread that is left behind when it takes too long, a
command is a process group that is killed. No shell reads the command, and no redirect is followed.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import tempfile
import threading
from base64 import b64encode
from collections.abc import Callable
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from coord.events.errors import CoordError, SettingsError

DELIVER_SECONDS: Final = 15.0
SOCKET_SECONDS: Final = 10.0
LEFT_BEHIND_MAX: Final = 4
"""Posts that were given up and have not ended; with more of them no other is begun."""

assert SOCKET_SECONDS < DELIVER_SECONDS


class NotDelivered(CoordError):
    """A notice was not delivered."""


class Route(Protocol):
    """One way to tell somebody."""

    name: str
    where: str
    """For the log: without what is secret in it."""

    async def deliver(self, body: bytes) -> None:
        """Deliver a notice, as JSON.

        Raises:
            NotDelivered: it was not, as far as is known.
        """


class Webhook:
    """A URL that is posted to; only a status from 200 to 299 counts."""

    name = "webhook"

    def __init__(self, url: str, seconds: float = DELIVER_SECONDS) -> None:
        self._parts = urlsplit(url)
        self.where = f"{self._parts.scheme}://{self._parts.hostname}"
        self._seconds = seconds
        self._left_behind = 0

    async def deliver(self, body: bytes) -> None:
        """Post it."""
        if self._left_behind >= LEFT_BEHIND_MAX:
            raise NotDelivered(f"{self._left_behind} posts before it have not ended.")
        loop = asyncio.get_running_loop()
        told: asyncio.Future[str] = loop.create_future()
        self._left_behind += 1

        def tell(fault: str) -> None:
            self._left_behind -= 1
            if not told.done():
                told.set_result(fault)

        def work() -> None:
            fault = self._post(body)
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, fault)

        threading.Thread(target=work, name="webhook", daemon=True).start()
        try:
            async with asyncio.timeout(self._seconds):
                fault = await told
        except TimeoutError as error:
            raise NotDelivered(f"no answer within {self._seconds:g} s.") from error
        if fault:
            raise NotDelivered(fault)

    def _post(self, body: bytes) -> str:
        """Post it and return what went wrong; empty: nothing."""
        from http.client import HTTPConnection, HTTPException, HTTPSConnection

        parts = self._parts
        kind: Callable[..., HTTPConnection] = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        headers = {"Content-Type": "application/json", "User-Agent": "coord"}
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        connection = kind(parts.hostname, parts.port, timeout=min(SOCKET_SECONDS, self._seconds))
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
        except (OSError, HTTPException, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        return "" if 200 <= status < 300 else f"it answered with status {status}"


class Command:
    """A command that gets the notice on its stdin; only exit status 0 counts."""

    name = "command"

    def __init__(self, line: str, seconds: float = DELIVER_SECONDS) -> None:
        try:
            self._words = shlex.split(line)
        except ValueError as error:
            raise SettingsError(f"alert_command cannot be split into words: {error}.") from error
        self.where = os.path.basename(self._words[0])
        self._seconds = seconds

    async def deliver(self, body: bytes) -> None:
        """Run it; its stdin is a file, so that one which ends without reading it breaks no pipe."""
        try:
            with tempfile.TemporaryFile() as given:
                given.write(body)
                given.seek(0)
                process = await asyncio.create_subprocess_exec(
                    *self._words, stdin=given, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
                )
        except (OSError, ValueError) as error:
            raise NotDelivered(f"it cannot be run: {error}") from error
        try:
            async with asyncio.timeout(self._seconds):
                await process.wait()
        except TimeoutError as error:
            raise NotDelivered(f"it ran for {self._seconds:g} s and was killed.") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            raise NotDelivered(f"it ended with status {process.returncode}.")
