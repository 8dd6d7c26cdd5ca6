"""Asking the projector for a copy of its tables, on its socket: one of now, or of a past moment."""

from coord.events.answer import Answer, PastQuestion
from coord.events.model import Nanoseconds


class TakeSnapshot(PastQuestion):
    """Take a copy of the tables; of now without a moment, and then of all that the log held when it was asked."""


class SnapshotAnswer(Answer):
    """A copy."""

    file: str
    """On the projector's machine. Link it at once: copies of past moments go when others are made."""
    taken_at_ns: Nanoseconds
