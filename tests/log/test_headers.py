"""Headers and subjects as the server passes them on: good ones read as nats-py does, no bad one made good."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from nats.aio.client import Client
from raw_wire import RawConnection

from coord.events.envelope import Envelope, _from_block, from_headers, to_headers, to_lines
from coord.events.errors import InvalidEvent
from coord.events.examples import ENVELOPE
from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.services.log import Log, declare_streams
from coord.services.log.answering import Asked, answer_requests
from coord.services.log.reading import Headers, read_headers

GOOD = to_headers(ENVELOPE)
EVENT_START = b"NATS/1.0\r\n"


def written(envelope: Envelope) -> bytes:
    """Write headers as `to_headers` has them."""
    return b"".join(f"{k}: {v}\r\n".encode() for k, v in to_headers(envelope).items())


EVENT = EVENT_START + written(ENVELOPE) + b"\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        EVENT,
        b"NATS/1.0\r\nA: 1\r\nB: \r\n\r\n",
        b"NATS/1.0\r\nA:1\r\n\r\n",
        b"NATS/1.0\r\nA: b: c\r\n\r\n",
        b"NATS/1.0\r\nA: \xff\xfe\r\n\r\n",
        b"NATS/1.0\r\nA: caf\xc3\xa9\r\n\r\n",
        b"NATS/1.0 404 No Messages\r\n\r\n",
        b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n",
        b"NATS/1.0 503\r\n\r\n",
    ],
)
def test_both_readings_agree_on_what_is_well_formed(raw: bytes) -> None:
    assert read_headers(raw) == asyncio.run(Client()._process_headers(raw))


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"ce-id:", b"ce-id :"),
        lambda raw: raw.replace(b"ce-id:", b"\tce-id:"),
        lambda raw: raw.replace(b"Nats-Msg-Id:", b"Nats-Msg-Id :"),
        lambda raw: raw.replace(b"ce-source: ", b"ce-source: a\r\nce-source: "),
        lambda raw: raw.replace(b"ce-source: ", b"no colon\r\nce-source: "),
        lambda raw: raw.replace(b"ce-source: ", b"caf\xc3\xa9: 1\r\nce-source: "),
        lambda raw: raw.replace(b"ce-source: /", b"ce-source: /\xff"),
        lambda raw: raw.replace(b"ce-source: /", b"ce-source: /\xc3\xa9"),
        lambda raw: raw.replace(b"ce-time: ", b"ce-time:  "),
        lambda raw: raw.replace(b"Z\r\n", b"Z \r\n"),
        lambda raw: raw.replace(b"Z\r\n", b"Z\n\r\n"),
        lambda raw: raw.replace(b"NATS/1.0", b"NATS/1.0 200"),
        lambda raw: raw.replace(b"NATS/1.0", b"HTTP/1.1"),
        lambda raw: raw.replace(b"\r\n", b"\n"),
        lambda raw: raw[:40],
    ],
)
def test_what_is_malformed_is_refused_and_not_made_good(change: Callable[[bytes], bytes]) -> None:
    assert from_headers(read_headers(EVENT)) == ENVELOPE
    raw = change(EVENT)
    assert raw != EVENT
    with pytest.raises(InvalidEvent):
        from_headers(read_headers(raw))


PLAIN = replace(ENVELOPE, causation="", correlation="", traceparent="")
APPENDED = b"Nats-Expected-Last-Subject-Sequence: 7\r\nNats-Batch-Id: b\r\nNats-Batch-Sequence: 1\r\n\r\n"
ONE_BY_ONE = EVENT_START + written(PLAIN) + APPENDED
IN_LINES = EVENT_START + to_lines(PLAIN).encode() + APPENDED


def test_most_headers_are_read_at_once_as_they_are_one_by_one() -> None:
    for block in (ONE_BY_ONE, IN_LINES):
        assert _from_block(block) == from_headers(read_headers(block)) == PLAIN
    nobodys = replace(PLAIN, actor="", request_id="")
    assert _from_block(EVENT_START + written(nobodys) + b"\r\n") == nobodys
    assert _from_block(EVENT) is None, "it names a cause"
    assert from_headers(Headers(EVENT)) == ENVELOPE
    assert Headers(EVENT) == GOOD


@pytest.mark.parametrize("block", [ONE_BY_ONE, IN_LINES])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"ce-id: ", b"ce-id: x"),
        (b"Nats-Msg-Id: ", b"Nats-Msg-Id: x"),
        (b"ce-type: ", b"ce-type: " + b"x" * 300),
        (b"ce-type: ", b"ce-type: \x7f"),
        (b"ce-source: /", b"ce-source: "),
        (b"ce-source: ", b"ce-source: /a\r\nce-source: "),
        (b"ce-specversion: 1.0", b"ce-specversion: 1x0"),
        (b"ce-specversion: 1.0\r\n", b""),
        (b"ce-time: 20", b"ce-time: 2x"),
        (b"ce-time: 2026-11-", b"ce-time: 2026-13-"),
        (b"ce-time: ", b"ce-time: 0000-00-00T00:00:00.000000000Z\r\nce-time: "),
        (b"cx-request: ", b"cx-request:  "),
        (b"cx-actor: ", b"cx-actor:  "),
        (b"cx-actor: ", b"cx-actor: a\r\ncx-actor: "),
        (b"Nats-Batch-Id: ", b"Nats-Rollup: all\r\nNats-Batch-Id: "),
        (b"NATS/1.0", b"NATS/1.1"),
    ],
)
def test_what_is_malformed_is_refused_by_both_ways(block: bytes, old: bytes, new: bytes) -> None:
    raw = block.replace(old, new, 1)
    assert raw != block
    for headers in (Headers(raw), read_headers(raw)):
        with pytest.raises(InvalidEvent):
            from_headers(headers)


BLOCKS = [
    b"",
    b"\r\n",
    b"NATS/1.0",
    b"NATS/1.0\r\n\r\n",
    b"\xff" * 10 + b"\r\n",
    b"NATS/1.0 \xff\xff\r\n\r\n",
]
ENTITIES = [b"\xff", b"a\x0bb", b"a\x0c7", b"a\x00b", b"\xc2\x85", b"*", b">", b"a\x1b[2J"]


def test_a_reader_gets_past_whatever_was_stored(server: Any) -> None:
    async def main() -> tuple[list[Stored], list[Stored | None]]:
        log = await Log.connect(server.settings, server.folder)
        await declare_streams(log, server.settings)
        with RawConnection(server.address.url, server.credential("core")) as raw:
            for block in BLOCKS:
                assert raw.publish(b"ev.local.work.w", block, b"{}").position
            for entity in ENTITIES:
                assert raw.publish(b"ev.local.work." + entity, None, b"{}").position
        last = raw.outcomes[-1].position
        found: list[Stored] = []
        async for batch in log.pull(EVENTS.name, 1, wait_seconds=5.0):
            found += batch
            if not batch or batch[-1].position == last:
                break
        single = [await log.read_at(EVENTS.name, stored.position) for stored in found]
        await log.close()
        return found, single

    pulled, single = asyncio.run(main())
    assert [stored.position for stored in pulled] == list(range(1, len(BLOCKS) + len(ENTITIES) + 1))
    assert [one and one.headers for one in single] == [stored.headers for stored in pulled]


def test_an_agent_cannot_deafen_who_answers_it(server: Any) -> None:
    """One byte that is no UTF-8 in a subject ended the library's reading of the connection, in silence."""

    async def answer(asked: Asked) -> bytes:
        return asked.subject.encode()

    async def main() -> None:
        log = await Log.connect(server.settings, server.folder)
        with RawConnection(server.address.url, server.credential("core")) as raw:
            async with answer_requests(log, "cmd.main.*.*", answer):
                for block in BLOCKS:
                    raw.send(b"cmd.main.ada.claim", block, b"")
                for entity in ENTITIES:
                    raw.send(b"cmd.main.ada." + entity, None, b"")
                    raw.send(b"cmd.main.ada.claim", None, b"", reply=b"_INBOX." + entity)
                raw.settle()
                assert await log.request("cmd.main.ada.show", b"", 5) == b"cmd.main.ada.show"
        await log.close()

    asyncio.run(main())
