"""One event in full: its fields or its JSON, what led to it, and what it led to among the events at hand."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from coord.services.wording import safe
from coord.tui.boxes import box
from coord.tui.ink import Ink, Line, cell, fit, line, said
from coord.tui.phrases import wrapped
from coord.tui.scene import Row
from coord.tui.telling import entity_of, kind_of, mark_of, sentence
from coord.tui.views.event_rows import LINKS, is_position, named_by, when

_NAME_CELLS_MAX: Final = 22
_VALUE_LENGTH: Final = 2_000


class Cause(NamedTuple):
    """Another event that this one names."""

    position: int
    words: str


def causes_of(entry: Row, entries: Mapping[int, Row]) -> list[Cause]:
    """Return what an event names as before it; the first is what led to it most directly."""
    fields, named = _fields(entry), named_by(entry)
    links = {fields[name]: words for name, words in LINKS.items() if is_position(fields.get(name))}
    raised = _raised(entry, named.alert, entries)
    found = [Cause(raised, "the alert")] if raised else []
    found += [Cause(position, links.get(position, "evidence")) for position in named.positions]
    return [one for one in dict.fromkeys(found) if one.position < entry["position"]]


def effects_of(entry: Row, entries: Mapping[int, Row]) -> list[int]:
    """Return the positions of events at hand that name this one."""
    here = entry["position"]
    alert = entity_of(entry) if kind_of(entry) == "alert.raised" else None
    found = []
    for position, other in entries.items():
        if position > here:
            named = named_by(other)
            if here in named.positions or (alert and named.alert == alert):
                found.append(position)
    return sorted(found)


def event_box(entry: Row, entries: Mapping[int, Row], raw: bool, width: int, height: int) -> list[Line]:
    """Draw the pane of an event."""
    inner = width - 2
    body = [*_head(entry, entries, inner - 2), *(_raw(entry) if raw else _told(entry, inner - 2))]
    title = safe(f"#{entry['position']:,} {kind_of(entry)} · {entity_of(entry)}")
    hint = "x fields" if raw else "x JSON"
    return box(title, [fit(line(" ", *one), inner) for one in body], width, height, hint)


def _head(entry: Row, entries: Mapping[int, Row], width: int) -> Iterator[Line]:
    glyph, ink = mark_of(entry)
    yield fit(line((f"{glyph} " if glyph.strip() else "", ink), said(sentence(entry), Ink.STRONG)), width)
    causes, effects = causes_of(entry, entries), effects_of(entry, entries)
    if causes or effects:
        yield fit(line(*_linked("c caused by ", causes), *_led(effects)), width)
    by = entry.get("actor") or entry.get("source") or ""
    yield fit(
        line((f"{when(entry)}  by ", Ink.DIM), said(by), ("  request ", Ink.DIM), _request(entry)), width
    )


def _linked(words: str, causes: Sequence[Cause]) -> Iterator[tuple[str, Ink]]:
    if causes:
        yield words, Ink.DIM
    for place, cause in enumerate(causes[:3]):
        yield f"{', ' if place else ''}{cause.words} ", Ink.DIM
        yield f"#{cause.position:,}", Ink.ACCENT
    if len(causes) > 3:
        yield f" and {len(causes) - 3} more", Ink.DIM


def _led(effects: Sequence[int]) -> Iterator[tuple[str, Ink]]:
    if effects:
        yield "   C led to ", Ink.DIM
        yield ", ".join(f"#{one:,}" for one in effects[:4]), Ink.ACCENT


def _request(entry: Row) -> Any:
    return said(entry["request_id"], Ink.DIM) if entry.get("request_id") else ("none", Ink.DIM)


def _told(entry: Row, width: int) -> Iterator[Line]:
    if entry.get("fault"):
        yield from wrapped(f"It is no event of ours: {entry['fault']}", width, Ink.BAD)
    fields = _fields(entry)
    wide = min(max((len(safe(name)) + 2 for name in fields), default=0), _NAME_CELLS_MAX, width // 2)
    for name, value in fields.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for place, row in enumerate(wrapped(str(shown)[:_VALUE_LENGTH], width - wide) or [line("")]):
            yield line((cell(safe(name) if place == 0 else "", wide), Ink.DIM), *row)


def _raw(entry: Row) -> Iterator[Line]:
    for row in json.dumps(entry, indent=1, ensure_ascii=False).splitlines():
        yield line(" " * (len(row) - len(row.lstrip())), said(row.lstrip()))


def _raised(entry: Row, alert: str, entries: Mapping[int, Row]) -> int:
    """Return where the alert was raised that an event is about, as far as it is at hand."""
    if not alert or kind_of(entry) == "alert.raised":
        return 0
    found = (
        position
        for position, one in entries.items()
        if position < entry["position"] and one["type"].startswith("alert.raised") and entity_of(one) == alert
    )
    return max(found, default=0)


def _fields(entry: Row) -> Mapping[str, Any]:
    fields = entry.get("fields")
    return fields if isinstance(fields, Mapping) else {}
