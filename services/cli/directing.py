"""The verbs of directives: direct and withdraw; and how a directive and what became of it are told.

direct --issued--> wait --applied--> 0      refused, withdrawn --> 4      no answer in time --> 3
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from coord.events.errors import Exit, NoServer, OutcomeUnknown, Refused, UsageError
from coord.services import clock
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
    answered = _wait(call, entity, str(reply["id"]), live_seconds)
    if call.json:
        out_json({**reply, "answered": answered})
    return _told(call, entity, str(reply["id"]), answered)


def withdraw(call: Call) -> None:
    """Take a directive back."""
    fields = {
        "entity": as_name(call.text("entity") or "", "the run"),
        "directive_id": as_name(call.text("directive") or "", "the directive"),
        "reason": call.read("reason", as_text) or "no reason was given",
    }
    reply = call.tell("withdraw", call.request_id(), fields, call.person())
    call.show(reply, [safe(f"{reply['id']}  withdrawn{_already(reply)}")])


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


def _wait(call: Call, run: str, directive_id: str, live_seconds: float) -> dict[str, Any] | None:
    """Ask until the run has answered; None when it has not while it may."""
    deadline = clock.monotonic() + live_seconds + _LATE_SECONDS
    while clock.monotonic() < deadline:
        found = _asked(call, run, directive_id)
        if found is not None and found["status"] != "issued":
            return found
        time.sleep(_ASK_PAUSE_SECONDS)
    return None


def _asked(call: Call, run: str, directive_id: str) -> dict[str, Any] | None:
    try:
        rows = call.ask("runs", run=run)["rows"]
    except Refused:
        return None
    except NoServer as error:
        raise OutcomeUnknown(
            f"{directive_id} was issued, and what became of it is not known: {error.message}",
            f"Once it answers again: coord runs {run}",
        ) from error
    directives = (one for row in rows for one in row.get("directives", ()))
    return next((one for one in directives if one["id"] == directive_id), None)


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
