"""What changed between two positions of the log: counts of work, runs, alerts; both are asked as of their moment."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from coord.tui.boxes import box
from coord.tui.ink import Ink, Line, fit, line, said
from coord.tui.phrases import figure
from coord.tui.scene import Answer, Scene, Wish

_ASKED: Final = ("board", "runs", "alerts")
_LIMITS: Final = {"board": 1, "runs": 100, "alerts": 300}
_OF_OLD: Final = "old_"
_OF_HERE: Final = "here_"


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
        body = [line((f"from #{past.compared:,} to here #{past.position:,}", Ink.DIM)), *_changes(scene)]
    return box(
        "What changed", [fit(line(" ", *one), width - 2) for one in body], width, height, "t m mark  d hide"
    )


def _changes(scene: Scene) -> Iterator[Line]:
    fault = next((scene.faults[key] for key in _keys() if key in scene.faults), None)
    pairs = {name: (scene.answers.get(_OF_OLD + name), scene.answers.get(_OF_HERE + name)) for name in _ASKED}
    if any(one is None for pair in pairs.values() for one in pair):
        yield (
            line(("✖ ", Ink.BAD), said(fault, Ink.WARN))
            if fault
            else line(("asking both moments …", Ink.DIM))
        )
        return
    lines = [*_counts(*pairs["board"]), *_runs(*pairs["runs"]), *_alerts(*pairs["alerts"])]
    yield from lines or [line(("nothing: work, runs and alerts stand as they stood", Ink.DIM))]


def _keys() -> Iterator[str]:
    return (prefix + name for prefix in (_OF_OLD, _OF_HERE) for name in _ASKED)


def _counts(old: Answer | None, here: Answer | None) -> Iterator[Line]:
    before, now = (old or {}).get("counts", {}), (here or {}).get("counts", {})
    moved = [
        f"{name} {before.get(name, 0):,}→{now.get(name, 0):,}"
        for name in dict.fromkeys((*before, *now))
        if before.get(name, 0) != now.get(name, 0)
    ]
    if moved:
        yield line(("work    ", Ink.DIM), said("  ".join(moved)))


def _runs(old: Answer | None, here: Answer | None) -> Iterator[Line]:
    before, now = _by(old, "run"), _by(here, "run")
    for name, run in now.items():
        was = before.get(name)
        if was is None:
            yield line(("run     ", Ink.DIM), said(name, Ink.STRONG), f" began, now step {run['step']:,}")
        elif _moved(was, run):
            yield line(
                ("run     ", Ink.DIM),
                said(name, Ink.STRONG),
                " ",
                said(_run_words(was, run)),
                *_worse(was, run),
            )


def _moved(was: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    return bool(was["step"] != run["step"] or was["status"] != run["status"])


def _run_words(was: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    words = [f"{was['status']}→{run['status']}"] if was["status"] != run["status"] else []
    words.append(f"step {was['step']:,}→{run['step']:,}")
    words.append(
        f"loss {figure(was.get('latest', {}).get('loss'))}→{figure(run.get('latest', {}).get('loss'))}"
    )
    return "  ".join(words)


def _worse(was: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[tuple[str, Ink]]:
    before, now = was.get("latest", {}).get("loss"), run.get("latest", {}).get("loss")
    if isinstance(before, int | float) and (isinstance(now, str) or (now is not None and now > before)):
        yield " ▲", Ink.WARN


def _alerts(old: Answer | None, here: Answer | None) -> Iterator[Line]:
    before, now = _by(old, "id"), _by(here, "id")
    for name, alert in now.items():
        was = before.get(name)
        words = f"{alert['rule']} of {alert['entity_kind']} {alert['entity']}"
        if was is None:
            yield line(("alert   ", Ink.DIM), ("▲ new ", Ink.WARN), said(words), said(_since(alert), Ink.DIM))
        elif was["status"] != alert["status"]:
            over = alert["status"] == "resolved"
            mark = ("✔ over ", Ink.OK) if over else (f"{alert['status']} ", Ink.WARN)
            yield line(("alert   ", Ink.DIM), mark, said(words))


def _since(alert: Mapping[str, Any]) -> str:
    return "" if alert["status"] == "active" else f", {alert['status']}"


def _by(answer: Answer | None, name: str) -> Mapping[str, Mapping[str, Any]]:
    return {row[name]: row for row in (answer or {}).get("rows", ())}
