"""Packing points into events: at most 500 of them, never more than the log takes, steps in order.

A pack is written straight from its numbers, because a model of each point would cost ten times as much. What
comes out is byte for byte what `encode_event` makes of the same `RunMetricsRecorded`, which is a test.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Final

import msgspec

from coord.events.catalog import EVENT_TYPES
from coord.events.model import Number
from coord.events.run import POINTS_MAX, RunMetricsRecorded
from coord.events.streams import BODY_BYTES_MAX
from coord.services import clock
from coord.training_worker.outbox import Logged
from coord.training_worker.record import Record

_HEAD_BYTES: Final = 256
"""More than a pack has beside its points."""
_WORDS: Final[dict[str, Number]] = {"nan": "nan", "inf": "inf", "-inf": "-inf"}
_encode: Final = msgspec.json.Encoder().encode
_TYPE: Final = next(kind.type for kind in EVENT_TYPES if kind.model is RunMetricsRecorded)


def number_of(value: float) -> Number:
    """Return a measured value as it travels: JSON has no NaN and no infinities, so they are words."""
    return value if isfinite(value) else _WORDS[str(value)]


class Packer:
    """One writer's packs, numbered."""

    def __init__(self, writer: str, rank: int) -> None:
        self._writer = writer
        self._rank = rank
        self._sequence = 0

    def pack(self, points: Sequence[Logged], dropped_points: int) -> list[Record]:
        """Pack points: one event, or several where there are many, or where steps go back."""
        packs: list[Record] = []
        encoded: list[bytes] = []
        size, step = _HEAD_BYTES, 0
        for point in points:
            raw = _encode_point(point)
            if (
                len(encoded) == POINTS_MAX
                or size + len(raw) >= BODY_BYTES_MAX
                or (encoded and point.step < step)
            ):
                packs.append(self._record(encoded, dropped_points))
                encoded, size = [], _HEAD_BYTES
            encoded.append(raw)
            size += len(raw) + 1
            step = point.step
        if encoded:
            packs.append(self._record(encoded, dropped_points))
        return packs

    def _record(self, encoded: list[bytes], dropped_points: int) -> Record:
        self._sequence += 1
        body = b'{"rank":%d,"writer":"%b","writer_sequence":%d,"points":[%b],"dropped_points":%d}' % (
            self._rank, self._writer.encode(), self._sequence, b",".join(encoded), dropped_points,
        )  # fmt: skip
        return Record(clock.new_id(), _TYPE, clock.rfc3339(clock.now_ns()), body, len(encoded))


def _encode_point(point: Logged) -> bytes:
    values: Sequence[Number] = point.values
    if not isfinite(sum(point.values)):
        values = [number_of(value) for value in point.values]
    return _encode({"step": point.step, "values": dict(zip(point.names, values, strict=True))})
