"""The verbs that plan anew: cancel, block, unblock, reprioritise, depend, requeue and reopen. No claim is needed."""

from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import UsageError
from coord.services.cli.awaited import note_vain
from coord.services.cli.call import Call
from coord.services.cli.holding import as_item, outcome
from coord.services.cli.lines import Ids
from coord.services.cli.values import as_name, as_priority, as_text
from coord.services.client import Reply

_NO_REASON: Final = "no reason was given"


def cancel(call: Call) -> int:
    """End an item that nobody shall do any more."""
    return _each(call, "cancel", _why(call))


def block(call: Call) -> int:
    """Keep an open item from being claimed."""
    return _each(call, "block", {"reason": call.read("reason", as_text) or _NO_REASON})


def unblock(call: Call) -> int:
    """Let a blocked item be claimed again."""
    return _each(call, "unblock", _why(call))


def reprioritise(call: Call) -> int:
    """Give an item another priority."""
    priority = call.read("priority", as_priority)
    if priority is None:
        raise UsageError("the new priority is not said.", "Say it with --priority, 0 to 9.")
    return _each(call, "reprioritise", {"priority": priority, **_why(call)})


def depend(call: Call) -> int:
    """Say what an item waits for, all of it."""
    names = [as_name(name, "--on") for name in call.many("on")]
    if bool(names) == call.on("on_nothing"):
        raise UsageError(
            "what it depends on is not said." if not names else "it depends on something, or on nothing.",
            "Name all of it, each with --on, or say --on-nothing.",
        )
    return _each(call, "depend", {"depends_on": names})


def requeue(call: Call) -> int:
    """Open a parked item again."""
    return _each(call, "requeue", _why(call))


def reopen(call: Call) -> int:
    """Open an item again that had ended."""
    return _each(call, "reopen", {"reason": call.read("reason", as_text) or _NO_REASON})


def _why(call: Call) -> dict[str, Any]:
    return {"reason": call.read("reason", as_text)}


def _each(call: Call, verb: str, fields: Mapping[str, Any]) -> int:
    by = call.person()

    def act(item_id: str, request_id: str) -> None:
        reply = call.tell(verb, request_id, {"item_id": item_id, **fields}, by)
        call.show(reply, [outcome(reply, _told(verb, reply))])
        if verb == "depend" and "item" in reply:
            note_vain(call, [reply["item"]])

    return call.each("id", as_item, Ids("the item"), act)


def _told(verb: str, reply: Reply) -> str:
    """Say what a command changed beside the status."""
    item = reply.get("item") or {}
    if verb == "reprioritise":
        return f"priority {item.get('priority')}"
    if verb == "depend":
        return f"after {', '.join(item.get('depends_on', ())) or 'nothing'}"
    return ""
