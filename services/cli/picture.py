"""Curves as a picture: PNG or SVG, by matplotlib, whose only door this is."""

import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coord.events.errors import CoordError, Refused, UsageError
from coord.services.cli.safe import safe

if TYPE_CHECKING:
    from coord.services.cli.plotting import Curve

_WIDTH_INCHES: Final = 10.0
_PANEL_INCHES: Final = 3.0
_LEGEND_LINE_INCHES: Final = 0.2
_DOTS_PER_INCH: Final = 120
_LISTED_MAX: Final = 12
_WORDS_MAX: Final = 130
_VALUE_MAX: Final = 1e307
"""Farther from 0 the library cannot place its ticks."""
_LINE: Final = "#1f6f5c"
_MARKERS: Final[Mapping[str, tuple[str, str, str]]] = {
    "alert": ("^", "#c4462f", "alert"),
    "directive": ("D", "#2f6fb5", "directive"),
    "out_of_memory": ("X", "#7a1f5c", "out of memory"),
}
"""Marker, colour and name of each kind of mark."""


def check_installed() -> None:
    """Make sure that a picture can be drawn.

    Raises:
        UsageError: matplotlib is missing.
    """
    if find_spec("matplotlib") is None:
        raise UsageError("a picture needs matplotlib.", "Install it with: pip install 'coord[plot]'")


def draw(curves: "Sequence[Curve]", marks: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Draw one panel a curve over the same steps, with the marks and a list that names them.

    Raises:
        CoordError: the file cannot be written.
        Refused: a value is too large for a picture.
    """
    from matplotlib.figure import Figure

    for curve in curves:
        _refuse_too_far(curve)
    listed = marks[-_LISTED_MAX:]
    foot = _LEGEND_LINE_INCHES * (len(listed) + 3)
    figure = Figure(figsize=(_WIDTH_INCHES, _PANEL_INCHES * len(curves) + foot + 0.5))
    height = figure.get_figheight()
    panels = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    figure.subplots_adjust(left=0.08, right=0.98, top=1 - 0.4 / height, bottom=foot / height + 0.25 / height)
    figure.suptitle(
        _plain(title), x=0.08, y=1 - 0.12 / height, ha="left", va="top", fontsize=11, weight="bold"
    )
    for panel, curve in zip(panels, curves, strict=True):
        _draw_curve(panel, curve, marks)
    panels[-1].set_xlabel("step")
    _draw_list(figure, marks, listed, height)
    try:
        _save(figure, path)
    except OSError as error:
        raise CoordError(f"{path} cannot be written: {error.strerror}.") from error


def _refuse_too_far(curve: "Curve") -> None:
    sizes = [abs(value) for value in (*curve.lowest, *curve.highest) if isfinite(value)]
    if max(sizes, default=0.0) > _VALUE_MAX:
        raise Refused(
            f"{curve.metric} has values farther from 0 than {_VALUE_MAX:g}, which no picture can show.",
            "The terminal can: leave --to out.",
        )


def _save(figure: Any, path: Path) -> None:
    """Write the file: the same picture is the same file, and words in SVG stay words.

    A character that the font lacks is a box; that is no matter for stderr.
    """
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "coord"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure.savefig(
            path, dpi=_DOTS_PER_INCH, metadata={"Date": None} if path.suffix.lower() == ".svg" else None
        )


def _draw_curve(panel: Any, curve: "Curve", marks: Sequence[Mapping[str, Any]]) -> None:
    panel.fill_between(curve.steps, curve.lowest, curve.highest, color=_LINE, alpha=0.25, linewidth=0)
    panel.plot(curve.steps, curve.last, color=_LINE, linewidth=1.2)
    panel.plot(curve.steps, curve.highest, color=_LINE, linewidth=0.5, alpha=0.6)
    panel.set_ylabel(curve.metric)
    panel.grid(alpha=0.25)
    panel.margins(x=0.01)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    across = panel.get_xaxis_transform()
    for mark in (mark for mark in marks if curve.steps[0] <= mark["step"] <= curve.steps[-1]):
        marker, colour, _ = _MARKERS[mark["kind"]]
        panel.axvline(mark["step"], color=colour, linewidth=0.7, alpha=0.5)
        place = 0.0 if mark["kind"] == "directive" else 1.0
        panel.plot(
            [mark["step"]], [place], marker, color=colour, markersize=7, transform=across, clip_on=False
        )


def _draw_list(figure: Any, marks: Sequence[Any], listed: Sequence[Mapping[str, Any]], height: float) -> None:
    """Name every mark below the curves."""
    from matplotlib.lines import Line2D

    kinds = [kind for kind in _MARKERS if any(mark["kind"] == kind for mark in marks)]
    handles = [
        Line2D(
            [], [], marker=_MARKERS[kind][0], color=_MARKERS[kind][1], linestyle="", label=_MARKERS[kind][2]
        )
        for kind in kinds
    ]
    if handles:
        figure.legend(handles=handles, loc="upper right", ncols=len(handles), frameon=False, fontsize=9)
    for place, mark in enumerate(reversed(listed)):
        _, colour, name = _MARKERS[mark["kind"]]
        words = _plain(f"{mark['step']:>8,}  {name}: {mark['words']}"[:_WORDS_MAX])
        figure.text(0.03, (0.12 + _LEGEND_LINE_INCHES * place) / height, words, fontsize=8, color=colour)


def _plain(text: str) -> str:
    """Make a text safe, and keep matplotlib from reading it as mathematics."""
    return safe(text).replace("$", r"\$")
