"""What a training says while it runs: a line a second on stderr, and what happened in between."""

import sys
from typing import Final

from coord.events.errors import visible
from coord.services import clock
from coord.services.wording import age

EVERY_SECONDS: Final = 1.0
_LENGTH_MAX: Final = 2_000


class Progress:
    """The voice of rank 0; the other ranks are quiet."""

    def __init__(self, aloud: bool, steps: int) -> None:
        self._aloud, self._steps = aloud, steps
        self._said_at = self._since = clock.monotonic()
        self._tokens = self._steps_seen = 0

    def say(self, sentence: str) -> None:
        """Say what happened, on one line."""
        if self._aloud and sys.stderr is not None:
            try:
                sys.stderr.write(f"train: {visible(sentence, _LENGTH_MAX)}\n")
                sys.stderr.flush()
            except OSError:
                sys.stderr = None

    def step(self, step: int, tokens: int, loss: float, canary: float | None, learning_rate: float) -> None:
        """Count a step, and say how it goes when a second has passed."""
        self._tokens += tokens
        self._steps_seen += 1
        now = clock.monotonic()
        if now - self._said_at < EVERY_SECONDS:
            return
        rate = self._tokens / (now - self._since)
        left = age((self._steps - step) * (now - self._since) / self._steps_seen)
        self._said_at = self._since = now
        self._tokens = self._steps_seen = 0
        measured = "" if canary is None else f"  canary {canary:.3f}"
        self.say(
            f"step {step:,} of {self._steps:,}  loss {loss:.3f}{measured}  learning rate {learning_rate:.2g}"
            f"  {rate:,.0f} bytes/s  {left} left"
        )
