"""Whether what an item shall wait for can still come: what has failed, was cancelled or is parked is not completed by waiting.

That is no fault, for all three can be opened again. But an item that waits in vain looks like any other that waits.
"""

from collections.abc import Sequence
from typing import Final

from coord.events.errors import CoordError
from coord.services import client, clock
from coord.services.cli.call import Call, note
from coord.services.cli.safe import safe
from coord.services.client import Reply

_OPENED_BY: Final = {"failed": "reopen", "cancelled": "reopen", "parked": "requeue"}
_GLANCE_SECONDS: Final = 2.0
_LOOKED_AT_MAX: Final = 100


def note_vain(call: Call, items: Sequence[Reply]) -> None:
    """Say which of the others that these items depend on nobody will complete as it is."""
    own = {item["id"] for item in items}
    named = dict.fromkeys(one for item in items for one in item.get("depends_on", ()) if one not in own)
    if not named:
        return
    for item in _ended(call, list(named)[:_LOOKED_AT_MAX]):
        verb = _OPENED_BY.get(item["status"])
        if verb:
            told = f"{item['id']} is {item['status']}, and what depends on it waits in vain until: coord {verb} {item['id']}"
            note(safe(told))


def _ended(call: Call, item_ids: Sequence[str]) -> Sequence[Reply]:
    """Return the items as they are, if one of them has ended or is parked; a wait of no time tells it in one answer."""
    wish = {"request_id": clock.new_id(), "item_ids": item_ids, "any": True, "wait_seconds": 0}
    try:
        answer = client.tell(call.folder, "wait", wish, "", _GLANCE_SECONDS, connect_seconds=0.0)
    except CoordError:
        return ()
    ended: Sequence[Reply] = answer.get("items", ())
    return ended
