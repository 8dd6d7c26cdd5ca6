"""What a scenario did, as text: each step, each command under it with its exit code and what it printed."""

import shlex
from collections.abc import Sequence
from typing import Final

PRINTED_LENGTH_MAX: Final = 20_000
"""Of one stream of one command; what is longer is cut, and says so."""


class Transcript:
    """The lines of one scenario, in order."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        """Whether anybody will read it: what costs time to tell is told only then."""
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join([*self._lines, ""])

    def say(self, line: str) -> None:
        """Write one line."""
        self._lines.append(line)

    def command(self, words: Sequence[str | bytes], code: int | None, out: str, err: str) -> None:
        """Write a command, what it printed and how it ended; None: it was left running."""
        self._lines.append(f"  $ {shlex.join(_word(word) for word in words)}")
        self._printed("", out)
        self._printed("stderr: ", err)
        self._lines.append("    left running" if code is None else f"    exit code {code}")

    def _printed(self, prefix: str, text: str) -> None:
        cut = text[:PRINTED_LENGTH_MAX]
        self._lines += [f"    {prefix}{line}" for line in cut.splitlines()]
        if len(cut) < len(text):
            self._lines.append(f"    ({len(text) - len(cut)} more characters)")


def _word(word: str | bytes) -> str:
    return word if isinstance(word, str) else ascii(word)
