"""The list of runs: which are shown, in which order, and what each row says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from coord.services.run_state import is_paused, switches
from coord.services.wording import age
from coord.tui.filtering import Field, Filtered, filtered
from coord.tui.ink import Ink, said
from coord.tui.memo import remembered
from coord.tui.phrases import NONE, asked_for, became, figure
from coord.tui.scene import Answer, Place, Row, Scene
from coord.tui.table import Cell, Column

SILENT_SECONDS: Final = 10.0
"""A run that is heard more seldom is pointed out; when it is lost, the house decides."""
ORDERS: Final = ("worst", "newest", "name", "step", "loss")
_GLYPHS: Final[Mapping[str, tuple[str, Ink]]] = {
    "running": ("●", Ink.OK),
    "silent": ("◐", Ink.WARN),
    "paused": ("❚❚", Ink.WARN),
    "completed": ("✔", Ink.OK),
    "stopped": ("○", Ink.DIM),
    "failed": ("✖", Ink.BAD),
    "lost": ("✖", Ink.BAD),
}


def state_of(run: Row) -> str:
    """Return how a run is; one that runs may be paused, or have said nothing for a while."""
    if run["status"] != "running":
        return str(run["status"])
    if is_paused(run):
        return "paused"
    return "silent" if run["silent_seconds"] > SILENT_SECONDS else "running"


def asked_to(run: Row) -> Row | None:
    """Return the newest pause or resume that a run was asked for and has not answered, while it may be obeyed."""
    waiting = (one for one in switches(run) if one["status"] == "issued")
    newest = min(waiting, key=lambda one: one["age_seconds"], default=None)
    return newest if newest is not None and newest["age_seconds"] < newest["live_seconds"] else None


def state_cell(run: Row) -> tuple[str, Ink]:
    """Write a run's state with its glyph."""
    state = state_of(run)
    glyph, ink = _GLYPHS.get(state, ("·", Ink.TEXT))
    return f"{glyph} {state}", ink


def run_rows(scene: Scene, place: Place) -> Filtered:
    """Return the runs that the place's filter and order leave."""
    ordered = _ordered(scene.answers.get("runs"), place.sort, place.reversed)
    return filtered(ordered, place.filter, _fields(scene)) if place.filter else Filtered(ordered)


def spikes_of(scene: Scene, run: str) -> tuple[int, int]:
    """Return how many alerts about a run there were, and how many of them are open."""
    return _spikes(scene.answers.get("run_alerts") or scene.answers.get("alerts")).get(run, (0, 0))


def columns(scene: Scene) -> Sequence[Column[Row]]:
    """Return what the list shows; the least important goes first where the width is short."""
    return (
        Column("RUN", 12, lambda run: said(run["run"], Ink.STRONG)),
        Column("STATE", 11, state_cell),
        Column("STEP", 8, lambda run: f"{run['step']:,}", right=True),
        Column("LOSS", 7, _loss, right=True),
        Column("CANARY", 7, lambda run: figure(_latest(run, "canary_loss")), right=True, rank=6),
        Column("TOK/S", 7, lambda run: figure(_latest(run, "tokens_per_second")), right=True, rank=4),
        Column("HEARD", 6, _heard, right=True, rank=2),
        Column("SCORE", 5, _score, right=True, rank=5),
        Column("▲", 5, lambda run: _alerts(scene, run), right=True),
        Column("NODE", 8, lambda run: said(run.get("node") or NONE), rank=7),
        Column("◆ NEWEST DIRECTIVE", 20, _directive, flexible=True, rank=1),
        Column("NAME", 14, lambda run: said(run["name"], Ink.DIM), rank=8),
    )


@remembered
def _ordered(answer: Answer | None, sort: str, backwards: bool) -> list[Row]:
    rows = list((answer or {}).get("rows", ()))
    key = _KEYS.get(sort, _worst)
    rows.sort(key=key, reverse=backwards)
    return rows


def _worst(run: Row) -> tuple[bool, float, float]:
    """Those that run stand first, the least healthy of them at the top; then what ended last."""
    over = run["status"] != "running"
    return over, 0.0 if over else run.get("score") or 0.0, run["silent_seconds"]


def _loss_key(run: Row) -> float:
    value = _latest(run, "loss")
    return -value if isinstance(value, int | float) else float("-inf")


_KEYS: Final[Mapping[str, Callable[[Row], Any]]] = {
    "newest": lambda run: run["age_seconds"],
    "name": lambda run: (run["name"], run["run"]),
    "step": lambda run: -run["step"],
    "loss": _loss_key,
}


@remembered
def _spikes(answer: Answer | None) -> Mapping[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for alert in (answer or {}).get("rows", ()):
        if alert["entity_kind"] == "run":
            total, still = found.get(alert["entity"], (0, 0))
            found[alert["entity"]] = (total + 1, still + (alert["status"] != "resolved"))
    return found


def _fields(scene: Scene) -> Mapping[str, Field]:
    return {
        "state": state_of,
        "age": lambda run: run["age_seconds"],
        "silent": lambda run: run["silent_seconds"],
        "loss": lambda run: _latest(run, "loss"),
        "alerts": lambda run: spikes_of(scene, run["run"])[0],
        "open": lambda run: spikes_of(scene, run["run"])[1],
    }


def _latest(run: Row, metric: str) -> Any:
    return run.get("latest", {}).get(metric)


def _loss(run: Row) -> Cell:
    value = _latest(run, "loss")
    return figure(value), Ink.BAD if isinstance(value, str) else Ink.TEXT


def _heard(run: Row) -> Cell:
    late = run["status"] == "running" and run["silent_seconds"] > SILENT_SECONDS
    return age(run["silent_seconds"]), Ink.WARN if late else Ink.DIM


def _score(run: Row) -> Cell:
    score = run.get("score")
    return (NONE, Ink.DIM) if score is None else (f"{score:.0f}", Ink.WARN if score < 80 else Ink.TEXT)


def _alerts(scene: Scene, run: Row) -> Cell:
    total, still = spikes_of(scene, run["run"])
    return (f"{total}▲" if total else "0", Ink.BAD if still else Ink.WARN if total else Ink.DIM)


def _directive(run: Row) -> Cell:
    directives = run.get("directives") or ()
    if not directives:
        return said(run["reason"], Ink.WARN) if run.get("reason") else (NONE, Ink.DIM)
    newest = directives[0]
    words, ink = became(newest)
    if newest.get("step") is not None:
        words = f"{newest['status']} at {newest['step']:,}"
    return f"◆ {asked_for(newest)} {words}", ink
