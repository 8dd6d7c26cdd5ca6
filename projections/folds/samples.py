"""Packed readings as tables.

    readings_hot    every reading, in the order it arrived; questions read the view `readings`
    latest          one row a series: its newest value, and the minute that is still open
    rollup_parts    closed minutes; the view `rollups` adds up what late readings left in parts
    processes       the last list of each node, packed
    presence        when each agent was last heard, as the leading coordinator told
    monitors        which numbers of each writer were seen: a batch sent again changes nothing

A reading's `at_ns` is its writer's clock and only shown; `recorded_at_ns` is the broker's, and what
silence and cuts in time are measured with.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from coord.events.samples import HardwareSample, PresenceSample, ProcessesSample, Series
from coord.events.streams import SAMPLES
from coord.events.wire import RecordedSample
from coord.projections.folds import seen
from coord.projections.folds.shape import Draft, Projection, Reads, Table, json_text

MINUTE_NS: Final = 60_000_000_000
_MS_NS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000


@dataclass(slots=True)
class ReadingRow:
    """One value of one series."""

    node: str
    metric: str
    device: str
    at_ns: int
    value: float
    recorded_at_ns: int
    position: int


@dataclass(slots=True)
class Latest:
    """The newest value of a series, and its open minute."""

    node: str
    metric: str
    device: str
    value: float
    at_ns: int
    recorded_at_ns: int
    position: int
    minute_ns: int
    """Start of the open minute; the columns below are of that minute alone."""
    readings: int
    total: float
    total_squares: float
    lowest: float
    highest: float
    last: float
    last_at_ns: int


@dataclass(slots=True)
class RollupPart:
    """What one closed minute of a series held; late readings add another part."""

    node: str
    metric: str
    device: str
    minute_ns: int
    readings: int
    total: float
    total_squares: float
    lowest: float
    highest: float
    last: float
    last_at_ns: int
    position: int
    """Of the message that closed it."""


@dataclass(slots=True)
class ProcessList:
    """The processes of a node that mattered most, as JSON."""

    node: str
    processes: str
    total: int
    at_ns: int
    recorded_at_ns: int
    position: int


@dataclass(slots=True)
class PresenceRow:
    """When an agent was last heard."""

    agent: str
    incarnation: int
    heard_at_ns: int
    recorded_at_ns: int
    position: int


@dataclass(slots=True)
class Monitor:
    """One writer of samples: one start of one monitor, or of a coordinator that tells of presence."""

    node: str
    writer: str
    seen: tuple[int, ...]
    hardware_at_ns: int | None
    """When the broker last recorded hardware readings of it."""
    dropped_readings: int
    recorded_at_ns: int
    position: int


_SERIES: Final = ("node", "metric", "device")
READINGS_HOT: Final = Table("readings_hot", ReadingRow, stream=SAMPLES.name)
LATEST: Final = Table("latest", Latest, key=_SERIES, stream=SAMPLES.name)
ROLLUP_PARTS: Final = Table("rollup_parts", RollupPart, stream=SAMPLES.name)
PROCESSES: Final = Table("processes", ProcessList, key=("node",), stream=SAMPLES.name)
PRESENCE: Final = Table("presence", PresenceRow, key=("agent",), stream=SAMPLES.name)
MONITORS: Final = Table("monitors", Monitor, key=("node", "writer"), stream=SAMPLES.name)


def _reads(sample: RecordedSample) -> Reads:
    batch = sample.batch
    yield MONITORS, (sample.node, batch.writer)
    match batch:
        case HardwareSample():
            yield from ((LATEST, (sample.node, one.metric, one.device)) for one in batch.series)
        case ProcessesSample():
            yield PROCESSES, (sample.node,)
        case PresenceSample():
            yield from ((PRESENCE, (one.agent,)) for one in batch.agents)


def _is_new(draft: Draft, sample: RecordedSample) -> bool:
    """Note that a batch was seen; False when it was seen before."""
    batch = sample.batch
    monitor = draft.change(MONITORS, sample.node, batch.writer)
    if monitor is None:
        first = (batch.writer_sequence, batch.writer_sequence)
        monitor = Monitor(sample.node, batch.writer, first, None, 0, 0, 0)
        draft.put(MONITORS, monitor)
    elif seen.has(monitor.seen, batch.writer_sequence):
        return False
    else:
        monitor.seen = seen.add(monitor.seen, batch.writer_sequence)
    monitor.recorded_at_ns, monitor.position = sample.recorded_at_ns, sample.position
    if isinstance(batch, HardwareSample):
        monitor.hardware_at_ns = sample.recorded_at_ns
        monitor.dropped_readings = max(monitor.dropped_readings, batch.dropped_readings)
    return True


def _hardware(draft: Draft, sample: RecordedSample, batch: HardwareSample) -> None:
    if not _is_new(draft, sample):
        return
    columns = draft.columns(READINGS_HOT)
    for series in batch.series:
        count = len(series.values)
        times = [batch.started_at_ns + offset * _MS_NS for offset in series.offsets_ms]
        columns["node"].extend([sample.node] * count)
        columns["metric"].extend([series.metric] * count)
        columns["device"].extend([series.device] * count)
        columns["at_ns"].extend(times)
        columns["value"].extend(series.values)
        columns["recorded_at_ns"].extend([sample.recorded_at_ns] * count)
        columns["position"].extend([sample.position] * count)
        _update_series(draft, sample, series, times)


def _update_series(draft: Draft, sample: RecordedSample, series: Series, times: list[int]) -> None:
    latest = draft.change(LATEST, sample.node, series.metric, series.device)
    for minute_ns, readings in groupby(
        zip(times, series.values, strict=True), lambda reading: reading[0] - reading[0] % MINUTE_NS
    ):
        part = list(readings)
        if latest is None:
            latest = draft.put(LATEST, _first(sample, series, minute_ns, part))
            continue
        if latest.minute_ns != minute_ns:
            _close_minute(draft, sample, latest)
            _open_minute(latest, minute_ns, part)
        else:
            _add_to_minute(latest, part)
        if part[-1][0] >= latest.at_ns:
            latest.at_ns, latest.value = part[-1]
            latest.recorded_at_ns, latest.position = sample.recorded_at_ns, sample.position


def _first(sample: RecordedSample, series: Series, minute_ns: int, part: list[tuple[int, float]]) -> Latest:
    at_ns, value = part[-1]
    latest = Latest(
        node=sample.node,
        metric=series.metric,
        device=series.device,
        value=value,
        at_ns=at_ns,
        recorded_at_ns=sample.recorded_at_ns,
        position=sample.position,
        minute_ns=minute_ns,
        readings=0,
        total=0.0,
        total_squares=0.0,
        lowest=value,
        highest=value,
        last=value,
        last_at_ns=at_ns,
    )
    _open_minute(latest, minute_ns, part)
    return latest


def _open_minute(latest: Latest, minute_ns: int, part: list[tuple[int, float]]) -> None:
    latest.minute_ns = minute_ns
    latest.readings = 0
    latest.total = latest.total_squares = 0.0
    latest.lowest = latest.highest = part[0][1]
    latest.last_at_ns = part[0][0]
    _add_to_minute(latest, part)


def _add_to_minute(latest: Latest, part: Iterable[tuple[int, float]]) -> None:
    values = list(map(itemgetter(1), part))
    latest.readings += len(values)
    for value in values:
        latest.total += value
        latest.total_squares += value * value
    latest.lowest = min(latest.lowest, *values)
    latest.highest = max(latest.highest, *values)
    *_, (at_ns, value) = part
    if at_ns >= latest.last_at_ns:
        latest.last_at_ns, latest.last = at_ns, value


def _close_minute(draft: Draft, sample: RecordedSample, latest: Latest) -> None:
    draft.append(
        ROLLUP_PARTS,
        RollupPart(
            node=latest.node,
            metric=latest.metric,
            device=latest.device,
            minute_ns=latest.minute_ns,
            readings=latest.readings,
            total=latest.total,
            total_squares=latest.total_squares,
            lowest=latest.lowest,
            highest=latest.highest,
            last=latest.last,
            last_at_ns=latest.last_at_ns,
            position=sample.position,
        ),
    )


def _processes(draft: Draft, sample: RecordedSample, batch: ProcessesSample) -> None:
    before = draft.get(PROCESSES, sample.node)
    if not _is_new(draft, sample) or (before is not None and before.at_ns > batch.started_at_ns):
        return
    draft.put(
        PROCESSES,
        ProcessList(
            node=sample.node,
            processes=json_text([one.model_dump(exclude_none=True) for one in batch.processes]) or "[]",
            total=batch.total,
            at_ns=batch.started_at_ns,
            recorded_at_ns=sample.recorded_at_ns,
            position=sample.position,
        ),
    )


def _presence(draft: Draft, sample: RecordedSample, batch: PresenceSample) -> None:
    if not _is_new(draft, sample):
        return
    for one in batch.agents:
        heard_at_ns = max(0, sample.recorded_at_ns - round(one.silent_seconds * _SECOND_NS))
        before = draft.get(PRESENCE, one.agent)
        if before is not None and (before.incarnation, before.heard_at_ns) > (one.incarnation, heard_at_ns):
            continue
        draft.put(
            PRESENCE,
            PresenceRow(one.agent, one.incarnation, heard_at_ns, sample.recorded_at_ns, sample.position),
        )


PROJECTION: Final = Projection(
    name="samples",
    tables=(READINGS_HOT, LATEST, ROLLUP_PARTS, PROCESSES, PRESENCE, MONITORS),
    on={HardwareSample: _hardware, ProcessesSample: _processes, PresenceSample: _presence},
    reads=_reads,
)
