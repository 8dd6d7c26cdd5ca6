"""The verbs of directives: direct and withdraw; and how a directive and what became of it are told.

direct --issued--> wait --applied--> 0      refused, withdrawn --> 4      no answer in time --> 3
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from coord.events.errors import CoordError, Exit, NoServer, OutcomeUnknown, Refused, UsageError
from coord.services import client, clock
from coord.services.cli.call import Call
from coord.services.cli.safe import safe
from coord.services.cli.terminal import flush, out, out_json, talk
from coord.services.cli.values import as_factor, as_lease, as_name, as_numbers, as_position, as_text
from coord.services.wording import age

ACTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "skip_batch": {"batches": "batches"},
    "lower_learning_rate": {"factor": "factor", "steps": "steps"},
    "restore_learning_rate": {},
    "halve_micro_batch": {},
    "roll_back": {"before_step": "before_step", "batches": "skip_batches"},
    "checkpoint_now": {},
    "pause": {},
    "resume": {},
    "stop": {},
    "drain": {},
}
"""What may be asked: by action, its options and the parameters they are."""
NEEDED: Final = {"skip_batch": "batches", "lower_learning_rate": "factor", "roll_back": "before_step"}
"""The option that an action means nothing without."""
KINDS: Final = ("run", "agent", "node")
LIVE_SECONDS_DEFAULT: Final = 60.0
_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "factor": as_factor, "steps": as_position, "before_step": as_position, "batches": as_numbers,
}  # fmt: skip
_LATE_SECONDS: Final = 2.0
"""How much longer than it lives an answer is waited for: it is on its way, or not folded in yet."""
_ASK_PAUSE_SECONDS: Final = 0.1
_GLANCE_SECONDS: Final = 2.0
_OVER: Final = ("completed", "failed", "stopped")


def direct(call: Call) -> int:
    """Issue a directive, and wait for the run's answer where that is wanted."""
    entity = as_name(call.text("entity") or "", "the run")
    kind, action = _kind(call), _action(call)
    if call.on("wait") and kind != "run":
        raise UsageError(f"--wait is for runs: nobody answers for the {kind} {entity}.")
    live_seconds = call.read("live", as_lease) or LIVE_SECONDS_DEFAULT
    by = call.person()
    fields = {
        "entity_kind": kind,
        "entity": entity,
        "action": action,
        "parameters": _parameters(call, action),
        "live_seconds": live_seconds,
        "reason": call.read("reason", as_text) or f"{by} asks for it",
    }
    reply = call.tell("direct", call.request_id(), fields, by)
    line = (
        f"{reply['id']}  {action}  {(reply.get('directive') or {}).get('status', 'issued')}{_already(reply)}"
    )
    if not call.on("wait"):
        call.show(reply, [safe(line)])
        return 0
    if not call.json:
        out(safe(line))
        flush()
    found = _wait(call, entity, str(reply["id"]), live_seconds)
    answered = found.directive if found and found.directive["status"] != "issued" else None
    if call.json:
        out_json({**reply, "answered": answered})
    if answered is None and found is not None and found.over:
        raise Refused(
            f"{entity} is {found.status}: nobody will obey {reply['id']}.", f"See: coord runs {entity}"
        )
    return _told(call, entity, str(reply["id"]), answered)


def withdraw(call: Call) -> None:
    """Take a directive back."""
    fields = {
        "entity": as_name(call.text("entity") or "", "the run"),
        "directive_id": as_name(call.text("directive") or "", "the directive"),
        "reason": call.read("reason", as_text) or "no reason was given",
    }
    _check_open(call, str(fields["entity"]), str(fields["directive_id"]))
    reply = call.tell("withdraw", call.request_id(), fields, call.person())
    call.show(reply, [safe(f"{reply['id']}  withdrawn{_already(reply)}")])


def _check_open(call: Call, entity: str, directive_id: str) -> None:
    """Refuse to take back what was answered; where nobody says what became of it, nothing is refused."""
    try:
        rows = client.peek(call.folder, "runs", {"run": entity}, _GLANCE_SECONDS)["rows"]
    except (CoordError, KeyError):
        return
    found = _find(rows, directive_id)
    directive = found.directive if found else None
    if directive is not None and directive["status"] in ("applied", "refused"):
        what = "obeyed" if directive["status"] == "applied" else "refused"
        where = f" at step {directive['step']}" if directive.get("step") is not None else ""
        why = f": {directive['answer']}" if directive.get("answer") else ""
        raise Refused(f"{entity} {what} {directive_id} already{where}{safe(why)}.", _instead(directive))


def _instead(directive: Mapping[str, Any]) -> str:
    return {"pause": "Go on with: resume", "lower_learning_rate": "Undo it with: restore_learning_rate"}.get(
        directive["action"] if directive["status"] == "applied" else "", ""
    )


def became(directive: Mapping[str, Any]) -> str:
    """Say what became of a directive, in few words."""
    status, step = directive["status"], directive.get("step")
    if status == "issued":
        over = directive["age_seconds"] > directive["live_seconds"]
        return "not answered" if over else f"asked {age(directive['age_seconds'])} ago"
    return f"{status} at {step}" if step is not None else str(status)


def outlook(directive: Mapping[str, Any]) -> str:
    """Say what it means that this became of a directive."""
    if directive["status"] == "issued":
        return "warn" if directive["age_seconds"] > directive["live_seconds"] else "accent"
    return {"applied": "ok", "refused": "bad"}.get(directive["status"], "dim")


def asked_for(directive: Mapping[str, Any]) -> str:
    """Say what a directive asks for: its action with its parameters."""
    given = (f"{name} {_shown(value)}" for name, value in directive.get("parameters", {}).items())
    return "  ".join((directive["action"], *given))


def _kind(call: Call) -> str:
    kind = call.text("kind") or "run"
    if kind not in KINDS:
        raise UsageError(f"--kind is '{safe(kind)[:64]}'; it must be one of {', '.join(KINDS)}.")
    return kind


def _action(call: Call) -> str:
    action = (call.text("action") or "").replace("-", "_")
    if action not in ACTIONS:
        raise UsageError(f"the action is '{safe(action)[:64]}'; it must be one of {', '.join(ACTIONS)}.")
    return action


def _parameters(call: Call, action: str) -> dict[str, Any]:
    takes = ACTIONS[action]
    for name in _READERS:
        if call.text(name) is not None and name not in takes:
            raise UsageError(f"{action} takes no {_flag(name)}.", _takes(action))
    if action in NEEDED and call.text(NEEDED[action]) is None:
        raise UsageError(f"{action} needs {_flag(NEEDED[action])}.", "Try: coord direct --help")
    given = {parameter: call.read(name, _READERS[name]) for name, parameter in takes.items()}
    return {parameter: value for parameter, value in given.items() if value is not None}


def _takes(action: str) -> str:
    flags = [_flag(name) for name in ACTIONS[action]]
    return f"It takes {' and '.join(flags)}." if flags else "It takes no parameters."


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _already(reply: Mapping[str, Any]) -> str:
    return " (already)" if reply.get("already") else ""


class _Found(NamedTuple):
    """A directive as it stands, and its run's status."""

    directive: dict[str, Any]
    status: str

    @property
    def over(self) -> bool:
        """Whether nobody is there any more who could obey; a run that begins again refuses what is older."""
        return self.status in _OVER


def _wait(call: Call, run: str, directive_id: str, live_seconds: float) -> _Found | None:
    """Ask until the run has answered or is over; None when it has not answered while it may."""
    deadline = clock.monotonic() + live_seconds + _LATE_SECONDS
    while clock.monotonic() < deadline:
        found = _asked(call, run, directive_id)
        if found is not None and (found.directive["status"] != "issued" or found.over):
            return found
        time.sleep(_ASK_PAUSE_SECONDS)
    return None


def _asked(call: Call, run: str, directive_id: str) -> _Found | None:
    try:
        rows = call.ask("runs", run=run)["rows"]
    except Refused:
        return None
    except NoServer as error:
        raise OutcomeUnknown(
            f"{directive_id} was issued, and what became of it is not known: {error.message}",
            f"Once it answers again: coord runs {run}",
        ) from error
    return _find(rows, directive_id)


def _find(rows: Sequence[Mapping[str, Any]], directive_id: str) -> _Found | None:
    directives = (_Found(one, str(row["status"])) for row in rows for one in row.get("directives", ()))
    return next((one for one in directives if one.directive["id"] == directive_id), None)


def _told(call: Call, run: str, directive_id: str, answered: Mapping[str, Any] | None) -> int:
    if answered is None:
        talk(f"coord: {run} has not answered in time; it may not obey any more. See: coord runs {run}")
        return int(Exit.NOTHING)
    if not call.json:
        where = f" at step {answered['step']}" if answered.get("step") is not None else ""
        why = f": {answered['answer']}" if answered.get("answer") else ""
        out(safe(f"{directive_id}  {answered['status']}{where}{why}"))
    return int(Exit.DONE if answered["status"] == "applied" else Exit.REFUSED)


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
