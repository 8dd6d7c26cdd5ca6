"""What the process is asked for."""

from dataclasses import dataclass
from typing import Final

from coord.services.settings import Settings

ROWS_DEFAULT: Final = 1_000
ROWS_SHOWN_MAX: Final = 100_000
"""Of what is looked at as a whole: a table, or one document of JSON."""
ROWS_IN_FILES: Final = 1_000_000
ROWS_IN_FILES_MAX: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One statement on one copy; it travels pickled, from the command to the process it starts."""

    settings: Settings
    file: str
    """The copy, under a name that the process removes."""
    position: int
    """Of EVENTS, where the copy stands."""
    sql: str = ""
    """Empty: list the tables and views."""
    limit: int = ROWS_DEFAULT
    until_ns: int = 0
    """Of a copy of a past moment, that moment by the broker's clock; 0: it is of now."""
    parquet: int = -1
    """The descriptor that Parquet is written to; none: rows are told."""
