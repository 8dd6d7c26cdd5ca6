"""What is wrong with the work and the agents: who is lost, which claims are about to end, what nobody can take."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from coord.services.wording import age
from coord.tui.ink import SEVERITIES, Ink
from coord.tui.scene import Answer, Go, Row
from coord.tui.views.crew import LOST, SILENT, Crew, lease_left, within
from coord.tui.views.items import FRESH_SECONDS, due_seconds, why

APART_MAX: Final = 3
"""More of one kind than this are told together."""
EVERYBODY_MIN: Final = 3
"""Two that are silent at once may be a chance."""
BAD, WARN, NOTE = range(3)
_GLYPHS: Final = (("✖", Ink.BAD), ("⚠", Ink.WARN), ("·", Ink.DIM))


class Trouble(NamedTuple):
    """One thing that is wrong."""

    id: str
    rank: int
    """`BAD` is worst."""
    subject: str
    words: str
    go: Go
    age_seconds: float | None = None
    key: str = ""
    """Of the answer whose age counts on."""
    quiet: bool = False
    """Somebody took notice of it, or wants no notice."""
    done: str = ""
    """What was done about it, and what came of it."""
    done_briefly: str = ""

    @property
    def glyph(self) -> tuple[str, Ink]:
        """Return its mark."""
        return SEVERITIES["info"] if self.quiet else _GLYPHS[self.rank]


def work_troubles(board: Answer, crew: Crew, told: set[tuple[str, str]]) -> Iterator[Trouble]:
    """Tell of the work and of the agents; what is in `told` (kind and name) is not told again."""
    yield from _everybody(crew)
    yield from _agents(crew, told)
    yield from _silent(crew, told)
    yield from _leases(crew)
    rows: Sequence[Row] = board.get("rows", ())
    idle = [item for item in rows if item.get("stuck") and crew.moods.get(item["agent"]) is not LOST]
    yield from _of_state(board, "stuck", idle, "shows no work, though its holder lives")
    yield from _stuck(board, crew)
    parked = [item for item in rows if item["status"] == "parked"]
    yield from _of_state(board, "parked", parked, "parked: no attempt is left")
    late = [item for item in rows if item.get("deadline_ns") and (due_seconds(item, crew) or 0.0) < 0.0]
    yield from _of_state(board, "late", late, "is late: its deadline has passed")
    yield from _failed(board)


def _everybody(crew: Crew) -> Iterator[Trouble]:
    """Tell when nobody at all is heard: that is no matter of one agent."""
    silent = [row for row in crew.active if crew.moods[row["agent"]] is SILENT]
    if len(silent) >= EVERYBODY_MIN and len(silent) == len(crew.active):
        least = min(row.get("silent_seconds") or 0.0 for row in silent)
        yield Trouble(
            "agents:all",
            BAD,
            f"all {len(silent)} agents",
            "are silent: look at the house, its machine or the network first",
            Go("agents", silent[0]["agent"]),
            least,
            "agents",
        )


def _agents(crew: Crew, told: set[tuple[str, str]]) -> Iterator[Trouble]:
    lost = [
        row
        for row in crew.rows
        if crew.moods[row["agent"]] is LOST
        and ("agent", row["agent"]) not in told
        and (row["holds"] or (row.get("silent_seconds") or 0.0) < FRESH_SECONDS)
    ]
    if len(lost) > APART_MAX:
        names = ", ".join(row["agent"] for row in lost[:5])
        yield Trouble(
            "agents:lost",
            WARN,
            f"{len(lost)} agents",
            f"lost: {names}{' …' if len(lost) > 5 else ''}",
            Go("agents", lost[0]["agent"], filter="state:lost"),
            max(row.get("silent_seconds") or 0.0 for row in lost),
            "agents",
        )
        return
    for row in lost:
        held = crew.held.get(row["agent"], ())
        words = f"lost, holding {ids_of(held)}" if held else "lost; it holds nothing any more"
        yield Trouble(
            f"agent:{row['agent']}",
            WARN if held else NOTE,
            f"agent {row['agent']}",
            words,
            Go("agents", row["agent"]),
            row.get("silent_seconds"),
            "agents",
        )


def _silent(crew: Crew, told: set[tuple[str, str]]) -> Iterator[Trouble]:
    """Tell of silent agents that hold nothing: of others their leases tell. When nobody is heard, one line has told."""
    silent = [row for row in crew.active if crew.moods[row["agent"]] is SILENT]
    if len(silent) >= EVERYBODY_MIN and len(silent) == len(crew.active):
        return
    idle = [row for row in silent if not row["holds"] and ("agent", row["agent"]) not in told]
    for row in idle if len(idle) <= APART_MAX else ():
        seconds = row.get("silent_seconds") or 0.0
        words = f"silent: counts as lost {within(crew.silence_seconds - seconds)}"
        name = row["agent"]
        yield Trouble(f"agent:{name}", NOTE, f"agent {name}", words, Go("agents", name), seconds, "agents")
    if len(idle) > APART_MAX:
        words = f"silent, holding nothing: {few([row['agent'] for row in idle])}"
        first = idle[0]["agent"]
        go = Go("agents", first, filter="state:silent")
        yield Trouble("agents:silent", NOTE, f"{len(idle)} agents", words, go)


def _leases(crew: Crew) -> Iterator[Trouble]:
    """Tell of claims whose holder is silent, the first to end first; those of lost agents too."""
    ending: list[tuple[float, Row, str]] = []
    for name, held in crew.held.items():
        if crew.moods.get(name) in (LOST, SILENT):
            ending += [
                (left, item, name)
                for item in held
                if (left := lease_left(item, crew.by_name.get(name))) is not None
            ]
    ending.sort(key=lambda one: one[0])
    if len(ending) > APART_MAX:
        names = sorted({name for *_, name in ending})
        yield Trouble(
            "work:leases",
            WARN,
            f"{len(ending)} items",
            f"the first lease ends {within(ending[0][0])}: {few(names)} silent; then open again",
            Go("work", ending[0][1]["id"]),
            None,
        )
        return
    for left, item, name in ending:
        silent = crew.by_name[name].get("silent_seconds")
        how = "lost" if crew.moods[name] is LOST else f"silent {age(silent)}"
        yield Trouble(
            f"work:{item['id']}",
            WARN,
            item["id"],
            f"lease ends {within(left)}: {name} is {how}; then open again",
            Go("work", item["id"]),
            item["state_seconds"],
            "board",
        )


def _stuck(board: Answer, crew: Crew) -> Iterator[Trouble]:
    """Tell of items that nobody can take, together for each reason; the oldest says since when."""
    groups: dict[str, list[Row]] = {}
    for item in crew.open:
        reason = why(item, crew)
        if reason.stuck:
            groups.setdefault(reason.stuck, []).append(item)
    cut = "at least " if board.get("truncated") else ""
    for reason_words, items in groups.items():
        one = len(items) == 1
        oldest = max(items, key=lambda item: item["age_seconds"])
        yield Trouble(
            f"stuck:{reason_words}"[:80],
            WARN,
            items[0]["id"] if one else f"{cut}{len(items)} items",
            f"{'waits' if one else 'wait'}: {reason_words}",
            Go("work", oldest["id"]),
            oldest["age_seconds"],
            "board",
        )


def _of_state(board: Answer, name: str, found: Sequence[Row], words: str) -> Iterator[Trouble]:
    """Tell of the items of which something is so, each with what was said of it; many of them are one line."""
    if len(found) > APART_MAX:
        cut = "at least " if board.get("truncated") else ""
        told = f"{name}: {ids_of(found)}"
        oldest = max(found, key=lambda item: item["state_seconds"])
        go = Go("work", oldest["id"], filter="" if name == "late" else f"state:{name}")
        yield Trouble(
            f"items {name}:", WARN, f"{cut}{len(found)} items", told, go, oldest["state_seconds"], "board"
        )
        return
    for item in found:
        said = f"; {item['note']}" if name == "parked" and item.get("note") else ""
        who = f": {item['agent']}" if name == "stuck" else ""
        yield Trouble(
            f"items {name}:{item['id']}", WARN, item["id"], f"{words}{who}{said}", Go("work", item["id"]),
            item["state_seconds"], "board",
        )  # fmt: skip


def _failed(board: Answer) -> Iterator[Trouble]:
    failed = [
        item
        for item in board.get("rows", ())
        if item["status"] == "failed" and item["state_seconds"] < FRESH_SECONDS
    ]
    if len(failed) > APART_MAX:
        yield Trouble(
            "work:failed",
            WARN,
            f"{len(failed)} items",
            f"failed within the hour: {ids_of(failed)}",
            Go("work", failed[0]["id"], filter="state:failed"),
            failed[0]["state_seconds"],
            "board",
        )
        return
    for item in failed:
        yield Trouble(
            f"work:{item['id']}",
            WARN,
            item["id"],
            f"failed: {item.get('note') or 'no reason was given'}",
            Go("work", item["id"]),
            item["state_seconds"],
            "board",
        )


def ids_of(items: Sequence[Row]) -> str:
    """Name items, three at most."""
    return few([item["id"] for item in items])


def few(names: Sequence[str]) -> str:
    """Write names, three at most, and how many more there are."""
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
