"""What goes wrong with the store, in two kinds: the file or engine failed, or this intake cannot be kept.

The first is met by opening anew through the ladder; the second by finding the message that is to blame.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

from coord.events.errors import CoordError, visible

_BROKEN: Final = (
    duckdb.FatalException,
    duckdb.IOException,
    duckdb.InternalException,
    duckdb.SerializationException,
    duckdb.ConnectionException,
    duckdb.TransactionException,
)
"""A commit that fails, on a full disk for one, is the last of these: no message is to blame for it."""


class StoreBroken(CoordError):
    """The projection's file or engine failed; it must be opened anew."""


class Unfoldable(CoordError):
    """This batch cannot be folded in."""


@contextmanager
def told_apart(what: str) -> Iterator[None]:
    """Turn whatever goes wrong into one of the two kinds.

    This is the border of the batch loop: no message, however made, may end the process, so every fault that
    is not the store's own counts as the batch's.

    Raises:
        StoreBroken, Unfoldable: with the engine's own words.
    """
    try:
        yield
    except CoordError:
        raise
    except _BROKEN as error:
        raise StoreBroken(f"{what}: {_words(error)}") from error
    except Exception as error:
        raise Unfoldable(f"{what}: {_words(error)}") from error


@contextmanager
def read_border() -> Iterator[None]:
    """Tell a fault of the store from one of whoever reads it, which goes on as it is.

    Raises:
        StoreBroken: the file or engine failed.
    """
    try:
        yield
    except _BROKEN as error:
        raise StoreBroken(f"the projection cannot be read: {_words(error)}") from error


def _words(error: BaseException) -> str:
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {visible(first, 300)}"
