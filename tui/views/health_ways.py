"""The ways back to 100: for each deduction what would give its points back, and where one looks for it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from coord.tui.scene import Row, Scene

_WAYS: Final[Mapping[str, tuple[str, str]]] = {
    "agents": ("look at the agents that lack health", "agents"),
    "agents_lost": ("bring the lost agents back, or retire them: coord retire NAME", "agents"),
    "alerts": ("resolve the cause; an alert that somebody took notice of (A) costs a quarter", "alerts"),
    "backlog": ("start more agents, or cancel what nobody needs any more", "work"),
    "behind": ("wait: the projector is catching up with the log", "events"),
    "claims_ended": ("look at why claims end without a result", "work"),
    "dead_letters": ("find who sends what is no event: coord deadletters", "events"),
    "events_missing": ("what the log has lost does not come back: coord doctor", "events"),
    "failures": ("look at the items that failed and at who failed them; it is forgiven with time", "work"),
    "leases_expired": ("agents must renew their leases in time; it is forgiven with time", "agents"),
    "log_away": ("bring the log back: coord doctor says what is wrong with it", "events"),
    "nobody_works": ("start an agent: coord claim --agent NAME", "work"),
    "nodes": ("look at the machine that is worst off", "nodes"),
    "oddities": ("look at the events that did not fit; it is forgiven with time", "events"),
    "runs": ("look at the run that is worst off", "runs"),
    "stalled": ("ask the holders for progress, or let their leases run out", "work"),
    "stuck": (
        "look at the process that shows no work, or take it all from its agent: coord evict NAME",
        "work",
    ),
    "parked": ("mend the cause and give it new attempts, coord requeue ID, or cancel it", "work"),
    "lost": ("it is heard again, or is taken away", ""),
    "silent": ("it must be heard again", ""),
    "failed": ("begin the run again; it goes on from its newest checkpoint", "runs"),
    "not_finite": ("it is forgiven an hour after the last value that was no number", "runs"),
    "points_dropped": ("look at whether the run's machine reaches the log", "runs"),
    "holds_many": ("let it complete what it holds, or give some back", "agents"),
    "memory": ("free memory, or move work away", "nodes"),
    "swap": ("free memory, or move work away", "nodes"),
    "memory_pressure": ("run less there: tasks wait for memory", "nodes"),
    "io_pressure": ("run less there: tasks wait for disks", "nodes"),
    "cpu_pressure": ("run less there: tasks wait for a core", "nodes"),
    "cpu_steal": ("the host gives the cores to other machines; move work away", "nodes"),
    "disk_full": ("free the disk", "nodes"),
    "hot": ("cool the machine", "nodes"),
    "gpu_hot": ("cool the GPU, or run less on it", "nodes"),
    "gpu_memory_hot": ("cool the GPU, or run less on it", "nodes"),
    "gpu_throttled": ("cool the GPU, or run less on it", "nodes"),
    "gpu_memory_errors": ("drain the node, and have the GPU looked at", "nodes"),
    "gpu_lost": ("drain the node, and reset the GPU", "nodes"),
    "readings_dropped": ("look at whether the monitor reaches the log", "nodes"),
}
_OF_KIND: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("run", "lost"): ("begin the run again; it goes on from its newest checkpoint", "runs"),
    ("run", "silent"): ("look at whether the run's process still lives", "runs"),
    ("agent", "lost"): ("let it be heard again, or retire it: coord retire NAME", "agents"),
    ("node", "lost"): ("start its monitor again: coord serve hardware", "nodes"),
    ("node", "silent"): ("look at whether its monitor still runs", "nodes"),
}
_KINDS: Final = {"agents": "agent", "agents_lost": "agent", "nodes": "node", "runs": "run"}
"""Of which parts a deduction of the system speaks."""
_VIEWS: Final = {"agent": "agents", "node": "nodes", "run": "runs", "team": "agents", "work": "work"}


class Way(NamedTuple):
    """One step on the way back."""

    points: float
    name: str
    words: str
    view: str
    """Where it is looked for; empty: nowhere of its own."""


def way_of(deduction: Row, kind: str = "") -> Way:
    """Return what would give a deduction's points back; `kind` of the entity that lacks them."""
    name = deduction["name"]
    words, view = _OF_KIND.get((kind, name)) or _WAYS.get(name, ("", ""))
    return Way(deduction["points"], name, words or "see what it says", view)


def ways(scene: Scene) -> Iterator[tuple[Way, str]]:
    """Yield the ways, the most points first, each with why it is one."""
    answer = scene.answers.get("health", {})
    parts = answer.get("parts", ())
    for deduction in sorted(answer.get("deductions", ()), key=lambda one: -one["points"]):
        worst = _worst_of(deduction, parts)
        if worst is None or not worst["deductions"]:
            yield way_of(deduction), str(deduction["reason"])
            continue
        inner = worst["deductions"][0]
        way = way_of(inner, worst["entity"].partition(":")[0])
        yield way._replace(points=deduction["points"]), f"{worst['entity']}: {inner['reason']}"


def is_known(name: str) -> bool:
    """Tell whether there is advice about a deduction of this name."""
    return name in _WAYS


def subject_of(deduction: Row, parts: Sequence[Row]) -> tuple[str, str]:
    """Return view and entity that a deduction of the system is about: the worst of its kind."""
    worst = _worst_of(deduction, parts)
    return way_of(deduction).view, "" if worst is None else worst["entity"].partition(":")[2]


def view_of(entity: str) -> tuple[str, str]:
    """Return the view and the name of an entity such as `run:tiny-gpt`."""
    kind, _, name = entity.partition(":")
    return _VIEWS.get(kind, ""), name


def _worst_of(deduction: Row, parts: Sequence[Row]) -> Row | None:
    """Return the part behind a deduction; they come worst first."""
    kind = _KINDS.get(deduction["name"])
    return next((part for part in parts if kind and part["entity"].startswith(f"{kind}:")), None)
