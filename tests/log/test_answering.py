"""Requests over the bus: answered to inboxes, and nowhere else."""

import asyncio
from typing import Any

from coord.events.streams import EVENTS
from coord.services.log import Log, declare_streams
from coord.services.log.answering import Asked, answer_requests


def test_an_answer_goes_to_an_inbox_and_never_into_the_log(server: Any) -> None:
    """An asker names where the answer goes, and the service may write where the asker may not."""

    async def answer(asked: Asked) -> bytes:
        return asked.subject.encode()

    async def main() -> None:
        log = await Log.connect(server.settings, server.folder)
        await declare_streams(log, server.settings)
        async with answer_requests(log, "cmd.main.*.*", answer):
            await log.client.publish("cmd.main.ada.claim", b"", reply="ev.local.work.victim")
            assert await log.request("cmd.main.ada.claim", b"", 5) == b"cmd.main.ada.claim"
        assert (await log.stream_state(EVENTS.name)).messages == 0
        await log.close()

    asyncio.run(main())
