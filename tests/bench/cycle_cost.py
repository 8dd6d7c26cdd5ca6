"""What a claim and its completion cost the coordinator, from a message's bytes to its reply's: no network, no disk.

    python -P tests/bench/cycle_cost.py [--cycles 20000] [--agents 500]

The far end of the connection is played here: a server that confirms whatever is appended, and agents in a closed loop. It prints
CPU time, which depends on what else the machine does. Instructions do not: cachegrind prints them once for the process
that is forked off after so many cycles, and once for the whole; the difference is that of the cycles between.

    PYTHONHASHSEED=0 valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \\
        python -P tests/bench/cycle_cost.py --cycles 1100 --agents 100 --fork-at 300
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import uvloop

from coord.services import clock
from coord.services.coordinator import main as service
from coord.services.coordinator.coordinator import Coordinator
from coord.services.coordinator.election import Election
from coord.services.log import Log
from coord.services.log.answering import answer_requests
from coord.services.log.connection import Access
from coord.services.log.reading import ReadingClient
from coord.services.settings import Settings

READ_BYTES: Final = 32_768
"""What the library reads at once."""
SUBMITTING: Final = 400
COMMANDS: Final = b"cmd.main.*.*"
FOR_EVER_SECONDS: Final = 1e9


class FarEnd:
    """The transport of a connection, the server behind it, and the agents behind that."""

    def __init__(self, cycles: int, agents: int, fork_at: int) -> None:
        self.done = 0
        self.bytes = 0
        self.over = asyncio.Event()
        self.came = asyncio.Event()
        self._agents, self._fork_at = agents, fork_at
        self._to_submit = self._to_claim = cycles
        self._busy = 0
        self._position = 0
        self._numbers = count()
        self._began = clock.new_id()[:13].encode()
        self._subscriptions: dict[bytes, bytes] = {}
        self._incoming: list[bytes] = []

    def at_eof(self) -> bool:
        """It is never closed."""
        return False

    async def drain(self) -> None:
        """Nothing is ever waited for."""

    def write(self, data: bytes) -> None:
        """Take what is sent."""
        self.writelines([data])

    def writelines(self, blocks: Sequence[bytes]) -> None:
        """Take what is sent, and have the answers come."""
        data = b"".join(blocks)
        self.bytes += len(data)
        for words, body in _messages(data):
            if words[0] == b"SUB":
                self._subscriptions[words[1]] = words[-1]
            elif words[0] == b"PING":
                self._incoming.append(b"PONG\r\n")
            elif words[0] == b"HPUB":
                self._append(words)
            elif words[0] == b"PUB":
                self._told(int(words[1].rpartition(b".")[2]), body)
        if self._incoming:
            self.came.set()

    def take(self) -> bytes:
        """Return what has come."""
        data, self._incoming = b"".join(self._incoming), []
        self.came.clear()
        return data

    def submit(self) -> None:
        """Have all items submitted."""
        self._busy = min(SUBMITTING, self._to_submit)
        for number in range(self._busy):
            self._submit(number)

    def begin(self) -> None:
        """Have the agents begin."""
        self.over.clear()
        self._busy = min(self._agents, self._to_claim)
        for number in range(self._busy):
            self._claim(number)

    def _append(self, words: Sequence[bytes]) -> None:
        self._position += 1
        if len(words) == 5:
            inbox, reply = words[2], b'{"stream":"EVENTS","seq":%d}' % self._position
            number = next(
                one for pattern, one in self._subscriptions.items() if inbox.startswith(pattern[:-1])
            )
            self._incoming.append(b"MSG %b %b %d\r\n%b\r\n" % (inbox, number, len(reply), reply))

    def _told(self, number: int, reply: bytes) -> None:
        assert reply.startswith(b'{"status":"done"'), reply
        item = reply[reply.index(b'"item":') :]
        status = _field(item, b'"status":"', b'"')
        if status == b"claimed":
            self._complete(number, _field(item, b'"id":"', b'"'), _field(item, b'"fence":', b","))
            return
        if status == b"completed":
            self.done += 1
            if self.done == self._fork_at and os.fork() == 0:
                os._exit(0)
        left = self._to_submit if status == b"open" else self._to_claim
        if left > 0:
            (self._submit if status == b"open" else self._claim)(number)
            return
        self._busy -= 1
        if not self._busy:
            self.over.set()

    def _submit(self, number: int) -> None:
        self._to_submit -= 1
        self._ask(number, b"bench", b"submit", b'"title":"item %d"' % self._to_submit)

    def _claim(self, number: int) -> None:
        self._to_claim -= 1
        name = b"agent-%d" % number
        self._ask(number, name, b"claim", b'"agent":"%b","lease_seconds":3600.0' % name)

    def _complete(self, number: int, item_id: bytes, fence: bytes) -> None:
        name = b"agent-%d" % number
        self._ask(
            number, name, b"complete", b'"agent":"%b","item_id":"%b","fence":%b' % (name, item_id, fence)
        )

    def _ask(self, number: int, actor: bytes, verb: bytes, fields: bytes) -> None:
        body = b'{"request_id":"%b-7000-8000-%012x",%b}' % (self._began, next(self._numbers), fields)
        asked = (actor, verb, self._subscriptions[COMMANDS], number, len(body), body)
        self._incoming.append(b"MSG cmd.main.%b.%b %b _INBOX.b.%d %d\r\n%b\r\n" % asked)


def _messages(data: bytes) -> Iterator[tuple[list[bytes], bytes]]:
    """Yield the words of each line that a client sent, and what was published with it."""
    at = 0
    while at < len(data):
        ends = data.index(b"\r\n", at)
        words, at = data[at:ends].split(b" "), ends + 2
        size = int(words[-1]) if words[0] in (b"PUB", b"HPUB") else -2
        yield words, data[at : at + max(size, 0)]
        at += size + 2


def _field(text: bytes, before: bytes, behind: bytes) -> bytes:
    at = text.index(before) + len(before)
    return text[at : text.index(behind, at)]


def _connected(far_end: Any) -> ReadingClient:
    """Make a connection of which the library believes that it stands."""
    client = ReadingClient()
    client._transport = far_end
    client._status = client.CONNECTED
    client._max_payload = client._max_pending_size = 1 << 24
    client._flush_queue = asyncio.Queue(maxsize=1024)
    client._inbox_prefix = bytearray(b"_INBOX.core")
    client._flusher_task = asyncio.create_task(client._flusher())
    client._reading_task = asyncio.create_task(_read(far_end, client))
    return client


async def _read(far_end: FarEnd, client: ReadingClient) -> None:
    while True:
        await far_end.came.wait()
        data = far_end.take()
        for at in range(0, len(data), READ_BYTES):
            await client._ps.parse(data[at : at + READ_BYTES])
            await asyncio.sleep(0)


async def measure(cycles: int, agents: int, fork_at: int, root: Path) -> str:
    """Work all items off, and say what a cycle cost."""
    far_end = FarEnd(cycles, agents, fork_at)
    log, settings = Log(_connected(far_end), Access("", "core", "")), Settings(data=root)
    coordinator = Coordinator(log, settings)
    election = Election(log, settings, coordinator.source)
    election._renewed = election._ticked = clock.monotonic() + FOR_EVER_SECONDS
    coordinator.certainty.rest_on(election)
    deciding = asyncio.create_task(coordinator.transactor.run())
    answers = (partial(service._over_nats, coordinator), partial(service._at_once, coordinator))
    async with answer_requests(log, COMMANDS.decode(), *answers):
        far_end.submit()
        far_end.came.set()
        await far_end.over.wait()
        cpu_seconds, sent = clock.cpu_seconds(), far_end.bytes
        far_end.begin()
        far_end.came.set()
        await far_end.over.wait()
        cpu_seconds, sent = clock.cpu_seconds() - cpu_seconds, far_end.bytes - sent
    deciding.cancel()
    us = 1e6 * cpu_seconds / cycles
    return (
        f"{cycles} cycles of {agents} agents: {us:.1f} us of CPU and {sent / cycles:.0f} bytes sent a cycle"
    )


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description="What a claim and its completion cost the coordinator.")
    parser.add_argument("--cycles", type=int, default=20_000)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--fork-at", type=int, default=0)
    options = parser.parse_args()
    gc.set_threshold(*service.GARBAGE_LOOKED_FOR)
    with tempfile.TemporaryDirectory(prefix="coord-cost-") as root:
        told = uvloop.run(measure(options.cycles, options.agents, options.fork_at, Path(root)))
    sys.stdout.write(told + "\n")
    if options.fork_at:
        sys.stdout.flush()
        os._exit(0)  # as the forked process does: taking the interpreter down is no part of a cycle


if __name__ == "__main__":
    main()
