"""Work items as a person sees them: how they stand, why they do not move, and what happens next.

Worst first: claims in danger, items that nobody can take, what failed within the last hour, claims that go
well, what waits, and what has ended.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from coord.services.planned import waits_for
from coord.services.wording import age, full_team
from coord.tui.filtering import Field
from coord.tui.ink import Ink
from coord.tui.scene import Answer, Row
from coord.tui.views.crew import (
    LOST,
    SILENT,
    Crew,
    Kind,
    is_full,
    is_of,
    kind_of,
    lease_left,
    may_take,
    within,
)

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
STUCK: Final = ("⚠", Ink.WARN)
"""Of a claimed item whose holder lives and shows no work."""
ENDED: Final = ("completed", "failed", "cancelled")
WITHIN: Final = {"open": "waiting", "claimed": "stuck"}
"""Which of the items in a state are counted for themselves, too: those that cannot be claimed now, those that are stuck."""
SECOND_NS: Final = 10**9
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


def look_of(item: Row) -> tuple[str, Ink]:
    """Return glyph and ink of an item."""
    if item.get("stuck"):
        return STUCK
    return STATES.get(item["status"]) or HELD_BACK.get(item["status"], ("?", Ink.DIM))


def state_of(item: Row) -> str:
    """Return the state of an item in a word."""
    return "stuck" if item.get("stuck") else str(item["status"])


def counted(board: Answer) -> Iterator[tuple[str, str, Ink, int, str]]:
    """Yield state, glyph, ink and number of the items of a board, and in words how many of them wait or are stuck.

    Blocked and parked ones come right behind the open ones, where there are any.
    """
    counts = board.get("counts", {})
    for state in ("open", *HELD_BACK, *list(STATES)[1:]):
        count, inner = counts.get(state, 0), WITHIN.get(state, "")
        if not count and state in HELD_BACK:
            continue
        more = board.get(inner) or 0 if inner else 0
        yield state, *(STATES.get(state) or HELD_BACK[state]), count, f"{more:,} {inner}" if more else ""


def lane_of(status: str) -> str:
    """Return with which state an item is shown."""
    return "open" if status in HELD_BACK else status


def standing(item: Row, crew: Crew, late_seconds: float = 0.0) -> Why:
    """Say how an item stands: that it is late, and why it does not move, or how it ended."""
    found, due = why(item, crew, late_seconds), due_seconds(item, crew)
    if due is None or due - late_seconds >= 0:
        return found
    return found._replace(
        words=f"late {age(late_seconds - due)}; {found.words}",
        ink=found.ink if found.rank == 0 else Ink.WARN,
        rank=min(found.rank, 1),
    )


def why(item: Row, crew: Crew, late_seconds: float = 0.0) -> Why:
    """Say why an item does not move, or how it ended."""
    status = item["status"]
    if status == "open":
        return _why_open(item, crew, late_seconds)
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


def _why_open(item: Row, crew: Crew, late_seconds: float) -> Why:
    if item.get("waits"):
        return _why_waiting(item, crew.now_ns + round(late_seconds * SECOND_NS))
    kind = kind_of(item)
    if kind not in crew.openings:
        crew.openings[kind] = _why_kind(kind, crew)
    reason: Why = crew.openings[kind]
    attempts = item.get("attempt")
    if not attempts:
        return reason
    return reason._replace(words=f"{reason.words}; {attempts} attempt{'s' if attempts > 1 else ''} ended")


def _why_waiting(item: Row, now_ns: int) -> Why:
    """Say what keeps an item from being claimed, whoever may take it."""
    waits, tries = item["waits"], item.get("tries") or 0
    words = f"waits for {waits_for(waits, now_ns)}"
    if tries:
        words += f"; {tries} {'tries' if tries > 1 else 'try'} failed"
    vain = ", ".join(waits.get("in_vain", ())[:3])
    return Why(words, Ink.WARN, 1, f"in vain for {vain}") if vain else Why(words, Ink.DIM, 4)


def _why_kind(kind: Kind, crew: Crew) -> Why:
    """Say why items of a kind are open."""
    if kind[0] in crew.full:
        return Why(full_team(crew.full[kind[0] or ""]), Ink.WARN, 4)
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
    members = [agent for agent in crew.active if is_of(team, agent)]
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


def due_seconds(item: Row, crew: Crew) -> float | None:
    """Return how long it is until an item is due, below 0 if it is late; None: no deadline, or it has ended."""
    if item.get("deadline_ns") is None or item["status"] in ENDED or not crew.now_ns:
        return None
    return float(item["deadline_ns"] - crew.now_ns) / SECOND_NS


def fields(crew: Crew) -> dict[str, Field]:
    """Return what can be filtered by, beside the row's own fields."""
    return {
        "state": lambda item: (
            f"{item['status']}{' waiting' * bool(item.get('waits'))}{' stuck' * bool(item.get('stuck'))}"
        ),
        "age": lambda item: item["age_seconds"],
        "since": lambda item: item["state_seconds"],
        "p": lambda item: item["priority"],
        "needs": lambda item: " ".join(item.get("capabilities", ())),
        "holder": lambda item: item.get("agent"),
        "lease": lambda item: seconds_left(item, crew),
        "why": lambda item: standing(item, crew).words,
        "due": lambda item: due_seconds(item, crew),
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
        return 1 if (due_seconds(item, crew) or 0.0) < 0 else 3
    return standing(item, crew).rank
