"""Messages sent in one block arrive as those that are sent one by one."""

import asyncio
from typing import Any

from coord.services.log import Log
from coord.services.log.writing import header_lines, message_bytes, publish_together

MESSAGES = [(f"_INBOX.~core.test.{n}", {"ce-id": f"id {n}", "cx-actor": "ada"}, b"x" * n) for n in range(300)]


def test_a_block_arrives_as_single_messages_do(server: Any) -> None:
    async def main() -> None:
        log = await Log.connect(server.settings, server.folder)
        heard: list[tuple[str, dict[str, str], bytes]] = []

        async def hear(message: Any) -> None:
            heard.append((message.subject, message.headers, message.data))

        await log.client.subscribe("_INBOX.~core.test.*", cb=hear)
        await publish_together(
            log.client,
            [message_bytes(subject, header_lines(headers), body) for subject, headers, body in MESSAGES],
        )
        for subject, headers, body in MESSAGES:
            await log.client.publish(subject, body, headers=headers)
        async with asyncio.timeout(10):
            while len(heard) < 2 * len(MESSAGES):
                await asyncio.sleep(0.01)
        assert heard[: len(MESSAGES)] == heard[len(MESSAGES) :] == MESSAGES
        await log.close()

    asyncio.run(main())
