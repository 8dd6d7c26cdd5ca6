"""Agents, worst first: who is lost or silent, who works on what, who could work and does not, and why.

The pane tells what the agent under the cursor did last, and what happens by itself if it stays silent.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from coord.services.wording import NOTHING, age
from coord.tui.boxes import beside, box, filled, shares
from coord.tui.filtering import Field, Filtered, filtered, told
from coord.tui.ink import Ink, Line, fit, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import waiting
from coord.tui.scene import (
    Act,
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
from coord.tui.table import Column, listed
from coord.tui.views.agent_pane import doings, fates, holdings
from coord.tui.views.ages import late
from coord.tui.views.crew import (
    IDLE,
    LOST,
    MOODS,
    NO_ANSWER,
    RETIRED,
    SILENT,
    Crew,
    crew_of,
    least_lease,
    note,
)
from coord.tui.views.items import FRESH_SECONDS

AGENTS_MAX: Final = 1_000
EVENTS_MAX: Final = 60
"""Of what an agent did last."""
WIDE: Final = 100
NARROW: Final = 64
NAME_CELLS_MAX: Final = 20
PANE_LINES: Final = 12
PANE_LINES_NARROW: Final = 7
PANE_FROM_LINES: Final = 14
"""A lower body shows the list alone."""
ORDERS: Final = ("worst", "agent", "holds", "silent", "score", "team")
_VERBS: Final = (("↵", "open"), ("o", "its work"), ("h", "its events"))


class Seen(NamedTuple):
    """What of the agents is shown."""

    rows: Sequence[Row]
    total: int
    crew: Crew
    fault: str
    name_cells: int


def seen(scene: Scene, place: Place) -> Seen:
    """Filter and sort the agents; worked out once an answer."""
    answers = scene.answers
    return _seen(
        answers.get("agents", NO_ANSWER),
        answers.get("board", NO_ANSWER),
        place.filter,
        place.sort,
        place.reversed,
    )


@remembered
def _seen(agents: Answer, board: Answer, filter: str, sort: str, reversed: bool) -> Seen:
    crew = crew_of(agents, board)
    kept = filtered(crew.rows, filter, fields(crew)) if filter else Filtered(list(crew.rows))
    ordered = _in_order(kept.rows, sort, crew)
    cells = min(max((len(row["agent"]) for row in crew.rows), default=5), NAME_CELLS_MAX)
    return Seen(ordered[::-1] if reversed else ordered, len(crew.rows), crew, kept.fault, max(cells, 5))


def fields(crew: Crew) -> dict[str, Field]:
    """Return what can be filtered by, beside the row's own fields."""
    return {
        "state": lambda row: crew.moods[row["agent"]].name,
        "offers": lambda row: " ".join(row.get("capabilities", ())),
        "item": lambda row: " ".join(item["id"] for item in crew.held.get(row["agent"], ())),
        "silent": lambda row: row.get("silent_seconds"),
        "lease": lambda row: least_lease(row["agent"], crew),
        "note": lambda row: note(row, crew),
    }


def _in_order(rows: Sequence[Row], sort: str, crew: Crew) -> list[Row]:
    match sort:
        case "agent":
            return sorted(rows, key=lambda row: row["agent"])
        case "holds":
            return sorted(rows, key=lambda row: (-row["holds"], row["agent"]))
        case "silent":
            return sorted(rows, key=lambda row: -(row.get("silent_seconds") or 0.0))
        case "score":
            return sorted(rows, key=lambda row: row.get("score", 101.0))
        case "team":
            return sorted(
                rows, key=lambda row: (row.get("team") is None, row.get("team") or "", row["agent"])
            )
    return sorted(rows, key=lambda row: (_badness(row, crew), row.get("score", 101.0), row["agent"]))


def _badness(row: Row, crew: Crew) -> int:
    """Rank an agent, 0 is worst: work in danger comes before agents in danger, and these before old losses."""
    mood = crew.moods[row["agent"]]
    if mood in (LOST, SILENT) and row["holds"]:
        return mood.rank
    fresh = (row.get("silent_seconds") or 0.0) < FRESH_SECONDS
    if mood is LOST and not fresh:
        return IDLE.rank + 3
    return mood.rank + 2 if mood is not RETIRED else IDLE.rank + 4


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
    said_of_filter = told(place.filter, len(ids), found.total, found.fault)
    at = index_of(place, ids)
    if place.opened and at >= 0:
        return Drawn(_opened(found.rows[at], scene, found.crew, width, height), ids, told=said_of_filter)
    below = _pane_lines(width, height)
    head = [fit(_counts(scene, place, found), width)] if height > 3 else []
    room = height - below - len(head)
    if not found.rows:
        lines = [*head, *filled([_nothing(found)], width, room)]
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


def _pane_lines(width: int, height: int) -> int:
    if height < PANE_FROM_LINES:
        return 0
    return min(PANE_LINES if width >= WIDE else PANE_LINES_NARROW, height // 2) + max(height - 36, 0) // 3


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
    if scene.past is not None:
        silence = "   who was heard when is not kept as of past moments"
    cut = f"   only {len(found.crew.rows):,} are shown" if scene.answers["agents"].get("truncated") else ""
    return line(*parts, (order + silence + cut, Ink.DIM))


def _nothing(found: Seen) -> Line:
    if found.total:
        return line(("  nobody matches the filter; esc takes it away", Ink.DIM))
    return line(
        ("  no agents yet. Make one with: ", Ink.DIM), ("coord register ada --capability python", Ink.ACCENT)
    )


def columns(found: Seen, late_seconds: float, width: int) -> list[Column[Row]]:
    """Return the columns of the list; below 100 columns those that matter most."""
    crew = found.crew

    def state(row: Row) -> tuple[str, Ink]:
        mood = crew.moods[row["agent"]]
        return f"{mood.glyph} {mood.name}", mood.ink

    def item(row: Row) -> str:
        held = crew.held.get(row["agent"], ())
        more = f" +{row['holds'] - 1}" if row["holds"] > 1 else ""
        return said(held[0]["id"]).text + more if held else (str(row["holds"]) if row["holds"] else NOTHING)

    def holds_for(row: Row) -> str:
        held = crew.held.get(row["agent"], ())
        return age(held[0]["state_seconds"] + late_seconds) if held else NOTHING

    def heard(row: Row) -> tuple[str, Ink]:
        silent = row.get("silent_seconds")
        if silent is None:
            return NOTHING, Ink.DIM
        bad = crew.moods[row["agent"]] in (LOST, SILENT)
        return age(silent + late_seconds), Ink.WARN if bad else Ink.TEXT

    def lease(row: Row) -> tuple[str, Ink]:
        left = least_lease(row["agent"], crew, late_seconds)
        if left is None:
            return NOTHING, Ink.DIM
        return age(max(left, 0.0)), Ink.WARN if crew.moods[row["agent"]] in (LOST, SILENT) else Ink.TEXT

    def ends(row: Row) -> str:
        return f"{row['completed']}/{row['failed']}/{row['expired']}"

    def score(row: Row) -> tuple[str, Ink]:
        value = row.get("score")
        if value is None:
            return NOTHING, Ink.DIM
        return f"{value:.0f}", Ink.BAD if value < 60 else Ink.WARN if value < 90 else Ink.TEXT

    def why(row: Row) -> tuple[str, Ink]:
        mood = crew.moods[row["agent"]]
        return said(note(row, crew, late_seconds)).text, mood.ink if mood in (LOST, SILENT) else Ink.TEXT

    wide = width >= WIDE
    name = Column[Row]("AGENT", found.name_cells, lambda row: said(row["agent"]))
    if width < NARROW:
        return [
            name,
            Column("STATE", 8, state),
            Column("ITEM", 8, item),
            Column("NOTE", 8, why, flexible=True),
        ]
    return [
        name,
        Column("STATE", 9, state),
        Column("ITEM", 14 if wide else 12, item),
        Column("FOR", 4, holds_for, right=True),
        Column("HEARD", 5, heard, right=True),
        Column("LEASE", 5, lease, right=True),
        Column("OK/FAIL/EXP", 11, ends, right=True, rank=4),
        Column("SCORE", 5, score, right=True, rank=5),
        Column("TEAM", 8, lambda row: said(row.get("team") or NOTHING), rank=6),
        Column("OFFERS", max((width - 90) // 3, 14), lambda row: said(", ".join(row.get("capabilities", ())) or NOTHING), rank=7),
        Column("NOTE", 24, why, flexible=True),
    ]  # fmt: skip


def _pane(row: Row | None, scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    if not height:
        return []
    if row is None:
        return box("", (), width, height)
    mood = crew.moods[row["agent"]]
    title = f"{row['agent']} — {_asks(row, crew)}"
    verbs = _verbs(row, scene)
    if width < WIDE:
        body = [*fates(row, crew, late(scene, "agents"), scene.now_ns, width - 4)][: height - 3]
        body += [()] * (height - 3 - len(body))
        return box(
            title,
            [*(line(" ", *one) for one in body), line(" ", *verbs)],
            width,
            height,
            ink=_frame(mood.rank),
        )
    left, right = shares(width, 55, 45)
    did = doings(scene, row, height - 3)
    fate = [
        *holdings(row, crew, late(scene, "agents")),
        *fates(row, crew, late(scene, "agents"), scene.now_ns, right - 4),
    ]
    return beside(
        box(f"{row['agent']} — what it did last", [line(" ", *one) for one in [*did, *[()] * (height - 3 - len(did)), verbs]], left, height, "↵"),
        box(title, [line(" ", *one) for one in fate], right, height, ink=_frame(mood.rank)),
    )  # fmt: skip


def _frame(rank: int) -> Ink:
    return (Ink.BAD, Ink.WARN)[rank] if rank < 2 else Ink.DIM


def _asks(row: Row, crew: Crew) -> str:
    mood = crew.moods[row["agent"]]
    return {"lost": "why lost?", "silent": "why silent?", "idle": "why idle?"}.get(mood.name, mood.name)


def _verbs(row: Row, scene: Scene) -> Line:
    able = [*_VERBS]
    if scene.past is None and row["status"] != "retired":
        able.append(("D", "retire"))
    return line(*(piece for key, words in able for piece in ((key, Ink.ACCENT), f" {words}   ")))


def _opened(row: Row, scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    late_seconds, inner = late(scene, "agents"), width - 4
    body = [
        *fates(row, crew, late_seconds, scene.now_ns, inner),
        (),
        *holdings(row, crew, late_seconds),
        (),
        _verbs(row, scene),
        (),
    ]
    room = max(height - 2 - len(body), 1)
    body += doings(scene, row, room)
    return box(
        f"{row['agent']} — {_asks(row, crew)}", [line(" ", *one) for one in body], width, height, "esc back"
    )


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
        case "D":
            return _retire(row)
    return None


def _retire(row: Row) -> Outcome:
    name = row["agent"]
    if row["status"] == "retired":
        return Say(f"{name} is retired already.")
    holds = row["holds"]
    what = (
        f" It holds {holds} item{'s' if holds > 1 else ''}: they stay its own until their leases run out."
        if holds
        else ""
    )
    return Act(
        "retire",
        {"agent": name, "incarnation": row["incarnation"]},
        f"coord retire {name}",
        asks=f"Retire {name}?{what}",
    )


def copies(_: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the name of the agent, and the command that shows its history."""
    name = chosen_id(place, drawn.ids)
    return name, f"coord history {name} --aggregate agent" if name else "coord agents"


KEYS: Final = (
    Key("enter", "↵", "open", "The agent alone, with what it did last."),
    Key("o", "o", "its work", "Go to the items that it holds."),
    Key("h", "h", "its events", "Its events, in the view of events."),
    Key("D", "D", "retire", "Retire the agent; asks."),
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
)
