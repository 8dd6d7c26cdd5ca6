"""What is known of one agent: what it did last, what it holds, and what happens if it stays silent."""

from collections.abc import Mapping, Sequence
from typing import Final

from coord.services.wording import age
from coord.tui.ink import Ink, Line, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import exact_time, time_of, waiting, wrapped
from coord.tui.scene import Answer, Row, Scene
from coord.tui.telling import entity_of, kind_of, mark_of, sentence
from coord.tui.views.crew import (
    DRAINING,
    GONE,
    IDLE,
    LOST,
    NO_ANSWER,
    SILENT,
    Crew,
    gone_because,
    is_full,
    lease_left,
    note,
    within,
)

SECOND_NS: Final = 10**9


def doings(scene: Scene, row: Row, room: int) -> list[Line]:
    """List what an agent did and what was written about it, the newest last; as many as fit."""
    name = row["agent"]
    events = _of(
        name, scene.answers.get("agent_history", NO_ANSWER), scene.answers.get("agent_doings", NO_ANSWER)
    )
    if not events:
        key = "agent_doings" if "agent_doings" in scene.faults else "agent_history"
        return [waiting(scene, key, "asking for what it did")]
    return [_doing(entry, name) for entry in events[-max(room, 1) :]]


@remembered
def _of(name: str, history: Answer, doings: Answer) -> Sequence[Row]:
    """Bring together what is told of an agent, each event once; an answer about another agent is left out."""
    about = [entry for entry in history.get("events", ()) if entity_of(entry) == name]
    by = [entry for entry in doings.get("events", ()) if _names(entry, name)]
    return sorted(
        {entry["position"]: entry for entry in (*about, *by)}.values(), key=lambda entry: entry["position"]
    )


def _names(entry: Row, name: str) -> bool:
    told = entry.get("fields")
    return entry.get("actor") == name or (isinstance(told, Mapping) and told.get("agent") == name)


def _doing(entry: Row, name: str) -> Line:
    glyph, ink = mark_of(entry)
    entity = entity_of(entry)
    return line(
        (f"{exact_time(entry['recorded_at_ns'])[:8]} ", Ink.DIM),
        (f"{glyph} ", ink),
        said(kind_of(entry) + " ", ink),
        said("" if entity == name else f"{entity}  ", Ink.STRONG),
        said(sentence(entry)),
    )


def holdings(row: Row, crew: Crew, late_seconds: float) -> list[Line]:
    """List what an agent holds, the oldest claim first."""
    held = crew.held.get(row["agent"], ())
    if not held:
        return (
            []
            if not row["holds"]
            else [line((f"holds {row['holds']} items that are not among those shown", Ink.DIM))]
        )
    lines = []
    for item in held:
        left = lease_left(item, row, late_seconds)
        share = item.get("progress")
        lines.append(
            line(
                said(item["id"], Ink.STRONG),
                ("" if share is None else f" {100 * share:.0f} %", Ink.OK),
                (" stuck" if item.get("stuck") else "", Ink.WARN),
                (f"  held {age(item['state_seconds'] + late_seconds)}", Ink.DIM),
                ("" if left is None else f"  lease {age(max(left, 0.0))}", Ink.DIM),
                said(f"  {item['title']}"),
            )
        )
    return lines


def fates(row: Row, crew: Crew, late_seconds: float, now_ns: int, width: int) -> list[Line]:
    """Say why an agent is as it is, and what happens by itself, and when."""
    mood = crew.moods[row["agent"]]
    if row["status"] in GONE:
        words = gone_because(row)
        again = "Registered again under its name it is a new incarnation."
        return wrapped(f"{words[0].upper()}{words[1:].rstrip('.')}. {again}", width)
    if mood is LOST:
        return _fates_lost(row, crew, late_seconds, now_ns, width)
    if mood is SILENT:
        return _fates_silent(row, crew, late_seconds, now_ns, width)
    silent = row.get("silent_seconds")
    heard = (
        ""
        if silent is None
        else f"Last heard {age(silent + late_seconds)} ago; lost after {age(crew.silence_seconds)} of silence."
    )
    if mood is DRAINING:
        words = note(row, crew)
        left = f"It {words}. coord register {row['agent']} makes it active again."
        return [*wrapped(left, width), *wrapped(heard, width, Ink.DIM)]
    if mood is IDLE:
        return [*wrapped(_why_idle(row, crew), width), *wrapped(heard, width, Ink.DIM)]
    full = f"It holds as many items as it may ({row['wip_limit']})." if is_full(row) else ""
    return [*wrapped(full, width), *wrapped(heard, width, Ink.DIM)]


def _why_idle(row: Row, crew: Crew) -> str:
    offers = ", ".join(row.get("capabilities", ())) or "nothing in particular"
    teams = " and ".join(filter(None, (row.get("team"), *row.get("serves", ()))))
    team = f", for {teams}" if teams else ""
    words = note(row, crew)
    return f"{words[0].upper()}{words[1:]}. It offers {offers}{team}."


def _fates_lost(row: Row, crew: Crew, late_seconds: float, now_ns: int, width: int) -> list[Line]:
    silent = row.get("silent_seconds")
    since = (
        ""
        if silent is None
        else f" since {_clock(now_ns, -silent - late_seconds)} ({age(silent + late_seconds)})"
    )
    limit = age(crew.silence_seconds)
    lines = wrapped(f"Nothing was heard of it{since}; it may be silent for {limit}.", width, Ink.BAD)
    lines += _in_time(_leases(row, crew, late_seconds), now_ns, width)
    lines += wrapped("A heartbeat, or any command of this incarnation, and it is active again:", width)
    return [*lines, line(said(f"coord heartbeat {row['agent']}", Ink.ACCENT))]


def _fates_silent(row: Row, crew: Crew, late_seconds: float, now_ns: int, width: int) -> list[Line]:
    silent = (row.get("silent_seconds") or 0.0) + late_seconds
    lost_in = crew.silence_seconds - silent
    lines = wrapped(
        f"Last heard at {_clock(now_ns, -silent)}, {age(silent)} ago. Unless it speaks:", width, Ink.WARN
    )
    coming = [(lost_in, f"{within(lost_in)} it counts as lost"), *_leases(row, crew, late_seconds)]
    return [*lines, *_in_time(coming, now_ns, width), *wrapped(_others(row, crew), width, Ink.DIM)]


def _others(row: Row, crew: Crew) -> str:
    """Say whether others are heard: where nobody is, the machine or the network is to blame."""
    others = [other for other in crew.active if other["agent"] != row["agent"]]
    fine = sum(crew.moods[other["agent"]] is not SILENT for other in others)
    if not others:
        return ""
    if not fine:
        return "Nobody else is heard either: look at the machine, or the network, first."
    return f"{fine} other{'s are' if fine > 1 else ' is'} heard: the house and its network are well."


def _leases(row: Row, crew: Crew, late_seconds: float) -> list[tuple[float, str]]:
    """Say when each lease ends, and what then."""
    return [
        (
            left,
            f"{within(left)} {item['id']} is open again; what comes under fence {item.get('fence')} is refused",
        )
        for item in crew.held.get(row["agent"], ())
        if (left := lease_left(item, row, late_seconds)) is not None
    ]


def _in_time(coming: Sequence[tuple[float, str]], now_ns: int, width: int) -> list[Line]:
    """List what happens by itself, the first first, with its time."""
    lines = []
    for seconds, words in sorted(coming):
        for place, part in enumerate(wrapped(words, max(width - 9, 8))):
            lines.append(line((f"{_clock(now_ns, seconds)} " if not place else " " * 9, Ink.STRONG), *part))
    return lines


def _clock(now_ns: int, seconds: float) -> str:
    return time_of(now_ns + round(seconds * SECOND_NS))
