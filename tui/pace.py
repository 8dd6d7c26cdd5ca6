"""When each wish is asked next: at its own pace, slower where an answer takes long, at once where it is new.

All asking together takes at most a tenth of the projector's time: after an answer that took d seconds, nothing but
what is new is asked for 9 d; and no wish is asked again before ten times its own d.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

SHARE: Final = 0.1
FAULT_SECONDS: Final = 5.0
"""How long a question that was refused rests."""
EAGER_SECONDS: Final = 0.25
"""The least time between two askings of a wish, however many events come."""
WAIT_SECONDS_MAX: Final = 1.0


class Ask(NamedTuple):
    """A question to be asked."""

    key: str
    question: str
    fields: Mapping[str, Any]
    every_seconds: float
    identity: str
    """The same identity has the same answer, but for the time that passes."""
    like: str
    """Its answer is shown until there is one of this identity."""


def ask_of(key: str, question: str, fields: Mapping[str, Any], every_seconds: float) -> Ask:
    """Make one; an answer as of another past moment is like it, and so is another span of the time line."""
    loose = {name: value for name, value in fields.items() if name not in ("at_position", "since_ns")}
    past = "past" if "at_position" in fields else "live"
    identity = json.dumps([key, question, fields], sort_keys=True)
    like = json.dumps([key, question, loose, past], sort_keys=True)
    return Ask(key, question, fields, every_seconds, identity, like)


class Pace:
    """Who is asked when. Times are seconds on the clock that never jumps."""

    def __init__(self) -> None:
        self._asks: dict[str, Ask] = {}
        self._due: dict[str, float] = {}
        self._fresh: set[str] = set()
        self._asked: dict[str, float] = {}
        self._rest_until = 0.0

    @property
    def asks(self) -> Sequence[Ask]:
        """What is wanted now."""
        return list(self._asks.values())

    def want(self, asks: Sequence[Ask], now: float) -> bool:
        """Take what is wanted from now on; tells whether it differs from what was."""
        before = self._asks
        self._asks = {ask.identity: ask for ask in asks}
        new = [identity for identity in self._asks if identity not in before]
        self._fresh = {identity for identity in self._fresh if identity in self._asks} | set(new)
        self._due = {identity: self._due.get(identity, now) for identity in self._asks}
        self._due.update(dict.fromkeys(new, now))
        return bool(new) or len(before) != len(self._asks)

    def hurry(self) -> None:
        """Ask everything anew, at once: the connection is in doubt, or back."""
        self._fresh = set(self._asks)
        self._due = dict.fromkeys(self._asks, 0.0)

    def stir(self, now: float) -> None:
        """Events came: what is asked often is asked soon."""
        for identity, ask in self._asks.items():
            soon = self._asked.get(identity, 0.0) + max(EAGER_SECONDS, ask.every_seconds / 2)
            if "at_position" not in ask.fields:
                self._due[identity] = min(self._due[identity], max(soon, now))

    def next(self, now: float) -> tuple[Ask | None, float]:
        """Return what to ask now, and else how long to wait."""
        for identity in self._asks:
            if identity in self._fresh:
                return self._asks[identity], 0.0
        if not self._asks:
            return None, WAIT_SECONDS_MAX
        identity = min(self._due, key=lambda one: self._due[one])
        wait = max(self._due[identity], self._rest_until) - now
        return (self._asks[identity], 0.0) if wait <= 0 else (None, min(wait, WAIT_SECONDS_MAX))

    def answered(self, ask: Ask, now: float, took: float, is_fault: bool) -> bool:
        """Take notice of an answer, and of how long it took; tells whether it was new, and is wanted still."""
        is_new = ask.identity in self._fresh
        self._fresh.discard(ask.identity)
        self._asked[ask.identity] = now
        self._rest_until = max(self._rest_until, now + took * (1 / SHARE - 1))
        if len(self._asked) > 10 * len(self._asks) + 100:
            self._asked = {identity: at for identity, at in self._asked.items() if identity in self._asks}
        if ask.identity in self._asks:
            every = FAULT_SECONDS if is_fault else max(ask.every_seconds, took / SHARE)
            self._due[ask.identity] = now + every
        return is_new
