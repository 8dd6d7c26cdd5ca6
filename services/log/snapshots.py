"""Snapshots: a whole stream with every position, out of one server and into another.

    taking    the server sends the stream as it stands, in pieces, and waits for a word on each
    restore   another server is given the pieces, and has the stream then; it refuses where there is one

The format is the server's own: messages with position and time, consumers, and a mark at the end. A message that its
disk no longer holds whole ends a snapshot with an error. nats-py knows neither request.
"""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from coord.events.errors import CoordError, NoServer, OutcomeUnknown, Refused, visible
from coord.events.streams import KIB
from coord.services import clock

if TYPE_CHECKING:
    from coord.services.log.client import Log

PIECE_BYTES: Final = 256 * KIB
PIECE_SECONDS: Final = 30.0
"""How long a server may say nothing; it gives up itself when five seconds pass without a word."""
HEARD_SECONDS: Final = 5.0
"""How long a server of a cluster may take to hear that another one takes the pieces."""
_AGAIN_SECONDS: Final = 0.05
_FAILED: Final = ("4", "5")
"""What the status behind the last piece begins with when the snapshot is not whole."""
_HINT: Final = "Look into the server's own log; see: coord doctor"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stream that is being taken: as it was when the server began."""

    stream: str
    config: dict[str, Any]
    state: dict[str, Any]
    pieces: AsyncIterator[bytes]
    """Each is acknowledged when the next one is asked for: who writes slowly is sent less."""


@asynccontextmanager
async def taking(log: "Log", stream: str, consumers: bool = False) -> AsyncIterator[Snapshot]:
    """Have a stream sent as it stands; it may grow meanwhile, and what comes is not among the pieces.

    Raises:
        NoServer, OutcomeUnknown: the server does not answer, or this user may not ask for it.
        CoordError: what the server holds is not whole; the message says what it found.
    """
    inbox = log.client.new_inbox()
    arriving = await log.client.subscribe(inbox, pending_bytes_limit=-1)
    wanted = {
        "deliver_subject": inbox, "no_consumers": not consumers, "chunk_size": PIECE_BYTES, "jsck": True,
    }  # fmt: skip
    try:
        told = await log.ask_server(f"STREAM.SNAPSHOT.{stream}", wanted)
        yield Snapshot(stream, told["config"], told["state"], _pieces(log, stream, arriving))
    finally:
        if not log.client.is_closed:
            await arriving.unsubscribe()


async def _pieces(log: "Log", stream: str, arriving: Any) -> AsyncIterator[bytes]:
    while True:
        try:
            piece: Msg = await arriving.next_msg(PIECE_SECONDS)
        except (NatsError, TimeoutError, OSError) as error:
            raise OutcomeUnknown(f"the server sends no more of {stream}.", _HINT) from error
        if not piece.data:
            _check_whole(stream, piece.headers or {})
            return
        yield piece.data
        if piece.reply:
            await log.client.publish(piece.reply)


def _check_whole(stream: str, headers: Mapping[str, str]) -> None:
    if headers.get("Status", "").startswith(_FAILED):
        why = visible(headers.get("Description", ""), 200)
        raise CoordError(f"the server cannot send {stream} whole: {why or headers['Status']}.", _HINT)


async def restore(
    log: "Log", stream: str, config: Mapping[str, Any], state: Mapping[str, Any], pieces: AsyncIterable[bytes]
) -> dict[str, Any]:
    """Give a server the pieces of a stream that it does not have; return the state in which it has it now.

    Raises:
        Refused: it has such a stream, or does not take this one; a part of it may be there.
        NoServer, OutcomeUnknown: it does not answer.
    """
    try:
        begun = await log.ask_server(f"STREAM.RESTORE.{stream}", {"config": config, "state": state})
    except NoServer as error:
        raise Refused(f"{stream} cannot be restored: {error.message}") from error
    where = str(begun["deliver_subject"])
    async for piece in pieces:
        _taken(stream, await _given(log, where, piece))
    ended = _taken(stream, await _given(log, where, b""))
    found: dict[str, Any] = ended["state"]
    return found


async def _given(log: "Log", where: str, piece: bytes) -> bytes:
    """Send a piece and return the answer; while nobody is known to take it, nothing has happened."""
    until = clock.monotonic() + HEARD_SECONDS
    while True:
        try:
            return await log.request(where, piece, PIECE_SECONDS)
        except NoServer:
            if log.client.is_closed or clock.monotonic() >= until:
                raise
            await asyncio.sleep(_AGAIN_SECONDS)


def spread(config: Mapping[str, Any], replicas: int) -> dict[str, Any]:
    """Return how a stream is kept on so many servers; what is acknowledged before it is flushed is kept on one."""
    left = {key: value for key, value in config.items() if key != "persist_mode" or replicas == 1}
    return left | {"num_replicas": replicas}


def _taken(stream: str, reply: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(reply) if reply else {}
    if "error" in told:
        why = visible(str(told["error"].get("description")), 200)
        raise Refused(f"the server did not restore {stream}: {why}.")
    return told


__all__ = ["Snapshot", "restore", "spread", "taking"]
