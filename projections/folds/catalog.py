"""Every projection and every table. A new projection is one module and one line here."""

from typing import Any, Final

from coord.events.envelope import Recorded
from coord.events.wire import RecordedSample
from coord.projections.folds import (
    agents,
    alerts,
    nodes,
    pace,
    runs,
    samples,
    teams,
    verification,
    weights,
    work,
)
from coord.projections.folds.oddities import ODDITIES
from coord.projections.folds.shape import Projection, Table

VERSION: Final = 6
"""Raise it when a fold comes to mean something else without a table changing: stores are then built anew."""

OF_EVENTS: Final[tuple[Projection[Recorded], ...]] = (
    agents.PROJECTION,
    alerts.PROJECTION,
    nodes.PROJECTION,
    pace.PROJECTION,
    runs.PROJECTION,
    teams.PROJECTION,
    verification.PROJECTION,
    weights.PROJECTION,
    work.PROJECTION,
)
OF_SAMPLES: Final[tuple[Projection[RecordedSample], ...]] = (samples.PROJECTION,)

TABLES: Final[tuple[Table[Any], ...]] = (
    *(table for projection in OF_EVENTS for table in projection.tables),
    ODDITIES,
    *(table for projection in OF_SAMPLES for table in projection.tables),
)

assert len({table.name for table in TABLES}) == len(TABLES)
