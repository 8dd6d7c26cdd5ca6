"""The embedded server: it serves at once, holds its folder, and keeps what was acknowledged."""

import asyncio

import nats
from conftest import Server

from coord.services.server.probe import log_in


def test_it_serves_and_says_that_it_is_healthy(server: Server) -> None:
    core = server.credential("core")
    assert server.embedded.healthy()
    assert log_in(server.address.url, core["user"], core["password"]).accepted


def test_acknowledged_messages_survive_a_kill(server: Server) -> None:
    core = server.credential("core")

    async def publish() -> int:
        connection = await nats.connect(
            server.address.url, user=core["user"], password=core["password"], inbox_prefix=core["inbox"]
        )
        stream = connection.jetstream()
        await stream.add_stream(name="EVENTS", subjects=["ev.*.*.*"])
        acknowledged = await stream.publish("ev.local.work.w-1", b"x")
        await connection.close()
        return acknowledged.seq

    async def read(position: int) -> bytes | None:
        connection = await nats.connect(
            server.address.url, user=core["user"], password=core["password"], inbox_prefix=core["inbox"]
        )
        message = await connection.jetstream().get_msg("EVENTS", position)
        await connection.close()
        return message.data

    position = asyncio.run(publish())
    server.kill()
    server.restart()
    assert asyncio.run(read(position)) == b"x"
