"""Packed readings as compact JSON, as they travel, and as Arrow IPC: bytes and time a reading.

    python -P tests/bench/packing.py [--json]

One message of 25 series with 8 readings each, and one with 160 each. Writing begins with lists, as a monitor has them;
reading ends with checked series of plain numbers, as the folds take them. Arrow: one row a series, its moments and
values as lists, in the stream format, by nanoarrow; what names the writer stands in the schema's metadata.
"""

import argparse
import gc
import io
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import nanoarrow
from nanoarrow import ipc

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from coord.events.samples import HardwareSample, Series, decode_sample, encode_sample

SERIES: Final = 25
LENGTHS: Final = (8, 160)
_ROUNDS: Final = 5
_SCHEMA: Final = nanoarrow.struct(
    {
        "metric": nanoarrow.string(),
        "device": nanoarrow.string(),
        "offsets_ms": nanoarrow.list_(nanoarrow.int32()),
        "values": nanoarrow.list_(nanoarrow.float64()),
    }
)


def sample(readings: int) -> HardwareSample:
    """Make a message of so many readings a series."""
    return HardwareSample(
        writer="m-1",
        writer_sequence=7,
        started_at_ns=1_795_000_000_000_000_000,
        series=tuple(
            Series(
                metric=f"metric_{number % 8}_ratio",
                device=f"gpu{number // 8}",
                offsets_ms=tuple(range(0, readings * 10, 10)),
                values=tuple(round(0.3 + 0.001 * number + 0.01 * step, 4) for step in range(readings)),
            )
            for number in range(SERIES)
        ),
    )


def encode_arrow(batch: HardwareSample) -> bytes:
    """Write a message as a stream of one record batch."""
    columns = [
        nanoarrow.c_array([one.metric for one in batch.series], nanoarrow.string()),
        nanoarrow.c_array([one.device for one in batch.series], nanoarrow.string()),
        _lists([one.offsets_ms for one in batch.series], nanoarrow.int32()),
        _lists([one.values for one in batch.series], nanoarrow.float64()),
    ]
    rows = nanoarrow.c_array_from_buffers(
        _SCHEMA, len(batch.series), [None], null_count=0, children=columns, move=True
    )
    out = io.BytesIO()
    with ipc.StreamWriter.from_writable(out) as writer:
        writer.write_array(rows)
    return out.getvalue()


def decode_arrow(raw: bytes) -> tuple[Series, ...]:
    """Read a message back, checked as JSON is."""
    with ipc.InputStream.from_readable(raw) as stream:
        rows = nanoarrow.Array(stream).to_pylist()
    return tuple(
        Series(
            metric=row["metric"],
            device=row["device"],
            offsets_ms=tuple(row["offsets_ms"]),
            values=tuple(row["values"]),
        )
        for row in rows
    )


def _lists(values: list[Any], kind: Any) -> Any:
    flat = nanoarrow.c_array([one for value in values for one in value], kind)
    ends = [0]
    for value in values:
        ends.append(ends[-1] + len(value))
    return nanoarrow.c_array_from_buffers(
        nanoarrow.list_(kind),
        len(values),
        [None, nanoarrow.c_buffer(ends, nanoarrow.int32())],
        children=[flat],
        move=True,
    )


def microseconds(work: Callable[[], Any], readings: int) -> float:
    """Return how long work takes a reading, at best."""
    count, best = max(1, 40_000 // readings), float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(count):
            work()
        best = min(best, (time.process_time() - began) / count)
    return best / readings * 1e6


def main() -> int:
    """Measure both, and say which is how much quicker and smaller."""
    parser = argparse.ArgumentParser(description="Packed readings as JSON and as Arrow IPC.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    gc.disable()
    sys.stderr.write(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    for length in LENGTHS:
        batch = sample(length)
        readings = SERIES * length
        raw, arrow = encode_sample(batch), encode_arrow(batch)
        assert decode_arrow(arrow) == batch.series
        found = {
            f"json-bytes-{readings}": len(raw) / readings,
            f"arrow-bytes-{readings}": len(arrow) / readings,
            f"json-write-{readings}": microseconds(partial(encode_sample, batch), readings),
            f"arrow-write-{readings}": microseconds(partial(encode_arrow, batch), readings),
            f"json-read-{readings}": microseconds(partial(decode_sample, "hardware", raw), readings),
            f"arrow-read-{readings}": microseconds(partial(decode_arrow, arrow), readings),
        }
        for name, value in found.items():
            unit = "bytes" if "bytes" in name else "us"
            sys.stdout.write(
                (json.dumps({name: value}) if options.json else f"{name:<18}{value:>8.2f} {unit} a reading")
                + "\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
