"""Why open items cannot be claimed now: by what the tables say, and as of a moment.

The coordinator decides by the same rules, from what it saw itself.
"""

from typing import Any, Final

from coord.events.board import WAITS_LISTED_MAX
from coord.events.questions import Waits
from coord.projections.answers.moment import Moment

WAITING: Final = "(i.status = 'open' AND (x.id IS NOT NULL OR i.opened_at_ns > $now_ns))"
"""Of items `i`, joined with `work_waits x`."""
WAITS_COLUMNS: Final = "i.opened_at_ns, x.items AS waits_for, x.in_vain, x.concurrency_key AS waits_key"


def take_waits(row: dict[str, Any], moment: Moment) -> Waits | None:
    """Take the columns out of a row and say why its item waits; None when it can be claimed, or is not open."""
    opened_at_ns = row.pop("opened_at_ns")
    items, in_vain, key = row.pop("waits_for") or (), row.pop("in_vain") or (), row.pop("waits_key")
    until_ns = opened_at_ns if opened_at_ns > moment.time_ns else None
    if row["status"] != "open" or not (items or key or until_ns):
        return None
    return Waits(
        items=tuple(items[:WAITS_LISTED_MAX]),
        in_vain=tuple(in_vain[:WAITS_LISTED_MAX]),
        until_ns=until_ns,
        key=key,
    )
