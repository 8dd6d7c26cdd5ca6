"""From records to the messages of OTLP, by the SDK's own encoders, and back for showing what was set aside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as SdkMetric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link as SdkLink
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from coord.services.exporter.log_lines import SEVERITY_TEXT
from coord.services.exporter.names import SCHEMA_URL, SCOPE
from coord.services.exporter.records import Attributes, EndedSpan, HistogramPoint, LogLine, Point, SpanName

_KINDS: Final = {"server": SpanKind.SERVER, "internal": SpanKind.INTERNAL}
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_CUMULATIVE: Final = AggregationTemporality.CUMULATIVE


class Encoder:
    """Writes records of one resource."""

    def __init__(self, resource: Attributes, version: str) -> None:
        self._resource = _resource(resource)
        self._scope = InstrumentationScope(SCOPE, version, schema_url=SCHEMA_URL)

    def spans(self, spans: Iterable[EndedSpan]) -> Message:
        """Write spans as one request."""
        return encode_spans([self._span(span) for span in spans])

    def lines(self, lines: Iterable[LogLine], now_ns: int) -> Message:
        """Write log records as one request, observed now."""
        return encode_logs([self._line(line, now_ns) for line in lines])

    def metrics(
        self, found: Sequence[tuple[Attributes, Sequence[Point | HistogramPoint]]], starts: Mapping[str, int]
    ) -> Message:
        """Write points as one request.

        Args:
            found: by resource, the points of it.
            starts: since when a counter counts, by its metric's name.
        """
        return encode_metrics(
            MetricsData([self._of_resource(resource, points, starts) for resource, points in found])
        )

    def _span(self, span: EndedSpan) -> ReadableSpan:
        code = StatusCode.OK if span.fault is None else StatusCode.ERROR
        return ReadableSpan(
            name=span.name,
            context=_context(span.at, remote=False),
            parent=_context(span.parent, remote=False) if span.parent else None,
            resource=self._resource,
            attributes=span.attributes,
            links=[SdkLink(_context(link.to), {"coord.link.kind": link.kind}) for link in span.links],
            kind=_KINDS[span.kind],
            status=Status(code, span.fault),
            start_time=span.began_ns,
            end_time=span.ended_ns,
            instrumentation_scope=self._scope,
        )

    def _line(self, line: LogLine, now_ns: int) -> ReadableLogRecord:
        context = None
        if line.span is not None:
            context = set_span_in_context(NonRecordingSpan(_context(line.span)))
        record = LogRecord(
            timestamp=line.at_ns,
            observed_timestamp=now_ns,
            context=context,
            severity_text=SEVERITY_TEXT[line.severity],
            severity_number=SeverityNumber(line.severity),
            body=line.body,
            attributes=dict(line.attributes),
            event_name=line.event_name,
        )
        return ReadableLogRecord(record, self._resource, self._scope)

    def _of_resource(
        self, resource: Attributes, points: Sequence[Point | HistogramPoint], starts: Mapping[str, int]
    ) -> ResourceMetrics:
        by_metric: dict[str, list[Point | HistogramPoint]] = {}
        for point in points:
            by_metric.setdefault(point.metric.name, []).append(point)
        metrics = [_metric(of, starts) for of in by_metric.values()]
        scope = ScopeMetrics(self._scope, metrics, SCHEMA_URL)
        return ResourceMetrics(_resource(resource), [scope], SCHEMA_URL)


def as_json(message: Message) -> dict[str, Any]:
    """Return a request as JSON, for people."""
    return dict(MessageToDict(message))


def _metric(points: Sequence[Point | HistogramPoint], starts: Mapping[str, int]) -> SdkMetric:
    metric = points[0].metric
    start = starts.get(metric.name)
    if metric.kind == "histogram":
        shown: Any = Histogram(
            [_distribution(one, start) for one in points if isinstance(one, HistogramPoint)], _CUMULATIVE
        )
    else:
        values = [_number(one, start) for one in points if isinstance(one, Point)]
        shown = (
            Gauge(values) if metric.kind == "gauge" else Sum(values, _CUMULATIVE, metric.kind == "counter")
        )
    return SdkMetric(metric.name, metric.description, metric.unit, shown)


def _number(point: Point, start: int | None) -> NumberDataPoint:
    started = None if point.metric.kind == "gauge" else start
    return NumberDataPoint(
        dict(point.attributes), started or 0, point.at_ns, float(point.value), exemplars=[]
    )


def _distribution(point: HistogramPoint, start: int | None) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=dict(point.attributes),
        start_time_unix_nano=start or 0,
        time_unix_nano=point.at_ns,
        count=point.count,
        sum=point.total,
        bucket_counts=point.counts,
        explicit_bounds=point.bounds,
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
        exemplars=[],
    )


def _resource(attributes: Attributes) -> Resource:
    return Resource(dict(attributes), SCHEMA_URL)


def _context(at: SpanName, remote: bool = True) -> SpanContext:
    return SpanContext(at.trace_id, at.span_id, is_remote=remote, trace_flags=_SAMPLED)
