"""The verb plot: the curves of a run in the terminal, with what happened on the way; or as a picture in a file.

Every bin is drawn from its lowest to its highest value, so no spike is lost, however many steps there are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from coord.events.errors import Refused, UsageError, visible
from coord.services.cli.call import Call, note
from coord.services.cli.render import as_of
from coord.services.cli.safe import safe
from coord.services.cli.terminal import bold, is_terminal, out, out_json, painted, screen
from coord.services.cli.values import as_name, as_position, as_whole
from coord.tui.ink import Ink, Line, Span, fit, line, to_ascii
from coord.tui.plot import LABEL_CELLS, Flag, Trace, short_number
from coord.tui.plot import plot as braille

if TYPE_CHECKING:
    from pathlib import Path

METRICS_MAX: Final = 12
SUFFIXES: Final = (".png", ".svg")
_POINTS_MAX: Final = 2_000
_RANK_MAX: Final = 1_000_000
_WIDTH: Final = (30, 1_000)
_HEIGHT: Final = (4, 500)
_PANEL_ROWS: Final = (6, 20)
"""How high one curve is, where --height does not say so."""

_LISTED_MAX: Final = 12
_LABEL_CELLS_MIN: Final = 90
"""A narrower plot has no room for the labels of its marks; the list below has them all."""

_GLYPHS: Final[Mapping[str, tuple[str, Ink]]] = {
    "alert": ("▲", Ink.WARN), "directive": ("◆", Ink.ACCENT), "out_of_memory": ("✖", Ink.BAD),
}  # fmt: skip


class Curve(NamedTuple):
    """One metric: bins of steps."""

    metric: str
    steps: list[float]
    lowest: list[float]
    highest: list[float]
    last: list[float]


def plot(call: Call) -> None:
    """Draw the curves."""
    run = as_name(call.text("run") or "", "the run")
    metrics = [as_name(one, "the metric") for one in call.many("metric")] or ["loss"]
    if len(metrics) > METRICS_MAX:
        raise UsageError(f"{len(metrics)} metrics are named; at most {METRICS_MAX} are drawn at once.")
    target = _target(call)
    width = call.read("width", lambda text, what: as_whole(text, what, *_WIDTH)) or screen()[0]
    height = call.read("height", lambda text, what: as_whole(text, what, *_HEIGHT))
    answer = call.ask(
        "curve",
        run=run,
        metrics=metrics,
        rank=call.read("rank", lambda text, what: as_whole(text, what, 0, _RANK_MAX)),
        first_step=call.read("first_step", as_position),
        last_step=call.read("last_step", as_position),
        points=_POINTS_MAX if target or call.json else min(max(2 * width, 1), _POINTS_MAX),
    )
    _check_metrics(answer, metrics, call)
    if target is not None:
        _draw_file(call, answer, target)
    elif call.json:
        out_json(answer)
    else:
        _draw(call, answer, width, height)


def curves_of(answer: Mapping[str, Any]) -> list[Curve]:
    """Return the lines of an answer as numbers; what is no number of JSON stands there as a word."""
    return [
        Curve(
            one["metric"], *([float(v) for v in one[name]] for name in ("steps", "lowest", "highest", "last"))
        )
        for one in answer["lines"]
    ]


def marks_of(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the marks that are drawn, by step."""
    return [mark for mark in answer["marks"] if mark["kind"] in _GLYPHS and mark.get("step") is not None]


def heading(answer: Mapping[str, Any]) -> str:
    """Name the run and say how it is."""
    named = f" ({answer['name']})" if answer["name"] != answer["run"] else ""
    return f"{answer['run']}{named}, {answer['status']}"


def _target(call: Call) -> "Path | None":
    text = call.text("to")
    if text is None:
        return None
    from pathlib import Path

    path = Path(text).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--to is '{visible(text, 200)}'; it must end in {' or '.join(SUFFIXES)}.")
    if call.on("ascii"):
        raise UsageError("--ascii is for the terminal, and --to for a file.")
    from coord.services.cli.picture import check_installed
    from coord.services.cli.target import refuse_irregular

    refuse_irregular(path, "--to")
    check_installed()
    return path


def _check_metrics(answer: Mapping[str, Any], metrics: Sequence[str], call: Call) -> None:
    unknown = [one for one in metrics if one not in answer["metrics"]]
    if unknown:
        near = get_close_matches(unknown[0], answer["metrics"], 1)
        known = ", ".join(answer["metrics"]) or "nothing yet"
        hint = f"Did you mean '{near[0]}'? It told {known}." if near else f"It told {known}."
        raise Refused(f"{answer['run']} never told a metric '{unknown[0]}'.", hint)
    drawn = {one["metric"] for one in answer["lines"]}
    for metric in (one for one in metrics if one not in drawn):
        note(f"{metric} has no value {'between these steps' if _has_span(call) else 'that is kept'}.")


def _has_span(call: Call) -> bool:
    return any(call.text(name) for name in ("first_step", "last_step", "rank"))


def _draw_file(call: Call, answer: Mapping[str, Any], path: "Path") -> None:
    from coord.services.cli.picture import draw

    curves = curves_of(answer)
    if not curves:
        raise Refused(f"{answer['run']} has nothing to draw there.", f"See: coord runs {answer['run']}")
    draw(curves, marks_of(answer), heading(answer), path)
    call.show(
        {"run": answer["run"], "path": str(path), "metrics": [one.metric for one in curves]}, [safe(path)]
    )


def _draw(call: Call, answer: Mapping[str, Any], width: int, height: int | None) -> None:
    marks, curves = marks_of(answer), curves_of(answer)
    legend = list(_legend(marks, width))
    rows = height or _panel_rows(len(curves), len(legend))
    out(f"{bold(safe(heading(answer)))}{as_of(answer)}")
    for curve in curves:
        print_lines(_panel(curve, marks, width, rows), call.on("ascii"))
    print_lines(legend, call.on("ascii"))
    if answer.get("truncated"):
        note("there were more marks than these; the newest are shown.")


def _panel_rows(panels: int, others: int) -> int:
    """Share what the screen has left: below a heading, with a title each, over the legend and the prompt."""
    low, high = _PANEL_ROWS
    return min(max((screen()[1] - 2 - others) // max(panels, 1) - 1, low), high)


def _panel(curve: Curve, marks: Sequence[Mapping[str, Any]], width: int, height: int) -> Iterator[Line]:
    trace = Trace(curve.steps, curve.lowest, curve.highest, Ink.OK)
    span = f"{short_number(min(curve.lowest))} to {short_number(max(curve.highest))}"
    told = f"{short_number(curve.last[-1])} at step {curve.steps[-1]:,.0f}"
    yield line((curve.metric, Ink.STRONG), f"  {told}", (f"  {span}", Ink.DIM))
    yield from braille([trace], _flags(curve, marks, width), width, height)


def _flags(curve: Curve, marks: Sequence[Mapping[str, Any]], width: int) -> list[Flag]:
    """Place the marks on the axis; one that would hide another stands beside it."""
    first, last = curve.steps[0], curve.steps[-1]
    cell = max(last - first, 1) / max(width - LABEL_CELLS - 1, 1)
    taken: set[int] = set()
    flags = []
    for mark in (mark for mark in marks if first <= mark["step"] <= last):
        column = round((mark["step"] - first) / cell)
        while column in taken:
            column += 1
        taken.add(column)
        glyph, ink = _GLYPHS[mark["kind"]]
        flags.append(
            Flag(first + column * cell, glyph, ink, _label(mark) if width >= _LABEL_CELLS_MIN else "")
        )
    return flags


def _label(mark: Mapping[str, Any]) -> str:
    return str(mark["words"]).partition(" ")[0] if mark["kind"] == "directive" else f"{mark['step']:,}"


def _legend(marks: Sequence[Mapping[str, Any]], width: int) -> Iterator[Line]:
    """Name every mark, the newest last; only on a terminal what is too long is cut."""
    if len(marks) > _LISTED_MAX:
        yield line((f"the last {_LISTED_MAX} of {len(marks)} marks:", Ink.DIM))
    shown = marks[-_LISTED_MAX:]
    wide = max((len(f"{mark['step']:,}") for mark in shown), default=0)
    for mark in shown:
        glyph, ink = _GLYPHS[mark["kind"]]
        told = line((glyph, ink), f" {mark['step']:>{wide},}  {safe(_words(mark))}")
        yield fit(told, width) if is_terminal() else told


def _words(mark: Mapping[str, Any]) -> str:
    """Say what a mark is; that memory was lacking says itself."""
    return str(mark["words"] if mark["kind"] == "out_of_memory" else f"{mark['kind']}, {mark['words']}")


def print_lines(lines: Iterable[Line], ascii_only: bool = False) -> None:
    """Print lines of spans, in the colours that are welcome."""
    for one in lines:
        out("".join(map(_painted, to_ascii(one) if ascii_only else one)).rstrip())


def _painted(span: Span) -> str:
    return bold(span.text) if span.ink is Ink.STRONG else painted(span.text, span.ink.value)
