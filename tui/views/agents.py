"""Agents, worst first: who is lost or silent, who works on what, who could work and does not, and why.

The pane tells what the agent under the cursor did last, and what happens by itself if it stays silent.
"""

from dataclasses import replace
from typing import Final

from coord.services.wording import age
from coord.tui.boxes import beside, box, filled, pane_lines, shares
from coord.tui.ink import Ink, Line, fit, line
from coord.tui.phrases import waiting
from coord.tui.scene import (
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
from coord.tui.table import listed
from coord.tui.views.agent_acts import VERBS, command
from coord.tui.views.agent_pane import doings, fates, holdings
from coord.tui.views.agent_rows import ORDERS, WIDE, Seen, columns, seen
from coord.tui.views.ages import late
from coord.tui.views.crew import DRAINING, GONE, MOODS, Crew
from coord.tui.views.searched import none_left, told_of_cut, unreached

AGENTS_MAX: Final = 1_000
EVENTS_MAX: Final = 60
"""Of what an agent did last."""
PANE_LINES: Final = 12
PANE_LINES_NARROW: Final = 7
_VERBS: Final = (("↵", "open"), ("o", "work"), ("h", "events"))


def wishes(_: Place) -> tuple[Wish, ...]:
    """Ask for all agents and all items."""
    return (
        Wish("agents", "agents", {"limit": AGENTS_MAX}, 1.0),
        Wish("board", "board", {"limit": AGENTS_MAX}, 1.0),
    )


def follows(scene: Scene, place: Place) -> tuple[Wish, ...]:
    """Ask for what the pane shows: what was written about the agent, and what names it.

    The coordinator writes bodies without blanks; whoever acted for the agent, its name is in the body.
    """
    name = chosen_id(place, [row["agent"] for row in seen(scene, place).rows])
    if not name:
        return ()
    return (
        Wish("agent_history", "history", {"id": name, "aggregate": "agent"}, 2.0),
        Wish("agent_doings", "events", {"text": f'"agent":"{name}"', "limit": EVENTS_MAX}, 1.0),
    )


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the list with the pane below, or one agent alone."""
    if "agents" not in scene.answers:
        return Drawn(filled([waiting(scene, "agents", "asking for the agents")], width, height))
    found = seen(scene, place)
    ids = [row["agent"] for row in found.rows]
    cut = unreached(scene.answers["agents"])
    said_of_filter = told_of_cut(place.filter, len(ids), found.total, found.fault, cut)
    at = index_of(place, ids)
    if place.opened and at >= 0:
        return Drawn(_opened(found.rows[at], scene, found.crew, width, height), ids, told=said_of_filter)
    below = pane_lines(PANE_LINES if width >= WIDE else PANE_LINES_NARROW, height)
    head = [fit(_counts(scene, place, found), width)] if height > 3 else []
    room = height - below - len(head)
    if not found.rows:
        lines = [*head, *filled([_nothing(found, cut)], width, room)]
        return Drawn(
            filled([*lines, *_pane(None, scene, found.crew, width, below)], width, height),
            told=said_of_filter,
        )
    table = listed(columns(found, late(scene, "agents"), width), found.rows, at, width, room)
    shown = range(table.first, min(table.first + max(room - 1, 0), len(ids)))
    lines = [*head, *table.lines, *_pane(found.rows[at], scene, found.crew, width, below)]
    return Drawn(
        filled(lines, width, height),
        ids,
        {number - table.first + 1 + len(head): ids[number] for number in shown},
        told=said_of_filter,
    )


def _counts(scene: Scene, place: Place, found: Seen) -> Line:
    counts = found.crew.counts()
    inks = {mood.name: mood for mood in MOODS}
    parts = [
        piece
        for name, count in counts.items()
        for piece in ((f" {inks[name].glyph} ", inks[name].ink), f"{count:,} {name}")
    ]
    order = f"   sort {place.sort or 'worst'}{' reversed' if place.reversed else ''}"
    silence = f"   lost after {age(found.crew.silence_seconds)} of silence"
    cut = f"   only {len(found.crew.rows):,} are shown" if scene.answers["agents"].get("truncated") else ""
    return line(*parts, (order + silence + cut, Ink.DIM))


def _nothing(found: Seen, cut: str) -> Line:
    if found.total:
        return none_left("nobody", cut)
    return line(
        ("  no agents yet. Make one with: ", Ink.DIM), ("coord register ada --capability python", Ink.ACCENT)
    )


def _pane(row: Row | None, scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    if not height:
        return []
    if row is None:
        return box("", (), width, height)
    ink = _frame(crew.moods[row["agent"]].rank)
    title = f"{row['agent']} — {_asks(row, crew)}"
    room = height - 3
    if width < WIDE:
        body = _fate(row, scene, crew, width - 4)
        return box(title, _padded([*filled_to(body, room), _verbs(row, scene)]), width, height, ink=ink)
    left, right = shares(width, 55, 45)
    did = filled_to(doings(scene, row, room), room)
    return beside(
        box(f"{row['agent']} — what it did last", _padded([*did, _verbs(row, scene)]), left, height, "↵"),
        box(title, _padded(_fate(row, scene, crew, right - 4)), right, height, ink=ink),
    )


def _fate(row: Row, scene: Scene, crew: Crew, width: int) -> list[Line]:
    """Say what happens by itself, and what the agent holds: what is urgent first."""
    late_seconds = late(scene, "agents")
    fate = fates(row, crew, late_seconds, scene.now_ns, width)
    return [*fate, *holdings(row, crew, late_seconds)]


def filled_to(lines: list[Line], count: int) -> list[Line]:
    """Bring lines to a number of them."""
    return [*lines[:count], *[()] * (count - len(lines))]


def _padded(lines: list[Line]) -> list[Line]:
    return [line(" ", *one) for one in lines]


def _frame(rank: int) -> Ink:
    return (Ink.BAD, Ink.WARN)[rank] if rank < 2 else Ink.DIM


def _asks(row: Row, crew: Crew) -> str:
    mood = crew.moods[row["agent"]]
    return {"lost": "why lost?", "silent": "why silent?", "idle": "why idle?"}.get(mood.name, mood.name)


def _verbs(row: Row, scene: Scene) -> Line:
    able = [*_VERBS]
    if scene.past is None and row["status"] not in GONE:
        able += [("D", "drain")] if row["status"] != DRAINING.name else []
        able += [("K", "evict"), ("X", "retire")]
    return line(*(piece for key, words in able for piece in ((key, Ink.ACCENT), f" {words}   ")))


def _opened(row: Row, scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    body = [*_fate(row, scene, crew, width - 4), (), _verbs(row, scene), ()]
    body += doings(scene, row, max(height - 2 - len(body), 1))
    return box(f"{row['agent']} — {_asks(row, crew)}", _padded(body), width, height, "esc back")


def press(key: str, scene: Scene, place: Place, _: Drawn) -> Outcome:
    """Answer a key."""
    found = seen(scene, place)
    at = index_of(place, [row["agent"] for row in found.rows])
    if at < 0:
        return None
    row = found.rows[at]
    name = row["agent"]
    match key:
        case "enter":
            return replace(place, chosen=name, opened=True)
        case "escape" if place.opened:
            return replace(place, opened=False)
        case "h":
            return Go("events", filter=name)
        case "o":
            held = found.crew.held.get(name, ())
            return (
                Go("work", held[0]["id"], filter=f"agent={name} state:claimed")
                if held
                else Say(f"{name} holds nothing.")
            )
    return command(key, row) if key in VERBS else None


def copies(_: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the name of the agent, and the command that shows its history."""
    name = chosen_id(place, drawn.ids)
    return name, f"coord history {name} --aggregate agent" if name else "coord agents"


KEYS: Final = (
    Key("enter", "↵", "open", "The agent alone, with what it did last."),
    Key("o", "o", "its work", "Go to the items that it holds."),
    Key("h", "h", "its events", "Its events, in the view of events."),
    Key("D", "D", "drain", "Let it end what it holds, and give it nothing new; asks."),
    Key(
        "K",
        "K",
        "evict",
        "Put the agent out, whatever it does: what it holds is open again; wants a reason, and asks.",
    ),
    Key("X", "X", "retire", "Retire the agent; asks."),
)

VIEW: Final = View(
    name="agents",
    title="Agents",
    short="Agnt",
    wishes=wishes,
    draw=draw,
    press=press,
    keys=KEYS,
    orders=ORDERS,
    copies=copies,
    follows=follows,
    opens="agent",
)
