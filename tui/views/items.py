"""Work items as a person sees them: how they stand, why they do not move, and what happens next.

Worst first: claims in danger, items that nobody can take, what failed within the last hour, claims that go
well, what waits, and what has ended.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from coord.services.wording import age
from coord.tui.filtering import Field
from coord.tui.ink import Ink
from coord.tui.scene import Row
from coord.tui.views.crew import LOST, SILENT, Crew, Kind, is_full, kind_of, lease_left, may_take, within

STATES: Final = {
    "open": ("○", Ink.TEXT),
    "claimed": ("●", Ink.ACCENT),
    "completed": ("✔", Ink.OK),
    "failed": ("✖", Ink.BAD),
    "cancelled": ("·", Ink.DIM),
}
"""Glyph and ink of each state, in the order in which an item goes through them."""
HELD_BACK: Final = {"blocked": ("▪", Ink.WARN), "parked": ("▫", Ink.WARN)}
"""Of items that are alive and on offer to nobody: they stand with the open ones."""
FRESH_SECONDS: Final = 3_600.0
"""For so long something that failed is told before what goes well."""


class Why(NamedTuple):
    """Why an item is as it is, and what comes next."""

    words: str
    ink: Ink
    rank: int
    """0 is worst."""
    stuck: str = ""
    """Why nobody can take it, in words that items of a kind share; empty: somebody can."""


def look_of(status: str) -> tuple[str, Ink]:
    """Return glyph and ink of a state."""
    return STATES.get(status) or HELD_BACK.get(status, ("?", Ink.DIM))


def lane_of(status: str) -> str:
    """Return with which state an item is shown."""
    return "open" if status in HELD_BACK else status


def why(item: Row, crew: Crew, late_seconds: float = 0.0) -> Why:
    """Say why an item does not move, or how it ended."""
    status = item["status"]
    if status == "open":
        return _why_open(item, crew)
    if status == "claimed":
        return _why_claimed(item, crew, late_seconds)
    note = str(item.get("note") or "")
    if status in HELD_BACK:
        return Why(f"{status}: {note}" if note else status, Ink.WARN, 1)
    if status == "failed":
        fresh = item["state_seconds"] < FRESH_SECONDS
        return Why(note or "no reason was given", Ink.BAD if fresh else Ink.DIM, 2 if fresh else 5)
    if status == "cancelled":
        return Why(note, Ink.DIM, 5)
    return Why(f"by {item['agent']}" if item.get("agent") else "", Ink.DIM, 5)


def _why_open(item: Row, crew: Crew) -> Why:
    if item.get("waits"):
        return _why_waiting(item["waits"])
    kind = kind_of(item)
    if kind not in crew.openings:
        crew.openings[kind] = _why_kind(kind, crew)
    reason: Why = crew.openings[kind]
    attempts = item.get("attempt")
    if not attempts:
        return reason
    return reason._replace(words=f"{reason.words}; {attempts} attempt{'s' if attempts > 1 else ''} ended")


def _why_waiting(waits: Row) -> Why:
    """Say what keeps an item from being claimed, whoever may take it."""
    if waits.get("in_vain"):
        return Why(f"waits in vain for {', '.join(waits['in_vain'][:3])}", Ink.WARN, 1)
    if waits.get("items"):
        return Why(f"waits for {', '.join(waits['items'][:3])}", Ink.DIM, 4)
    if waits.get("key"):
        return Why(f"waits for its turn at {waits['key']}", Ink.DIM, 4)
    return Why("waits for its time", Ink.DIM, 4)


def _why_kind(kind: Kind, crew: Crew) -> Why:
    """Say why items of a kind are open."""
    if not crew.known:
        return Why("who may take it is not known yet", Ink.DIM, 4)
    takers = [agent for agent in crew.active if may_take(kind, agent)]
    if not takers:
        missing = _what_is_missing(kind, crew)
        return Why(missing, Ink.WARN, 1, missing)
    idle = [agent for agent in takers if not agent["holds"]]
    free = [agent for agent in takers if not is_full(agent)]
    if idle:
        words = f"{_names(idle)} may take it: idle, not asking for it"
    elif free:
        words = f"waits for {_names(free)}: busy"
    else:
        words = f"all who may take it hold as many as they may: {_names(takers)}"
    return Why(words, Ink.TEXT, 4)


def _what_is_missing(kind: Kind, crew: Crew) -> str:
    """Say why no agent that lives may take items of a kind."""
    if not crew.active:
        return "no agent is active"
    team, wanted = kind
    members = [agent for agent in crew.active if team in (None, agent.get("team"))]
    if not members:
        return f"team {team} has no active agent{_gone(kind, crew)}"
    offered = {name for agent in members for name in agent.get("capabilities", ())}
    missing = [name for name in wanted if name not in offered]
    who = f"no active agent of team {team}" if team else "no active agent"
    if missing:
        return f"{who} offers {', '.join(missing)}{_gone(kind, crew)}"
    return f"{who} offers all of {', '.join(wanted)}"


def _gone(kind: Kind, crew: Crew) -> str:
    """Name the lost agents that could take items of a kind."""
    lost = [row for row in crew.rows if row["status"] == "lost" and may_take(kind, row)]
    return f" ({_names(lost)} could: lost)" if lost else ""


def _names(agents: Sequence[Row]) -> str:
    shown = ", ".join(agent["agent"] for agent in agents[:3])
    return shown if len(agents) <= 3 else f"{shown} and {len(agents) - 3} more"


def _why_claimed(item: Row, crew: Crew, late_seconds: float) -> Why:
    name = str(item.get("agent") or "")
    if not _is_in_danger(item, crew, late_seconds):
        told = _going_on(item)
        return Why(told or "in work; nothing told yet", Ink.TEXT if told else Ink.DIM, 3)
    holder, mood = crew.by_name.get(name), crew.moods.get(name)
    left = lease_left(item, holder, late_seconds)
    then = f"; open again {within(left)}, attempt {item['attempt'] + 1}" if left is not None else ""
    if mood is LOST:
        return Why(f"{name} is lost{then}", Ink.BAD, 0)
    if item.get("stuck"):
        return Why(f"{name} lives and shows no work on it", Ink.WARN, 0)
    if mood is SILENT and holder is not None:
        return Why(
            f"{name} silent {age((holder.get('silent_seconds') or 0.0) + late_seconds)}{then}", Ink.WARN, 0
        )
    return Why(f"no sign of life for {age(item['lease_seconds'] - (left or 0.0))}{then}", Ink.WARN, 0)


def _is_in_danger(item: Row, crew: Crew, late_seconds: float) -> bool:
    """Tell whether a claim may end without its item being done: why, `why` says."""
    name = str(item.get("agent") or "")
    holder, mood = crew.by_name.get(name), crew.moods.get(name)
    if mood is LOST or item.get("stuck") or (mood is SILENT and holder is not None):
        return True
    left = lease_left(item, holder, late_seconds)
    return left is not None and left < item["lease_seconds"] / 3


def _going_on(item: Row) -> str:
    share, note = item.get("progress"), item.get("note")
    parts = ["" if share is None else f"{100 * share:.0f} %", note or ""]
    if item.get("verify"):
        parts.append(f"ends only when {item['verify']} has passed")
    return " · ".join(part for part in parts if part)


def seconds_left(item: Row, crew: Crew, late_seconds: float = 0.0) -> float | None:
    """Return for how long the claim of an item lasts, if its holder stays silent."""
    return lease_left(item, crew.by_name.get(str(item.get("agent") or "")), late_seconds)


def fields(crew: Crew) -> dict[str, Field]:
    """Return what can be filtered by, beside the row's own fields."""
    return {
        "state": lambda item: item["status"],
        "age": lambda item: item["age_seconds"],
        "since": lambda item: item["state_seconds"],
        "p": lambda item: item["priority"],
        "needs": lambda item: " ".join(item.get("capabilities", ())),
        "holder": lambda item: item.get("agent"),
        "lease": lambda item: seconds_left(item, crew),
        "why": lambda item: why(item, crew).words,
    }


ORDERS: Final = ("worst", "priority", "age", "state", "agent", "id")
"""The first is worst first."""


def in_order(rows: Sequence[Row], order: str, crew: Crew) -> list[Row]:
    """Sort items; each order is its own opinion of what comes first."""
    states = list(STATES)
    keys: dict[str, Any] = {
        "priority": lambda item: (-item["priority"], -item["age_seconds"]),
        "age": lambda item: -item["age_seconds"],
        "state": lambda item: (
            states.index(lane_of(item["status"])),
            -item["priority"],
            -item["age_seconds"],
        ),
        "agent": lambda item: (item.get("agent") is None, item.get("agent") or "", -item["priority"]),
        "id": lambda item: item["id"],
    }
    return sorted(rows, key=keys.get(order) or (lambda item: _worst(item, crew)))


def _worst(item: Row, crew: Crew) -> tuple[Any, ...]:
    rank = _rank(item, crew)
    return (5, 0, item["state_seconds"]) if rank == 5 else (rank, -item["priority"], -item["age_seconds"])


def _rank(item: Row, crew: Crew) -> int:
    """Return how bad an item's standing is, 0 worst; of a claim that goes well, without putting it into words."""
    if item["status"] == "claimed" and not _is_in_danger(item, crew, 0.0):
        return 3
    return why(item, crew).rank
