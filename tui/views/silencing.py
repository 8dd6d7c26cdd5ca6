"""Wanting no notice of alerts for a while: the command `silence`, for one of them or for all about something."""

from collections.abc import Sequence
from typing import Final

from coord.tui.scene import Act, Row

SILENCE_SECONDS: Final = 3_600
_FOR: Final = "1h"


def silenced(alerts: Sequence[Row], now_ns: int) -> Act:
    """Make the command that silences alerts, one behind the other; the first refusal ends it. There is one at least."""
    until_ns = now_ns + SILENCE_SECONDS * 1_000_000_000
    names = [alert["id"] for alert in alerts]
    last: Act | None = None
    for name in reversed(names):
        fields = {"alert_id": name, "until_ns": until_ns}
        last = Act("silence", fields, f"coord silence {name} --for {_FOR}", then=last)
    assert last is not None
    if len(names) == 1:
        return last
    return last._replace(cli=f"printf '%s\\n' {' '.join(names)} | coord silence - --for {_FOR}")


def about(alerts: Sequence[Row], kind: str, name: str) -> list[Row]:
    """Return the alerts about something that are open and not silenced."""
    return [
        alert
        for alert in alerts
        if (alert["entity_kind"], alert["entity"]) == (kind, name)
        and alert["status"] != "resolved"
        and not alert.get("silenced_seconds")
    ]
