"""How many readings coord and others take in, what one costs in CPU, and what it takes on the disk: one table, one run.

    python -P tests/bench/telemetry_peers.py [--messages 5000] [--steps 2000] [--python PATH] [--without postgres] [--json]

Packed readings: the same messages of 64 machines for all. coord's are folded from the log by the projector's own loops,
every projection on, and its log lies on the disk beside its tables. The others are handed the messages in memory and
load them as fast as they can be loaded, without an index: series as numbers, SQLite by `executemany` in one
transaction with WAL, Postgres by one binary COPY. CPU is that of all processes that take part; the broker's own while
it serves what is read is counted to coord.

Training metrics: five a step, told as fast as each tool takes them (`training_metrics.py`). PATH is an interpreter
that has the tools, in an environment of its own:
    python -m venv /tmp/loggers && /tmp/loggers/bin/pip install torch tensorboard wandb trackio mlflow aim
What is not installed is named as missing. No bar: this says how things stand, and on a busy machine only the CPU and the bytes do.
"""

import argparse
import asyncio
import gc
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import training_metrics
from bench.ingest import NODES, folded, projecting
from bench.loggers import cpu_of
from bench.telemetry import Machines, publish

from coord.events.streams import SAMPLES
from coord.services.bench import postgres
from coord.services.folder import Folder
from coord.services.log import Log, declare_streams
from coord.services.projector.main import GARBAGE_LOOKED_FOR
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

TRAINING: Final = ("tensorboard", "wandb", "trackio", "mlflow", "aim")
_COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END: Final = b"\xff\xff"
COPY_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("series_size", ">i4"), ("series", ">i4"),
        ("at_size", ">i4"), ("at", ">i8"),
        ("value_size", ">i4"), ("value", ">f8"),
    ]
)  # fmt: skip
_MS_NS: Final = 1_000_000


@dataclass(frozen=True)
class Taken:
    """What one tool took for so many readings."""

    readings: int
    seconds: float
    cpu_seconds: float
    bytes: float

    def row(self, beside: "Taken") -> tuple[str, ...]:
        """Write it as cells: a rate, CPU and bytes, each with how many times the other's it is."""
        pairs = (
            (self.readings / self.seconds, beside.readings / beside.seconds, ",.0f"),
            (self.cpu_seconds / self.readings * 1e6, beside.cpu_seconds / beside.readings * 1e6, ".2f"),
            (self.bytes / self.readings, beside.bytes / beside.readings, ".1f"),
        )
        return tuple(f"{own:{form}} ({own / other:.2f}x)" for own, other, form in pairs)


class _Series(msgspec.Struct):
    metric: str
    device: str
    offsets_ms: list[int]
    values: list[float]


class _Packed(msgspec.Struct):
    started_at_ns: int
    series: list[_Series]


@dataclass(frozen=True, slots=True)
class Part:
    """The readings of one series in a message."""

    series: int
    began_ns: int
    offsets_ms: Sequence[int]
    values: Sequence[float]


class Numbers(dict[tuple[str, str, str], int]):
    """A number for each series (node, metric, device), in the order in which they came."""

    def __missing__(self, key: tuple[str, str, str]) -> int:
        number = self[key] = len(self) + 1
        return number


def unpacked(messages: Iterable[bytes], numbers: Numbers) -> Iterator[Part]:
    """Read messages as they go over the wire: HPUB, subject and sizes in the first line, then headers, then a body."""
    decode = msgspec.json.Decoder(_Packed).decode
    for message in messages:
        line, _, rest = message.partition(b"\r\n")
        _, subject, head, _ = line.split()
        node = subject.split(b".")[2].decode()
        packed = decode(rest[int(head) : -2])
        for one in packed.series:
            number = numbers[node, one.metric, one.device]
            yield Part(number, packed.started_at_ns, one.offsets_ms, one.values)


def sqlite(messages: Sequence[bytes], folder: Path) -> None:
    """Load them in one transaction, and write the log of writes into the file."""
    database = sqlite3.connect(folder / "readings.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("CREATE TABLE series (id INTEGER PRIMARY KEY, node TEXT, metric TEXT, device TEXT)")
    database.execute("CREATE TABLE readings (series INTEGER, at_ns INTEGER, value REAL)")
    numbers = Numbers()
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO readings VALUES (?, ?, ?)",
        (
            (part.series, part.began_ns + offset * _MS_NS, value)
            for part in unpacked(messages, numbers)
            for offset, value in zip(part.offsets_ms, part.values, strict=True)
        ),
    )
    database.executemany("INSERT INTO series VALUES (?, ?, ?, ?)", ((n, *key) for key, n in numbers.items()))
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


async def copy(connection: Any, messages: Sequence[bytes]) -> None:
    """Load them by one binary COPY, in one transaction."""
    await connection.execute(
        "CREATE TABLE series (id int, node text, metric text, device text);"
        "CREATE TABLE readings (series int, at_ns bigint, value float8)"
    )
    numbers = Numbers()

    async def rows() -> Any:
        yield _COPY_HEAD
        for part in unpacked(messages, numbers):
            yield copy_rows(part)
        yield _COPY_END

    async with connection.transaction():
        await connection.copy_to_table("readings", source=rows(), format="binary")
        named = [(number, *key) for key, number in numbers.items()]
        await connection.copy_records_to_table("series", records=named)


def copy_rows(part: Part) -> bytes:
    rows = np.empty(len(part.values), COPY_ROW)
    rows["fields"], rows["series_size"], rows["at_size"], rows["value_size"] = 3, 4, 8, 8
    rows["series"] = part.series
    rows["at"] = part.began_ns + np.asarray(part.offsets_ms, np.int64) * _MS_NS
    rows["value"] = part.values
    return rows.tobytes()


def of_sqlite(messages: Sequence[bytes], readings: int) -> Taken:
    """Measure SQLite in this process."""
    with tempfile.TemporaryDirectory(prefix="coord-peers-") as folder:
        began, cpu = time.monotonic(), time.process_time()
        sqlite(messages, Path(folder))
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        return Taken(readings, seconds, cpu, training_metrics.bytes_below(Path(folder)))


async def of_postgres(access: dict[str, Any], messages: Sequence[bytes], readings: int) -> Taken:
    """Measure Postgres: this process, and the one that serves the connection."""
    import asyncpg

    connection = await asyncpg.connect(**access)
    pid = connection.get_server_pid()
    began, cpu = time.monotonic(), time.process_time() + cpu_of(pid)
    await copy(connection, messages)
    seconds, cpu = time.monotonic() - began, time.process_time() + cpu_of(pid) - cpu
    size = await connection.fetchval(
        "SELECT pg_total_relation_size('readings') + pg_total_relation_size('series')"
    )
    held = await connection.fetchval("SELECT count(*) FROM readings")
    assert held == readings, f"{held} of {readings} readings"
    await connection.close()
    return Taken(readings, seconds, cpu, size)


async def of_coord(
    settings: Settings, server: EmbeddedServer, machines: Machines, count: int
) -> tuple[Taken, float]:
    """Measure the projector's loops on a full log; also how many bytes of that log a reading takes."""
    log = await Log.connect(settings, Folder(settings.data), name="bench")
    await declare_streams(log, settings)
    await publish(log, machines, count)
    while (await log.stream_state(SAMPLES.name)).last < count:
        await asyncio.sleep(0.01)
    assert server.pid is not None
    cpu = cpu_of(server.pid)
    async with projecting(settings) as keeper:
        spent = await folded(keeper, SAMPLES.name, count)
        cpu = spent.cpu_seconds + cpu_of(server.pid) - cpu
    await log.close()
    readings = count * machines.readings
    size = training_metrics.bytes_below(Folder(settings.data).path("projection"))
    kept = training_metrics.bytes_below(Folder(settings.data).path("nats"))
    return Taken(readings, spent.seconds, cpu, size), kept / readings


def packed(options: argparse.Namespace) -> dict[str, Taken | str]:
    """Measure all with the same packed messages."""
    with (
        tempfile.TemporaryDirectory(prefix="coord-peers-") as root,
        _served(Path(root)) as (settings, server),
    ):
        machines = Machines(NODES, options.readings)
        taken, log_bytes = uvloop.run(of_coord(settings, server, machines, options.messages))
    found: dict[str, Taken | str] = {f"coord (its log: {log_bytes:.1f} more bytes)": taken}
    messages = list(Machines(NODES, options.readings).messages(options.messages))
    found["SQLite, executemany"] = of_sqlite(messages, taken.readings)
    lacking = "it was left out" if "postgres" in options.without else postgres.missing()
    if lacking:
        return found | {"Postgres, binary COPY": f"missing: {lacking}"}
    with postgres.cluster() as access:
        return found | {"Postgres, binary COPY": uvloop.run(of_postgres(access, messages, taken.readings))}


def training(options: argparse.Namespace) -> dict[str, Taken | str]:
    """Measure all with the same metrics of training steps."""
    found: dict[str, Taken | str] = {}
    with tempfile.TemporaryDirectory(prefix="coord-peers-") as given:
        root = Path(given)
        with _served(root) as (settings, server):
            assert server.pid is not None
            uvloop.run(_declare(settings))
            cpu = cpu_of(server.pid)
            told = training_metrics.measure_apart("coord", sys.executable, Path(settings.data), options.steps)
            if not isinstance(told, str):
                told["cpu_seconds"] += cpu_of(server.pid) - cpu
        found["coord, with its server"] = _taken(told, options.steps)
        for tool in TRAINING:
            (root / tool).mkdir()
            told = training_metrics.measure_apart(tool, options.python, root / tool, options.steps)
            found[tool] = _taken(told, options.steps)
    return found


def _taken(told: dict[str, float] | str, steps: int) -> Taken | str:
    if isinstance(told, str):
        return f"missing: {told}"
    return Taken(steps * training_metrics.METRICS_A_STEP, **told)


async def _declare(settings: Settings) -> None:
    log = await Log.connect(settings, Folder(settings.data))
    await declare_streams(log, settings)
    await log.close()


@contextmanager
def _served(root: Path) -> Iterator[tuple[Settings, EmbeddedServer]]:
    settings = Settings(data=root / "coord")
    server = EmbeddedServer(Folder(settings.data), settings)
    server.start()
    try:
        yield settings, server
    finally:
        server.stop()


def table(title: str, found: dict[str, Taken | str]) -> str:
    """Write what was measured; the first row is what the others are put beside."""
    first = next(iter(found.values()))
    lines = [f"{title:40}{'readings/s':>24}{'CPU us a reading':>24}{'bytes a reading':>24}"]
    for name, taken in found.items():
        if isinstance(taken, str) or isinstance(first, str):
            lines.append(f"{name:40}{taken}")
        else:
            lines.append(f"{name:40}" + "".join(f"{cell:>24}" for cell in taken.row(first)))
    return "\n".join(lines)


def main(words: Sequence[str]) -> int:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description="How many readings coord and others take in.")
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--readings", type=int, default=200, help="of a message")
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has the training tools")
    parser.add_argument("--without", nargs="*", choices=("postgres",), default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    gc.set_threshold(*GARBAGE_LOOKED_FOR)
    sys.stderr.write(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    for title, measure in (("packed readings", packed), ("training metrics", training)):
        found = measure(options)
        plain = {name: one if isinstance(one, str) else asdict(one) for name, one in found.items()}
        sys.stdout.write((json.dumps({title: plain}) if options.json else table(title, found)) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
