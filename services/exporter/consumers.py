"""The consumers of the exporters of a house: one for spans, one for log records, shared by all its exporters.

The server gives a consumer's messages to whoever may pull and knows its name, and trainers may pull. So the names are
made of the exporter's password, which only exporters have: another password is another consumer, which begins anew.
"""

from hashlib import blake2b
from typing import Final

from coord.services.exporter.shape import Signal
from coord.services.log import Log
from coord.services.log.durable import Durable, Standing, standing
from coord.services.settings import Settings

PENDING_MAX: Final = 1_024
"""Messages that may be on their way to a receiver; while it is away, no more are given out."""
PREFIX: Final = "otlp-"
FOLLOWED: Final[tuple[Signal, ...]] = ("traces", "logs")
"""Signals that are made of events; metrics are asked for."""
_AGGREGATES: Final = {"traces": ("work", "run"), "logs": ("alert", "directive", "run")}
_DIGEST_BYTES: Final = 12


def consumer_name(log: Log, signal: Signal) -> str:
    """Return the name of a signal's consumer, as whoever has the exporter's credential knows it."""
    return name_for(log.access.password, signal)


def name_for(password: str, signal: Signal) -> str:
    """Return the name of a signal's consumer for a password."""
    digest = blake2b(
        signal.encode(), digest_size=_DIGEST_BYTES, key=password.encode()[:64], person=b"coord-otlp"
    )
    return f"{PREFIX}{signal}-{digest.hexdigest()}"


def subjects_of(signal: Signal, settings: Settings) -> tuple[str, ...]:
    """Return what a signal is made of."""
    if signal == "logs" and settings.otlp_logs == "all":
        return (f"ev.{settings.site}.*.*",)
    return tuple(f"ev.{settings.site}.{aggregate}.*" for aggregate in _AGGREGATES[signal])


def durable_of(log: Log, signal: Signal, settings: Settings) -> Durable:
    """Return the consumer of a signal."""
    return Durable(log, consumer_name(log, signal), subjects_of(signal, settings), PENDING_MAX)


async def standing_of(log: Log, signal: Signal) -> Standing | None:
    """Say how far the exporters are with a signal; None: none has begun."""
    return await standing(log, consumer_name(log, signal))
