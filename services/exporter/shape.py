"""The form of what is sent: metrics, spans and log events, as entries of a table."""

from typing import Final, Literal, NamedTuple

Kind = Literal["gauge", "updown", "counter", "histogram"]
Signal = Literal["traces", "metrics", "logs"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")


class Metric(NamedTuple):
    """One metric."""

    name: str
    kind: Kind
    unit: str
    """UCUM."""
    prometheus: str
    """Its name in Prometheus; of a histogram, without `_bucket`, `_sum` and `_count`."""
    description: str
    attributes: tuple[str, ...] = ()
    """The only keys its points may carry."""


class Span(NamedTuple):
    """One kind of span."""

    name: str
    """With the names it is made of in braces."""
    kind: Literal["server", "internal"]
    description: str
    attributes: tuple[str, ...]
    links: tuple[str, ...] = ()
    """Values of `coord.link.kind`."""


class LogEvent(NamedTuple):
    """One kind of log record; `name` is its EventName."""

    name: str
    description: str
    attributes: tuple[str, ...]
