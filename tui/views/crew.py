"""Agents as a person sees them: lost, silent, busy, drained, idle or gone, what each holds, and what it may take.

Worst first. An agent counts as silent from half of the time it may be silent, or two thirds of the shortest
lease it holds: both before anything happens by itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from coord.services.wording import age
from coord.tui.ink import Ink
from coord.tui.memo import remembered
from coord.tui.scene import Answer, Row

SILENCE_SHARE: Final = 0.5
LEASE_SHARE: Final = 2 / 3
SILENCE_SECONDS: Final = 60.0
"""What an agent may be silent where the house has not said: the setting's default."""
Kind = tuple[str | None, tuple[str, ...]]
"""The team that an item is for, and what it needs its holder to offer."""
NO_ANSWER: Final[Answer] = {}


class Mood(NamedTuple):
    """The state of an agent as it is shown."""

    name: str
    glyph: str
    ink: Ink
    rank: int
    """0 is worst."""


LOST: Final = Mood("lost", "✖", Ink.BAD, 0)
SILENT: Final = Mood("silent", "◐", Ink.WARN, 1)
BUSY: Final = Mood("busy", "●", Ink.OK, 2)
DRAINING: Final = Mood("draining", "▽", Ink.WARN, 3)
IDLE: Final = Mood("idle", "○", Ink.TEXT, 4)
EVICTED: Final = Mood("evicted", "×", Ink.DIM, 5)
RETIRED: Final = Mood("retired", "·", Ink.DIM, 5)
GONE: Final = frozenset({"retired", "evicted"})
"""Statuses of agents that have left, or were put out."""
HERE: Final = (LOST, SILENT, BUSY, DRAINING, IDLE)
"""Moods of those that have not."""
MOODS: Final = (*HERE, EVICTED, RETIRED)


@dataclass(frozen=True)
class Crew:
    """All agents, what they hold, and what waits for them."""

    known: bool
    """Whether anybody has told of the agents."""
    rows: Sequence[Row]
    by_name: Mapping[str, Row]
    held: Mapping[str, Sequence[Row]]
    """Items by holder, the oldest claim first."""
    open: Sequence[Row]
    """Items that nobody holds, the most urgent first."""
    silence_seconds: float
    """How long an agent may be silent before it is lost."""
    moods: Mapping[str, Mood]
    active: Sequence[Row]
    """Agents that were neither lost nor put out, have not left, and are not drained: they may be given something."""
    waiting: Mapping[Kind, int]
    """How many items of each kind nobody holds and somebody could take now."""
    oldest: Row | None
    """The open item that was submitted first."""
    now_ns: int = 0
    """The moment that the board speaks of."""
    full: Mapping[str, Row] = field(default_factory=dict)
    """Teams for which as many items are held as may be."""
    openings: dict[Kind, Any] = field(default_factory=dict)
    """Why items of each kind are open, as far as it was worked out: once for all items of the kind."""

    def counts(self) -> dict[str, int]:
        """Count agents by mood, the worst mood first; moods that nobody is in are left out."""
        told = [self.moods[row["agent"]].name for row in self.rows]
        return {mood.name: told.count(mood.name) for mood in MOODS if mood.name in told}


@remembered
def crew_of(agents: Answer, board: Answer) -> Crew:
    """Bring agents and items together."""
    rows: Sequence[Row] = agents.get("rows", ())
    items: Sequence[Row] = board.get("rows", ())
    held: dict[str, list[Row]] = {}
    for item in sorted(items, key=lambda item: -item["state_seconds"]):
        if item["status"] == "claimed" and item.get("agent"):
            held.setdefault(item["agent"], []).append(item)
    silence = float(agents.get("silence_seconds") or SILENCE_SECONDS)
    return Crew(
        known="rows" in agents,
        rows=rows,
        by_name={row["agent"]: row for row in rows},
        held=held,
        open=[item for item in items if item["status"] == "open"],
        silence_seconds=silence,
        moods={row["agent"]: _mood(row, held.get(row["agent"], ()), silence) for row in rows},
        active=[row for row in rows if row["status"] == "active"],
        oldest=max((item for item in items if item["status"] == "open"), key=_age, default=None),
        waiting=Counter(
            kind_of(item) for item in items if item["status"] == "open" and not item.get("waits")
        ),
        now_ns=board.get("as_of", {}).get("time_ns", 0),
        full={team["team"]: team for team in board.get("full", ())},
    )


def _age(item: Row) -> float:
    return float(item["age_seconds"])


def _mood(row: Row, held: Sequence[Row], silence_seconds: float) -> Mood:
    if row["status"] == "lost":
        return LOST
    if row["status"] in GONE:
        return EVICTED if row["status"] == EVICTED.name else RETIRED
    silent = row.get("silent_seconds") or 0.0
    leases = [item["lease_seconds"] * LEASE_SHARE for item in held if item.get("lease_seconds")]
    if silent > min([silence_seconds * SILENCE_SHARE, *leases]):
        return SILENT
    if row["status"] == DRAINING.name:
        return DRAINING
    return BUSY if row["holds"] else IDLE


def lease_left(item: Row, holder: Row | None, late_seconds: float = 0.0) -> float | None:
    """Return for how long the claim lasts if its holder stays silent; None where nobody can tell.

    Below 0: it is over, and the coordinator is about to say so. The coordinator alone knows exactly: it
    decides on its own clock, and gives every lease its whole time again after a start.
    """
    lease, silent = item.get("lease_seconds"), (holder or {}).get("silent_seconds")
    if lease is None or silent is None or item["status"] != "claimed":
        return None
    return float(lease - min(item["state_seconds"], silent) - late_seconds)


def least_lease(name: str, crew: Crew, late_seconds: float = 0.0) -> float | None:
    """Return when the first of an agent's leases ends if it stays silent."""
    holder = crew.by_name.get(name)
    found = [lease_left(item, holder, late_seconds) for item in crew.held.get(name, ())]
    return min((left for left in found if left is not None), default=None)


def kind_of(item: Row) -> Kind:
    """Return what decides who may take an item."""
    return item.get("team"), tuple(item.get("capabilities", ()))


def may_take(kind: Kind, agent: Row) -> bool:
    """Whether an agent is of the team or serves it, and offers everything that items of a kind need."""
    team, wanted = kind
    return is_of(team, agent) and set(wanted) <= set(agent.get("capabilities", ()))


def is_of(team: str | None, agent: Row) -> bool:
    """Whether an agent takes items of a team."""
    return team in (None, agent.get("team"), *agent.get("serves", ()))


def is_full(agent: Row) -> bool:
    """Whether an agent holds as many items as it may."""
    limit: Any = agent.get("wip_limit")
    return limit is not None and agent["holds"] >= limit


def note(row: Row, crew: Crew, late_seconds: float = 0.0) -> str:
    """Say in a few words why an agent is as it is, and what comes next."""
    mood = crew.moods[row["agent"]]
    if mood is LOST:
        return _note_lost(row, crew, late_seconds)
    if mood is SILENT:
        return _note_silent(row, crew, late_seconds)
    if row["status"] in GONE:
        return gone_because(row)
    if mood is DRAINING:
        return _note_draining(row)
    return _note_busy(crew.held.get(row["agent"], ())) if row["holds"] else _note_idle(row, crew)


def _note_lost(row: Row, crew: Crew, late_seconds: float) -> str:
    left = least_lease(row["agent"], crew, late_seconds)
    if row["holds"] and left is not None:
        return f"its items are open again {within(left)}"
    return "holds nothing; active again once it speaks"


def _note_silent(row: Row, crew: Crew, late_seconds: float) -> str:
    lost_in = crew.silence_seconds - (row.get("silent_seconds") or 0.0) - late_seconds
    left = least_lease(row["agent"], crew, late_seconds)
    if left is not None and left <= lost_in:
        return f"its lease ends {within(left)}"
    return f"counts as lost {within(lost_in)}"


def gone_because(row: Row) -> str:
    """Say why an agent is not there any more."""
    how = "it was put out" if row["status"] == EVICTED.name else "it left on purpose"
    return f"{how}: {row['reason']}" if row.get("reason") else how


def _note_draining(row: Row) -> str:
    then = "ends what it holds" if row["holds"] else "holds nothing"
    why = f" ({row['reason']})" if row.get("reason") else ""
    return f"{then}, is given nothing new{why}"


def _note_busy(held: Sequence[Row]) -> str:
    if not held:
        return ""
    stuck = [item["id"] for item in held if item.get("stuck")]
    if stuck:
        return f"lives and shows no work on {', '.join(stuck)}"
    item = held[0]
    share = item.get("progress")
    parts = ("" if share is None else f"{100 * share:.0f} %", item.get("note") or item["title"])
    return " · ".join(part for part in parts if part)


def _note_idle(row: Row, crew: Crew) -> str:
    fitting = sum(count for kind, count in crew.waiting.items() if may_take(kind, row))
    if fitting:
        return f"{fitting} open item{'s' if fitting > 1 else ''} it may take: it has not asked"
    return f"no open item fits it ({len(crew.open)} open)" if crew.open else "no open work"


def within(seconds: float) -> str:
    """Say when something happens."""
    return f"in {age(seconds)}" if seconds > 0 else "at any moment"
