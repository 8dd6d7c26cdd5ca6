"""What needs attention: everything that is wrong, worst first, each in a sentence with the place to go to.

Nothing is told twice: what an open alert says of an agent, a run or a machine is not said of it again, and what
health deducts is told only where nothing else explains it. Many of one kind are one line.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from coord.services.run_state import is_paused
from coord.services.wording import age
from coord.tui.memo import remembered
from coord.tui.phrases import asked_for, became
from coord.tui.scene import Answer, Go, Row, Scene
from coord.tui.views.crew import NO_ANSWER, Crew, crew_of
from coord.tui.views.items import FRESH_SECONDS
from coord.tui.views.troubles import APART_MAX, BAD, NOTE, WARN, Trouble, few, ids_of, work_troubles

POINTS_MIN: Final = 1.0
"""Deductions that are smaller are no matter for a person."""
PART_POINTS_MIN: Final = 15.0
"""Of an agent, a run or a machine."""
DAY_SECONDS: Final = 86_400.0
_RANKS: Final = {"critical": BAD, "warning": WARN, "info": NOTE}
_EXPLAINED: Final = frozenset(
    {"alerts", "agents", "agents_lost", "nodes", "runs", "nobody_works", "failures"}
)
"""Deductions of the system that other lines tell in full."""


def troubles(scene: Scene) -> Sequence[Trouble]:
    """Return what is wrong, worst first; worked out once an answer."""
    named = ("alerts", "health", "board", "agents", "nodes", "runs")
    found = _troubles(*(scene.answers.get(name, NO_ANSWER) for name in named))
    return (_paused(scene.paused), *found) if scene.paused else found


def _paused(why: str) -> Trouble:
    return Trouble("claims", BAD, "claims", f"are paused: {why}", Go("health"))


@remembered
def _troubles(
    alerts: Answer, health: Answer, board: Answer, agents: Answer, nodes: Answer, runs: Answer
) -> Sequence[Trouble]:
    crew = crew_of(agents, board)
    raised = [row for row in alerts.get("rows", ()) if row["status"] != "resolved"]
    told = {(row["entity_kind"], row["entity"]) for row in raised}
    found = list(_alerts(raised, crew))
    found += _runs(runs, told)
    found += _nodes(nodes, told)
    found += work_troubles(board, crew, told)
    subjects = {(trouble.go.view, trouble.go.chosen) for trouble in found}
    explained = _EXPLAINED | {trouble.id.partition(":")[0].removeprefix("items ") for trouble in found}
    found += _health(health, told, subjects, explained)
    return sorted(found, key=lambda trouble: (trouble.quiet, trouble.rank))


def _alerts(raised: Sequence[Row], crew: Crew) -> Iterator[Trouble]:
    """Tell of each alert; many of one rule that nobody took notice of are one line."""
    groups: dict[tuple[str, str, bool], list[Row]] = {}
    for row in raised:
        groups.setdefault((row["rule"], row["entity_kind"], _is_quiet(row)), []).append(row)
    for (rule, kind, quiet), rows in groups.items():
        if len(rows) <= APART_MAX:
            yield from (_of_alert(row, crew) for row in rows)
            continue
        yield Trouble(
            id=f"alerts:{rule}:{kind}",
            rank=min(_RANKS.get(row["severity"], NOTE) for row in rows),
            subject=f"{len(rows)} {kind}s",
            words=f"{rule}: {few([row['entity'] for row in rows])} — {rows[0]['summary']}",
            go=Go("alerts", rows[0]["id"], filter=rule),
            age_seconds=min(row["age_seconds"] for row in rows),
            key="alerts",
            quiet=quiet,
        )


def _is_quiet(row: Row) -> bool:
    return row["status"] == "acknowledged" or bool(row.get("silenced_seconds"))


def _of_alert(row: Row, crew: Crew) -> Trouble:
    kind, entity = row["entity_kind"], row["entity"]
    return Trouble(
        id=f"alert:{row['id']}",
        rank=_RANKS.get(row["severity"], NOTE),
        subject=f"{kind} {entity}",
        words=" — ".join(part for part in (row["summary"], _noticed(row), _held(row, crew)) if part),
        go=Go("alerts", row["id"]),
        age_seconds=row["age_seconds"],
        key="alerts",
        quiet=_is_quiet(row),
        done=_done(row),
        done_briefly=_done_briefly(row),
    )


def _noticed(row: Row) -> str:
    if row.get("silenced_seconds"):
        return f"silenced for {age(row['silenced_seconds'])}"
    return f"noticed by {row.get('by') or 'somebody'}" if row["status"] == "acknowledged" else ""


def _done(row: Row) -> str:
    """Say what was asked because of an alert, and what came of it."""
    directives = row.get("directives") or ()
    if not directives:
        return ""
    first = directives[0]
    more = f" (and {len(directives) - 1} more)" if len(directives) > 1 else ""
    return f"◆ {asked_for(first)} {became(first)[0]}{more}"


def _done_briefly(row: Row) -> str:
    directives = row.get("directives") or ()
    return f"◆ {asked_for(directives[0])} {directives[0]['status']}" if directives else ""


def _held(row: Row, crew: Crew) -> str:
    """Say what the agent of an alert still holds."""
    held = crew.held.get(row["entity"], ()) if row["entity_kind"] == "agent" else ()
    return f"holds {ids_of(held)}" if held else ""


def _runs(runs: Answer, told: set[tuple[str, str]]) -> Iterator[Trouble]:
    for row in runs.get("rows", ()):
        if ("run", row["run"]) in told:
            continue
        status, silent = row["status"], row["silent_seconds"]
        because = f": {row['reason']}" if row.get("reason") else ""
        if status == "lost" and silent < DAY_SECONDS:
            yield _of_run(row, BAD, f"lost at step {row['step']:,}: nothing was heard of it", silent)
        elif status == "failed" and silent < FRESH_SECONDS:
            yield _of_run(row, BAD, f"failed at step {row['step']:,}{because}", silent)
        elif is_paused(row):
            yield _of_run(row, WARN, f"paused at step {row['step']:,}: it waits for a person", None)


def _of_run(row: Row, rank: int, words: str, age_seconds: float | None) -> Trouble:
    return Trouble(
        f"run:{row['run']}", rank, f"run {row['run']}", words, Go("runs", row["run"]), age_seconds, "runs"
    )


def _nodes(nodes: Answer, told: set[tuple[str, str]]) -> Iterator[Trouble]:
    for row in nodes.get("rows", ()):
        silent = row.get("silent_seconds")
        if row["status"] == "active" or ("node", row["node"]) in told or (silent or 0.0) > DAY_SECONDS:
            continue
        lost = row["status"] == "lost"
        words = "lost: no readings come from it" if lost else "no readings come from it; not lost yet"
        yield Trouble(
            f"node:{row['node']}",
            BAD if lost else WARN,
            f"node {row['node']}",
            words,
            Go("nodes", row["node"]),
            silent,
            "nodes",
        )


def _health(
    health: Answer, told: set[tuple[str, str]], subjects: set[tuple[str, str]], explained: frozenset[str]
) -> Iterator[Trouble]:
    for cut in health.get("deductions", ()):
        if cut["points"] >= POINTS_MIN and cut["name"] not in explained:
            yield _of_health("system", "system", cut)
    for part in health.get("parts", ()):
        kind, _, name = part["entity"].partition(":")
        if kind == "team" or (kind, name) in told or (f"{kind}s", name) in subjects or not part["deductions"]:
            continue
        worst = max(part["deductions"], key=lambda cut: cut["points"])
        if worst["points"] >= PART_POINTS_MIN:
            yield _of_health(part["entity"], f"{kind} {name}", worst)


def _of_health(entity: str, subject: str, cut: Mapping[str, Any]) -> Trouble:
    return Trouble(
        f"health:{entity}:{cut['name']}",
        NOTE,
        subject,
        f"{str(cut['reason']).rstrip('.')} (health −{cut['points']:.0f})",
        Go("health", entity),
    )
