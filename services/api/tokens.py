"""Tokens: who may ask over HTTP. Only digests are kept, in api/tokens.json of the data folder, which its owner reads.

A token is 256 random bits, so its digest needs no salt. Comparing takes as long for every token, known or not. The
file is read again when it has changed: a token that is revoked is refused from the next request on.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, Literal, NamedTuple, get_args

from coord.events.errors import CoordError, Refused
from coord.events.tokens import is_token
from coord.services.folder import Folder

Scope = Literal["read", "metrics"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""Everything, or /metrics alone."""
TOKENS_MAX: Final = 1_000
PREFIX: Final = "coord_"
"""So that a token that was left lying somewhere is known for what it is."""
_BYTES: Final = 32
_PLACE: Final = ("api", "tokens.json")


class Known(NamedTuple):
    """What is kept of a token."""

    name: str
    scope: Scope
    made_at_ns: int
    digest: str


def known_tokens(folder: Folder) -> dict[str, Known]:
    """Return the tokens by name.

    Raises:
        CoordError: the file is there and cannot be read.
    """
    stored = folder.read_json(*_PLACE)
    if stored is None and os.path.exists(folder.where(*_PLACE)):
        raise CoordError(f"{folder.path(*_PLACE)} is damaged.", "Remove it, and make the tokens anew.")
    records = stored if isinstance(stored, dict) else {}
    return {name: known for name, record in records.items() if (known := _read(name, record)) is not None}


def make_token(folder: Folder, name: str, scope: Scope, now_ns: int) -> str:
    """Make a token and return it: it is told once, and kept nowhere.

    Raises:
        Refused: there is one of this name, or there are too many.
        CoordError: it cannot be written down.
    """
    text = PREFIX + os.urandom(_BYTES).hex()
    with _turn(folder):
        known = known_tokens(folder)
        if name in known:
            raise Refused(f"there is a token {name} already.", f"Revoke it first: coord token revoke {name}")
        if len(known) >= TOKENS_MAX:
            raise Refused(f"there are {TOKENS_MAX} tokens, and no more are kept.", "Revoke some.")
        _write(folder, {**known, name: Known(name, scope, now_ns, _digest(text))})
    return text


def revoke_token(folder: Folder, name: str) -> None:
    """Take a token back.

    Raises:
        Refused: there is none of this name.
        CoordError: it cannot be written down.
    """
    with _turn(folder):
        known = known_tokens(folder)
        if name not in known:
            raise Refused(f"there is no token {name}.", "See: coord token list")
        del known[name]
        _write(folder, known)


class Tokens:
    """The tokens as they stand now."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._known: Mapping[str, Known] = {}
        self._seen: tuple[int, ...] | None = None

    def whose(self, text: str) -> Known | None:
        """Return what is known of a token; None: nothing."""
        self._look()
        given, found = _digest(text), None
        for known in self._known.values():
            if compare_digest(known.digest, given):
                found = known
        return found

    def of_header(self, header: str) -> Known | None:
        """Return what is known of the token that an Authorization header brings; None: nothing."""
        scheme, _, token = header.partition(" ")
        return self.whose(token.strip()) if scheme.lower() == "bearer" else None

    def _look(self) -> None:
        try:
            there = os.stat(self._folder.where(*_PLACE))
        except OSError:
            self._known, self._seen = {}, None
            return
        seen = (there.st_mtime_ns, there.st_ino, there.st_size)
        if seen != self._seen:
            self._known, self._seen = _or_none(self._folder), seen


def _or_none(folder: Folder) -> Mapping[str, Known]:
    try:
        return known_tokens(folder)
    except CoordError:
        return {}


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read(name: str, record: Any) -> Known | None:
    match record:
        case {"scope": str(scope), "made_at_ns": int(made_at_ns), "sha256": str(digest)}:
            fits = is_token(name) and scope in SCOPES and digest.isascii()
            return Known(name, "read" if scope == "read" else "metrics", made_at_ns, digest) if fits else None
    return None


def _write(folder: Folder, known: Mapping[str, Known]) -> None:
    records = {
        one.name: {"scope": one.scope, "made_at_ns": one.made_at_ns, "sha256": one.digest}
        for one in known.values()
    }
    folder.write_json(records, *_PLACE)


@contextmanager
def _turn(folder: Folder) -> Iterator[None]:
    """Keep others from writing meanwhile."""
    folder.make(_PLACE[0])
    descriptor = os.open(folder.where(_PLACE[0], "LOCK"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
