"""Packing readings into messages, and keeping those that cannot be sent yet.

A message holds at most a second of readings, so that a live view is at most a second behind, and never more
than the stream takes. What waits is bounded: the oldest goes first, and is counted in every later message.
"""

import math
from collections import deque
from collections.abc import Iterable
from typing import Final

from coord.events.samples import (
    HARDWARE,
    PROCESSES,
    PROCESSES_MAX,
    READINGS_MAX,
    SERIES_MAX,
    Batch,
    HardwareSample,
    Process,
    ProcessesSample,
    Series,
)
from coord.events.streams import SAMPLES
from coord.services.hardware.metrics import Point
from coord.services.hardware.processes import LISTED_EACH_MAX, Listing

PACK_SECONDS: Final = 1.0
SERIES_A_MESSAGE_MAX: Final = 500
READINGS_A_MESSAGE_MAX: Final = 4_000
WAITING_READINGS_MAX: Final = 40_000
"""What may wait while the server is away: about a quarter of an hour of a small machine, 4 MiB of memory."""
_DECIMALS: Final = 4
_SERIES_BYTES: Final = 2 * 64 + 64
_READING_BYTES: Final = 32
_SLACK_SECONDS: Final = 1e-6

assert SERIES_A_MESSAGE_MAX <= SERIES_MAX
assert READINGS_A_MESSAGE_MAX <= READINGS_MAX
assert READINGS_A_MESSAGE_MAX < WAITING_READINGS_MAX
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
        """Add one look's readings, and return the messages that are full or old enough to go."""
        full = []
        for point in points:
            if len(self._series) >= SERIES_A_MESSAGE_MAX or self._readings >= READINGS_A_MESSAGE_MAX:
                full += self.flush()
            self._add(point, now, now_ns)
        began = now if self._began is None else self._began
        if now - began + self._seconds_between_looks >= PACK_SECONDS - _SLACK_SECONDS:
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


class Waiting:
    """Messages that are not sent yet, oldest first."""

    def __init__(self) -> None:
        self.dropped_readings = 0
        self._batches: deque[tuple[str, Batch, int]] = deque()
        self._readings = 0

    def __len__(self) -> int:
        return len(self._batches)

    def put(self, batch: HardwareSample | ProcessesSample) -> None:
        """Let a message wait; the oldest goes when too much waits."""
        if isinstance(batch, HardwareSample):
            kind, readings = HARDWARE, sum(len(series.values) for series in batch.series)
        else:
            kind, readings = PROCESSES, len(batch.processes)
        self._batches.append((kind, batch, readings))
        self._readings += readings
        while self._readings > WAITING_READINGS_MAX:
            self.dropped_readings += self._take()

    def first(self) -> tuple[str, Batch] | None:
        """Return the oldest message and its kind, and leave it waiting."""
        return self._batches[0][:2] if self._batches else None

    def done(self, batch: Batch) -> None:
        """Forget the oldest message, which was sent; nothing, when it was dropped meanwhile."""
        if self._batches and self._batches[0][1] is batch:
            self._take()

    def _take(self) -> int:
        readings = self._batches.popleft()[2]
        self._readings -= readings
        return readings
