"""Ways to a coordinator: its socket, as the command line goes, or NATS, as agents elsewhere go."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from coord.events.errors import CoordError
from coord.events.tokens import command_subject
from coord.services import client
from coord.services.folder import COORDINATOR_SOCKET, Folder, open_socket
from coord.services.log import Log

_ANSWER_BYTES_MAX: Final = 1 << 20
_HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: coord\r\nConnection: close\r\n\r\n"

Reply = dict[str, Any]


class Line(Protocol):
    """A way to a coordinator."""

    async def tell(self, verb: str, command: Mapping[str, Any], actor: str, seconds: float) -> Reply | None:
        """Send a command and return what it was answered; None: it was not."""


class SocketLine:
    """The socket of one data folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    async def tell(self, verb: str, command: Mapping[str, Any], actor: str, seconds: float) -> Reply | None:
        """Send a command over a connection of its own."""
        raw = await self._exchange(client.written(verb, command, actor), seconds)
        try:
            return client.read(raw, verb, str(command["request_id"]))
        except CoordError as error:
            return error.reply if "exit_code" in (error.reply or {}) and raw else None

    async def leader(self) -> str:
        """Return which coordinator answers there; empty: none does."""
        return str((await self.health()).get("source", ""))

    async def paused_seconds(self) -> float:
        """Return for how long nothing has been confirmed, as the coordinator says."""
        return float((await self.health()).get("paused_seconds", 0.0))

    async def health(self, seconds: float = 0.5) -> Reply:
        """Return how the coordinator there is; nothing, when none answers."""
        raw = await self._exchange(_HEALTH, seconds)
        try:
            told: Reply = json.loads(raw.partition(b"\r\n\r\n")[2])
        except ValueError:
            return {}
        return told

    async def _exchange(self, sent: bytes, seconds: float) -> bytes:
        """Return all that came back; nothing, if the connection broke or it took too long."""
        writer = None
        try:
            async with asyncio.timeout(seconds):
                connected = open_socket(self._folder, COORDINATOR_SOCKET, waits=False)
                reader, writer = await asyncio.open_unix_connection(sock=connected)
                writer.write(sent)
                return await reader.read(_ANSWER_BYTES_MAX)
        except (OSError, TimeoutError):
            return b""
        finally:
            if writer is not None:
                writer.close()


class BusLine:
    """NATS: whichever coordinator leads hears it."""

    def __init__(self, log: Log, pool: str = "main") -> None:
        self._log = log
        self._pool = pool

    async def tell(self, verb: str, command: Mapping[str, Any], actor: str, seconds: float) -> Reply | None:
        """Send a command as a request."""
        body = json.dumps({name: value for name, value in command.items() if value is not None}).encode()
        try:
            reply: Reply = json.loads(
                await self._log.request(command_subject(self._pool, actor, verb), body, seconds)
            )
        except CoordError:
            return None
        return reply
