"""Where a claim stands among the traces that the exporter sends: what a command begins below.

The ids are hashes of what the log says, so nobody need be asked but for the item's first event.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services import client
from coord.services.folder import Folder

ASK_SECONDS: Final = 0.5
_SAMPLED: Final = "01"


def is_traced(folder: Folder, environment: Mapping[str, str]) -> bool:
    """Tell whether anybody may look at traces: this house exports, or this environment names a receiver."""
    services = (folder.read_json("up.json") or {}).get("services") or {}
    return "exporter" in services or any(name.startswith("OTEL_EXPORTER_OTLP") for name in environment)


def traceparent_of(folder: Folder, site: str, item_id: str, fence: int) -> str | None:
    """Return the W3C trace context of a claim's span; None when its item's beginning cannot be asked for now."""
    try:
        answer = client.peek(folder, "history", {"id": item_id, "aggregate": "work"}, ASK_SECONDS)
    except CoordError:
        return None
    events: list[Mapping[str, Any]] = answer["events"]
    if answer.get("truncated") or not events:
        return None
    from coord.services.exporter.identity import child_of, root_of

    at = child_of(root_of("work", site, item_id, str(events[0]["id"])), "attempt", fence)
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{_SAMPLED}"


def variables(folder: Folder, site: str, item_id: str, fence: int) -> dict[str, str]:
    """Return what a command's environment says of its trace."""
    told = traceparent_of(folder, site, item_id, fence) if is_traced(folder, os.environ) else None
    return {"TRACEPARENT": told} if told else {}
