"""One finding of doctor: ok, to watch, or bad.

Bad is what loses, has lost or will soon lose something, or leaves a command or a question unanswered.
"""

from typing import Final, Literal, NamedTuple

Verdict = Literal["ok", "warn", "bad"]
OK: Final = "ok"
WARN: Final = "warn"
BAD: Final = "bad"


class Finding(NamedTuple):
    """What a check found, in words, and what to do about it."""

    name: str
    verdict: Verdict
    words: str
    remedy: str = ""
