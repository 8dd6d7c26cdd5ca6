"""The quick reading of headers gives what nats-py's own gives."""

import asyncio

import pytest
from nats.aio.client import Client

from coord.events.envelope import to_headers
from coord.events.examples import ENVELOPE
from coord.services.log.connection import QuickClient

EVENT = (
    b"NATS/1.0\r\n" + b"".join(f"{k}: {v}\r\n".encode() for k, v in to_headers(ENVELOPE).items()) + b"\r\n"
)


@pytest.mark.parametrize(
    "raw",
    [
        EVENT,
        b"NATS/1.0\r\nA: 1\r\nB: \r\n\r\n",
        b"NATS/1.0\r\nA:1\r\n\r\n",
        b"NATS/1.0\r\nA: b: c\r\nA: again\r\n\r\n",
        b"NATS/1.0\r\nA:   spaced  \r\n\r\n",
        b"NATS/1.0\r\nno colon\r\nA: 1\r\n\r\n",
        b"NATS/1.0\r\nbad name: 1\r\nA: 1\r\n\r\n",
        b"NATS/1.0\r\ncaf\xc3\xa9: 1\r\nB: 2\r\n\r\n",
        b"NATS/1.0\r\n\tfolded: 1\r\nB: 2\r\n\r\n",
        b"NATS/1.0\r\nA: \xff\xfe\r\n\r\n",
        b"NATS/1.0\r\nA: caf\xc3\xa9\r\n\r\n",
        b"NATS/1.0 404 No Messages\r\n\r\n",
        b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n",
        b"NATS/1.0 503\r\n\r\n",
        b"",
    ],
)
def test_both_readings_agree(raw: bytes) -> None:
    async def both() -> tuple[object, object]:
        return await QuickClient()._process_headers(raw), await Client()._process_headers(raw)

    quick, slow = asyncio.run(both())
    assert quick == slow
