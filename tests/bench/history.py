"""What a long history of readings costs: memory, answers while more come, starting, healing, and making it anew.

    python -P tests/bench/history.py [--readings 5000000] [--events 1000000] [--seconds 20] [--data DIR] [--json]

The real server and projector, as processes. Packed readings of 1,600 series are published as fast as it goes and as
if 20,000 had come a second up to now, so they lie in one or two segments, as they would. The questions are asked on
the socket, as the command line does, while 20,000 a second go on coming; beside each stands the median of its SQL alone,
on a copy of the file, by one connection, while nothing comes. The archive is written by `coord serve archive`, and
tables are made anew by `coord rebuild`. Another house holds events, and its file is damaged. `--data` keeps both.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.ingest import Spent, bare
from bench.long_house import NAMED, PER_SECOND, READINGS, LongHouse, asked, spread
from bench.telemetry import EVENTS_A_LIFE, live

from coord.events import samples
from coord.events.questions import QUESTIONS
from coord.events.streams import EVENTS, SAMPLES
from coord.projections.answers import ANSWERS, Moment
from coord.projections.store import Reader
from coord.projections.store.engine import SETTINGS
from coord.services import clock
from coord.services.archive.readings_place import read_readings_standing
from coord.services.bench.measure import median
from coord.services.folder import Folder
from coord.services.log import Log, declare_streams
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

OF_IDLE_MAX: Final = 3.0
MEGABYTES_MAX: Final = 400.0
ANSWERABLE_MS_MAX: Final = (60.0, 150.0)
START_SECONDS_MAX: Final = 2.0
LADDER_SECONDS_MAX: Final = 10.0
OF_BARE_MIN: Final = 0.5
FROM_ARCHIVE_MIN: Final = 200_000.0
IDLE_ASKED: Final = 40
ASK_PAUSE_SECONDS: Final = 0.02
PROBE_SECONDS: Final = 0.2
WARM_SECONDS: Final = 2.0


class Figure(NamedTuple):
    """One measured value and its bar; a bar of None is none."""

    name: str
    value: float
    what: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the bar is held."""
        low, high = self.at_least, self.at_most
        return (low is None or self.value >= low) and (high is None or self.value <= high)

    def told(self) -> str:
        """Write it as a line."""
        bars = (("<=", self.at_most), (">=", self.at_least))
        how = "met" if self.met else "MISSED"
        stands = next((f"{sign} {bar:g}: {how}" for sign, bar in bars if bar is not None), "no bar")
        return f"{self.name:<26}{self.value:>12,.2f} {self.what} ({stands})"


Figures = Iterator[Figure]


def of_readings(house: LongHouse, options: argparse.Namespace) -> Figures:
    """Measure the house with the readings."""
    settings, count = house.settings, options.readings // READINGS
    uvloop.run(_declare(settings))
    yield from _filled(house, count, options.readings)
    yield from _questions(house, options)
    yield from _answerable(house, options)
    house.end()
    yield Figure("start-after-kill", house.start(), "s until it answers", at_most=START_SECONDS_MAX)
    yield from _archived(house)
    yield from _rebuilt(house)


def _filled(house: LongHouse, count: int, readings: int) -> Figures:
    house.start()
    began = clock.monotonic()
    with house.publishing(count):
        house.until(lambda: house.folded(SAMPLES.name) >= count)
    rate = readings / (clock.monotonic() - began)
    yield Figure("filled", rate, "readings/s, published and folded in at once")
    time.sleep(WARM_SECONDS)
    now, peak = house.megabytes()
    yield Figure("projector-megabytes", now, f"MB resident at {readings:,} readings", at_most=MEGABYTES_MAX)
    yield Figure("projector-peak-megabytes", peak, "MB at its peak, while filling", at_most=MEGABYTES_MAX)
    state: Any = house.ask("state", {})
    size = state["file_bytes"] / 1e6
    yield Figure("file-megabytes", size, f"MB of file, {state['kept'][0]['segments']} segments")


def _questions(house: LongHouse, options: argparse.Namespace) -> Figures:
    copy = house.snapshot()
    idle = {named.name: median(raw(copy, named.question, named.fields)) for named in NAMED}
    quiet = {named.name: spread(asked(house, named, IDLE_ASKED))[0] for named in NAMED}
    with _going_on(house, options.seconds):
        until = clock.monotonic() + options.seconds
        took: dict[str, list[float]] = {named.name: [] for named in NAMED}
        while clock.monotonic() < until or not all(took.values()):
            for named in NAMED:
                took[named.name] += asked(house, named, 1, ASK_PAUSE_SECONDS)
    for named in NAMED:
        p50, p99 = spread(took[named.name])
        ratio = p99 / 1_000 / idle[named.name]
        told = f"SQL alone {idle[named.name] * 1_000:.1f} ms, idle answer {quiet[named.name]:.1f}, busy p50 {p50:.1f}"
        what = f"ms p99 of {len(took[named.name])} while {PER_SECOND:,}/s come; {told}"
        yield Figure(f"{named.name}-ms", p99, what, at_most=named.milliseconds_max)
        yield Figure(f"{named.name}-of-idle", ratio, "x: busy p99 to SQL alone, idle", at_most=OF_IDLE_MAX)


@contextlib.contextmanager
def _going_on(house: LongHouse, seconds: float) -> Iterator[None]:
    """Let 20,000 readings a second come, for longer than is needed."""
    pace = PER_SECOND / READINGS
    with house.publishing(int(pace * (seconds + 60)), pace):
        before = house.folded(SAMPLES.name)
        house.until(lambda: house.folded(SAMPLES.name) > before)
        yield


def raw(file: Path, question: str, fields: dict[str, Any]) -> list[float]:
    """Run the SQL of a question on a copy of the file, by one connection; returns the seconds of each time."""
    asking = QUESTIONS[question][0](**fields)
    took = []
    with contextlib.closing(duckdb.connect(str(file), read_only=True, config=dict(SETTINGS))) as connection:
        for _ in range(IDLE_ASKED):
            reader = _Timed(connection)
            ANSWERS[question](reader, asking, Moment(time_ns=clock.now_ns()))
            took.append(reader.seconds)
    return took


class _Timed(Reader):
    """A reader that tells how long its SQL took."""

    seconds = 0.0

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Run a query, and add up what it took."""
        began = clock.monotonic()
        found = super().rows(sql, **values)
        self.seconds += clock.monotonic() - began
        return found


def _answerable(house: LongHouse, options: argparse.Namespace) -> Figures:
    with _going_on(house, options.seconds):
        took = uvloop.run(_probed(house, options.seconds))
    for name, value, bar in zip(("p50", "p99"), spread(took), ANSWERABLE_MS_MAX, strict=True):
        what = f"ms {name} of {len(took)} from publish to the answer that has it, at {PER_SECOND:,}/s"
        yield Figure(f"answerable-{name}", value, what, at_most=bar)


async def _probed(house: LongHouse, seconds: float) -> list[float]:
    """Publish a reading, ask until the answer has it, and again."""
    log = await Log.connect(house.settings, house.folder, name="probe")
    writer, until = f"p-{clock.new_id()[-8:]}", clock.monotonic() + seconds
    took: list[float] = []
    fields = {"metric": "probe_ratio", "node": "probe"}
    while clock.monotonic() < until or not took:
        number = len(took) + 1
        series = samples.Series(metric="probe_ratio", offsets_ms=(0,), values=(float(number),))
        batch = samples.HardwareSample(
            writer=writer, writer_sequence=number, started_at_ns=clock.now_ns(), series=(series,)
        )
        began = clock.monotonic()
        await log.publish_sample("sample.local.probe.hardware", "hardware", batch)
        while True:
            answer = await asyncio.to_thread(house.ask, "latest", fields)
            if answer and answer["rows"] and answer["rows"][0]["value"] == number:
                break
        took.append(clock.monotonic() - began)
        await asyncio.sleep(PROBE_SECONDS)
    await log.close()
    return took


def _archived(house: LongHouse) -> Figures:
    """Archive all that is folded in, with nothing more coming, and compare it."""
    house.snapshot()
    folded, root = house.folded(SAMPLES.name), Path(str(house.settings.archive))
    began = clock.monotonic()
    with house.serving("archive"):
        house.until(
            lambda: (standing := read_readings_standing(root)) is not None and standing.position >= folded
        )
        seconds = clock.monotonic() - began
        house.until(lambda: (root / "events" / "_position.json").exists())
    standing = read_readings_standing(root)
    assert standing is not None
    yield Figure("archived", standing.readings / seconds, "readings/s into Parquet, with its start")
    began = clock.monotonic()
    (verdict,) = house.tell("archive", "verify")
    rate = verdict["readings"]["compared"] / (clock.monotonic() - began)
    yield Figure("verified", rate, f"readings/s compared with the log; equal: {verdict['readings']['equal']}")


def _rebuilt(house: LongHouse) -> Figures:
    """Make the tables anew, from the log and from the archive, while no projector runs."""
    house.end(signal.SIGTERM)
    standing = read_readings_standing(Path(str(house.settings.archive)))
    assert standing is not None
    bare_samples = uvloop.run(_bare(house.settings, SAMPLES.name))
    began = clock.monotonic()
    told = house.tell("rebuild")
    seconds = clock.monotonic() - began
    what = f"x a bare pull of packed messages, {standing.readings / seconds:,.0f} readings/s, with the command's start"
    yield Figure("rebuilt-of-bare", bare_samples.seconds / seconds, what, at_least=OF_BARE_MIN)
    began = clock.monotonic()
    told = house.tell("rebuild", "--from-archive")
    what = f"readings/s from the archive; equal: {told[-1]['equal']} {told[-1].get('differing', '')}"
    rate = standing.readings / (clock.monotonic() - began)
    yield Figure("rebuilt-from-archive", rate, what, at_least=FROM_ARCHIVE_MIN)


def of_events(house: LongHouse, events: int) -> Figures:
    """Measure how a house with many events comes back from a damaged file, and is made anew."""
    settings = house.settings
    house.start()
    uvloop.run(_live(settings, events // EVENTS_A_LIFE))
    house.until(lambda: house.folded(EVENTS.name) >= events)
    house.snapshot()
    house.end()
    _spoil(house.folder.path("projection", "coord.duckdb"))
    seconds = house.start()
    state: Any = house.ask("state", {})
    what = f"s until it answers, {events:,} events, a byte flipped; opened: {state['opened']}"
    yield Figure("healed", seconds, what, at_most=LADDER_SECONDS_MAX)
    house.until(lambda: house.folded(EVENTS.name) >= events)
    house.end(signal.SIGTERM)
    bare_events = uvloop.run(_bare(settings, EVENTS.name))
    began = clock.monotonic()
    told = house.tell("rebuild")
    ratio = bare_events.seconds / (clock.monotonic() - began)
    yield Figure("events-rebuilt-of-bare", ratio, f"x; equal: {told[-1]['equal']}", at_least=OF_BARE_MIN)


def _spoil(file: Path) -> None:
    """Overwrite where the engine's newest header is: the file cannot be opened."""
    with file.open("r+b") as opened:
        opened.seek(4_096)
        opened.write(b"\xff" * 8_192)


async def _declare(settings: Settings) -> None:
    log = await Log.connect(settings, Folder(settings.data), name="bench")
    await declare_streams(log, settings)
    await live(log, settings.site, 10)
    await log.close()


async def _live(settings: Settings, items: int) -> None:
    log = await Log.connect(settings, Folder(settings.data), name="bench")
    await declare_streams(log, settings)
    await live(log, settings.site, items)
    await log.close()


async def _bare(settings: Settings, stream: str) -> Spent:
    log = await Log.connect(settings, Folder(settings.data), name="bare")
    found = await bare(log, stream)
    await log.close()
    return found


def measured(root: Path, options: argparse.Namespace) -> Figures:
    """Measure both houses, each on a server of its own."""
    parts: tuple[tuple[str, int, Callable[[LongHouse], Figures]], ...] = (
        ("readings", options.readings, lambda house: of_readings(house, options)),
        ("events", options.events, lambda house: of_events(house, options.events)),
    )
    for name, wanted, measure in parts:
        if not wanted:
            continue
        settings = Settings(data=root / name, archive=root / f"{name}-archive", snapshot_seconds=86_400)
        server = EmbeddedServer(Folder(settings.data), settings)
        server.start()
        house = LongHouse(settings)
        try:
            yield from measure(house)
        finally:
            house.end()
            server.stop()


def main() -> int:
    """Measure; return 0 when every bar is met, else 7."""
    parser = argparse.ArgumentParser(description="What a long history of readings costs.")
    parser.add_argument("--readings", type=int, default=5_000_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of questions while readings come")
    parser.add_argument("--data", type=Path, help="a new folder, which is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sys.stderr.write(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    met = True
    with tempfile.TemporaryDirectory(prefix="coord-history-") as root:
        for figure in measured(options.data or Path(root), options):
            met = met and figure.met
            told = json.dumps({figure.name: figure.value}) if options.json else figure.told()
            sys.stdout.write(told + "\n")
            sys.stdout.flush()
    return 0 if met else 7


if __name__ == "__main__":
    sys.exit(main())
