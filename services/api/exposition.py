"""Metrics in Prometheus' text format 0.0.4: the exporter's table of names, with the labels its receivers promote.

So a dashboard or rule of deploy/ works on what was scraped as on what was sent. Points carry no time of their own: what
is not of now is not told. Pure.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from coord.services.exporter.prometheus import prometheus_label
from coord.services.exporter.records import Attributes, HistogramPoint, Point
from coord.services.exporter.shape import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_KINDS: Final = {"gauge": "gauge", "updown": "gauge", "counter": "counter", "histogram": "histogram"}
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
Labelled = tuple[Attributes, Iterable[Point | HistogramPoint]]
"""Points, and the labels that all of them get."""


def exposition(groups: Iterable[Labelled]) -> bytes:
    """Write points, those of one metric together."""
    by_metric: dict[str, tuple[Metric, list[str]]] = {}
    for labels, points in groups:
        for point in points:
            metric = point.metric
            _, lines = by_metric.setdefault(metric.prometheus, (metric, []))
            lines.extend(_series(point, {**labels, **point.attributes}))
    text = (line for metric, lines in by_metric.values() for line in (*_head(metric), *lines))
    return "".join(f"{line}\n" for line in text).encode()


def _head(metric: Metric) -> Iterator[str]:
    told = metric.description.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {metric.prometheus} {told}"
    yield f"# TYPE {metric.prometheus} {_KINDS[metric.kind]}"


def _series(point: Point | HistogramPoint, labels: Mapping[str, Any]) -> Iterator[str]:
    name = point.metric.prometheus
    if isinstance(point, Point):
        yield f"{name}{_labels(labels)} {_number(point.value)}"
        return
    within = 0
    for bound, count in zip((*point.bounds, math.inf), point.counts, strict=True):
        within += count
        yield f"{name}_bucket{_labels({**labels, 'le': _number(bound)})} {within}"
    yield f"{name}_sum{_labels(labels)} {_number(point.total)}"
    yield f"{name}_count{_labels(labels)} {point.count}"


def _labels(labels: Mapping[str, Any]) -> str:
    told = (f'{prometheus_label(key)}="{_text(value).translate(_ESCAPES)}"' for key, value in labels.items())
    inside = ",".join(told)
    return f"{{{inside}}}" if inside else ""


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
