"""What is ingested in measurements: whole lives of items, and packed readings of many machines."""

import asyncio
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Final

from coord.events.catalog import encode_event, kind_of
from coord.events.envelope import Envelope
from coord.events.model import Event
from coord.events.samples import HardwareSample, Series, encode_sample, sample_type
from coord.events.tokens import event_subject
from coord.events.work import WorkClaimed, WorkCompleted, WorkProgressed, WorkSubmitted
from coord.services import clock
from coord.services.log import Append, Log
from coord.services.log.writing import header_lines, message_bytes, publish_together

EVENTS_A_LIFE: Final = 4
_ITEMS_A_BATCH: Final = 1_000
_MESSAGES_A_BLOCK: Final = 50
_STEP_MS: Final = 10
"""Between two readings of a series: time goes on about as fast as messages come in a storm."""
_HEADERS: Final = {
    "ce-type": sample_type("hardware"),
    "ce-specversion": "1.0",
    "Nats-Expected-Stream": "SAMPLES",
}


async def live(log: Log, site: str, items: int) -> None:
    """Append the lives of so many items."""
    batches = lives(site, items)
    appends = next(batches)
    with suppress(StopIteration):
        while True:
            appends = batches.send(await log.append(appends))


def lives(site: str, items: int) -> Generator[list[Append], Sequence[int], None]:
    """Yield the lives of so many items in batches: submitted, claimed, half way, completed; it is sent their positions."""
    for first in range(0, items, _ITEMS_A_BATCH):
        names = [f"w-{number:07d}" for number in range(first, min(items, first + _ITEMS_A_BATCH))]
        positions = yield [_append(site, name, 0, _SUBMITTED) for name in names]
        fences: Sequence[int] = ()
        for of_claim in (_claimed, _progressed, _completed):
            given = zip(names, positions, of_claim(len(names), fences), strict=True)
            positions = yield [_append(site, name, at, event) for name, at, event in given]
            fences = fences or positions


_DIGEST: Final = sha256(b"corpus/part-0001.txt").hexdigest()
_SUBMITTED: Final = WorkSubmitted(title="Hash the corpus", priority=1, body={"path": "corpus/part-0001.txt"})


def _agents(count: int) -> list[str]:
    return [f"a-{number % 50}" for number in range(count)]


def _claimed(count: int, _: Sequence[int]) -> Sequence[Event]:
    return [
        WorkClaimed(agent=agent, incarnation=1, lease_seconds=30.0, attempt=1) for agent in _agents(count)
    ]


def _progressed(count: int, fences: Sequence[int]) -> Sequence[Event]:
    held = zip(_agents(count), fences, strict=True)
    return [WorkProgressed(agent=agent, fence=fence, fraction=0.5, note="half way") for agent, fence in held]


def _completed(count: int, fences: Sequence[int]) -> Sequence[Event]:
    held = zip(_agents(count), fences, strict=True)
    return [WorkCompleted(agent=agent, fence=fence, result={"sha256": _DIGEST}) for agent, fence in held]


def _append(site: str, name: str, position: int, event: Event) -> Append:
    envelope = Envelope(
        id=clock.new_id(),
        type=kind_of(event).type,
        source="/coordinator/main",
        time=clock.rfc3339(clock.now_ns()),
        actor="ada",
        request_id=clock.new_id(),
    )
    return Append(event_subject(site, "work", name), position, envelope, encode_event(event))


class Machines:
    """Machines that pack their readings: 25 series each, so many readings of each series a message."""

    def __init__(
        self, nodes: int, readings: int, writer: str = "m1", series: int = 25, step_ms: int = _STEP_MS
    ) -> None:
        self.readings = readings - readings % series
        self._nodes = nodes
        self._writer = writer.encode()
        self._sent = 0
        self.began_ns = clock.now_ns()
        """When the first reading was taken, by its writer."""
        each = self.readings // series
        self._turn_ns = each * step_ms * 1_000_000
        offsets = tuple(range(0, each * step_ms, step_ms))
        self._series = tuple(
            Series(
                metric=f"metric_{number % 8}_ratio",
                device=f"gpu{number // 8}",
                offsets_ms=offsets,
                values=tuple(round(0.3 + 0.001 * number + 0.01 * step, 4) for step in range(each)),
            )
            for number in range(series)
        )
        self._tail = b""

    def messages(self, count: int, site: str = "local") -> Iterator[bytes]:
        """Write the next messages, by turns of the nodes, as they go over the wire."""
        if not self._tail:
            raw = encode_sample(
                HardwareSample(writer="m", writer_sequence=0, started_at_ns=0, series=self._series)
            )
            self._tail = raw[raw.index(b',"series"') :]
        for number in range(self._sent, self._sent + count):
            turn, node = divmod(number, self._nodes)
            head = b'{"writer":"%b","writer_sequence":%d,"started_at_ns":%d' % (
                self._writer,
                turn,
                self.began_ns + turn * self._turn_ns,
            )
            yield message_bytes(f"sample.{site}.n{node}.hardware", header_lines(_HEADERS), head + self._tail)
        self._sent += count


async def publish(log: Log, machines: Machines, count: int, per_second: float = 0.0) -> None:
    """Publish packed messages without waiting for the server's word, at a pace or as fast as it takes them."""
    began, sent = clock.monotonic(), 0
    while sent < count:
        block = list(machines.messages(min(_MESSAGES_A_BLOCK, count - sent)))
        await publish_together(log.client, block)
        await log.client.flush()
        sent += len(block)
        if per_second:
            await asyncio.sleep(max(0.0, sent / per_second - (clock.monotonic() - began)))
