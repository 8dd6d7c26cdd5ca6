"""What the projector and its process for the past say to each other: frames over a pair of sockets.

length (4 bytes) | number of the question (8) | kind (1) | body

projector -> process   settings, question, cancel
process -> projector   told (how far a fold is), answer (its first byte is the exit code), cancelled
"""

import asyncio
import struct
from dataclasses import dataclass
from typing import Final

SETTINGS: Final = b"s"
QUESTION: Final = b"q"
CANCEL: Final = b"c"
TOLD: Final = b"t"
ANSWER: Final = b"a"
CANCELLED: Final = b"x"

KEEP: Final = "keep"
"""The name of a question for nothing but copies on the way: the answer says where the next one is left."""
SIZE_BYTES: Final = 4
"""Of the length that stands before what is said beside a table, in an answer that is one."""
COPY: Final = "copy"
"""The name of a question for the tables themselves: a copy of their file."""
BODY_BYTES_MAX: Final = 64 * 1024 * 1024
_HEAD: Final = struct.Struct(">IQc")


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing said."""

    number: int
    """Of the question it is about."""
    kind: bytes
    body: bytes = b""


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """Return the next frame; None when the other side has gone."""
    try:
        size, number, kind = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        return Frame(number, kind, await reader.readexactly(size)) if size <= BODY_BYTES_MAX else None
    except (asyncio.IncompleteReadError, OSError):
        return None


def frame_bytes(frame: Frame) -> bytes:
    """Write a frame as it travels."""
    return _HEAD.pack(len(frame.body), frame.number, frame.kind) + frame.body
