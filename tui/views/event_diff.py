"""What changed between two positions of the log: counts of work, runs, alerts; both are asked as of their moment."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from coord.tui.boxes import box
from coord.tui.flow import flowed
from coord.tui.ink import Ink, Line, Part, fit, line, said
from coord.tui.phrases import figure
from coord.tui.scene import Answer, Row, Scene, Wish

_ASKED: Final = ("board", "runs", "alerts")
_LIMITS: Final = {"board": 1, "runs": 100, "alerts": 300}
_OF_OLD: Final = "old_"
_OF_HERE: Final = "here_"


class Change(NamedTuple):
    """One thing that changed."""

    kind: str
    parts: Sequence[Line]
    """How, in parts that are not broken."""
    gap: int = 2
    """Cells between them."""


def diff_wishes(marked: int, here: int) -> tuple[Wish, ...]:
    """Ask the same of both moments; what is past does not change, so once is nearly enough."""
    return tuple(
        Wish(f"{prefix}{name}", name, {"at_position": position, "limit": _LIMITS[name]}, 60.0)
        for prefix, position in ((_OF_OLD, marked), (_OF_HERE, here))
        for name in _ASKED
    )


def diff_box(scene: Scene, width: int, height: int) -> list[Line]:
    """Draw the pane of what changed."""
    past = scene.past
    if past is None or past.compared is None:
        body = [
            line(("In the past, m marks a moment; d then shows what changed from there to here.", Ink.DIM))
        ]
    else:
        body = [line((f"from #{past.compared:,} to here #{past.position:,}", Ink.DIM))]
        body += _changes(scene, width - 3)
    return box(
        "What changed", [fit(line(" ", *one), width - 2) for one in body], width, height, "t m mark  d hide"
    )


def _changes(scene: Scene, width: int) -> Iterator[Line]:
    fault = next((scene.faults[key] for key in _keys() if key in scene.faults), None)
    pairs = {name: (scene.answers.get(_OF_OLD + name), scene.answers.get(_OF_HERE + name)) for name in _ASKED}
    if any(one is None for pair in pairs.values() for one in pair):
        yield (
            line(("✖ ", Ink.BAD), said(fault, Ink.WARN))
            if fault
            else line(("asking both moments …", Ink.DIM))
        )
        return
    changes = [*_counts(*pairs["board"]), *_runs(*pairs["runs"]), *_alerts(*pairs["alerts"])]
    if not changes:
        yield line(("nothing: work, runs and alerts stand as they stood", Ink.DIM))
    for change in changes:
        yield from flowed(line((f"{change.kind:8}", Ink.DIM)), change.parts, width, change.gap)


def _keys() -> Iterator[str]:
    return (prefix + name for prefix in (_OF_OLD, _OF_HERE) for name in _ASKED)


def _counts(old: Answer | None, here: Answer | None) -> Iterator[Change]:
    before, now = (old or {}).get("counts", {}), (here or {}).get("counts", {})
    moved = [
        line(said(f"{name} {before.get(name, 0):,}→{now.get(name, 0):,}"))
        for name in dict.fromkeys((*before, *now))
        if before.get(name, 0) != now.get(name, 0)
    ]
    if moved:
        yield Change("work", moved)


def _runs(old: Answer | None, here: Answer | None) -> Iterator[Change]:
    before, now = _by(old, "run"), _by(here, "run")
    for name, run in now.items():
        was, named = before.get(name), line(said(name, Ink.STRONG))
        if was is None:
            yield Change("run", [named, line(f"began, now step {run['step']:,}")])
        elif _moved(was, run):
            yield Change("run", [named, *_run_words(was, run)])


def _moved(was: Row, run: Row) -> bool:
    return bool(was["step"] != run["step"] or was["status"] != run["status"])


def _run_words(was: Row, run: Row) -> Iterator[Line]:
    if was["status"] != run["status"]:
        yield line(said(f"{was['status']}→{run['status']}"))
    yield line(f"step {was['step']:,}→{run['step']:,}")
    before, now = was.get("latest", {}).get("loss"), run.get("latest", {}).get("loss")
    worse = isinstance(before, int | float) and (isinstance(now, str) or (now is not None and now > before))
    yield line(said(f"loss {figure(before)}→{figure(now)}"), (" ▲" if worse else "", Ink.WARN))


def _alerts(old: Answer | None, here: Answer | None) -> Iterator[Change]:
    before, now = _by(old, "id"), _by(here, "id")
    for name, alert in now.items():
        was = before.get(name)
        if was is None:
            since = "" if alert["status"] == "active" else f", {alert['status']}"
            yield _alert(alert, ("▲ new ", Ink.WARN), since)
        elif was["status"] != alert["status"]:
            over = alert["status"] == "resolved"
            mark = ("✔ over ", Ink.OK) if over else (f"{alert['status']} ", Ink.WARN)
            yield _alert(alert, mark)


def _alert(alert: Row, mark: Part, behind: str = "") -> Change:
    of = line(said(f"of {alert['entity_kind']} {alert['entity']}"), said(behind, Ink.DIM))
    return Change("alert", (line(mark, said(alert["rule"])), of), 1)


def _by(answer: Answer | None, name: str) -> Mapping[str, Row]:
    return {row[name]: row for row in (answer or {}).get("rows", ())}
