"""Moves through time: from the time line of the whole log to a past moment, and from words to a mark.

A bin says up to which position it goes, so a step of one bin is exact; a position between is placed by
counting evenly, until an answer says when it really was.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from coord.services.when import parse_when
from coord.tui.scene import Past, Row, Scene

Line = Mapping[str, Any]
"""The answer to the question `timeline`."""
SPEED_MAX: Final = 4_096.0
SPANS_SECONDS: Final = (0.0, 600.0, 3_600.0, 28_800.0, 172_800.0)
"""What `z` goes through; 0: the whole log."""
_ALSO: Final = {"directive": "action", "out_of_memory": "oom memory", "start": "begin", "end": "finish stop"}
"""What else a kind of mark is called."""
_LOOKS_LIKE_WHEN: Final = re.compile(r"[#\-0-9]|now$|today |yesterday |(?:mon|tue|wed|thu|fri|sat|sun)\w* \d")


def position_at(line: Line, at_ns: int) -> int:
    """Return the last position at a time, as far as the bins tell."""
    positions: Sequence[int] = line.get("positions", ())
    if not positions:
        return 0
    place, share = _place(line, at_ns)
    before = positions[place - 1] if place else positions[0] - line["counts"][0]
    return max(before + int((positions[place] - before) * share), 0)


def time_of(line: Line, position: int) -> int:
    """Return about when a position was recorded, in nanoseconds since 1970."""
    positions: Sequence[int] = line.get("positions", ())
    if not positions:
        return 0
    place = min(bisect_left(positions, position), len(positions) - 1)
    before = positions[place - 1] if place else positions[0] - line["counts"][0]
    share = (position - before) / max(positions[place] - before, 1)
    return int(line["since_ns"] + _width_ns(line) * (place + min(max(share, 0.0), 1.0)))


def by_bins(scene: Scene, count: int) -> Past | None:
    """Return the moment so many bins from here; None: that is now."""
    line = scene.answers.get("timeline", {})
    positions: Sequence[int] = line.get("positions", ())
    if not positions:
        return scene.past
    here = scene.past.at_ns if scene.past else line["until_ns"]
    width = _width_ns(line)
    place = round((here - line["since_ns"]) / width) + count
    if place >= len(positions):
        return None
    place = max(place, 1)
    return moment(scene, max(positions[place - 1], 1), int(line["since_ns"] + place * width))


def by_events(scene: Scene, count: int) -> Past | None:
    """Return the moment so many events from here; None: that is now."""
    here = scene.past.position if scene.past else scene.position
    position = max(here + count, 1)
    return None if position >= newest(scene) else at_position(scene, position)


def by_mark(scene: Scene, forward: bool) -> Past | None:
    """Return the moment of the mark behind or before this one; where there is none, the present moment."""
    here = scene.past.position if scene.past else scene.position + 1
    marks = marks_of(scene)
    if forward:
        found = next((one for one in marks if one["position"] > here), None)
    else:
        found = next((one for one in reversed(marks) if one["position"] < here), None)
    return scene.past if found is None else moment(scene, found["position"], found["at_ns"])


def by_words(scene: Scene, text: str, now_ns: int) -> Past | None:
    """Return the moment that words mean: a position, a time, or the last mark that has all of them.

    Raises:
        UsageError: they are no moment.
        LookupError: no mark matches; the message says so.
    """
    if _LOOKS_LIKE_WHEN.match(text.strip().lower()):
        return _read(scene, text, now_ns)
    words = text.lower().split()
    for one in reversed(marks_of(scene)):
        if all(word in _said_of(one) for word in words):
            return moment(scene, one["position"], one["at_ns"])
    raise LookupError(f"no mark of the time bar matches '{text}'; say -2h, 14:02 or #121004, too.")


def _said_of(mark: Row) -> str:
    """Return all that a mark can be found by."""
    also = (
        "spike"
        if mark["kind"] == "alert" and " expected (z " in mark["words"]
        else _ALSO.get(mark["kind"], "")
    )
    return (
        f"{mark.get('entity', '')} {mark['kind']} {also} step {mark.get('step', '')} {mark['words']}".lower()
    )


def beyond(scene: Scene, text: str, now_ns: int) -> Literal["", "begin", "bar", "end"]:
    """Say beyond what the moment lies that words mean: the log's beginning or end, or what the bar shows of the log.

    Raises:
        UsageError: they are no moment.
    """
    if not _LOOKS_LIKE_WHEN.match(text.strip().lower()):
        return ""
    when, line = parse_when(text, now_ns), scene.answers.get("timeline", {})
    if when.at_position is not None:
        return "end" if when.at_position > newest(scene) else ""
    if not line.get("positions"):
        return ""
    at_ns = when.at_ns or 0
    if position_at(line, at_ns) == 0:
        return "begin"
    if at_ns >= line["since_ns"]:
        return ""
    return "bar" if line["positions"][0] > line["counts"][0] else "begin"


def begins_ns(line: Line) -> int:
    """Return about when the first event was recorded that the bar shows."""
    counted = next((place for place, count in enumerate(line["counts"]) if count), 0)
    return int(line["since_ns"] + _width_ns(line) * counted)


def at_time(scene: Scene, at_ns: int) -> Past | None:
    """Return the moment of a time; None: that is now."""
    line = scene.answers.get("timeline", {})
    if not line or at_ns >= line["until_ns"]:
        return None
    return moment(scene, max(position_at(line, at_ns), 1), at_ns)


def at_position(scene: Scene, position: int) -> Past:
    """Return the moment of a position."""
    known = next((one["recorded_at_ns"] for one in scene.events if one["position"] == position), None)
    about = known or time_of(scene.answers.get("timeline", {}), position)
    return moment(scene, position, about)


def moment(scene: Scene, position: int, at_ns: int) -> Past:
    """Return a past moment; what was set in the last one stays."""
    last = max(newest(scene), position)
    return replace(
        scene.past or Past(position, at_ns, last), position=position, at_ns=at_ns, last_position=last
    )


def settled(past: Past, answers: Mapping[str, Any]) -> Past:
    """Return the moment with the time that an answer about it tells."""
    if past.speed:
        return past
    for answer in answers.values():
        told = answer.get("as_of", {})
        if told.get("past") and told.get("position") == past.position and told.get("recorded_at_ns"):
            return replace(past, at_ns=told["recorded_at_ns"])
    return past


def played(scene: Scene, seconds: float) -> Past | None:
    """Return the moment after some seconds of playing; None: it has come to now."""
    past = scene.past
    if past is None or not past.speed or not scene.answers.get("timeline"):
        return past
    at_ns = past.at_ns + round(seconds * past.speed * 1e9)
    there = at_time(scene, at_ns)
    return None if there is None else replace(there, position=max(there.position, past.position))


def newest(scene: Scene) -> int:
    """Return the last position of the log now, also while a past moment is shown."""
    return scene.past.last_position if scene.past else scene.position


def marks_of(scene: Scene) -> Sequence[Row]:
    """Return the marks of the time line, in order."""
    marks: Sequence[Row] = scene.answers.get("timeline", {}).get("marks", ())
    return marks


def column_at(line: Line, at_ns: int, width: int) -> int:
    """Return which of `width` columns a time is drawn in."""
    share = (at_ns - line["since_ns"]) / max(line["until_ns"] - line["since_ns"], 1)
    return min(max(int(share * width), 0), width - 1)


def time_at(line: Line, column: int, width: int) -> int:
    """Return the time of a column."""
    return int(line["since_ns"] + (line["until_ns"] - line["since_ns"]) * (column + 0.5) / max(width, 1))


def _read(scene: Scene, text: str, now_ns: int) -> Past | None:
    when = parse_when(text, now_ns)
    if when.at_position is not None:
        return None if when.at_position >= newest(scene) else at_position(scene, when.at_position)
    return at_time(scene, when.at_ns or 0)


def _place(line: Line, at_ns: int) -> tuple[int, float]:
    """Return the bin of a time, and how far in it that lies."""
    exact = (at_ns - line["since_ns"]) / _width_ns(line)
    place = min(max(int(exact), 0), len(line["positions"]) - 1)
    return place, min(max(exact - place, 0.0), 1.0)


def _width_ns(line: Line) -> float:
    return float(max((line["until_ns"] - line["since_ns"]) / max(len(line["counts"]), 1), 1.0))
