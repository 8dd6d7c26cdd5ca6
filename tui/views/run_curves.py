"""The curves of a run: which bins are shown, drawn with their marks; what was measured at the cursor."""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from coord.services.wording import safe
from coord.tui.ink import Ink, Line, cell, fit, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import MISSING, figure, wrapped
from coord.tui.plot import LABEL_CELLS, Trace, plot, scale_of, thinned, wants_log
from coord.tui.scene import Answer, Place, Scene
from coord.tui.views.run_marks import Moment, flags_of

LOSS: Final = "loss"
SMALL: Final = ("gradient_norm", "learning_rate", "tokens_per_second", "canary_loss", "step_seconds")
"""What is drawn small below, where the run tells it."""
WINDOWS: Final = (0, 10_000, 5_000, 2_000, 1_000, 500, 200, 100)
"""Steps that are shown; 0: all."""

CHANGE_STEPS: Final = 1_000
_NAME_CELLS: Final = 18


class Bins(NamedTuple):
    """One metric over steps, as numbers."""

    steps: Sequence[float]
    lowest: Sequence[float]
    highest: Sequence[float]
    last: Sequence[float]


def metric_of(place: Place) -> str:
    """Return the metric of the large curve."""
    return place.metric or LOSS


def window_of(place: Place) -> int:
    """Return how many steps are shown; 0: all."""
    return WINDOWS[min(max(place.window, 0), len(WINDOWS) - 1)]


def curve_of(scene: Scene, place: Place, run: str) -> Answer | None:
    """Return the finest answer about the chosen run: that of the window, when it has come."""
    near = scene.answers.get("curve_near")
    if window_of(place) and near is not None and near["run"] == run and near["lines"]:
        return near
    whole = scene.answers.get("curve")
    return whole if whole is not None and whole["run"] == run else None


def whole_of(scene: Scene, run: str) -> Answer | None:
    """Return the answer over all steps."""
    whole = scene.answers.get("curve")
    return whole if whole is not None and whole["run"] == run else None


@remembered
def bins_of(curve: Answer | None, metric: str) -> Bins | None:
    """Return one metric of an answer; None when the run never told it."""
    for one in (curve or {}).get("lines", ()):
        if one["metric"] == metric:
            numbers = [tuple(map(_number, one[name])) for name in ("steps", "lowest", "highest", "last")]
            return Bins(*numbers)
    return None


def pinned_of(scene: Scene, place: Place) -> Bins | None:
    """Return the bins of the pinned run; None when none is pinned, or it has not come yet."""
    answer = scene.answers.get("curve_pinned")
    return bins_of(answer, metric_of(place)) if place.pinned and answer is not None else None


def span_of(bins: Bins, place: Place) -> tuple[float, float]:
    """Return the first and last step shown: the window lies round the cursor, or ends with the newest step."""
    first, last, wide = bins.steps[0], bins.steps[-1], window_of(place)
    if not wide or last - first <= wide:
        return first, last
    end = last if place.cursor is None else min(max(place.cursor + wide / 2, first + wide), last)
    return end - wide, end


@remembered
def shown_bins(bins: Bins, first: float, last: float) -> Bins:
    """Return the bins between two steps."""
    kept = [place for place, step in enumerate(bins.steps) if first <= step <= last]
    if not kept:
        return bins
    start, stop = kept[0], kept[-1] + 1
    return Bins(*(column[start:stop] for column in bins))


def is_log(bins: Bins, pinned: Bins | None, place: Place) -> bool:
    """Whether the large curve has a logarithmic scale: as `L` said, else as the values that are shown need it."""
    if place.log is not None:
        return place.log
    return usual_log(bins, pinned, place)


def usual_log(bins: Bins, pinned: Bins | None, place: Place) -> bool:
    """Whether the values that are shown need a logarithmic scale."""
    return _usual_log(bins, pinned, *span_of(bins, place))


@remembered
def _usual_log(bins: Bins, pinned: Bins | None, first: float, last: float) -> bool:
    return wants_log(_traces(bins, pinned, first, last))


@remembered
def small_log(bins: Bins) -> bool:
    """Whether a small curve has a logarithmic scale."""
    return wants_log([Trace(bins.steps, bins.lowest, bins.highest)])


def big(
    bins: Bins, pinned: Bins | None, moments: Sequence[Moment], place: Place, width: int, height: int
) -> list[Line]:
    """Draw the curve with its marks, over that of the pinned run."""
    first, last = span_of(bins, place)
    log = is_log(bins, pinned, place)
    return _big(bins, pinned, moments, first, last, log, place.cursor, width, height)


def small(bins: Bins, width: int, height: int, cursor: float | None) -> list[Line]:
    """Draw a curve without marks."""
    return _small(bins, width, height, cursor)


def change(bins: Bins) -> str:
    """Say by how much a metric changed over the last fifth of its steps, at most a thousand.

    The mean of the last third of them is compared with that of the first: one batch says little.
    """
    last = bins.steps[-1]
    over = min((last - bins.steps[0]) / 5, CHANGE_STEPS)
    place = next((place for place, step in enumerate(bins.steps) if step >= last - over), 0)
    values = [value for value in bins.last[place:] if math.isfinite(value)]
    third = len(values) // 3
    if not third:
        return ""
    moved = (sum(values[-third:]) - sum(values[:third])) / third
    return f"{'+' if moved > 0 else '−'}{figure(abs(moved))} over {last - bins.steps[place]:,.0f} steps"


def at_cursor(curve: Answer, cursor: float, width: int) -> list[Line]:
    """Tell what every metric was at a step, or in the bin round it; the first is that of the large curve."""
    return list(_values(curve, cursor, width))


def _values(curve: Answer, cursor: float, width: int) -> Iterator[Line]:
    for one in curve["lines"]:
        bins = bins_of(curve, one["metric"])
        assert bins is not None
        value = bins.last[nearest(bins, cursor)] if bins.steps else math.nan
        words = MISSING if math.isnan(value) else figure(value)
        top = bins.highest[nearest(bins, cursor)]
        most = f"  max {figure(top)}" if top > value * 1.05 and math.isfinite(top) else ""
        name = cell(safe(one["metric"]), _NAME_CELLS)
        yield fit(line((name, Ink.DIM), cell(words, 6, right=True), (most, Ink.WARN)), width)


def nearest(bins: Bins, step: float) -> int:
    """Return the index of the first bin that ends at or behind a step."""
    return next((place for place, last in enumerate(bins.steps) if last >= step), len(bins.steps) - 1)


def moment_words(moment: Moment, answers: Sequence[Moment], width: int) -> list[Line]:
    """Tell one mark in full, with what was asked because of it, or what it was asked because of."""
    lines = [line((f"{moment.glyph} ", moment.ink), said(moment.what, Ink.STRONG))]
    if moment.outcome:
        lines += wrapped(moment.outcome, width, moment.outcome_ink)
    lines += wrapped(moment.more, width, Ink.DIM)
    for one in answers:
        lines.append(line((f"{one.glyph} ", one.ink), said(one.what, Ink.STRONG)))
        lines += wrapped(one.outcome, width, one.outcome_ink)
    return lines


@remembered
def _big(
    bins: Bins,
    pinned: Bins | None,
    moments: Sequence[Moment],
    first: float,
    last: float,
    log: bool,
    cursor: float | None,
    width: int,
    height: int,
) -> list[Line]:
    traces = _traces(bins, pinned, first, last)
    scale = scale_of(traces, log)
    if scale is None:
        return _nothing(width, height, log)
    flags = flags_of(moments, scale.first, scale.last, max(width - LABEL_CELLS, 1))
    inside = cursor if cursor is not None and scale.first <= cursor <= scale.last else None
    return plot([thinned(one, 2 * width) for one in traces], flags, width, height, log, inside)


def _traces(bins: Bins, pinned: Bins | None, first: float, last: float) -> list[Trace]:
    own = shown_bins(bins, first, last)
    traces = [Trace(own.steps, own.lowest, own.highest, Ink.OK)]
    if pinned is not None:
        other = shown_bins(pinned, first, last)
        traces.insert(0, Trace(other.steps, other.lowest, other.highest, Ink.DIM))
    return traces


@remembered
def _small(bins: Bins, width: int, height: int, cursor: float | None) -> list[Line]:
    whole = Trace(bins.steps, bins.lowest, bins.highest, Ink.OK)
    return plot([thinned(whole, 2 * width)], (), width, height, small_log(bins), cursor)


def _nothing(width: int, height: int, log: bool) -> list[Line]:
    why = "no value above 0 to draw on a logarithmic scale" if log else "no value here is a finite number"
    return [fit(line((f"  {why}", Ink.WARN)), width), *(fit((), width) for _ in range(height - 1))][:height]


def _number(value: float | str) -> float:
    return float(value)
