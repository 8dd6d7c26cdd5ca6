"""What can be asked of a run from the dashboard: the same commands as `coord direct` and `coord withdraw` send."""

from collections.abc import Mapping
from typing import Final

from coord.services.run_state import is_paused
from coord.tui.phrases import quick
from coord.tui.scene import Act, Outcome, Row, Say, Scene
from coord.tui.views.run_rows import asked_to

REASON: Final = "asked for in the dashboard"
LIVE_SECONDS: Final = 60.0
_OPPOSITE: Final[Mapping[str, str]] = {"pause": "resume", "resume": "pause"}


def act(key: str, scene: Scene, run: Row) -> Outcome:
    """Return the command of a key; None when the key is none of these."""
    if key not in ("z", "c", "X", "W"):
        return None
    if scene.past is not None:
        return Say("This is a past moment: nothing can be asked of it. esc goes back to now.")
    if key == "W":
        return _withdrawn(run)
    if run["status"] != "running":
        return Say(f"{run['run']} is {run['status']}: nobody would hear a directive.")
    if key == "z":
        return _switched(scene, run)
    if key == "c":
        return directed(run["run"], "checkpoint_now")
    return directed(
        run["run"], "stop", asks=f"Ask the run {run['run']} to stop? It writes a checkpoint and ends."
    )


def _switched(scene: Scene, run: Row) -> Outcome:
    """Pause a run, or let it go on; what it was asked for already is not asked for again."""
    action, before = "resume" if is_paused(run) else "pause", asked_to(run)
    if before is not None and before["action"] == action:
        since = quick(before["age_seconds"])
        return Say(
            f"{run['run']} was asked to {action} {since} ago and has not answered yet; W takes it back."
        )
    act = directed(run["run"], action)
    if _is_on_its_way(scene, act):
        return Say(f"{run['run']} was asked to {action} just now; it obeys at its next step.")
    return act


def _is_on_its_way(scene: Scene, act: Act) -> bool:
    """Whether the very same was told last, and the answer about runs does not show it yet."""
    last = scene.last
    if last is None or last.cli != act.cli:
        return False
    shown = scene.answers.get("runs", {}).get("as_of", {}).get("position", 0)
    return last.how == "..." or (last.how == "done" and shown < last.position)


def directed(entity: str, action: str, kind: str = "run", asks: str = "") -> Act:
    """Make a directive as a command; what has an opposite can be undone by it."""
    opposite = _OPPOSITE.get(action)
    undo = _direct(entity, opposite, kind) if opposite else None
    return _direct(entity, action, kind)._replace(asks=asks, undo=undo)


def _direct(entity: str, action: str, kind: str) -> Act:
    fields = {
        "entity_kind": kind, "entity": entity, "action": action, "parameters": {}, "live_seconds": LIVE_SECONDS,
        "reason": REASON,
    }  # fmt: skip
    of = "" if kind == "run" else f" --kind {kind}"
    return Act("direct", fields, f"coord direct {entity} {action}{of} --reason '{REASON}'")


def _withdrawn(run: Row) -> Outcome:
    waiting = [one for one in run.get("directives", ()) if one["status"] == "issued"]
    if not waiting:
        return Say(f"{run['run']} was asked for nothing that it has not answered.")
    directive = waiting[0]["id"]
    fields = {"entity": run["run"], "directive_id": directive, "reason": REASON}
    cli = f"coord withdraw {run['run']} {directive} --reason '{REASON}'"
    return Act("withdraw", fields, cli)
