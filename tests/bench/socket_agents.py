"""Agents that speak HTTP over the coordinator's socket, a connection a command, as the command line does."""

import asyncio
from typing import Any

import msgspec

from coord.services import clock
from coord.services.bench.claims import LEASE_SECONDS, Coord
from coord.services.folder import COORDINATOR_SOCKET, Folder
from coord.services.settings import Settings


class SocketAgents:
    """Claims over the socket; items are submitted over NATS, which is not what is measured here."""

    def __init__(self, settings: Settings, coord: Coord) -> None:
        self._path = str(Folder(settings.data).path(COORDINATOR_SOCKET))
        self._coord = coord
        self._run = clock.new_id()[-6:]

    async def submit(self, count: int) -> None:
        """Submit so many items."""
        await self._coord.submit(count)

    async def claim(self, number: int) -> Any:
        """Claim the best item; None: there is none."""
        won = await self._tell("claim", {"agent": self._name(number), "lease_seconds": LEASE_SECONDS})
        return won["item"] if won["status"] == "done" else None

    async def complete(self, number: int, won: Any) -> None:
        """Complete it under the fence of its claim."""
        fields = {"agent": self._name(number), "item_id": won["id"], "fence": won["fence"]}
        done = await self._tell("complete", fields)
        assert done["status"] == "done", done

    def _name(self, number: int) -> str:
        return f"caller-{self._run}-{number}"

    async def _tell(self, verb: str, fields: dict[str, Any]) -> dict[str, Any]:
        body = msgspec.json.encode({"request_id": clock.new_id(), **fields})
        head = (
            f"POST /v1/commands/{verb} HTTP/1.1\r\nhost: coord\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            writer.write(head.encode() + body)
            answer = await reader.read()
        finally:
            writer.close()
        reply: dict[str, Any] = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])
        return reply
