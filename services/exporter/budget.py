"""The cardinality budget: which attributes a metric's points may carry, and how many series it may have.

An attribute that the table of names does not allow is a fault of ours, and refused. Beyond the limit, series become
one, marked `otel.metric.overflow`; which ones stay does not change while they are sent, so that no series comes and goes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from coord.services.exporter.names import OVERFLOW, SERIES_MAX
from coord.services.exporter.records import Attribute, HistogramPoint, Point

SERIES_KEPT_SECONDS: Final = 3_600.0
"""How long a series keeps its place without a point."""

_Key = tuple[tuple[str, Attribute], ...]
Any_Point = Point | HistogramPoint


class Budget:
    """The series that have a place, by resource and metric."""

    def __init__(self, series_max: int = SERIES_MAX) -> None:
        self._series_max = series_max
        self._seen: dict[tuple[str, str], dict[_Key, float]] = {}
        self.overflowed: dict[str, int] = {}
        """Points that were folded into one, by metric."""

    def fit(self, resource: str, points: Iterable[Any_Point], now: float) -> list[Any_Point]:
        """Return the points of a resource that have a place, and one for those that have none.

        Args:
            resource: its name; each has a budget of its own.
            points: what is to be sent.
            now: on the monotonic clock.
        """
        fitting: list[Any_Point] = []
        beyond: dict[str, list[Any_Point]] = {}
        for point in points:
            _check(point)
            if self._has_place((resource, point.metric.name), _key(point.attributes), now):
                fitting.append(point)
            else:
                beyond.setdefault(point.metric.name, []).append(point)
        for name, those in beyond.items():
            self.overflowed[name] = self.overflowed.get(name, 0) + len(those)
            fitting.append(_one_of(those))
        return fitting

    def _has_place(self, metric: tuple[str, str], key: _Key, now: float) -> bool:
        seen = self._seen.setdefault(metric, {})
        if key not in seen and len(seen) >= self._series_max - 1:
            old = [one for one, at in seen.items() if now - at > SERIES_KEPT_SECONDS]
            for one in old:
                del seen[one]
            if len(seen) >= self._series_max - 1:
                return False
        seen[key] = now
        return True


def _key(attributes: Mapping[str, Attribute]) -> _Key:
    return tuple(sorted(attributes.items()))


def _check(point: Any_Point) -> None:
    unknown = point.attributes.keys() - set(point.metric.attributes)
    assert not unknown, f"{point.metric.name} may not carry {', '.join(sorted(unknown))}"


def _one_of(points: list[Any_Point]) -> Any_Point:
    """Fold points into one: counts add up, of gauges the largest stands."""
    told: dict[str, Attribute] = {OVERFLOW: True}
    first, at_ns = points[0], max(point.at_ns for point in points)
    if isinstance(first, HistogramPoint):
        those = [point for point in points if isinstance(point, HistogramPoint)]
        return replace(
            first,
            attributes=told,
            at_ns=at_ns,
            count=sum(point.count for point in those),
            total=sum(point.total for point in those),
            counts=tuple(map(sum, zip(*(point.counts for point in those), strict=True))),
        )
    values = [point.value for point in points if isinstance(point, Point)]
    value = max(values) if first.metric.kind == "gauge" else sum(values)
    return replace(first, attributes=told, value=value, at_ns=at_ns)
