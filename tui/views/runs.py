"""The view of runs: the list, the curve of the chosen one with its marks, and what was done about each of them."""

from collections.abc import Sequence
from typing import Final

from coord.services.wording import age, size
from coord.tui.boxes import beside, box, filled, shares
from coord.tui.ink import Ink, Line, fit, line, plain, said, width_of
from coord.tui.phrases import NONE, figure, pairs, stale, waiting, words_of
from coord.tui.scene import (
    Drawn,
    Place,
    Row,
    Scene,
    View,
    Wish,
    chosen_id,
    index_of,
)
from coord.tui.table import ids_at, listed
from coord.tui.views import run_curves as curves
from coord.tui.views.run_keys import FULL, KEYS, chosen_run, mark_at, press
from coord.tui.views.run_marks import Moment, listed_columns, moments_of, stops, story
from coord.tui.views.run_rows import ORDERS, columns, run_rows
from coord.tui.views.searched import none_left, told_of_cut, unreached

WIDE: Final = 100
_PANEL: Final = 38
_SMALL_HEIGHT: Final = 6
_LISTED_LEAST: Final = 16
"""Lines below the list from which on what happened is a list of its own."""
_POINTS: Final = 600
_ALERTS_KEPT: Final = 300


def wishes(_place: Place) -> tuple[Wish, ...]:
    """Ask for all runs, and for alerts with those that are over."""
    return (
        Wish("runs", "runs", {}, 0.5),
        Wish("run_alerts", "alerts", {"limit": _ALERTS_KEPT}, 3.0),
    )


def follows(scene: Scene, place: Place) -> tuple[Wish, ...]:
    """Ask for the curve of the chosen run, for its window, for who asked what of it, and for the pinned run."""
    run = chosen_run(scene, place)
    if run is None:
        return ()
    name, metrics = run["run"], _metrics(place)
    wanted = [
        Wish("curve", "curve", {"run": name, "metrics": metrics, "points": _POINTS}, 1.0),
        Wish("run", "runs", {"run": name}, 2.0),
        Wish("run_asked", "events", {"type": "directive.issued", "entity": name}, 5.0),
    ]
    wide = curves.window_of(place)
    if wide and wide < run["step"]:
        wanted.append(Wish("curve_near", "curve", _near(run, place, wide, metrics), 1.0))
    if place.pinned and place.pinned != name:
        fields = {"run": place.pinned, "metrics": (curves.metric_of(place),), "points": _POINTS}
        wanted.append(Wish("curve_pinned", "curve", fields, 5.0))
    return tuple(wanted)


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the list, the curve below it, and what happened on the way."""
    if "runs" not in scene.answers:
        return Drawn(filled([waiting(scene, "runs", "asking for the runs")], width, height))
    left = run_rows(scene, place)
    ids = [run["run"] for run in left.rows]
    cut = unreached(scene.answers["runs"])
    words = told_of_cut(place.filter, len(ids), len(scene.rows("runs")), left.fault, cut)
    if not ids:
        return Drawn(filled(_empty(place, cut), width, height), told=words)
    run = left.rows[index_of(place, ids)]
    if FULL in words_of(place.mode):
        return Drawn(filled(_full(scene, place, run, width, height), width, height), ids, told=words)
    rows = 2 if place.opened else min(len(ids) + 1, max(height // 5, 3))
    table = listed(columns(scene), left.rows, index_of(place, ids), width, rows)
    below = _below(scene, place, run, width, height - rows)
    lines = filled([*table.lines, *below], width, height)
    return Drawn(lines, ids, ids_at(table, ids, 0, height), told=words)


def copies(_scene: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the run, or the command that shows it."""
    run = chosen_id(place, drawn.ids)
    return run, f"coord runs {run}"


def _metrics(place: Place) -> tuple[str, ...]:
    return tuple(dict.fromkeys((curves.metric_of(place), curves.LOSS, *curves.SMALL)))


def _near(run: Row, place: Place, wide: int, metrics: tuple[str, ...]) -> dict[str, object]:
    """Ask for a little more than the window, and for the same while the cursor moves within it."""
    grain = max(wide // 4, 1)
    middle = run["step"] - wide // 2 if place.cursor is None else round(place.cursor)
    first = max(0, (middle - wide) // grain * grain)
    fields = {"run": run["run"], "metrics": metrics, "points": _POINTS, "first_step": first}
    if place.cursor is not None:
        fields["last_step"] = first + 2 * wide + grain
    return fields


def _empty(place: Place, cut: str) -> list[Line]:
    if place.filter:
        return [none_left("no run", cut)]
    return [
        line(("  Runs", Ink.STRONG), (" of models that are trained stand here, with their curves.", Ink.DIM)),
        line(("  There is none yet. One begins with:  ", Ink.DIM), ("coord train FILE", Ink.ACCENT)),
    ]


def _below(scene: Scene, place: Place, run: Row, width: int, height: int) -> list[Line]:
    if height < 5:
        return []
    moments = moments_of(scene, curves.whole_of(scene, run["run"]))
    found = stops(moments)
    if width < WIDE or height < _LISTED_LEAST:
        told_rows = min(3, height - 8, len(list(story(moments)))) if height > 8 else 0
        lines = _curve_box(scene, place, run, moments, width, height - max(told_rows, 0))
        return [*lines, *(fit(line(" ", *one), width) for one in [*story(moments)][: max(told_rows, 0)])]
    marks_height = min(len(found) + 3, max(height // 3, 4)) if found else 0
    small = (
        _small_boxes(scene, place, run, width, _SMALL_HEIGHT if height < 40 else 9) if height >= 22 else []
    )
    lines = _curve_box(scene, place, run, moments, width, height - marks_height - len(small))
    return [*lines, *small, *(_marks_box(place, found, width, marks_height) if marks_height else [])]


def _full(scene: Scene, place: Place, run: Row, width: int, height: int) -> list[Line]:
    moments = moments_of(scene, curves.whole_of(scene, run["run"]))
    told_rows = list(story(moments))[: max(height // 8, 1)] if height > 8 else []
    lines = _curve_box(scene, place, run, moments, width, height - len(told_rows), panel=False)
    return [*lines, *(fit(line(" ", *one), width) for one in told_rows)]


def _curve_box(
    scene: Scene,
    place: Place,
    run: Row,
    moments: Sequence[Moment],
    width: int,
    height: int,
    panel: bool = True,
) -> list[Line]:
    inner, down = width - 2, height - 2
    side = _panel(scene, place, run, max(_PANEL, width // 4)) if panel and width >= WIDE else []
    across = inner - width_of(side[0]) if side else inner
    head = _heading(scene, place, run)
    curve = curves.curve_of(scene, place, run["run"])
    bins = curves.bins_of(curve, curves.metric_of(place))
    if curve is None or bins is None or not bins.steps:
        body: list[Line] = [head, _no_curve(scene, place, curve)]
    else:
        drawn = curves.big(bins, curves.pinned_of(scene, place), moments, place, across, max(down - 1, 0))
        body = [head, *(beside(drawn, filled(side, inner - across, down - 1)) if side else drawn)]
    hint = "f back" if FULL in words_of(place.mode) else "f full"
    title = f"{run['run']} · {curves.metric_of(place)}"
    return box(plain((said(title),)), body, width, height, hint)


def _heading(scene: Scene, place: Place, run: Row) -> Line:
    metric = curves.metric_of(place)
    bins = curves.bins_of(curves.whole_of(scene, run["run"]), metric)
    moved = curves.change(bins) if bins is not None and bins.steps else ""
    parts = [
        line(
            (f" {figure(run.get('latest', {}).get(metric))}", Ink.STRONG),
            (f"  {moved}" if moved else "", Ink.DIM),
        ),
        line(("   scale ", Ink.DIM), (_scale(scene, place, run), Ink.TEXT)),
        line(("   steps ", Ink.DIM), f"last {window:,}" if (window := curves.window_of(place)) else "all"),
    ]
    if place.pinned:
        parts.append(line(("   pinned ", Ink.DIM), said(place.pinned, Ink.DIM)))
    if place.cursor is not None:
        parts.append(line(("   cursor ", Ink.DIM), (f"step {place.cursor:,.0f}", Ink.ACCENT)))
    note = stale(scene, "curve")
    return tuple(span for part in parts for span in part) + ((note,) if note else ())


def _scale(scene: Scene, place: Place, run: Row) -> str:
    bins = curves.bins_of(curves.curve_of(scene, place, run["run"]), curves.metric_of(place))
    if bins is None or not bins.steps:
        return "log" if place.log else "linear"
    words = "log" if curves.is_log(bins, curves.pinned_of(scene, place), place) else "linear"
    return "log, by itself" if words == "log" and place.log is None else words


def _no_curve(scene: Scene, place: Place, curve: object) -> Line:
    if curve is None:
        return waiting(scene, "curve", " asking for the curve")
    return line((" the run has told no ", Ink.DIM), said(curves.metric_of(place), Ink.DIM), (" yet", Ink.DIM))


def _panel(scene: Scene, place: Place, run: Row, width: int) -> list[Line]:
    """Tell what was at the cursor; without one, what the run is."""
    inner = width - 3
    curve = curves.curve_of(scene, place, run["run"])
    if place.cursor is not None and curve is not None:
        moment = mark_at(scene, place, run)
        first, *others = curves.at_cursor(curve, place.cursor, inner) or [line("")]
        lines = [line((f"at step {place.cursor:,.0f}", Ink.STRONG)), first]
        lines += [*(_told(scene, run, moment, inner) if moment else ()), *others]
    else:
        lines = _facts(run)
    return [fit(line("  ", *one), width) for one in lines]


def _told(scene: Scene, run: Row, moment: Moment, width: int) -> list[Line]:
    found = moments_of(scene, curves.whole_of(scene, run["run"]))
    related = [one for one in found if one.cause == moment.position or one.position == moment.cause]
    return curves.moment_words(moment, related, width)


def _facts(run: Row) -> list[Line]:
    begun = f", begun {run['starts']} times" if run["starts"] > 1 else ""
    counted = run.get("checkpoint_step")
    return pairs(
        ("name", said(run["name"])),
        ("node", said(run.get("node") or NONE)),
        ("agent", said(run["agent"]) if run.get("agent") else None),
        ("started", f"{age(run['age_seconds'])} ago{begun}"),
        ("heard", f"{age(run['silent_seconds'])} ago"),
        ("processes", str(run["world_size"]) if run.get("world_size", 1) > 1 else None),
        ("checkpoint", NONE if counted is None else f"of step {counted:,}{_checkpoint_size(run)}"),
        ("why", said(run["reason"], Ink.WARN) if run.get("reason") else None),
        ("no memory", (f"{run['out_of_memory']} times", Ink.WARN) if run.get("out_of_memory") else None),
        ("not finite", (f"{run['not_finite']} values", Ink.WARN) if run.get("not_finite") else None),
        ("dropped", (f"{run['dropped_points']} points", Ink.WARN) if run.get("dropped_points") else None),
    )


def _checkpoint_size(run: Row) -> str:
    found = run.get("checkpoints") or ()
    return f", {size(found[0]['size_bytes'])}" if found else ""


def _small_boxes(scene: Scene, place: Place, run: Row, width: int, height: int) -> list[Line]:
    curve = curves.curve_of(scene, place, run["run"])
    names = [name for name in (*curves.SMALL, curves.LOSS) if name != curves.metric_of(place)]
    have = [
        (name, bins) for name in names if (bins := curves.bins_of(curve, name)) is not None and bins.steps
    ]
    have = have[: max(width // 40, 1)]
    if not have:
        return []
    widths = shares(width, *[1] * len(have))
    blocks = [
        box(
            _small_title(name, run, bins),
            curves.small(bins, wide - 2, height - 2, place.cursor),
            wide,
            height,
        )
        for (name, bins), wide in zip(have, widths, strict=True)
    ]
    return beside(*blocks)


def _small_title(metric: str, run: Row, bins: curves.Bins) -> str:
    log = " log" if curves.small_log(bins) else ""
    return f"{metric} {figure(run.get('latest', {}).get(metric))}{log}"


def _marks_box(place: Place, moments: Sequence[Moment], width: int, height: int) -> list[Line]:
    ordered = sorted(moments, key=lambda one: one.position)
    chosen = next((at for at, one in enumerate(ordered) if str(one.position) in words_of(place.mode)), -1)
    rows = height - 2
    shown = listed(listed_columns(), ordered, chosen if chosen >= 0 else len(ordered) - 1, width - 2, rows)
    lines = shown.lines
    if chosen < 0:
        lines = [tuple(span._replace(chosen=False) for span in one) for one in lines]
        lines = [(line("  ")[0], *one[1:]) if one and one[0].text == "▸ " else one for one in lines]
    return box("Spikes and directives", lines, width, height, "n N mark  ↵ go to that moment")


VIEW: Final = View("runs", "Runs", "Runs", wishes, draw, press, KEYS, ORDERS, copies, follows, opens="run")
