"""The verbs claim and why: an item for this agent, at once or when there is one; and in which order, and why."""

from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import UsageError
from coord.services.cli import fences
from coord.services.cli.call import STDIN, Call
from coord.services.cli.lines import Ids
from coord.services.cli.safe import safe
from coord.services.cli.values import CLAIM_MAX, as_lease, as_name, as_wait, as_whole
from coord.services.client import Reply
from coord.services.wording import age

_GONE: Final = "you stopped waiting; what would be won now is given back."


def claim(call: Call) -> None:
    """Claim the best items, or a given one, and remember the fences."""
    item_id = call.text("id")
    if item_id == STDIN:
        raise UsageError("claim takes one id, or none.", "The best item is claimed without an id.")
    if item_id is not None:
        item_id = as_name(item_id, "the item")
    if call.on("why"):
        _explain(call, call.agent(), item_id)
        return
    agent = call.agent()
    count = call.read("count", lambda text, what: as_whole(text, what, 1, CLAIM_MAX)) or 1
    fields = {
        "agent": agent,
        "incarnation": call.incarnation(),
        "item_id": item_id,
        "lease_seconds": call.read("lease", as_lease),
        "count": count if count > 1 else None,
    }
    reply = _claimed(call, fields)
    items = reply.get("items") or [reply["item"]]
    for item in items:
        fences.remember(call.folder, agent, item["incarnation"], item["id"], item["fence"])
    call.show({**reply, "fence": items[0]["fence"]}, map(_line, items))


def why(call: Call) -> int:
    """Say why an item waits, and what is claimed before it."""
    agent = call.agent() if call.names_an_agent() else None

    def act(item_id: str, _: str) -> None:
        _explain(call, agent, item_id)

    return call.each("id", lambda text: as_name(text, "the item"), Ids("the item"), act)


def _claimed(call: Call, fields: Mapping[str, Any]) -> Reply:
    if call.text("wait") is None:
        return call.tell("claim", call.request_id(), fields)
    from coord.services.cli.patience import told_in_time

    return told_in_time(call, "claim", fields, call.read("wait", as_wait), _GONE)


def _explain(call: Call, agent: str | None, item_id: str | None) -> None:
    from coord.services.cli.explaining import explain

    explain(call, agent, item_id)


def _line(item: Mapping[str, Any]) -> str:
    return safe(f"{item['id']}  fence {item['fence']}  lease {age(item['lease_seconds'])}  {item['title']}")
