"""The list of events: what the filter leaves of the newest, and of what the log was searched for."""

import json
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeGuard, TypeVar

from coord.services.wording import age
from coord.tui.filtering import filtered
from coord.tui.ink import Ink, said
from coord.tui.memo import remembered
from coord.tui.phrases import day_and_time, exact_time
from coord.tui.scene import Answer, Place, Row, Scene
from coord.tui.table import Column
from coord.tui.telling import aggregate_of, entity_of, kind_of, mark_of, sentence

FOUND: Final = "events_found"
SEARCHED: Final = 500
"""Events that one search returns."""
_READ_MAX: Final = 8_000
_OWN_FIELDS: Final = ("type", "entity", "by", "aggregate")


class Shown(NamedTuple):
    """The events that are shown, by their positions, oldest first."""

    positions: Sequence[int]
    entries: Mapping[int, Row]
    """The events themselves: those that are shown, and those that are not."""
    total: int
    fault: str = ""


class Named(NamedTuple):
    """What an event names as before it."""

    positions: Sequence[int]
    alert: str


T = TypeVar("T")
_Known = dict[int, tuple[Row, T]]
"""What was worked out from events, by position; each beside the event itself."""

LINKS: Final = {
    "directive_position": "the directive",
    "fence": "the claim",
    "incarnation": "the registration",
}
"""Fields that hold the position of another event."""
_TESTED: Final[dict[str, dict[int, tuple[Row, bool]]]] = {}
"""Of the last filter: which rows it leaves."""
_LAST: Final[list[Sequence[Row]]] = [()]
_ROWS: Final[_Known[Row]] = {}
"""Events in words: one is put into words when it is first in sight, and once, however often the list is drawn."""
_NAMED: Final[_Known[Named]] = {}


def shown_events(scene: Scene, place: Place) -> Shown:
    """Return the events that the place's filter leaves, those that a search of the log found among them."""
    found = scene.answers.get(FOUND) if place.filter else None
    return _shown(_same(scene.events), found, place.filter)


def search_fields(text: str) -> Mapping[str, Any]:
    """Turn a filter into what the log is searched for: never less than the filter leaves, often more."""
    fields: dict[str, Any] = {"limit": SEARCHED}
    texts: list[str] = []
    for word in text.split():
        name, sign, value = _parted(word)
        if word.startswith("!") or not value:
            continue
        if name == "type" and "." in value and "," not in value:
            fields["type"] = value
        elif name == "aggregate" and sign == "=":
            fields["aggregate"] = value
        elif name == "entity" and sign == "=":
            fields["entity"] = value
        elif name == "by":
            fields["actor"] = value
        elif name in ("", "entity") and "," not in value:
            texts.append(value)
    if texts:
        fields["text"] = max(texts, key=len)
    return fields


def columns(shown: Shown, wide: bool) -> Sequence[Column[Row]]:
    """Return what the list shows."""
    times = exact_time if wide else lambda at_ns: exact_time(at_ns)[:8]
    return (
        Column("POSITION", 9, lambda row: f"{row['position']:,}", right=True),
        Column("TIME", 12 if wide else 8, lambda row: (times(row["at_ns"]), Ink.DIM), rank=2),
        Column("Δ", 7, lambda row: (_delta(_since_last(shown, row)), Ink.DIM), right=True, rank=6),
        Column("", 1, lambda row: row["mark"]),
        Column("TYPE", 22 if wide else 18, lambda row: said(row["type"], row["mark"][1]), rank=1),
        Column("ENTITY", 16 if wide else 12, lambda row: said(row["entity"], Ink.STRONG)),
        Column("WHAT IT SAYS", 12, lambda row: said(row["summary"]), flexible=True),
        Column("BY", 12, lambda row: said(row["by"], Ink.DIM), rank=5),
    )


class Rows(Sequence[Row]):
    """Events as rows of the list: only those that are looked at are put into words."""

    def __init__(self, entries: Mapping[int, Row], positions: Sequence[int]) -> None:
        self._entries, self._positions = entries, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, place: Any) -> Any:
        """Return a row; of a slice, its rows."""
        if isinstance(place, slice):
            return Rows(self._entries, self._positions[place])
        return row_of(self._entries[self._positions[place]])


def row_of(entry: Row) -> Row:
    """Return an event as a row of the list: in words."""
    return _once(_ROWS, entry, _worded)


def when(entry: Row) -> str:
    """Write when an event was recorded, with its day."""
    return f"{day_and_time(entry['recorded_at_ns'])}Z"


def slice_text(shown: Shown) -> str:
    """Write the events that are shown as lines of JSON."""
    return "".join(
        json.dumps(shown.entries[position], ensure_ascii=False) + "\n" for position in shown.positions
    )


def _same(events: Sequence[Row]) -> Sequence[Row]:
    """Return the sequence that was drawn last when it holds the same events: a new one is made for every picture."""
    last = _LAST[0]
    if len(last) == len(events) and (not events or (last[0] is events[0] and last[-1] is events[-1])):
        return last
    _LAST[0] = events
    return events


def named_by(entry: Row) -> Named:
    """Return what an event names: positions of other events, and the alert it belongs to."""
    return _once(_NAMED, entry, _named)


@remembered
def _shown(events: Sequence[Row], found: Answer | None, text: str) -> Shown:
    entries = {one["position"]: one for one in (found or {}).get("events", ())}
    entries |= {one["position"]: one for one in events}
    positions = sorted(entries) if found else list(entries)
    kept, fault = _left(positions, entries, text) if text else (positions, "")
    return Shown(kept, entries, len(positions), fault)


def _left(positions: Sequence[int], entries: Mapping[int, Row], text: str) -> tuple[Sequence[int], str]:
    """Filter, and test each row only once however often new ones come."""
    known = _TESTED.get(text)
    if known is None:
        _TESTED.clear()
        known = _TESTED[text] = {}
    rows = [row_of(entries[position]) for position in positions]
    new = [row for row in rows if id(row) not in known]
    left = filtered(new, text, _names(entries))
    if left.fault:
        return positions, left.fault
    passed = set(map(id, left.rows))
    for row in new:
        known[id(row)] = (row, id(row) in passed)
    if len(known) > _READ_MAX:
        _TESTED.clear()
    return [row["position"] for row in rows if known[id(row)][1]], ""


def _once(known: _Known[T], entry: Row, work_out: Callable[[Row], T]) -> T:
    """Return what an event gives, worked out once."""
    found = known.get(entry["position"])
    if found is not None and found[0] is entry:
        return found[1]
    if len(known) >= _READ_MAX:
        known.clear()
    given = work_out(entry)
    known[entry["position"]] = (entry, given)
    return given


def _worded(entry: Row) -> Row:
    return {
        "position": entry["position"],
        "at_ns": entry["recorded_at_ns"],
        "mark": mark_of(entry),
        "type": kind_of(entry),
        "entity": _about(entry),
        "aggregate": aggregate_of(entry),
        "summary": sentence(entry),
        "by": entry.get("actor") or str(entry.get("source") or "").strip("/").replace("/", " "),
    }


def _named(entry: Row) -> Named:
    fields = entry.get("fields")
    if not isinstance(fields, Mapping):
        return Named((), "")
    evidence = fields.get("evidence")
    found = [fields.get(name) for name in LINKS] + [
        one.get("position")
        for one in (evidence if isinstance(evidence, list) else ())
        if isinstance(one, Mapping) and one.get("stream") == "EVENTS"
    ]
    aggregate = aggregate_of(entry)
    alert = (
        fields.get("alert") if aggregate == "directive" else entity_of(entry) if aggregate == "alert" else ""
    )
    return Named(tuple(one for one in found if is_position(one)), str(alert or ""))


def is_position(value: Any) -> TypeGuard[int]:
    """Tell whether a field can be the position of an event."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _about(entry: Row) -> str:
    """Return what an event is about: of an alert that is raised, what it is raised about, not its own id."""
    fields = entry.get("fields")
    named = fields.get("entity") if isinstance(fields, Mapping) and aggregate_of(entry) == "alert" else None
    return str(named or entity_of(entry))


def _names(entries: Mapping[int, Row]) -> Mapping[str, Any]:
    """Let words be looked for in the whole event, as the log itself does."""
    return {"body": lambda row: json.dumps(entries[row["position"]].get("fields"), ensure_ascii=False)}


def _since_last(shown: Shown, row: Row) -> int | None:
    """Return the nanoseconds since the event that is shown before one."""
    place = bisect_left(shown.positions, row["position"])
    if not 0 < place < len(shown.positions) or shown.positions[place] != row["position"]:
        return None
    before = shown.entries[shown.positions[place - 1]]
    return int(row["at_ns"] - before["recorded_at_ns"])


def _delta(nanoseconds: int | None) -> str:
    if nanoseconds is None or nanoseconds < 0:
        return ""
    seconds = nanoseconds / 1e9
    return f"+{seconds * 1_000:.0f}ms" if seconds < 1 else f"+{age(seconds)}"


def _parted(word: str) -> tuple[str, str, str]:
    for sign in (":", "="):
        name, found, value = word.partition(sign)
        if found and name.lower() in _OWN_FIELDS:
            return name.lower(), sign, value
    return "", "", word
