"""The view of health: every part of the score, why points are missing, and the fastest way back to 100."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from coord.services.wording import age
from coord.tui.boxes import beside, box, filled, shares
from coord.tui.clock_ticks import clock_ticks
from coord.tui.filtering import filtered, told
from coord.tui.ink import Ink, Line, cell, fit, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import NONE, waiting
from coord.tui.plot import LABEL_CELLS, Axes, Trace, plot, thinned
from coord.tui.scene import (
    Answer,
    Drawn,
    Go,
    Key,
    Outcome,
    Place,
    Row,
    Say,
    Scene,
    View,
    Wish,
    chosen_id,
    index_of,
)
from coord.tui.table import Cell, Column, ids_at, listed
from coord.tui.views.health_ways import Way, subject_of, view_of, ways
from coord.tui.views.health_weights import WEIGHTS, draw_weights, press_weights

WIDE: Final = 100
GOOD: Final = 80.0
POOR: Final = 50.0
_TREND_LEAST: Final = 2
SYSTEM: Final = "system"


def wishes(_place: Place) -> tuple[Wish, ...]:
    """Ask for nothing more: every view has the health with its trend."""
    return ()


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the parts; below them where the points went, the trend, and the ways back."""
    answer = scene.answers.get("health")
    if answer is None:
        return Drawn(filled([waiting(scene, "health", "asking for the health")], width, height))
    if place.mode == WEIGHTS:
        return draw_weights(answer, place, width, height)
    every = _parts(answer)
    left = filtered(every, place.filter, {}) if place.filter else None
    rows, fault = (left.rows, left.fault) if left else (every, "")
    ids = [row["id"] for row in rows]
    words = told(place.filter, len(ids), len(every), fault)
    if not ids:
        lines = [_score_line(answer, width), fit(_none(place), width)]
        lines += _below(scene, answer, None, width, height - len(lines))
        return Drawn(filled(lines, width, height), told=words)
    listed_rows = min(len(ids) + 1, max(height * 2 // 5, 3))
    table = listed(_columns(), rows, index_of(place, ids), width, listed_rows)
    lines = [_score_line(answer, width), *table.lines]
    chosen, room = rows[index_of(place, ids)], height - len(lines)
    lines += _part_box(chosen, width, room) if place.opened else _below(scene, answer, chosen, width, room)
    return Drawn(filled(lines, width, height), ids, ids_at(table, ids, 1, height), told=words)


def press(key: str, scene: Scene, place: Place, _drawn: Drawn) -> Outcome:
    """Go to the evidence, to what the part is about, or to the weights."""
    answer = scene.answers.get("health")
    if answer is None or (scene.past is not None and (key == "e" or place.mode == WEIGHTS)):
        return None
    if place.mode == WEIGHTS:
        return press_weights(key, answer, place)
    rows = filtered(_parts(answer), place.filter, {}).rows
    if key == "e":
        return replace(place, mode=WEIGHTS)
    found = index_of(place, [row["id"] for row in rows])
    if found < 0:
        return None
    part = rows[found]
    if key == "enter":
        return _to_evidence(part)
    return _to_subject(part, answer) if key == "o" else None


def copies(_scene: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the part, or the command that explains it, or weighs it."""
    part = chosen_id(place, drawn.ids)
    if place.mode == WEIGHTS:
        return part, f"coord weigh {part.partition('/')[2]}"
    entity = part.partition("/")[0] or SYSTEM
    return part, "coord health" if entity == SYSTEM else f"coord health --explain {entity}"


@remembered
def _parts(answer: Answer) -> list[Row]:
    """Return a row for each deduction of the system, then for each entity below 100, then for those at 100."""
    rows: list[Row] = [
        {
            "id": f"{SYSTEM}/{one['name']}",
            "part": one["name"],
            "score": None,
            "lost": one["points"],
            "weight": answer.get("weights", {}).get(one["name"]),
            **_why([one]),
        }
        for one in answer.get("deductions", ())
    ]
    for part in answer.get("parts", ()):
        lost = sum(one["points"] for one in part["deductions"])
        rows.append(
            {
                "id": part["entity"],
                "part": part["entity"],
                "score": part["score"],
                "lost": lost,
                **_why(part["deductions"]),
            }
        )
    return rows


def _why(deductions: Sequence[Row]) -> Row:
    positions = [
        one["position"]
        for each in deductions
        for one in each.get("evidence", ())
        if one["stream"] == "EVENTS"
    ]
    reasons = "  ·  ".join(f"{one['reason']}" for one in deductions)
    return {"why": reasons, "positions": tuple(dict.fromkeys(positions)), "deductions": tuple(deductions)}


def _columns() -> Sequence[Column[Row]]:
    return (
        Column("PART", 18, lambda row: said(row["part"], Ink.STRONG if row["score"] is None else Ink.TEXT)),
        Column("SCORE", 5, _score, right=True),
        Column("LOST", 6, _lost, right=True),
        Column("OF", 3, _weight, right=True, rank=2),
        Column("WHY", 24, lambda row: said(row["why"] or "nothing is missing", Ink.TEXT if row["why"] else Ink.DIM), flexible=True),
        Column("EVIDENCE", 22, _evidence, rank=1),
    )  # fmt: skip


def _score(row: Row) -> Cell:
    score = row["score"]
    return ("", Ink.DIM) if score is None else (shown(score), ink_of(score))


def _lost(row: Row) -> Cell:
    return (f"−{row['lost']:.1f}", Ink.WARN) if row["lost"] else (NONE, Ink.DIM)


def _weight(row: Row) -> Cell:
    """Write what a part of the system may cost at most."""
    weight = row.get("weight")
    return ("", Ink.DIM) if weight is None else (f"{weight:g}", Ink.DIM)


def _evidence(row: Row) -> Cell:
    positions = row["positions"]
    more = f" +{len(positions) - 2}" if len(positions) > 2 else ""
    return " ".join(f"#{one:,}" for one in positions[-2:]) + more, Ink.ACCENT


def shown(score: float) -> str:
    """Write a score so that 100 means 100: what is missing shows, however little."""
    below = math.floor(score * 10) / 10
    return f"{below:.1f}".removesuffix(".0")


def ink_of(score: float) -> Ink:
    """Return the ink of a score."""
    return Ink.OK if score >= GOOD else Ink.WARN if score >= POOR else Ink.BAD


def _score_line(answer: Answer, width: int) -> Line:
    lost = sum(one["points"] for one in answer.get("deductions", ()))
    worst = sum(part["score"] < 100 for part in answer.get("parts", ()))
    if not lost:
        return fit(
            line(
                "  system ", (shown(answer["score"]), ink_of(answer["score"])), ("  nothing is lost", Ink.DIM)
            ),
            width,
        )
    words = f"  = 100 − {lost:.1f} lost by the system's own deductions; below them {worst} of its parts are short of 100"
    if lost > 100:
        words = f"  never below 0: {lost:.1f} are lost"
    return fit(line("  system ", (shown(answer["score"]), ink_of(answer["score"])), (words, Ink.DIM)), width)


def _none(place: Place) -> Line:
    if place.filter:
        return line(("  no part matches the filter", Ink.DIM))
    return line(("  ✔ ", Ink.OK), ("nothing is missing, and there is no agent, node or run yet", Ink.DIM))


def _below(scene: Scene, answer: Answer, chosen: Row | None, width: int, height: int) -> list[Line]:
    if height < 4:
        return []
    back = list(ways(scene))
    if width < WIDE:
        if height < 8:
            return _ways_box(back, width, height)
        top = min(len(back) + 2, height - 6) if back else 3
        return [*_ways_box(back, width, top), *_trend_box(scene, answer, width, height - top)]
    part = min(len(chosen["deductions"]) * 2 + 3, 9) if chosen is not None and height >= 22 else 0
    bottom = min(max(len(back), 1) + 2, max(height // 3, 4))
    top = height - bottom - part
    if top < 5:
        return _ways_box(back, width, height)
    left, right = shares(width, 1, 1)
    charts = beside(_points_box(answer, left, top), _trend_box(scene, answer, right, top))
    return [
        *charts,
        *_ways_box(back, width, bottom),
        *(_part_box(chosen, width, part) if part and chosen else []),
    ]


def _points_box(answer: Answer, width: int, height: int) -> list[Line]:
    """Draw where the points went: each bar begins where the one before ended."""
    inner, deductions = width - 2, answer.get("deductions", ())
    room = inner - 8
    lines = [line((" 100 ┤", Ink.DIM), ("█" * room, Ink.OK))]
    left = 100.0
    for one in deductions[: max(height - 4, 0)]:
        lines.append(_stair(one, left, room))
        left -= one["points"]
    end = round(room * answer["score"] / 100)
    lines.append(line((f"{shown(answer['score']):>4} ┤", Ink.DIM), ("█" * end, ink_of(answer["score"]))))
    lost = 100 - answer["score"]
    title = f"Where {lost:.1f} points went" if deductions else "Nothing is missing"
    return box(title, [fit(one, inner) for one in lines], width, height)


def _stair(deduction: Row, left: float, room: int) -> Line:
    end = round(room * max(left, 0.0) / 100)
    wide = max(round(room * deduction["points"] / 100), 1)
    words = f"{deduction['name']} −{deduction['points']:.1f} "
    start = max(end - wide, 0)
    bar = ("█" * min(wide, room - start), Ink.WARN)
    name = said(words, Ink.TEXT)
    if start >= len(name.text):
        return line(("     ┤", Ink.DIM), cell(name.text, start, right=True), bar)
    return line(("     ┤", Ink.DIM), " " * start, bar, " ", name)


def _trend_box(scene: Scene, answer: Answer, width: int, height: int) -> list[Line]:
    trend = _with_now(answer)
    inner, down = width - 2, height - 2
    if len(answer.get("trend", ())) < _TREND_LEAST:
        body = [line((" one score a minute; the curve begins with the second", Ink.DIM))]
        return box("Score over time", [fit(one, inner) for one in body], width, height)
    span = max(scene.seconds_since(trend[0]["at_ns"]), (trend[-1]["at_ns"] - trend[0]["at_ns"]) / 1e9)
    lowest = min(one["score"] for one in trend)
    body = [fit(one, inner) for one in _trend(trend, inner, down, scene.past is None)]
    return box(f"Score over {age(span)}, lowest {shown(lowest)}", body, width, height, "UTC")


@remembered
def _with_now(answer: Answer) -> Sequence[Row]:
    """Return the scores of past minutes, and the present one as the newest point."""
    trend: Sequence[Row] = answer.get("trend", ())
    at_ns = answer.get("as_of", {}).get("time_ns")
    if not trend or not at_ns or at_ns <= trend[-1]["at_ns"]:
        return trend
    return (*trend, {"at_ns": at_ns, "score": answer["score"]})


@remembered
def _trend(trend: Sequence[Row], width: int, height: int, now: bool) -> list[Line]:
    times, scores = [one["at_ns"] for one in trend], [one["score"] for one in trend]
    ticks = clock_ticks(times[0], times[-1], width - LABEL_CELLS, now)
    curve = thinned(Trace(times, scores, scores, ink_of(min(scores))), 2 * width)
    return plot([curve], (), width, height, axes=Axes((0.0, 100.0), ticks=ticks))


def _ways_box(back: Sequence[tuple[Way, str]], width: int, height: int) -> list[Line]:
    inner = width - 2
    body = [fit(one, inner) for one in _way_lines(back)]
    return box("Fastest way back to 100", body, width, height, "↵ evidence  o subject")


def _way_lines(back: Sequence[tuple[Way, str]]) -> Iterator[Line]:
    if not back:
        yield line((" ✔ ", Ink.OK), "nothing is missing")
    for way, why in back:
        head = line((f" +{way.points:4.1f}  ", Ink.OK), said(way.words, Ink.STRONG))
        yield (*head, *line(("  ← ", Ink.DIM), said(why, Ink.DIM)))


def _part_box(chosen: Row, width: int, height: int) -> list[Line]:
    inner = width - 2
    body: list[Line] = []
    for one in chosen["deductions"]:
        places = "  ".join(
            f"{each['stream'].lower()} #{each['position']:,}" for each in one.get("evidence", ())
        )
        body.append(
            line(
                (f" −{one['points']:.1f}  ", Ink.WARN),
                said(one["name"], Ink.STRONG),
                "  ",
                said(one["reason"]),
            )
        )
        body.append(
            line(
                ("       rests on ", Ink.DIM),
                (places or "what is counted now", Ink.ACCENT if places else Ink.DIM),
            )
        )
    if not body:
        body = [line((" nothing is missing here", Ink.DIM))]
    return box(said(str(chosen["part"])).text, [fit(one, inner) for one in body], width, height)


def _to_evidence(part: Row) -> Outcome:
    if not part["positions"]:
        return Say("It rests on readings or on counts of now, not on one event.")
    newest = max(part["positions"])
    return Go("events", str(newest), newest)


def _to_subject(part: Row, answer: Answer) -> Outcome:
    if part["score"] is not None:
        view, name = view_of(part["part"])
    else:
        view, name = subject_of(part["deductions"][0], answer.get("parts", ()))
    return Go(view, name) if view else Say(f"There is no view of its own for {part['part']}.")


KEYS: Final = (
    Key("enter", "↵", "evidence", "Goes to the newest event behind the part, and to its moment."),
    Key("o", "o", "subject", "Goes to what the part is about."),
    Key(
        "e",
        "e",
        "weights",
        "Shows what each part may cost at most; there it changes the chosen one, with u to undo it.",
    ),
)

VIEW: Final = View("health", "Health", "Hlth", wishes, draw, press, KEYS, (), copies)
