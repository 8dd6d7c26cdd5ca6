"""The verbs of a holder: progress, complete, fail and release."""

from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import Refused
from coord.services.cli import fences
from coord.services.cli.call import Call, note
from coord.services.cli.lines import Ids
from coord.services.cli.safe import safe
from coord.services.cli.values import as_json, as_name, as_position, as_ratio, as_text
from coord.services.client import Reply
from coord.services.wording import percent

_ENDING: Final = ("complete", "fail", "release")
_OVER: Final = ("stale_fence", "wrong_holder", "illegal_transition", "unknown_id")
"""Refusals that say that the claim behind a fence is over."""


def progress(call: Call) -> int:
    """Say how far the work is."""
    fraction = call.read("fraction", as_ratio)
    return _held(call, "progress", {"fraction": fraction, "note": call.read("note", as_text)})


def complete(call: Call) -> int:
    """Finish an item."""
    return _held(call, "complete", {"result": call.read("result", as_json)})


def fail(call: Call) -> int:
    """Give an item up: for good, or until its next try."""
    return _held(call, "fail", {"reason": call.read("reason", as_text) or "no reason was given"})


def release(call: Call) -> int:
    """Give an item back."""
    return _held(call, "release", {"reason": call.read("reason", as_text)})


def as_item(text: str) -> str:
    """Read an item's id."""
    return as_name(text, "the item")


def outcome(reply: Reply, more: str = "") -> str:
    """Say what an item is after a command about it."""
    words = [reply["id"], (reply.get("item") or {}).get("status", "done"), more]
    return safe("  ".join(word for word in words if word) + (" (already)" if reply.get("already") else ""))


def _held(call: Call, verb: str, fields: Mapping[str, Any]) -> int:
    agent, incarnation = call.agent(), call.incarnation()
    given = call.read("fence", as_position)
    told = "" if fields.get("fraction") is None else percent(fields["fraction"])

    def act(item_id: str, request_id: str) -> None:
        fence = fences.recall(call.folder, agent, incarnation, item_id) if given is None else given
        holder = {"agent": agent, "incarnation": incarnation, "item_id": item_id, "fence": fence}
        try:
            reply = call.tell(verb, request_id, {**holder, **fields})
        except Refused as error:
            if error.reply and error.reply.get("code") in _OVER:
                fences.forget(call.folder, agent, item_id, fence)
            raise
        if verb in _ENDING:
            fences.forget(call.folder, agent, item_id, fence)
        call.show(reply, [outcome(reply, told)])
        if reply.get("already") and (fields.get("result") is not None or call.text("reason") is not None):
            note(f"{item_id} had ended so before: what was told then is kept. See: coord show {item_id}")

    return call.each("id", as_item, Ids("the item"), act)
