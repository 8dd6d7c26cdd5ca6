"""Which tables a question about a span of time reads: two days are fifty segments, and planning for all costs more than the answer.

No reading is of a moment further ahead of the broker's clock than `AHEAD_SECONDS_MAX`, so what was recorded earlier
than that before a span holds none of it. How late a reading may come is not limited, so the other end cuts nothing off.
"""

from typing import Any, Final

from coord.events.wire import AHEAD_SECONDS_MAX
from coord.projections.answers.moment import SECOND_NS
from coord.projections.folds.shape import Table
from coord.projections.store import Reader

_AHEAD_NS: Final = AHEAD_SECONDS_MAX * SECOND_NS
_SEGMENTS: Final = (
    "SELECT name FROM segments WHERE hot = $hot AND end_ns > $since_ns ORDER BY first_ns, end_ns"
)


def rows_since(reader: Reader, table: Table[Any], since_ns: int) -> str:
    """Name, for a FROM, all rows of a sealed table that may be of a moment or later."""
    found = reader.rows(_SEGMENTS, hot=table.name, since_ns=since_ns - _AHEAD_NS)
    parts = (f'SELECT * FROM "{name}"' for name in (table.name, *(row["name"] for row in found)))
    return f"({' UNION ALL '.join(parts)})"
