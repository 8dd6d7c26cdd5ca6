"""Events in a few words: which entity, what happened, and the figures that matter. The log's words, made short."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from coord.services.wording import age, safe, size
from coord.tui.ink import Ink
from coord.tui.plot import short_number
from coord.tui.scene import Row

TOLD_LENGTH: Final = 200
_TITLE_LENGTH: Final = 60
_BAD: Final = frozenset(
    {
        "work.failed",
        "work.lease_expired",
        "work.stuck",
        "agent.lost",
        "agent.evicted",
        "node.lost",
        "node.readings_dropped",
        "run.lost",
    }
)
_OK: Final = frozenset({"work.completed", "alert.resolved", "agent.returned", "node.returned"})

Fields = Mapping[str, Any]


def kind_of(entry: Row) -> str:
    """Return the type of an event without its version: `work.claimed`; `?` for what is no event."""
    kind = str(entry.get("type") or "?")
    head, _, version = kind.rpartition(".v")
    return head if head and version.isdecimal() else kind


def entity_of(entry: Row) -> str:
    """Return the name of what an event is about: the last token of its subject."""
    return str(entry["subject"]).rpartition(".")[2]


def aggregate_of(entry: Row) -> str:
    """Return what kind of thing an event is about: work, agent, run, ..."""
    parts = str(entry["subject"]).split(".")
    return parts[2] if len(parts) > 3 else ""


def mark_of(entry: Row) -> tuple[str, Ink]:
    """Return the glyph and ink of an event: ▲ alert, ◆ directive, ✖ what went wrong, ✔ what ended well."""
    kind = kind_of(entry)
    if entry.get("fault"):
        return "✖", Ink.BAD
    if kind == "alert.raised":
        return "▲", Ink.BAD if _fields(entry).get("severity") == "critical" else Ink.WARN
    if kind.startswith(("directive.", "run.directive_")):
        return "◆", Ink.ACCENT
    if kind in _BAD or (kind == "run.finished" and _fields(entry).get("outcome") == "failed"):
        return "✖", Ink.BAD
    if kind in _OK or kind == "run.finished":
        return "✔", Ink.OK
    return " ", Ink.TEXT


def sentence(entry: Row) -> str:
    """Say what an event says, without its entity and its time."""
    if entry.get("fault"):
        return safe(f"no event of ours: {entry['fault']}")[:TOLD_LENGTH]
    told = _fields(entry)
    tell = _TELLERS.get(kind_of(entry))
    try:
        words = tell(told) if tell else _plainly(told)
    except (KeyError, TypeError, ValueError, IndexError):
        words = _plainly(told)
    return safe(words)[:TOLD_LENGTH]


def _fields(entry: Row) -> Fields:
    told = entry.get("fields")
    return told if isinstance(told, Mapping) else {}


def _plainly(told: Fields) -> str:
    return "  ".join(f"{name} {value}" for name, value in told.items() if value not in (None, [], {}))


def _title(told: Fields) -> str:
    return str(told["title"])[:_TITLE_LENGTH]


def _submitted(told: Fields) -> str:
    wanted = f" needs {', '.join(told['capabilities'])}" if told.get("capabilities") else ""
    return f"priority {told.get('priority', 5)}{wanted}  {_title(told)}"


def _claimed(told: Fields) -> str:
    return f"by {told['agent']}, attempt {told['attempt']}, lease {age(told['lease_seconds'])}"


def _progressed(told: Fields) -> str:
    share = "" if told.get("fraction") is None else f"{100 * told['fraction']:.0f} %"
    return " ".join(part for part in (f"by {told['agent']}", share, str(told.get("note") or "")) if part)


def _failed(told: Fields) -> str:
    return f"by {told['agent']}: {told['reason']}{_then(told, 'failed')}"


def _released(told: Fields) -> str:
    then = _then(told, "" if told.get("retry_seconds") else "open") if "then" in told else ""
    return f"by {told['agent']}{_because(told, 'reason')}{then}"


def _expired(told: Fields) -> str:
    then = _then({"then": "open", **told}, "")
    cause, name = told.get("cause", "silence"), told["agent"]
    if cause == "silence":
        return f"the lease of {name} ran out after {age(told['silent_seconds'])} of silence{then}"
    words = {
        "agent_lost": f"{name} was lost",
        "node_lost": f"the machine of {name} was lost",
        "evicted": f"{name} was put out",
        "stuck": f"{name} showed no work",
    }
    return f"taken back: {words[cause]}{then}"


def _then(told: Fields, otherwise: str) -> str:
    """Say what an item is after an end of its claim, where that is not what one would think."""
    then = told.get("then", otherwise)
    if then == otherwise:
        return ""
    rest = f", rests {age(told['retry_seconds'])}" if told.get("retry_seconds") else ""
    return f"; {'open again' if then == 'open' else then}{rest}"


def _depends(told: Fields) -> str:
    named = told["depends_on"]
    return f"depends on {', '.join(named)}" if named else "depends on nothing any more"


def _configured(told: Fields) -> str:
    limit = f"at most {told['wip_limit']} held" if told.get("wip_limit") else "no limit"
    return f"{limit}, share {told['share']:g}"


def _weighed(told: Fields) -> str:
    return f"costs {told['points']:g} points at most"


def _registered(told: Fields) -> str:
    offers = ", ".join(told.get("capabilities") or ())
    return " ".join(
        part
        for part in (
            f"offers {offers}" if offers else "offers nothing in particular",
            f"team {told['team']}" if told.get("team") else "",
        )
        if part
    )


def _machine(told: Fields) -> str:
    inventory = told["inventory"]
    gpus = inventory.get("gpus") or ()
    cores, memory = inventory["cpu"]["cores_logical"], size(inventory["memory_bytes"])
    return f"{cores} cores, {memory}, {len(gpus)} GPU{'' if len(gpus) == 1 else 's'}"


def _silence(told: Fields) -> str:
    return f"lost: nothing was heard for {age(told['silent_seconds'])}"


def _returned(told: Fields) -> str:
    return f"heard again after {age(told['lost_seconds'])}"


def _started(told: Fields) -> str:
    again = told.get("resumed_from_step")
    where = f" on {told['node']}" if told.get("node") else ""
    return f"{told['name']}{where}" + ("" if again is None else f", from step {again:,} again")


def _metrics(told: Fields) -> str:
    point = told["points"][-1]
    values = point["values"]
    first = [name for name in ("loss", "canary_loss") if name in values] or list(values)[:1]
    figures = " ".join(f"{name} {_figure(values[name])}" for name in first)
    return f"step {point['step']:,} {figures}"


def _evaluated(told: Fields) -> str:
    figures = " ".join(f"{name} {_figure(value)}" for name, value in list(told["values"].items())[:3])
    return f"step {told['step']:,} {figures}"


def _figure(value: Any) -> str:
    return short_number(value) if isinstance(value, int | float) else str(value)


def _checkpoint(told: Fields) -> str:
    return f"step {told['step']:,}, {size(told['size_bytes'])} in {age(told['write_seconds'])}"


def _finished(told: Fields) -> str:
    return f"{told['outcome']} at step {told['step']:,}{_because(told, 'reason')}"


def _raised(told: Fields) -> str:
    return f"{told['severity']} {told['rule']} of {told['entity']}: {told['summary']}"


def _issued(told: Fields) -> str:
    given = told.get("parameters") or {}
    asked = " ".join(f"{name} {value}" for name, value in given.items())
    return f"{told['action']} {asked}".rstrip()


def _applied(told: Fields) -> str:
    return f"obeyed at step {told['step']:,}{_because(told, 'note')}"


def _refused(told: Fields) -> str:
    return f"refused at step {told['step']:,}{_because(told, 'reason')}"


def _verified(told: Fields) -> str:
    return f"{told['outcome']} in {age(told['run_seconds'])}: {told['scenario']}"


def _because(told: Fields, name: str) -> str:
    return f": {told[name]}" if told.get(name) else ""


_TELLERS: Final[Mapping[str, Callable[[Fields], str]]] = {
    "work.submitted": _submitted,
    "work.claimed": _claimed,
    "work.progressed": _progressed,
    "work.completed": lambda told: f"by {told['agent']}",
    "work.failed": _failed,
    "work.released": _released,
    "work.lease_expired": _expired,
    "work.cancelled": lambda told: str(told.get("reason") or "nobody shall do it any more"),
    "work.blocked": lambda told: str(told["reason"]),
    "work.unblocked": lambda told: str(told.get("reason") or "may be claimed again"),
    "work.reprioritised": lambda told: f"priority {told['priority']}{_because(told, 'reason')}",
    "work.dependencies_set": _depends,
    "work.requeued": lambda told: str(told.get("reason") or "open again, with all its attempts"),
    "work.reopened": lambda told: str(told["reason"]),
    "work.stuck": lambda told: f"{told['agent']} lives and has shown no work for {age(told['idle_seconds'])}",
    "work.moved_on": lambda told: f"{told['agent']} shows work again",
    "agent.registered": _registered,
    "agent.drained": lambda told: str(told.get("reason") or "ends what it holds, takes nothing new"),
    "agent.evicted": lambda told: str(told["reason"]),
    "health.weighed": _weighed,
    "team.configured": _configured,
    "agent.lost": _silence,
    "agent.returned": _returned,
    "agent.retired": lambda told: str(told.get("reason") or "left on purpose"),
    "node.registered": _machine,
    "node.lost": _silence,
    "node.readings_dropped": lambda told: (
        f"its monitor dropped {told['readings']:,} readings that could not be sent"
    ),
    "node.returned": _returned,
    "run.started": _started,
    "run.metrics_recorded": _metrics,
    "run.evaluated": _evaluated,
    "run.checkpoint_written": _checkpoint,
    "run.directive_applied": _applied,
    "run.directive_refused": _refused,
    "run.out_of_memory": lambda told: f"step {told['step']:,}: {told['reason']}",
    "run.finished": _finished,
    "run.lost": _silence,
    "alert.raised": _raised,
    "alert.acknowledged": lambda told: f"by {told['by']}{_because(told, 'note')}",
    "alert.silenced": lambda told: f"by {told['by']}{_because(told, 'reason')}",
    "alert.resolved": lambda told: str(told["reason"]),
    "directive.issued": _issued,
    "directive.withdrawn": lambda told: str(told["reason"]),
    "verification.recorded": _verified,
}
