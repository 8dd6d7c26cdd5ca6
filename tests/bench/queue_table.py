"""The table of claim stores and job queues beside coord: medians, how many times coord is as quick, percentiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coord.services.bench.measure import median, percentile

ABSENT = "-"


@dataclass(slots=True)
class Row:
    """What was measured of one of them."""

    name: str
    keeps: str
    rates: dict[int, list[float]] = field(default_factory=dict)
    """Cycles a second of each round, by the number of workers."""
    cpu: dict[int, list[float]] = field(default_factory=dict)
    """CPU seconds a cycle of each round, of servers and workers together, by the number of workers."""
    starts: list[float] = field(default_factory=list)
    """From before a submission is sent to the start of its job, seconds each."""
    default_starts: list[float] = field(default_factory=list)
    """The same with the settings it comes with, where others do better."""
    missing: str = ""
    """Why nothing could be measured."""


def ratio(ours: Row, theirs: Row, workers: int) -> float | None:
    """Return how many times as many cycles coord does; None: it was not measured."""
    if not (ours.rates.get(workers) and theirs.rates.get(workers)):
        return None
    return median(ours.rates[workers]) / max(median(theirs.rates[workers]), 1e-9)


def figures(ours: Row, rows: Sequence[Row]) -> Mapping[str, float]:
    """Return every figure by its name."""
    found: dict[str, float] = {}
    for row in (ours, *rows):
        key = row.name.partition(" ")[0].strip("*,").lower()
        for workers, rates in row.rates.items():
            found[f"cycles-{key}-{workers}"] = median(rates)
        for workers, seconds in row.cpu.items():
            found[f"cpu-{key}-{workers}"] = 1e6 * median(seconds)
        for word, starts in (("start", row.starts), ("start-default", row.default_starts)):
            if starts:
                found[f"{word}-p50-{key}"] = 1000 * median(starts)
                found[f"{word}-p99-{key}"] = 1000 * percentile(starts, 0.99)
    return found


def table(ours: Row, rows: Sequence[Row], sizes: Sequence[int]) -> list[str]:
    """Write the table as README has it; what could not be measured says why."""
    rates = [f"cycles/s, {workers} workers" for workers in sizes]
    columns = ["", *rates, "CPU a cycle", "submit to start, p50 / p99", "keeps"]
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for row in (ours, *rows):
        rated = [_rate(ours, row, workers) for workers in sizes]
        cells = [row.name, *rated, _cpu(row, sizes), _starts(row), row.keeps]
        if row.missing:
            cells = [row.name, *[ABSENT] * (len(sizes) + 2), f"not measured: {row.missing}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _rate(ours: Row, row: Row, workers: int) -> str:
    if not row.rates.get(workers):
        return ABSENT
    told = f"{median(row.rates[workers]):,.0f}"
    times = ratio(ours, row, workers)
    return told if row is ours or times is None else f"{told} (coord {times:,.{_digits(times)}f} x)"


def _cpu(row: Row, sizes: Sequence[int]) -> str:
    told = [f"{1e6 * median(row.cpu[one]):,.0f}" if row.cpu.get(one) else ABSENT for one in sizes]
    return f"{' / '.join(told)} us" if any(row.cpu.values()) else ABSENT


def _digits(times: float) -> int:
    return 0 if times >= 20 else 1 if times >= 2 else 2


def _starts(row: Row) -> str:
    told = _percentiles(row.starts)
    if row.default_starts:
        told += f"; as it comes {_percentiles(row.default_starts)}"
    return told


def _percentiles(starts: Sequence[float]) -> str:
    if not starts:
        return ABSENT
    p50, p99 = 1000 * median(starts), 1000 * percentile(starts, 0.99)
    return f"{p50:.{1 if p50 < 10 else 0}f} / {p99:.{1 if p99 < 10 else 0}f} ms"
