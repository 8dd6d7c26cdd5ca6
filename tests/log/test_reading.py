"""Messages are given out whole and in order, wherever what was read from the connection happens to end."""

import asyncio
from collections.abc import Sequence

import pytest
from nats.errors import ProtocolError

from coord.services.log.reading import ReadingClient

Given = tuple[bytes, bytes, bytes, bytes | None]
NUMBER = 7
HEADERS = b"NATS/1.0\r\nA: 1\r\n\r\n"
WIRE = (
    b"MSG a.b 7 5\r\nhello\r\n+OK\r\n"
    b"MSG a.\xff 7 _INBOX.x 0\r\n\r\n"
    + b"HMSG a.c 7 %d %d\r\n%s{}\r\n" % (len(HEADERS), len(HEADERS) + 2, HEADERS)
    + b"MSG a.d 8 2\r\nno\r\n"
    + b"HMSG a.\x0b 7 $JS.ACK.1 %d %d\r\n%sMSG a 7 1\r\nx\r\n\r\n"
    % (len(HEADERS), len(HEADERS) + 14, HEADERS)
    + b"MSG 7 7 7 1\r\n\n\r\n"
)
GIVEN: list[Given] = [
    (b"a.b", b"", b"hello", None),
    (b"a.\xff", b"_INBOX.x", b"", None),
    (b"a.c", b"", b"{}", HEADERS),
    (b"a.\x0b", b"$JS.ACK.1", b"MSG a 7 1\r\nx\r\n", HEADERS),
    (b"7", b"7", b"\n", None),
]


def given(pieces: Sequence[bytes]) -> list[Given]:
    """Return what a subscription is given when these are read one after another."""
    found: list[Given] = []

    async def read() -> None:
        client = ReadingClient()
        client._straight[NUMBER] = lambda *message: found.append(message)
        client._subs[NUMBER] = None  # type: ignore[assignment]
        for piece in pieces:
            await client._ps.parse(piece)

    asyncio.run(read())
    return found


def test_a_message_may_be_read_in_pieces() -> None:
    assert given([WIRE]) == GIVEN
    assert given([bytes([one]) for one in WIRE]) == GIVEN
    for cut in range(len(WIRE)):
        assert given([WIRE[:cut], WIRE[cut:]]) == GIVEN, cut


@pytest.mark.parametrize(
    "line", [b"MSG a.b 7 five\r\n", b"HMSG a.b\r\n", b"MSG \r\n", b"MESSAGE a.b 7 5\r\n"]
)
def test_what_is_no_message_ends_the_connection(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        given([line])
