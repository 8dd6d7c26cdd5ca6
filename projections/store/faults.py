"""What goes wrong with the store, in four kinds.

StoreBroken   the file or engine failed           opened anew through the ladder
StoreFull     there is no room for a commit       the same again, later; the file is as it was before
Unfoldable    this intake cannot be kept          the message that is to blame is found and set aside
Starved       there was no memory for it          a smaller part; then the file is opened anew, which frees what others held
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

from coord.events.errors import CoordError, Refused, visible

_BROKEN: Final = (
    duckdb.FatalException,
    duckdb.IOException,
    duckdb.InternalException,
    duckdb.SerializationException,
    duckdb.ConnectionException,
    duckdb.TransactionException,
)
"""The last is a commit that fails: no message is to blame for it."""
NO_MEMORY: Final = (MemoryError, duckdb.OutOfMemoryException)
_CORRUPT: Final = "Corrupt database file"
"""So the engine begins to say that a block is not what was written, by an error that is of no kind."""
_NO_ROOM: Final = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class StoreBroken(CoordError):
    """The projection's file or engine failed; it must be opened anew."""


class StoreFull(CoordError):
    """There is no room to commit; nothing was changed, and the store goes on when there is."""


class Unfoldable(CoordError):
    """This batch cannot be folded in."""


class Starved(Unfoldable):
    """There was not memory enough, which need not be the fault of what was to be kept."""


@contextmanager
def told_apart(what: str) -> Iterator[None]:
    """Turn whatever goes wrong into one of the four kinds.

    This is the border of the batch loop: no message, however made, may end the process, so every fault that
    is not the store's own counts as the batch's.

    Raises:
        StoreBroken, StoreFull, Unfoldable, Starved: with the engine's own words.
    """
    try:
        yield
    except CoordError:
        raise
    except Exception as error:
        raise _kind_of(error)(f"{what}: {_words(error)}") from error


@contextmanager
def read_border() -> Iterator[None]:
    """Tell a fault of the store from one of whoever reads it, which goes on as it is.

    Raises:
        StoreBroken: the file or engine failed.
        Refused: there is no memory for an answer now.
    """
    try:
        yield
    except NO_MEMORY as error:
        told = "this answer takes more memory than there is for the projector's tables now."
        raise Refused(
            told, "Ask for less, or again; projection_memory_mib says how much there is."
        ) from error
    except duckdb.Error as error:
        if not _is_broken(error):
            raise
        raise StoreBroken(f"the projection cannot be read: {_words(error)}") from error


def is_corrupt(error: Exception) -> bool:
    """Tell whether the engine read a block that is not what was written."""
    return isinstance(error, duckdb.Error) and str(error).startswith(_CORRUPT)


def _kind_of(error: Exception) -> type[CoordError]:
    if isinstance(error, NO_MEMORY):
        return Starved
    full = isinstance(error, duckdb.TransactionException) and str(error).endswith(_NO_ROOM)
    return StoreFull if full else StoreBroken if _is_broken(error) else Unfoldable


def _is_broken(error: Exception) -> bool:
    return is_corrupt(error) or isinstance(error, _BROKEN)


def _words(error: BaseException) -> str:
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {visible(first, 300)}"
