"""What an exporter really sent, as OpenMetrics: the metrics of OTLP requests under the names Prometheus gives them.

Prometheus 3 translates them itself; here is Prometheus 2, which takes no OTLP. The names are those of the exporter's own
table, the resource's attributes that deploy/prometheus promotes are labels of every series.
"""

from collections.abc import Iterator
from typing import Any, Final

from deployed import DEPLOY, loaded
from google.protobuf.json_format import MessageToDict
from receivers import Http
from seen_spans import attributes_of

from coord.services.exporter.names import METRICS
from coord.services.exporter.prometheus import prometheus_label

PROMOTED: Final = loaded(DEPLOY / "prometheus" / "prometheus.yaml")["otlp"]["promote_resource_attributes"]
Sample = tuple[str, float, float]
"""A series, when in seconds, and its value."""


def samples(receiver: Http) -> list[Sample]:
    """Return every sample that was taken, once, in the order of series and time."""
    found: dict[tuple[str, float], float] = {}
    for resource, metric in receiver.metrics():
        for series, at, value in _of_metric(resource, metric):
            found[series, at] = value
    return sorted((series, at, value) for (series, at), value in found.items())


def openmetrics(told: list[Sample]) -> str:
    """Write samples as promtool reads them."""
    return "".join(f"{series} {value!r} {at:.3f}\n" for series, at, value in told) + "# EOF\n"


def logged(receiver: Http) -> list[tuple[str, str]]:
    """Return of every log record the service it is of, and the type of its event."""
    return [
        (attributes_of(one["resource"])["service.name"], attributes_of(record)["coord.event.type"])
        for request in map(MessageToDict, receiver.taken)
        for one in request.get("resourceLogs", ())
        for scope in one["scopeLogs"]
        for record in scope["logRecords"]
    ]


def _of_metric(resource: dict[str, Any], metric: dict[str, Any]) -> Iterator[Sample]:
    name = METRICS[metric["name"]].prometheus
    kept = {key: value for key, value in resource.items() if key in PROMOTED}
    ((_, told),) = ((key, value) for key, value in metric.items() if key in ("gauge", "sum", "histogram"))
    for point in told.get("dataPoints", ()):
        labels = {prometheus_label(key): value for key, value in (kept | attributes_of(point)).items()}
        at = int(point["timeUnixNano"]) / 1e9
        if "bucketCounts" in point:
            yield from _buckets(name, labels, point, at)
        else:
            yield _series(name, labels), at, float(point.get("asDouble", point.get("asInt", 0)))


def _buckets(name: str, labels: dict[str, Any], point: dict[str, Any], at: float) -> Iterator[Sample]:
    count = 0
    for bound, within in zip((*point["explicitBounds"], "+Inf"), point["bucketCounts"], strict=True):
        count += int(within)
        yield _series(f"{name}_bucket", labels | {"le": str(bound)}), at, float(count)


def _series(name: str, labels: dict[str, Any]) -> str:
    inside = ",".join(f'{key}="{str(value).translate(_ESCAPED)}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"


_ESCAPED: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
