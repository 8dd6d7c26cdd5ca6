"""What the exporter has to tell, before it is encoded: spans that ended, log records, points of metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coord.services.exporter.shape import Metric

Attribute = str | int | float | bool | tuple[str, ...]
Attributes = Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class SpanName:
    """Where a span is: its trace and its id."""

    trace_id: int
    span_id: int


@dataclass(frozen=True, slots=True)
class Link:
    """A span that another has to do with; `kind` says how."""

    to: SpanName
    kind: str


@dataclass(frozen=True, slots=True)
class EndedSpan:
    """One span, whole. Times are the broker's."""

    name: str
    kind: Literal["server", "internal"]
    at: SpanName
    parent: SpanName | None
    began_ns: int
    ended_ns: int
    attributes: Attributes
    position: int
    """Of the event that ended it."""
    links: tuple[Link, ...] = ()
    fault: str | None = None
    """What went wrong; None: nothing."""
    clamped: bool = False
    """Whether it would have ended before it began, by the broker's clock."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log record."""

    event_name: str
    severity: int
    """OpenTelemetry's number: 9 INFO, 13 WARN, 17 ERROR, 21 FATAL."""
    body: str
    at_ns: int
    attributes: Attributes
    position: int
    span: SpanName | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one series."""

    metric: Metric
    attributes: Mapping[str, Attribute]
    value: float
    at_ns: int


@dataclass(frozen=True, slots=True)
class HistogramPoint:
    """One distribution of one series; `counts` has one bucket more than there are bounds."""

    metric: Metric
    attributes: Mapping[str, Attribute]
    count: int
    total: float
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    at_ns: int


Told = EndedSpan | LogLine
