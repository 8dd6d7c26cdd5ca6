"""Messages sent in one block arrive as those that are sent one by one."""

import asyncio
from typing import Any

from coord.services.log import Log
from coord.services.log.writing import Outgoing, publish_together

MESSAGES = [
    Outgoing(f"live.local.work.w-{n}", {"ce-id": f"id {n}", "cx-actor": "ada"}, b"x" * n) for n in range(300)
]


def test_a_block_arrives_as_single_messages_do(server: Any) -> None:
    async def main() -> None:
        log = await Log.connect(server.settings, server.folder)
        heard: list[Outgoing] = []

        async def hear(message: Any) -> None:
            heard.append(Outgoing(message.subject, message.headers, message.data))

        await log.client.subscribe("_INBOX.~core.test.*", cb=hear)
        sent = [Outgoing(f"_INBOX.~core.test.{n}", one.headers, one.body) for n, one in enumerate(MESSAGES)]
        await publish_together(log.client, sent)
        for one in sent:
            await log.client.publish(one.subject, one.body, headers=one.headers)
        async with asyncio.timeout(10):
            while len(heard) < 2 * len(sent):
                await asyncio.sleep(0.01)
        assert heard[: len(sent)] == heard[len(sent) :] == sent
        await log.close()

    asyncio.run(main())
