"""The streams: which exist, what they hold, and how they are kept.

EVENTS is the truth: it never evicts (`discard: new` refuses instead), cannot be deleted from or purged,
accepts atomic batches, and republishes every stored message to `live.>`.
SAMPLES is telemetry: acknowledged before it is flushed, kept two days, oldest out first.
LEASES is the key-value bucket that holds which coordinator leads a pool.
"""

from typing import Final, NamedTuple

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

EVENT_BYTES_MAX: Final = 256 * KIB
"""Largest message EVENTS takes, headers included; larger ones are refused at the door."""

HEADER_BYTES_MAX: Final = 8 * KIB
"""What the headers of one message may take: ours, the server's and the batch's."""

BODY_BYTES_MAX: Final = EVENT_BYTES_MAX - HEADER_BYTES_MAX
"""Largest body coord writes."""

DEDUP_SECONDS: Final = 60
"""How long the server itself remembers a message id; folds and coordinators remember longer."""

SAMPLES_AGE_SECONDS_MAX: Final = 48 * 3600


class StreamDefinition(NamedTuple):
    """How one stream is declared; `max_bytes` is a brake, with an alarm at 70 % of it."""

    name: str
    subjects: tuple[str, ...]
    max_bytes: int
    message_bytes_max: int
    evicts: bool
    age_seconds_max: int = 0
    """0: kept for ever."""
    dedup_seconds: int = DEDUP_SECONDS
    atomic: bool = False
    persist_async: bool = False
    """Acknowledge before the write is flushed: for telemetry that may lose its tail."""
    deny_delete: bool = False
    republish: tuple[str, str] | None = None


EVENTS: Final = StreamDefinition(
    name="EVENTS",
    subjects=("ev.*.*.*",),
    max_bytes=16 * GIB,
    message_bytes_max=EVENT_BYTES_MAX,
    evicts=False,
    atomic=True,
    deny_delete=True,
    republish=("ev.>", "live.>"),
)

SAMPLES: Final = StreamDefinition(
    name="SAMPLES",
    subjects=("sample.*.*.*",),
    max_bytes=4 * GIB,
    message_bytes_max=EVENT_BYTES_MAX,
    evicts=True,
    age_seconds_max=SAMPLES_AGE_SECONDS_MAX,
    dedup_seconds=60,
    persist_async=True,
)

STREAMS: Final = (EVENTS, SAMPLES)
LEASES_BUCKET: Final = "coord"
BRAKE_SHARE: Final = 0.7
"""Share of `max_bytes` from which doctor and health warn."""

assert 0 < BODY_BYTES_MAX < EVENT_BYTES_MAX
assert SAMPLES.dedup_seconds <= DEDUP_SECONDS
assert not EVENTS.evicts
assert EVENTS.age_seconds_max == 0
