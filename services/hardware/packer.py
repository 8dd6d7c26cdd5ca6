"""Packing readings into messages, and keeping those that cannot be sent yet.

A message holds at most a second of readings, so that a live view is at most a second behind, and never more
than the stream takes. What waits is bounded: the oldest goes first, and is counted in every later message.
"""

import math
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from coord.events.samples import (
    HARDWARE,
    PROCESSES,
    PROCESSES_MAX,
    READINGS_MAX,
    SERIES_MAX,
    HardwareSample,
    Process,
    ProcessesSample,
    Series,
    encode_sample,
)
from coord.events.streams import SAMPLES
from coord.services.hardware.metrics import Point
from coord.services.hardware.processes import LISTED_EACH_MAX, Listing

PACK_SECONDS: Final = 1.0
SERIES_A_MESSAGE_MAX: Final = 500
READINGS_A_MESSAGE_MAX: Final = 4_000
WAITING_BYTES_MAX: Final = 4 * 1024 * 1024
"""What may wait while the server is away: about twenty minutes of a small machine."""
_DECIMALS: Final = 4
_SERIES_BYTES: Final = 2 * 64 + 64
_READING_BYTES: Final = 32
_SLACK_SECONDS: Final = 1e-6

assert SERIES_A_MESSAGE_MAX <= SERIES_MAX
assert READINGS_A_MESSAGE_MAX <= READINGS_MAX
assert 3 * LISTED_EACH_MAX <= PROCESSES_MAX
_MESSAGE_BYTES_MAX: Final = SERIES_A_MESSAGE_MAX * _SERIES_BYTES + READINGS_A_MESSAGE_MAX * _READING_BYTES
assert SAMPLES.message_bytes_max > _MESSAGE_BYTES_MAX

Key = tuple[str, str]


class Packer:
    """The readings of the message that is being filled."""

    def __init__(self, writer: str, seconds_between_looks: float) -> None:
        self.dropped_readings = 0
        """Set by whoever drops; told with every message."""
        self._writer = writer
        self._sequence = 0
        self._seconds_between_looks = seconds_between_looks
        self._series: dict[Key, tuple[list[int], list[float]]] = {}
        self._readings = 0
        self._began: float | None = None
        self._began_ns = 0

    def add(self, points: Iterable[Point], now: float, now_ns: int) -> list[HardwareSample]:
        """Add one look's readings, and return the messages that are full or old enough to go.

        The very first look goes at once: it tells that this node is here.
        """
        full = []
        for point in points:
            if self._is_full_for(point):
                full += self.flush()
            self._add(point, now, now_ns)
        began = now if self._began is None else self._began
        is_old = now - began + self._seconds_between_looks >= PACK_SECONDS - _SLACK_SECONDS
        if is_old or not self._sequence:
            full += self.flush()
        return full

    def flush(self) -> list[HardwareSample]:
        """Return what is packed so far, if there is anything."""
        series, self._series, self._readings, self._began = self._series, {}, 0, None
        if not series:
            return []
        packed = tuple(
            Series(metric=metric, device=device, offsets_ms=tuple(offsets), values=tuple(values))
            for (metric, device), (offsets, values) in series.items()
        )
        return [
            HardwareSample(
                writer=self._writer,
                writer_sequence=self._next(),
                started_at_ns=self._began_ns,
                series=packed,
                dropped_readings=self.dropped_readings,
            )
        ]

    def processes(self, listing: Listing, now_ns: int) -> ProcessesSample:
        """Pack a listing of processes."""
        return ProcessesSample(
            writer=self._writer,
            writer_sequence=self._next(),
            started_at_ns=now_ns,
            processes=tuple(Process(**process._asdict()) for process in listing.processes),
            total=listing.total,
        )

    def _is_full_for(self, point: Point) -> bool:
        is_new = point[:2] not in self._series
        return self._readings >= READINGS_A_MESSAGE_MAX or (
            is_new and len(self._series) >= SERIES_A_MESSAGE_MAX
        )

    def _add(self, point: Point, now: float, now_ns: int) -> None:
        metric, device, value = point
        if not math.isfinite(value):
            return
        if self._began is None:
            self._began, self._began_ns = now, now_ns
        offsets, values = self._series.setdefault((metric, device), ([], []))
        offset = round((now - self._began) * 1000)
        # Two readings of one series in one look, such as two XIDs, stand a millisecond apart.
        offsets.append(max(offset, offsets[-1] + 1) if offsets else offset)
        values.append(round(value, _DECIMALS))
        self._readings += 1

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence


class Message(NamedTuple):
    """A packed message, encoded: a tenth of the memory that the readings themselves take."""

    kind: str
    body: bytes
    readings: int


def message_of(batch: HardwareSample | ProcessesSample) -> Message:
    """Encode a packed message."""
    if isinstance(batch, HardwareSample):
        readings = sum(len(series.values) for series in batch.series)
        return Message(HARDWARE, encode_sample(batch), readings)
    return Message(PROCESSES, encode_sample(batch), len(batch.processes))


class Waiting:
    """Messages that are not sent yet, oldest first."""

    def __init__(self) -> None:
        self.dropped_readings = 0
        self._messages: deque[Message] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> None:
        """Let a message wait; the oldest go when too much waits."""
        self._messages.append(message)
        self._bytes += len(message.body)
        while self._bytes > WAITING_BYTES_MAX:
            self.dropped_readings += self._take().readings

    def first(self) -> Message | None:
        """Return the oldest message, and leave it waiting."""
        return self._messages[0] if self._messages else None

    def done(self, message: Message) -> None:
        """Forget the oldest message, which was sent; nothing, when it was dropped meanwhile."""
        if self._messages and self._messages[0] is message:
            self._take()

    def _take(self) -> Message:
        message = self._messages.popleft()
        self._bytes -= len(message.body)
        return message
