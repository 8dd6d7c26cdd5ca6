"""The text that is learnt: the bytes of a file or of a folder's files, in two parts.

    | train: the first nine tenths                                     | validation |

The default is what every machine with coord has: the sources of Python's own library, in the order of their
names and bounded in size. A byte is a token; nothing is decoded.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from coord.events.errors import UsageError

Bytes = npt.NDArray[np.uint8]

TEXT_BYTES_MAX: Final = 2**30
DEFAULT_BYTES_MAX: Final = 4 * 2**20
VALIDATION_SHARE: Final = 10
"""One tenth is kept from training."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is trained on, and what is measured on."""

    train: Bytes
    validation: Bytes
    sha256: str
    """Of both, in their order: a run goes on only with the same text."""


def load_text(path: Path | None, context: int) -> Text:
    """Read a text for sequences of `context` bytes.

    Raises:
        UsageError: there is none, it cannot be read, or it is too short or too long.
    """
    raw = _default() if path is None else _read(path)
    needed = VALIDATION_SHARE * (context + 1)
    where = path or "the text"
    if not raw:
        raise UsageError(f"{where} is empty.", "Name a text to train on.")
    if len(raw) < needed:
        raise UsageError(
            f"{where} has {len(raw)} bytes; with --context {context} it must have at least {needed}.",
            "Name a longer text, or a shorter context.",
        )
    whole = np.frombuffer(raw, np.uint8)
    cut = len(whole) - len(whole) // VALIDATION_SHARE
    return Text(whole[:cut], whole[cut:], sha256(raw).hexdigest())


def text_name(path: Path | None) -> str:
    """Return the name of a text, for people."""
    return "python-library" if path is None else path.stem or path.name or "text"


def _default() -> bytes:
    sources = sorted(Path(os.__file__).parent.glob("*.py"))
    return b"".join(source.read_bytes() for source in sources)[:DEFAULT_BYTES_MAX]


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            return b"".join(_bounded(path, _files(path)))
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is neither a file nor a folder.")
        return b"".join(_bounded(path, iter((path,))))
    except FileNotFoundError as error:
        raise UsageError(f"there is no {path}.", "Name a text, or a folder of texts.") from error
    except OSError as error:
        raise UsageError(f"{error.filename or path} cannot be read: {error.strerror}.") from error


def _files(folder: Path) -> Iterator[Path]:
    """Yield the regular files in order; what is hidden or a link is passed over."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and not path.is_symlink():
            yield path


def _bounded(named: Path, paths: Iterator[Path]) -> Iterator[bytes]:
    left = TEXT_BYTES_MAX
    for path in paths:
        with path.open("rb") as file:
            part = file.read(left + 1)
        left -= len(part)
        if left < 0:
            raise UsageError(
                f"{named} has more than {TEXT_BYTES_MAX >> 20} MiB; coord holds a text in memory."
            )
        yield part
