"""A connection to the test's server as one user, and what the server refused it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import nats
from conftest import Server
from nats.aio.client import Client

from coord.services.server.agents import issue_agent_credential

NOBODYS = "nobody.may.use.this"


@dataclass
class Caller:
    """One user's connection."""

    client: Client
    refused: list[str] = field(default_factory=list)
    """What the server said no to, in its own words and in order."""

    lost: list[str] = field(default_factory=list)
    """One entry each time the connection broke."""

    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def may_publish(self, subject: str, reply: str = "", headers: dict[str, str] | None = None) -> bool:
        """Publish; tell whether the server let it pass."""
        await self.client.publish(subject, b"{}", reply=reply, headers=headers)
        return await self._passed()

    async def may_subscribe(self, subject: str, queue: str = "") -> bool:
        """Subscribe; tell whether the server let it pass."""
        await self.client.subscribe(subject, queue=queue)
        return await self._passed()

    async def _passed(self) -> bool:
        """Refusals come in order: when that of a subject nobody may use has come, any before it has too."""
        before = len(self.refused)
        await self.client.publish(NOBODYS)
        async with asyncio.timeout(5):
            while not (self.refused[before:] and NOBODYS in self.refused[-1]):
                self.told.clear()
                await self.told.wait()
        return len(self.refused) == before + 1


@asynccontextmanager
async def connected(server: Server, credential: Mapping[str, str]) -> AsyncIterator[Caller]:
    """Connect with a credential for as long as the context lasts."""
    caller = Caller(Client())

    async def on_error(error: Exception) -> None:
        caller.refused.append(str(error))
        caller.told.set()

    async def on_lost() -> None:
        caller.lost.append("lost")

    caller.client = await nats.connect(
        server.address.url,
        user=credential["user"],
        password=credential["password"],
        inbox_prefix=credential["inbox"],
        error_cb=on_error,
        disconnected_cb=on_lost,
        reconnect_time_wait=0.05,
        max_reconnect_attempts=2,
        connect_timeout=2,
    )
    try:
        yield caller
    finally:
        await caller.client.close()


async def agent(server: Server, name: str) -> dict[str, str]:
    """Issue an agent's credential without holding up the loop."""
    return await asyncio.to_thread(issue_agent_credential, server.folder, server.settings, name)
