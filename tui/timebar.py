"""The time bar: how many events there were, with the marks on it, and where one is. One row on every screen.

    07:00 ▂▃▃▅▆▅▃▂▂▃▅▇▇▆▅▃▃▂▲▂▃▅▅▆▇▆▅◆▃▂▂▃┃▃▃▅▆▆▇╎now  t seek [ ]

With the keys on it and room for it, it is a box of five rows: times, bars, marks.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from coord.tui.boxes import box
from coord.tui.ink import Ink, Line, Span, fit
from coord.tui.moments import Line as TimeLine
from coord.tui.moments import column_at, marks_of
from coord.tui.plot import BARS
from coord.tui.scene import Scene

BOX_ROWS: Final = 5
LABEL_CELLS: Final = 7
_HINT: Final = "now  t seek [ ] "
_GLYPHS: Final = {
    "checkpoint": ("·", Ink.DIM), "end": ("●", Ink.DIM), "start": ("●", Ink.OK), "out_of_memory": ("▲", Ink.WARN),
    "directive": ("◆", Ink.ACCENT), "alert": ("▲", Ink.BAD),
}  # fmt: skip
"""The later is drawn over the earlier, where two fall into one cell."""
_SHORT_SECONDS: Final = 600
"""In so short a bar several of its eight times lie in one minute."""
_OVER_BARS: Final = ("out_of_memory", "directive", "alert")


class Bar(NamedTuple):
    """The lines of the time bar, and from and to which cell a click is a moment."""

    lines: list[Line]
    cells: tuple[int, int]


def bar_row(scene: Scene, width: int) -> Bar:
    """Draw it as one row."""
    line = scene.answers.get("timeline", {})
    room = width - LABEL_CELLS - len(_HINT) - 1
    if not line or room < 8:
        return Bar([fit((Span(" no time line yet", Ink.DIM),) if not line else (), width)], (0, 0))
    spans = _bars(scene, line, room, marked=True)
    label = Span(f" {_hour(line['since_ns'], line)} ", Ink.DIM)
    end = Span("╎" if scene.past else "┃", Ink.DIM if scene.past else Ink.STRONG)
    row = fit((label, *spans, end, Span(_HINT, Ink.DIM)), width)
    return Bar([row], (LABEL_CELLS, LABEL_CELLS + room))


def bar_box(scene: Scene, width: int) -> Bar:
    """Draw it as a box of five rows."""
    line = scene.answers.get("timeline", {})
    inner = width - 4
    if not line or inner < 20:
        lines = box("Time", [(Span(" no time line yet", Ink.DIM),)], width, BOX_ROWS)
        return Bar(lines, (0, 0))
    rows: list[Line] = [
        (Span(" "), *_axis(line, inner)),
        (Span(" "), *_bars(scene, line, inner, marked=False)),
        (Span(" "), *_marks(scene, line, inner)),
    ]
    title = f"Time — {_per_bin(line)}  ▲ alert ◆ directive ● run"
    speed = scene.past.speed if scene.past else 0
    hint = f"space {'stop' if speed else 'play'}  + − speed{f' ×{speed:g}' if speed else ''}"
    return Bar(box(title, rows, width, BOX_ROWS, hint), (2, 2 + inner))


def _bars(scene: Scene, line: TimeLine, width: int, marked: bool) -> list[Span]:
    counts = _resampled(line["counts"], width)
    highest = max(max(counts, default=0.0), 1.0)
    cells = [BARS[min(int(count / highest * len(BARS)), len(BARS) - 1)] if count else " " for count in counts]
    here = column_at(line, scene.past.at_ns, width) if scene.past else width
    inks = [Ink.ACCENT if place < here else Ink.DIM for place in range(width)]
    if marked:
        _lay_marks(scene, line, cells, inks, _OVER_BARS)
    if scene.past:
        cells[here], inks[here] = "┃", Ink.STRONG
    return _joined(cells, inks)


def _marks(scene: Scene, line: TimeLine, width: int) -> list[Span]:
    cells, inks = [" "] * width, [Ink.DIM] * width
    if scene.past:
        here = column_at(line, scene.past.at_ns, width)
        cells[here], inks[here] = "┃", Ink.STRONG
    _lay_marks(scene, line, cells, inks, tuple(_GLYPHS))
    return _joined(cells, inks)


def _lay_marks(scene: Scene, line: TimeLine, cells: list[str], inks: list[Ink], kinds: Sequence[str]) -> None:
    shown = [
        one
        for one in marks_of(scene)
        if one["kind"] in kinds and line["since_ns"] <= one["at_ns"] <= line["until_ns"]
    ]
    for one in sorted(shown, key=lambda one: kinds.index(one["kind"])):
        place = column_at(line, one["at_ns"], len(cells))
        cells[place], inks[place] = _GLYPHS[one["kind"]]


def _axis(line: TimeLine, width: int) -> list[Span]:
    cells = [" "] * width
    for place in range(0, width - 10, max(width // 8, 12)):
        at_ns = line["since_ns"] + (line["until_ns"] - line["since_ns"]) * place // width
        words = _exact_hour(at_ns, line)
        cells[place : place + len(words)] = words
    cells[-3:] = "now"
    return [Span("".join(cells[:width]), Ink.DIM)]


def _hour(at_ns: int, line: TimeLine) -> str:
    """Write a time to the minute, to the day where the whole bar is long."""
    moment = datetime.fromtimestamp(at_ns / 1e9, UTC)
    return f"{moment:%b%d}" if _span_seconds(line) > 5 * 86_400 else f"{moment:%H:%M}"


def _exact_hour(at_ns: int, line: TimeLine) -> str:
    """Write a time to the second where the whole bar is short."""
    moment = datetime.fromtimestamp(at_ns / 1e9, UTC)
    return _hour(at_ns, line) if _span_seconds(line) > _SHORT_SECONDS else f"{moment:%H:%M:%S}"


def _span_seconds(line: TimeLine) -> float:
    return float(line["until_ns"] - line["since_ns"]) / 1e9


def _per_bin(line: TimeLine) -> str:
    seconds = (line["until_ns"] - line["since_ns"]) / 1e9 / max(len(line["counts"]), 1)
    for unit, size in (("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"events a bin of {seconds / size:.1f} {unit}"
    return f"events a bin of {seconds:.1f} s"


def _resampled(counts: Sequence[int], width: int) -> list[float]:
    """Bring counts to so many cells: several bins of one cell are added, one bin over several is repeated."""
    count = len(counts)
    if count >= width:
        return [
            float(sum(counts[place * count // width : (place + 1) * count // width]))
            for place in range(width)
        ]
    return [float(counts[place * count // width]) for place in range(width)]


def _joined(cells: Sequence[str], inks: Sequence[Ink]) -> list[Span]:
    spans: list[Span] = []
    for text, ink in zip(cells, inks, strict=True):
        if spans and spans[-1].ink == ink:
            spans[-1] = Span(spans[-1].text + text, ink)
        else:
            spans.append(Span(text, ink))
    return spans
