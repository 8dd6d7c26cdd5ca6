"""The ceiling of a coordinator in Python: one that only picks, batches and appends.

It knows no agents, no capabilities, no leases, no requests sent twice and no events: a claim takes the oldest
open item, a completion compares the fence, and both are appended behind the item's last position. Whatever
waits is appended as one atomic batch, and answered when the server has confirmed it.

    python -P tests/bench/bare_coordinator.py URL USER PASSWORD    (claiming.py starts it)
"""

import asyncio
import json
import sys
from collections import deque
from itertools import count
from typing import Any, Final

import msgspec
import uvloop
from nats.aio.msg import Msg

from coord.services.log.connection import Access, Client, open_connection
from coord.services.log.writing import header_lines, message_bytes, publish_together

SUBJECTS: Final = "cmd.bare.*.*"
BATCH_MAX: Final = 1_000
ANSWER_SECONDS: Final = 8.0
"""As long as coord tries an append: the disk may stand still for longer than the library's half second."""
ITEM: Final = "ev.local.work.{}"


class Bare:
    """Open items in order, the positions of those that were touched, and what waits."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._open: deque[str] = deque()
        self._fences: dict[str, int] = {}
        self._waiting: deque[tuple[str, dict[str, Any], str, int]] = deque()
        self._wake = asyncio.Event()
        self._numbers = count()
        self._batches = count()

    async def receive(self, message: Msg) -> None:
        """Take one request: submit so many items, claim one, or complete one."""
        wish = msgspec.json.decode(message.data)
        verb = message.subject.rpartition(".")[2]
        if verb == "submit":
            self._open.extend(f"b-{next(self._numbers)}" for _ in range(wish["count"]))
            await self._client.publish(message.reply, b"{}")
            return
        if verb == "claim" and self._open:
            entry = (message.reply, wish, self._open.popleft(), 0)
        elif verb == "complete" and self._fences.get(wish["item"]) == wish["fence"]:
            entry = (message.reply, wish, wish["item"], self._fences.pop(wish["item"]))
        else:
            await self._client.publish(message.reply, b'{"refused":true}')
            return
        self._waiting.append(entry)
        self._wake.set()

    async def run(self) -> None:
        """Append what waits, over and over."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                size = min(len(self._waiting), BATCH_MAX)
                await self._append([self._waiting.popleft() for _ in range(size)])

    async def _append(self, taken: list[tuple[str, dict[str, Any], str, int]]) -> None:
        batch = f"{next(self._batches)}-batch"
        messages = [
            (
                ITEM.format(item),
                {
                    "Nats-Batch-Id": batch,
                    "Nats-Batch-Sequence": str(ordinal),
                    "Nats-Expected-Last-Subject-Sequence": str(position),
                    "Nats-Msg-Id": f"{item}-{position}",
                },
                msgspec.json.encode(wish),
            )
            for ordinal, (_, wish, item, position) in enumerate(taken, 1)
        ]
        *staged, (subject, headers, body) = messages
        await publish_together(
            self._client, [message_bytes(one, header_lines(lines), text) for one, lines, text in staged]
        )
        headers |= {"Nats-Batch-Commit": "1"}
        confirmed = await self._client.request(subject, body, timeout=ANSWER_SECONDS, headers=headers)
        reply = json.loads(confirmed.data)
        first = reply["seq"] - len(taken) + 1
        for position, (inbox, _, item, before) in enumerate(taken, first):
            if not before:
                self._fences[item] = position
            answer = msgspec.json.encode({"item": item, "fence": position})
            await self._client.publish(inbox, answer)


async def _main(url: str, user: str, password: str) -> None:
    client = await open_connection(Access(url, user, password), "bare", {})
    bare = Bare(client)
    await client.subscribe(SUBJECTS, cb=bare.receive)
    await client.flush()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await bare.run()


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
