"""What each table and view is, in one sentence: a table's is that of the record its rows are."""

from typing import Final

from coord.projections.store.schema import BY_NAME
from coord.services.query import archived, log_events

_VIEWS: Final = {
    **{name: table.what for name, table in archived.TABLES.items()},
    log_events.NAME: "Every event as it stands in the log; data is its body as JSON. Read when it is named.",
    "node_processes": "The processes that matter most on each node, one a row.",
    "pace": "Events a second.",
    "readings": "Every reading of the hardware that is kept, one value a row.",
    "rollup_parts_all": "Minutes of readings that are over; one may be in several parts, which rollups puts together.",
    "rollups": "Readings by the minute: count, sum, lowest, highest and last.",
    "work_all": "Every item, whether it has ended or not.",
    "work_keyed_out": "Open items that wait because as many of their concurrency key are worked on as may be.",
    "work_unmet": "Dependencies of open items that are not completed.",
    "work_waits": "What open items wait for.",
}


def meaning(name: str) -> str:
    """Return what a table or view is; nothing where nobody has said."""
    if name in _VIEWS:
        return _VIEWS[name]
    table = BY_NAME.get(name)
    said = table.row.__doc__ if table else None
    return (said or "").strip().partition("\n")[0]
