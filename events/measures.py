"""Questions about what is measured: which metrics there are, and the readings of one, as they were taken."""

import re
from typing import Final, Literal

from pydantic import Field

from coord.events.answer import ROWS_DEFAULT, Answer, Limit, PastQuestion
from coord.events.model import Count, Nanoseconds, Number, Token, Words

_WHAT_IT_IS_OF: Final = re.compile(r"_(?:min|max|lifetime)$")
_UNITS: Final = (
    ("_bytes_per_second", "bytes/s"), ("tokens_per_second", "tokens/s"), ("_per_second", "1/s"), ("_per_minute", "1/min"), ("_ratio", "ratio"), ("_bytes", "bytes"),
    ("_celsius", "celsius"), ("_watts", "watts"), ("_mhz", "MHz"), ("_seconds", "s"), ("_count", "count"),
    ("_errors", "count"), ("_bits", "bits"), ("_code", "code"),
)  # fmt: skip
"""What a metric's name ends in, and the unit that says: units stand last in names."""
_LOAD: Final = "load_average_"


def unit_of(metric: str) -> str:
    """Return the unit that a metric's name says; empty where it says none, as a loss has none."""
    if metric.startswith(_LOAD):
        return "tasks"
    name = _WHAT_IT_IS_OF.sub("", metric)
    return next((unit for end, unit in _UNITS if name.endswith(end)), "")


class Metrics(PastQuestion):
    """Every metric that machines or training runs have told, by name."""

    node: Token | None = None
    """Only what this machine tells."""
    limit: Limit = ROWS_DEFAULT


class MetricRow(Words):
    """One metric, and its newest value."""

    metric: Token
    unit: str
    """Empty where the name says none."""
    told_by: Literal["nodes", "runs"]
    tellers: Count
    """How many machines, or runs."""
    series: Count
    """One for each device of each machine, or for each run."""
    value: Number
    at_ns: Nanoseconds
    newest_of: Token
    """The machine or run whose value that is."""
    device: str = ""


class MetricsAnswer(Answer):
    """The metrics: of machines first."""

    rows: tuple[MetricRow, ...]
    truncated: bool = False


class Latest(PastQuestion):
    """The newest reading of each series of the machines: of all, or of one metric, machine or device."""

    metric: Token | None = None
    node: Token | None = None
    device: str | None = Field(default=None, max_length=64)
    """Empty for the machines themselves."""
    limit: Limit = ROWS_DEFAULT


class LatestRow(Words):
    """The newest reading of one series."""

    metric: Token
    node: Token
    device: str = ""
    value: float
    at_ns: Nanoseconds
    """The clock of who took it."""
    recorded_at_ns: Nanoseconds
    """The broker's clock."""


class LatestAnswer(Answer):
    """The series, by metric, machine and device."""

    rows: tuple[LatestRow, ...]
    truncated: bool = False


class Readings(PastQuestion):
    """Readings of one metric as they were taken, oldest first; raw ones are kept as long as `readings_kept_seconds` says."""

    metric: Token
    node: Token | None = None
    device: str | None = Field(default=None, max_length=64)
    since_ns: Nanoseconds = 0
    until_ns: Nanoseconds | None = None
    """None: now."""
    limit: Limit = ROWS_DEFAULT


class ReadingRow(Words):
    """One reading."""

    at_ns: Nanoseconds
    """The clock of who took it."""
    node: Token
    device: str = ""
    value: float
    recorded_at_ns: Nanoseconds
    """The broker's clock."""


class ReadingsAnswer(Answer):
    """The readings; of more than these, ask again from the last `at_ns` on."""

    rows: tuple[ReadingRow, ...]
    truncated: bool = False
