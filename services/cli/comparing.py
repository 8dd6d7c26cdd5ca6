"""The verb compare: two runs side by side: settings, metrics at the end and at their best, pace, incidents, one plot."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final, NamedTuple

from coord.events.errors import UsageError
from coord.services.cli.call import Call, note
from coord.services.cli.plotting import Curve, curves_of, print_lines
from coord.services.cli.render import Cell, Column, Toned, as_of, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import bold, is_colourful, out, out_json, screen
from coord.services.cli.values import as_name
from coord.services.wording import age
from coord.tui.ink import Ink, Line, line
from coord.tui.plot import Axes, Trace, plot, short_number

METRICS_MAX: Final = 12
"""So many curves an answer holds."""
_BETTER_HIGH: Final = ("per_second", "accuracy", "score", "reward", "f1", "auc", "bleu")
_BETTER_LOW: Final = ("loss", "error", "perplexity", "seconds", "mse", "mae", "wer")
_FIRST: Final = ("loss", "canary_loss", "gradient_norm", "learning_rate", "step_seconds", "tokens_per_second")
_POINTS: Final = 2_000
_ROWS: Final = (6, 16)
_INKS: Final = (Ink.OK, Ink.ACCENT)


class Side(NamedTuple):
    """One run, as compared."""

    row: Mapping[str, Any]
    curves: Mapping[str, Curve]
    alerts: Sequence[Mapping[str, Any]]

    @property
    def name(self) -> str:
        """The run's id."""
        return str(self.row["run"])

    @property
    def steps_per_second(self) -> float | None:
        """Steps a second from its first start to its last word, pauses included."""
        seconds = self.row["age_seconds"] - self.row["silent_seconds"]
        return self.row["step"] / seconds if seconds > 0 else None


def compare(call: Call) -> None:
    """Compare two runs."""
    names = [as_name(call.text(one) or "", "the run") for one in ("run", "other")]
    if names[0] == names[1]:
        raise UsageError(f"{names[0]} is compared with itself.", "Name two runs.")
    drawn = call.read("metric", as_name) or "loss"
    answers = [call.ask("runs", run=name) for name in names]
    sides = [_side(call, answer["rows"][0], drawn) for answer in answers]
    if call.json:
        out_json({"as_of": answers[-1]["as_of"], "metric": drawn, **document(sides)})
        return
    out(f"{bold(safe(names[0]))} beside {bold(safe(names[1]))}{as_of(answers[-1])}")
    columns = (Column(""), *(Column(name.upper(), flexible=True) for name in names))
    print_table(columns, list(_facts(sides)))
    _print_settings(sides, names)
    _print_metrics(sides, names)
    _draw(sides, drawn)


def document(sides: Sequence[Side]) -> dict[str, Any]:
    """Return the whole comparison for a program."""
    return {
        "runs": [
            {
                "run": side.name,
                **{key: side.row.get(key) for key in ("name", "status", "step", "starts")},
                "steps_per_second": side.steps_per_second,
                "settings": side.row.get("configuration", {}),
                "metrics": {name: {"final": _final(side, name), "best": _best(side, name)} for name in _known(side)},
                "incidents": _incidents(side),
                "curves": {name: curve._asdict() for name, curve in side.curves.items()},
            }
            for side in sides
        ]
    }  # fmt: skip


def _side(call: Call, row: Mapping[str, Any], drawn: str) -> Side:
    told = row.get("latest", {})
    first = [drawn, *(name for name in _FIRST if name in told)]
    wanted = list(dict.fromkeys((*first, *sorted(told))))[:METRICS_MAX]
    answer = call.ask("curve", run=row["run"], metrics=wanted, points=_POINTS)
    alerts = call.ask("alerts", entity=row["run"], limit=1_000)["rows"]
    curves = {curve.metric: curve for curve in curves_of(answer)}
    return Side(row, curves, [one for one in alerts if one["entity_kind"] == "run"])


def _facts(sides: Sequence[Side]) -> Iterator[list[Cell]]:
    yield ["name", *(side.row["name"] for side in sides)]
    yield ["status", *(side.row["status"] for side in sides)]
    yield ["step", *(f"{side.row['step']:,}" for side in sides)]
    yield ["steps a second", *(_number(side.steps_per_second) for side in sides)]
    yield ["trained for", *(age(side.row["age_seconds"] - side.row["silent_seconds"]) for side in sides)]
    for name in _incidents(sides[0]):
        counts = [_incidents(side)[name] for side in sides]
        if any(counts):
            yield [name.replace("_", " "), *(_counted(count) for count in counts)]


def _incidents(side: Side) -> dict[str, Any]:
    row = side.row
    return {
        "restarts": max(0, row["starts"] - 1),
        "alerts": dict(Counter(one["rule"] for one in side.alerts)),
        "directives": dict(Counter(one["action"] for one in row.get("directives", ()))),
        "updates_left_out": row.get("left_out", 0),
        "failed_allocations": row.get("out_of_memory", 0),
        "not_finite": row.get("not_finite", 0),
        "points_dropped": row.get("dropped_points", 0),
    }


def _counted(count: Any) -> Cell:
    if isinstance(count, dict):
        return ", ".join(f"{name} {number}" for name, number in sorted(count.items())) or None
    return count or None


def _print_settings(sides: Sequence[Side], names: Sequence[str]) -> None:
    told = [dict(_flat(side.row.get("configuration", {}))) for side in sides]
    keys = sorted({key for one in told for key in one})
    other = [key for key in keys if told[0].get(key) != told[1].get(key)]
    if not keys:
        note("neither run told how it trains.")
        return
    out(f"\nsettings, {len(other)} of {len(keys)} differ")
    if other:
        columns = (Column("SETTING"), *(Column(name.upper(), flexible=True) for name in names))
        print_table(columns, [[key, *(_value(one.get(key)) for one in told)] for key in other])


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _flat(inner, f"{before}{key}.")
        else:
            yield f"{before}{key}", inner


def _value(value: Any) -> Cell:
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    from json import dumps

    return dumps(value)


def _print_metrics(sides: Sequence[Side], names: Sequence[str]) -> None:
    known = list(dict.fromkeys(name for side in sides for name in _known(side)))
    if not known:
        return
    out("\nmetrics")
    columns = (
        Column("METRIC"),
        *(Column(f"{name.upper()} LAST", right=True) for name in names),
        *(Column(f"{name.upper()} BEST", right=True, rank=1) for name in names),
    )
    print_table(columns, [[metric, *_row(sides, metric)] for metric in known])


def _row(sides: Sequence[Side], metric: str) -> list[Cell]:
    best = [_best(side, metric) for side in sides]
    return [*(_number(_final(side, metric)) for side in sides), *_compared(best, metric)]


def _compared(best: Sequence[float | None], metric: str) -> list[Cell]:
    """Write the best values; the better one of two stands out."""
    known = [one for one in best if one is not None]
    if len(known) < 2 or known[0] == known[1]:
        return [_number(one) for one in best]
    winner = max(known) if _is_better_high(metric) else min(known)
    return [Toned(_number(one), "ok" if one == winner else "") for one in best]


def _known(side: Side) -> list[str]:
    latest = side.row.get("latest", {})
    return [
        *(name for name in _FIRST if name in latest),
        *(name for name in sorted(latest) if name not in _FIRST),
    ]


def _final(side: Side, metric: str) -> float | str | None:
    value: float | str | None = side.row.get("latest", {}).get(metric)
    return value


def _best(side: Side, metric: str) -> float | None:
    """Return the best value a curve had; None where nobody can say which way is better."""
    curve = side.curves.get(metric)
    if curve is None:
        return None
    if _is_better_high(metric):
        return max(filter(isfinite, curve.highest), default=None)
    if any(word in metric for word in _BETTER_LOW):
        return min(filter(isfinite, curve.lowest), default=None)
    return None


def _is_better_high(metric: str) -> bool:
    return any(word in metric for word in _BETTER_HIGH)


def _number(value: float | str | None) -> str | None:
    return f"{value:.5g}" if isinstance(value, int | float) else value


def _draw(sides: Sequence[Side], metric: str) -> None:
    """Draw both curves over each other; without colours, one below the other on the same scale."""
    there = [
        (side, side.curves[metric], ink)
        for side, ink in zip(sides, _INKS, strict=True)
        if metric in side.curves
    ]
    if not there:
        note(f"neither run told {metric}.")
        return
    out("")
    traces = [Trace(curve.steps, curve.lowest, curve.highest, ink) for _, curve, ink in there]
    width, rows = screen()
    height = min(max(rows // 2, _ROWS[0]), _ROWS[1])
    titles = [_title(side, curve, ink) for side, curve, ink in there]
    if is_colourful():
        print_lines([line((metric, Ink.STRONG)), *titles, *plot(traces, (), width, height)])
        return
    axes = Axes(_range(traces))
    for title, trace in zip(titles, traces, strict=True):
        print_lines([line((metric, Ink.STRONG), "  ", *title), *plot([trace], (), width, height, axes=axes)])


def _title(side: Side, curve: Curve, ink: Ink) -> Line:
    told = f"  {short_number(curve.last[-1])} at step {curve.steps[-1]:,.0f}"
    return line((f"─ {side.name}", ink), told)


def _range(traces: Sequence[Trace]) -> tuple[float, float] | None:
    ys = [y for trace in traces for side in (trace.lowest, trace.highest) for y in side if isfinite(y)]
    return (min(ys), max(ys)) if ys else None
