"""Packed readings as tables.

    readings_hot    readings in the order they arrived, until they are sealed; questions read the view `readings`
    latest          one row a series: its newest value, and the minute that is still open
    rollup_parts    closed minutes, until they are sealed; the view `rollups` adds up what late readings left in parts
    processes       the last list of each node, packed
    presence        when each agent was last heard, as the leading coordinator told
    monitors        which numbers of each writer were seen: a batch sent again changes nothing

A reading's `at_ns` is its writer's clock and only shown; `recorded_at_ns` is the broker's, and what
silence and cuts in time are measured with.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import fsum, inf
from operator import mul
from typing import Final

from coord.events.samples import HardwareSample, PresenceSample, ProcessesSample, Series
from coord.events.streams import SAMPLES
from coord.events.wire import RecordedSample
from coord.projections.folds import seen
from coord.projections.folds.shape import Draft, Projection, Reads, Row, Sealing, Table, json_text

MINUTE_NS: Final = 60_000_000_000
_MS_NS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000


class ReadingRow(Row):
    """One value of one series."""

    node: str
    metric: str
    device: str
    at_ns: int
    value: float
    recorded_at_ns: int
    position: int


class Latest(Row):
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


class RollupPart(Row):
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
    recorded_at_ns: int
    """When the broker recorded the message that closed it."""
    position: int
    """Of that message."""


class ProcessList(Row):
    """The processes of a node that mattered most, as JSON."""

    node: str
    processes: str
    total: int
    at_ns: int
    recorded_at_ns: int
    position: int


class PresenceRow(Row):
    """When an agent was last heard."""

    agent: str
    incarnation: int
    heard_at_ns: int
    recorded_at_ns: int
    position: int


class Monitor(Row):
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
READINGS_HOT: Final = Table(
    "readings_hot",
    ReadingRow,
    stream=SAMPLES.name,
    sealing=Sealing("readings", ("metric", "node", "device", "recorded_at_ns")),
    packed=("at_ns", "value"),
)
LATEST: Final = Table("latest", Latest, key=_SERIES, stream=SAMPLES.name)
ROLLUP_PARTS: Final = Table(
    "rollup_parts",
    RollupPart,
    stream=SAMPLES.name,
    sealing=Sealing("rollup_parts_all", ("metric", "node", "device", "minute_ns")),
)
PROCESSES: Final = Table("processes", ProcessList, key=("node",), stream=SAMPLES.name)
PRESENCE: Final = Table("presence", PresenceRow, key=("agent",), stream=SAMPLES.name)
MONITORS: Final = Table("monitors", Monitor, key=("node", "writer"), stream=SAMPLES.name)


def _reads(some: Sequence[RecordedSample]) -> Reads:
    yield MONITORS, {(one.node, one.batch.writer) for one in some}
    for sample in some:
        match sample.batch:
            case HardwareSample(series=every):
                yield LATEST, [(sample.node, one.metric, one.device) for one in every]
            case ProcessesSample():
                yield PROCESSES, ((sample.node,),)
            case PresenceSample(agents=every):
                yield PRESENCE, [(one.agent,) for one in every]


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
    packs = draft.packs(READINGS_HOT)
    columns, every = packs.columns, batch.series
    moments, values = columns["at_ns"], columns["value"]
    times: list[int] = []
    offsets: tuple[int, ...] = ()
    for series in every:
        if series.offsets_ms != offsets:
            offsets = series.offsets_ms
            times = [batch.started_at_ns + offset * _MS_NS for offset in offsets]
        moments += times
        values += series.values
        _update_series(draft, sample, series, times)
    columns["metric"] += [series.metric for series in every]
    columns["device"] += [series.device for series in every]
    packs.counts += [len(series.values) for series in every]
    for name in ("node", "recorded_at_ns", "position"):
        columns[name] += [getattr(sample, name)] * len(every)


def _update_series(draft: Draft, sample: RecordedSample, series: Series, times: list[int]) -> None:
    latest = draft.change(LATEST, sample.node, series.metric, series.device)
    if latest is not None and latest.minute_ns <= times[0] and times[-1] < latest.minute_ns + MINUTE_NS:
        _add_to_minute(latest, times, series.values)
        _show_latest(latest, sample, times[-1], series.values[-1])
        return
    for minute_ns, some, values in _minutes(times, series.values):
        if latest is None:
            latest = draft.put(LATEST, _first(sample, series, minute_ns, some, values))
            continue
        if latest.minute_ns != minute_ns:
            _close_minute(draft, sample, latest)
            _open_minute(latest, minute_ns, some, values)
        else:
            _add_to_minute(latest, some, values)
        _show_latest(latest, sample, some[-1], values[-1])


def _show_latest(latest: Latest, sample: RecordedSample, at_ns: int, value: float) -> None:
    if at_ns >= latest.at_ns:
        latest.at_ns, latest.value = at_ns, value
        latest.recorded_at_ns, latest.position = sample.recorded_at_ns, sample.position


_Part = tuple[int, Sequence[int], Sequence[float]]
"""A minute, and the times and values of the readings of a series in it."""


def _minutes(times: Sequence[int], values: Sequence[float]) -> Iterator[_Part]:
    """Divide readings, which are in the order of their time, by minutes."""
    first = 0
    while first < len(times):
        minute_ns = times[first] - times[first] % MINUTE_NS
        end = bisect_left(times, minute_ns + MINUTE_NS, first)
        yield minute_ns, times[first:end], values[first:end]
        first = end


def _first(
    sample: RecordedSample, series: Series, minute_ns: int, times: Sequence[int], values: Sequence[float]
) -> Latest:
    at_ns, value = times[-1], values[-1]
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
    _open_minute(latest, minute_ns, times, values)
    return latest


def _open_minute(latest: Latest, minute_ns: int, times: Sequence[int], values: Sequence[float]) -> None:
    latest.minute_ns = minute_ns
    latest.readings = 0
    latest.total = latest.total_squares = 0.0
    latest.lowest = latest.highest = values[0]
    latest.last_at_ns = times[0]
    _add_to_minute(latest, times, values)


def _add_to_minute(latest: Latest, times: Sequence[int], values: Sequence[float]) -> None:
    """Add readings to the open minute; sums are exact and rounded once, and so alike on every Python."""
    try:
        total, total_squares = fsum(values), fsum(map(mul, values, values))
    except OverflowError:
        total, total_squares = _large_sum(values), inf
    latest.readings += len(values)
    latest.total += total
    latest.total_squares += total_squares
    latest.lowest = min(latest.lowest, min(values))
    latest.highest = max(latest.highest, max(values))
    if times[-1] >= latest.last_at_ns:
        latest.last_at_ns, latest.last = times[-1], values[-1]


def _large_sum(values: Sequence[float]) -> float:
    """Add one by one, to infinity if need be."""
    total = 0.0
    for value in values:
        total += value
    return total


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
            recorded_at_ns=sample.recorded_at_ns,
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
