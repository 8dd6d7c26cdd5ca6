"""The verb metrics: what is measured, and one metric over time: a plot of a few series, a row and a strip for many."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, Final, NamedTuple

from coord.events.errors import Refused, UsageError, visible
from coord.services import client, clock
from coord.services.cli.call import Call, note, note_cut
from coord.services.cli.plotting import print_lines
from coord.services.cli.render import Cell, Column, aged, as_of, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import bold, out, out_json, screen, talk
from coord.services.cli.values import ROWS_MAX, as_name, as_text
from coord.services.when import parse_when
from coord.services.wording import age, percent, size
from coord.tui.clock_ticks import clock_ticks
from coord.tui.ink import Ink, Line, line
from coord.tui.plot import LABEL_CELLS, Axes, Trace, bars, plot, short_number

SECONDS: Final = 3_600.0
"""How far back, where nobody says."""
PANELS_MAX: Final = 3
"""More series are a row each, with a strip of bars."""
DEVICE_LENGTH_MAX: Final = 64
_BINS_MAX: Final = 2_000
_STRIP: Final = 32
_PANEL_ROWS: Final = (6, 16)
_SECOND_NS: Final = 1_000_000_000


class Span(NamedTuple):
    """From when to when; `until_ns` is None for up to now."""

    seconds: float
    until_ns: int | None


def metrics(call: Call) -> None:
    """List the metrics, or show one over time."""
    call.only_this_house()
    name = call.text("metric")
    if name is None:
        _list(call)
    else:
        _show(call, as_name(name, "the metric"))


def _list(call: Call) -> None:
    for option in ("since", "device"):
        if call.text(option) is not None:
            raise UsageError(f"--{option} is about one metric.", "Name it: coord metrics NAME")
    node = call.read("node", as_name)
    answer = call.ask("metrics", node=node, limit=call.limit())
    if not answer["rows"]:
        _check_node(call, node)
    if call.json:
        out_json(answer)
        return
    rows = answer["rows"]
    out(f"{len(rows)} metrics{as_of(answer)}")
    if rows:
        print_table(_LISTED, [_listed(row, answer["as_of"]["time_ns"]) for row in rows])
    else:
        talk("coord: nothing was measured yet. `coord up` runs a monitor; a run tells its own.")
    note_cut(answer)


def _show(call: Call, metric: str) -> None:
    span = _span(call)
    node, device = call.read("node", as_name), call.read("device", _device)
    fields = {"metrics": [metric], "node": node, "device": device, "seconds": span.seconds}
    width = screen()[0]
    bins = min(2 * max(width, 1), _BINS_MAX)
    answer = call.ask("trend", **fields, bins=bins, limit=call.limit())
    if not answer["rows"]:
        _check_known(call, metric, node)
    if call.json:
        out_json(answer)
        return
    told = "the last" if span.until_ns is None else f"up to {clock.rfc3339(span.until_ns)[:19]}Z,"
    out(f"{bold(safe(metric))}  {told} {age(span.seconds)}{as_of(answer)}")
    rows = [row for row in answer["rows"] if any(value is not None for value in row["values"])]
    if not rows:
        note(
            "nothing was read then, or it is kept no longer: readings for two days, their minutes for longer."
        )
    elif len(rows) <= PANELS_MAX:
        _draw(rows, answer, width)
    else:
        print_table(_SERIES, [_series(row, metric) for row in rows])
    note_cut(answer)


def _span(call: Call) -> Span:
    now_ns = clock.now_ns()
    until_ns = _until(call, now_ns)
    end_ns = now_ns if until_ns is None else until_ns
    since = call.text("since")
    if since is None:
        return Span(SECONDS, until_ns)
    moment = parse_when(since, now_ns, "--since")
    if moment.at_ns is None:
        raise UsageError("--since takes a time, and no position.")
    if moment.at_ns >= end_ns:
        raise UsageError("--since is not before --at.")
    return Span((end_ns - moment.at_ns) / _SECOND_NS, until_ns)


def _until(call: Call, now_ns: int) -> int | None:
    """Read --at: of a position, the moment at which the broker recorded it."""
    text = call.text("at")
    if text is None:
        return None
    moment = parse_when(f"#{text}" if text.isascii() and text.isdecimal() else text, now_ns, "--at")
    if moment.at_ns is not None:
        return moment.at_ns
    answer = _asked(call, "events", at_position=moment.at_position, limit=1)
    return int(answer["as_of"]["recorded_at_ns"])


def _asked(call: Call, question: str, **fields: Any) -> dict[str, Any]:
    told = {name: value for name, value in fields.items() if value is not None}
    return client.ask(call.folder, question, told, call.settings.request_seconds)


def _device(text: str, what: str) -> str:
    return as_text(text, what, DEVICE_LENGTH_MAX)


def _check_known(call: Call, metric: str, node: str | None) -> None:
    """Say what is wrong with a metric of which no machine told anything.

    Raises:
        Refused: nobody knows it; or runs do; or there is no such node.
    """
    rows = _asked(call, "metrics", limit=ROWS_MAX)["rows"]
    told_by = {row["told_by"] for row in rows if row["metric"] == metric}
    if "nodes" in told_by:
        _check_node(call, node)
        return
    if told_by:
        raise Refused(f"{metric} is told by runs, over their steps.", f"See: coord plot RUN {metric}")
    near = get_close_matches(metric, [row["metric"] for row in rows], 1)
    hint = f"Did you mean '{near[0]}'?" if near else "coord metrics lists what there is."
    where = f" on {node}" if node else ""
    raise Refused(f"there is no metric '{visible(metric)}'{where}.", hint)


def _check_node(call: Call, node: str | None) -> None:
    """Ask for a node of which nothing was told.

    Raises:
        Refused: there is none.
    """
    if node is not None:
        call.ask("nodes", node=node, limit=1)


def _draw(rows: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], width: int) -> None:
    low, high = _PANEL_ROWS
    height = min(max((screen()[1] - 3) // len(rows) - 1, low), high)
    for row in rows:
        print_lines(_panel(row, answer, width, height))


def _panel(row: Mapping[str, Any], answer: Mapping[str, Any], width: int, height: int) -> Iterator[Line]:
    since_ns, until_ns = answer["since_ns"], answer["until_ns"]
    count = len(row["values"])
    bins = [place for place in range(count) if row["values"][place] is not None]
    ends = [since_ns + (until_ns - since_ns) * (place + 1) // count for place in bins]
    trace = Trace(
        ends, [row["lowest"][place] for place in bins], [row["highest"][place] for place in bins], Ink.OK
    )
    metric, spread = row["metric"], (min(trace.lowest), max(trace.highest))
    told = f"  {written(metric, row['values'][bins[-1]])}"
    between = f"  {written(metric, spread[0])} to {written(metric, spread[1])}, times in UTC"
    yield line((named(row), Ink.STRONG), told, (between, Ink.DIM))
    ticks = clock_ticks(ends[0], ends[-1], width - LABEL_CELLS)
    yield from plot([trace], (), width, height, axes=Axes(worded=partial(axis_worded, metric), ticks=ticks))


def named(row: Mapping[str, Any]) -> str:
    """Name a series."""
    return safe(f"{row['node']} {row.get('device', '')}".rstrip())


def written(metric: str, value: float | str) -> str:
    """Write a value as its metric's name says."""
    if isinstance(value, str):
        return value
    if metric.endswith("_bytes"):
        return size(value)
    if metric.endswith("_bytes_per_second"):
        return f"{size(value)}/s"
    if "_ratio" in metric:
        return percent(value)
    return f"{short_number(value)}{' °C' if metric.endswith('_celsius') else ''}"


def axis_worded(metric: str, value: float) -> str:
    """Write a value beside a curve: in the unit of its title, and exactly enough to differ from its neighbours."""
    return f"{short_number(100 * value)} %" if "_ratio" in metric else written(metric, value)


def _listed(row: Mapping[str, Any], now_ns: int) -> list[Cell]:
    one, many = ("node", "nodes") if row["told_by"] == "nodes" else ("run", "runs")
    whose = f"{row['newest_of']} {row.get('device', '')}".rstrip()
    return [
        row["metric"],
        row["unit"],
        written(row["metric"], row["value"]),
        whose,
        aged(max(0.0, (now_ns - row["at_ns"]) / _SECOND_NS)),
        row["series"],
        f"{row['tellers']} {one if row['tellers'] == 1 else many}",
    ]


def _series(row: Mapping[str, Any], metric: str) -> list[Cell]:
    known = [value for value in row["values"] if value is not None]
    low = min(value for value in row["lowest"] if value is not None)
    high = max(value for value in row["highest"] if value is not None)
    strip = bars(row["values"], _STRIP, low, high)
    return [
        row["node"],
        row.get("device"),
        written(metric, known[-1]),
        written(metric, low),
        written(metric, high),
        strip,
    ]


_LISTED: Final = (
    Column("METRIC"),
    Column("UNIT", rank=3),
    Column("NEWEST", right=True),
    Column("OF", flexible=True, rank=2),
    Column("AGE", right=True, rank=1),
    Column("SERIES", right=True),
    Column("TOLD BY", rank=4),
)
_SERIES: Final = (
    Column("NODE"),
    Column("DEVICE"),
    Column("NEWEST", right=True),
    Column("LOWEST", right=True, rank=2),
    Column("HIGHEST", right=True, rank=1),
    Column("OVER TIME"),
)
