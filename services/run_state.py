"""How a run is, told from its row in the answer about runs: the same for the shell and the dashboard.

A run that goes on may be paused, and nothing in the log says so in one word: it says so itself among its newest
figures, or it obeyed a pause last and has not gone on since.
"""

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]


def is_paused(run: Row) -> bool:
    """Whether a run that goes on waits: it says so itself, or the last of pause and resume that it obeyed was a pause."""
    if run["status"] != "running":
        return False
    if run.get("latest", {}).get("paused"):
        return True
    obeyed = [one for one in switches(run) if one["status"] == "applied"]
    newest = min(
        obeyed, key=lambda one: one["age_seconds"] - (one.get("answered_seconds") or 0.0), default=None
    )
    return newest is not None and newest["action"] == "pause" and _stands(run, newest)


def switches(run: Row) -> list[Row]:
    """Return the directives to pause or go on that a run was given, the newest first."""
    return [one for one in run.get("directives") or () if one["action"] in ("pause", "resume")]


def _stands(run: Row, pause: Row) -> bool:
    """Whether a run is still where it paused: it took no step since, and if it began again, its loop says nothing."""
    began_again = run.get("starts", 1) > 1 and "waiting_seconds" not in run.get("latest", {})
    step = pause.get("step")
    return not began_again and (step is None or run["step"] <= step)
