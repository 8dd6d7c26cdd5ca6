"""A snapshot on disk: what a coordinator knows as of a position, so that it need not fold the whole log again.

It is a shortcut and never the truth: one that is damaged, of another version, or of another stream is not used.

    magic | blocks: length, msgpack | sha256 of all before

The first block is the header. Whatever an item is made of is written field by field, in their order; a digest of
all the fields' names stands in the header, so that a changed shape needs no number of its own.
"""

import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import BaseModel

from coord.events.errors import CoordError
from coord.services import clock
from coord.services.coordinator.requests import Kept
from coord.services.decisions.agent import Agent
from coord.services.decisions.team import Team
from coord.services.decisions.work import Planned, Submission, WorkItem

VERSION: Final = 1
_MAGIC: Final = b"coord-snapshot\n"
_SLICE: Final = 1_000
"""Items in a block: what is encoded at once, while nothing else of the process can go on."""
_LENGTH_BYTES: Final = 4
_DIGEST_BYTES: Final = 32


class Header(NamedTuple):
    """Which log a snapshot is of, and up to where."""

    version: int
    shape: str
    stream_created_at: str
    position: int
    event_id: str
    """Of the event at that position: another stream has another."""


class State(NamedTuple):
    """What a coordinator knows, but for what it reads when it needs it."""

    items: Sequence[WorkItem]
    ended: Sequence[WorkItem]
    agents: Sequence[Agent]
    teams: Sequence[Team]
    held_for: Mapping[str, str]
    lost_nodes: Sequence[str]
    requests: Kept


class Unfit(CoordError):
    """A snapshot cannot be used; the message says why."""


def shape() -> str:
    """Name what items, agents and teams are made of."""
    names = (
        WorkItem.__struct_fields__, Submission._fields, Planned._fields, Kept._fields,
        *([field.name for field in fields(kind)] for kind in (Agent, Team)),
    )  # fmt: skip
    return hashlib.sha256(repr([list(one) for one in names]).encode()).hexdigest()[:16]


class TooSlow(CoordError):
    """A snapshot was not written by the moment by which it was to be."""


def write(path: Path, header: Header, state: State, until: float = math.inf) -> None:
    """Write a snapshot in place of the one before, whole or not at all; `until` a moment of the monotonic clock.

    Raises:
        OSError: the disk does not take it.
        TooSlow: the moment came.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    digest = hashlib.sha256()
    try:
        with part.open("wb") as file:
            os.chmod(file.fileno(), 0o600)
            for piece in chain((_MAGIC,), _framed(header, state)):
                if clock.monotonic() > until:
                    raise TooSlow("it takes too long.")
                digest.update(piece)
                file.write(piece)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync(path.parent)


def read(path: Path) -> tuple[Header, State] | None:
    """Read a snapshot; None when there is none.

    Raises:
        Unfit: it is damaged, or of another version.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unfit(f"it cannot be read: {error.strerror}") from error
    body, digest = memoryview(raw)[:-_DIGEST_BYTES], raw[-_DIGEST_BYTES:]
    if not raw.startswith(_MAGIC):
        raise Unfit("it does not begin as a snapshot does")
    if hashlib.sha256(body).digest() != digest:
        raise Unfit("it is damaged: its digest is another")
    try:
        return _decoded(_blocks(body[len(_MAGIC) :]))
    except (msgspec.MsgspecError, ValueError, StopIteration) as error:
        raise Unfit(f"it cannot be decoded: {error}") from error


def set_aside(path: Path) -> Path:
    """Move an unfit snapshot out of the way, in place of one that was before; return where it is."""
    aside = path.with_suffix(".unfit")
    with suppress(OSError):
        path.replace(aside)
    return aside


def _framed(header: Header, state: State) -> Iterator[bytes]:
    encoder = msgspec.msgpack.Encoder(enc_hook=_fields_of)
    small = (state.agents, state.teams, state.held_for, state.lost_nodes, state.requests)
    for block in chain((header, small), _slices(state.items), ((),), _slices(state.ended), ((),)):
        encoded = encoder.encode(block)
        yield len(encoded).to_bytes(_LENGTH_BYTES) + encoded


def _slices(items: Sequence[WorkItem]) -> Iterator[Sequence[WorkItem]]:
    return (items[first : first + _SLICE] for first in range(0, len(items), _SLICE))


def _blocks(body: memoryview) -> Iterator[memoryview]:
    at = 0
    while at < len(body):
        size = int.from_bytes(body[at : at + _LENGTH_BYTES])
        at += _LENGTH_BYTES + size
        if at > len(body):
            raise ValueError("a block ends behind the end of the file")
        yield body[at - size : at]


def _decoded(blocks: Iterator[memoryview]) -> tuple[Header, State]:
    header = msgspec.msgpack.decode(next(blocks), type=Header)
    if (header.version, header.shape) != (VERSION, shape()):
        raise Unfit(f"it is of another version of coord ({header.version}, {header.shape})")
    small = msgspec.msgpack.decode(
        next(blocks), type=tuple[list[Agent], list[Team], dict[str, str], list[str], Kept]
    )
    agents, teams, held_for, lost_nodes, requests = small
    decoder = msgspec.msgpack.Decoder(list[WorkItem], dec_hook=_model_of)
    items, ended = (list(_until_empty(blocks, decoder)) for _ in range(2))
    return header, State(items, ended, agents, teams, held_for, lost_nodes, requests)


def _until_empty(
    blocks: Iterator[memoryview], decoder: "msgspec.msgpack.Decoder[list[WorkItem]]"
) -> Iterator[WorkItem]:
    for block in blocks:
        found = decoder.decode(block)
        if not found:
            return
        yield from found
    raise ValueError("a list of items does not end")


def _fields_of(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.__dict__
    raise TypeError(f"a {type(value).__name__} has no place in a snapshot")


def _model_of(kind: type, value: Any) -> Any:
    if issubclass(kind, BaseModel):
        return kind.model_validate(value)
    raise TypeError(f"a {kind.__name__} has no place in a snapshot")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
