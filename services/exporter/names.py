"""Everything that is sent, by name: metrics, spans and log events. What is not here is never sent.

OpenTelemetry's own names where they say the same (semantic conventions 1.44), else names under `coord.`. Attributes are an
allow-list. `cicd.pipeline.name` is the team an item is for, and `any` without one. The id of an item is never an
attribute of a metric, that of a run only of `coord.run.*`, and for an hour after its end.

A point is marked `otel.metric.overflow=true` when a metric would have more than SERIES_MAX series: those beyond are one.
"""

from typing import Final

from coord.services.exporter.node_names import NODE_METRICS
from coord.services.exporter.shape import LogEvent, Metric, Span

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
SCOPE: Final = "coord"
SERVICE: Final = "coord"
ANY_TEAM: Final = "any"
SERIES_MAX: Final = 2_000
OVERFLOW: Final = "otel.metric.overflow"

_WORK: Final = (
    Metric("cicd.pipeline.run.duration", "histogram", "s", "cicd_pipeline_run_duration_seconds",
           "From submission to the end of a work item",
           ("cicd.pipeline.name", "cicd.pipeline.result")),
    Metric("cicd.pipeline.run.active", "updown", "{run}", "cicd_pipeline_run_active",
           "Work items that have not ended; pending is open, executing is claimed, blocked and parked are held back",
           ("cicd.pipeline.name", "cicd.pipeline.run.state")),
    Metric("cicd.pipeline.run.errors", "counter", "{error}", "cicd_pipeline_run_errors_total",
           "Work items failed and leases that ran out",
           ("cicd.pipeline.name", "error.type")),
    Metric("cicd.worker.count", "updown", "{worker}", "cicd_worker_count",
           "Agents: available, busy (holds an item) or offline (lost, drained or gone)",
           ("cicd.worker.state",)),
    Metric("coord.work.ended", "counter", "{item}", "coord_work_ended_total",
           "Work items that ended, by how",
           ("cicd.pipeline.name", "cicd.pipeline.result")),
    Metric("coord.work.attempts", "counter", "{attempt}", "coord_work_attempts_total",
           "Claims that ended, by how: success, failure, released, lease_expired, cancellation",
           ("cicd.pipeline.name", "coord.attempt.outcome")),
    Metric("coord.work.attempt.duration", "histogram", "s", "coord_work_attempt_duration_seconds",
           "From a claim to its end",
           ("cicd.pipeline.name", "coord.attempt.outcome")),
    Metric("coord.work.oldest_open.age", "gauge", "s", "coord_work_oldest_open_age_seconds",
           "Age of the oldest open work item",
           ("cicd.pipeline.name",)),
    Metric("coord.work.stalled", "updown", "{item}", "coord_work_stalled",
           "Items held for ten leases without a word of progress",
           ("cicd.pipeline.name",)),
)  # fmt: skip

_RUNS: Final = (
    Metric("coord.run.metric", "gauge", "{value}", "coord_run_metric",
           "The newest value of a metric of a training run, as its loop says it",
           ("coord.run.id", "coord.run.metric.name")),
    Metric("coord.run.step", "gauge", "{step}", "coord_run_step",
           "The step a training run is at",
           ("coord.run.id",)),
    Metric("coord.run.tokens", "updown", "{token}", "coord_run_tokens",
           "Tokens behind the step a run is at; falls when it rolls back",
           ("coord.run.id",)),
    Metric("coord.run.anomalies", "counter", "{anomaly}", "coord_run_anomalies_total",
           "What went wrong in a run: not_finite, out_of_memory, dropped_points, restart",
           ("coord.run.id", "coord.anomaly.kind")),
    Metric("coord.run.count", "updown", "{run}", "coord_run_count",
           "Training runs by status",
           ("coord.run.status",)),
    Metric("coord.run.silence", "gauge", "s", "coord_run_silence_seconds",
           "Since a running run was last heard",
           ("coord.run.id",)),
    Metric("coord.run.health", "gauge", "1", "coord_run_health_ratio",
           "Health of a run, 0 to 1",
           ("coord.run.id",)),
)  # fmt: skip

_OVERSIGHT: Final = (
    Metric("coord.alert.raised", "counter", "{alert}", "coord_alert_raised_total",
           "Alerts raised",
           ("coord.alert.rule", "coord.alert.severity")),
    Metric("coord.alert.open", "updown", "{alert}", "coord_alert_open",
           "Alerts that are not resolved",
           ("coord.alert.rule", "coord.alert.severity", "coord.alert.state")),
    Metric("coord.watchdog.actions", "counter", "{directive}", "coord_watchdog_actions_total",
           "Directives issued",
           ("coord.directive.action",)),
    Metric("coord.directive.count", "updown", "{directive}", "coord_directive_count",
           "Directives by what became of them: issued, applied, refused, withdrawn",
           ("coord.directive.action", "coord.directive.status")),
    Metric("coord.verification.scenarios", "updown", "{scenario}", "coord_verification_scenarios",
           "Scenarios by their last outcome: passed, failed, skipped",
           ("coord.verification.outcome",)),
)  # fmt: skip

_HEALTH: Final = (
    Metric("coord.health.score", "gauge", "1", "coord_health_score_ratio",
           "Health of the whole, 0 to 1"),
    Metric("coord.health.part", "gauge", "1", "coord_health_part_ratio",
           "Health of the worst of its kind (team, agent, node, run), 0 to 1",
           ("coord.health.part",)),
    Metric("coord.health.deduction", "gauge", "1", "coord_health_deduction_ratio",
           "What the whole lacks and why, 0 to 1: 1 less the score is their sum, up to 1",
           ("coord.health.reason",)),
)  # fmt: skip

_OWN: Final = (
    Metric("coord.stream.position", "gauge", "{event}", "coord_stream_position",
           "Last position of a stream of the log",
           ("coord.stream",)),
    Metric("coord.stream.size", "updown", "By", "coord_stream_size_bytes",
           "What a stream of the log holds",
           ("coord.stream",)),
    Metric("coord.stream.utilization", "gauge", "1", "coord_stream_utilization_ratio",
           "Share of what a stream may hold; EVENTS refuses at 1",
           ("coord.stream",)),
    Metric("coord.stream.dead_letters", "counter", "{message}", "coord_stream_dead_letters_total",
           "Messages of the log that are no events of coord's"),
    Metric("coord.stream.gaps", "counter", "{event}", "coord_stream_gaps_total",
           "Positions that the log has lost"),
    Metric("coord.projector.position", "gauge", "{event}", "coord_projector_position",
           "Last position of EVENTS in the tables"),
    Metric("coord.projector.behind", "gauge", "{event}", "coord_projector_behind",
           "Events in the log that are not in the tables yet"),
    Metric("coord.projector.lag", "gauge", "s", "coord_projector_lag_seconds",
           "Since the projector last heard the log"),
    Metric("coord.projector.stream.behind", "gauge", "{message}", "coord_projector_stream_behind",
           "Messages of a stream that are not in the tables yet",
           ("coord.stream",)),
    Metric("coord.projector.stream.rate", "gauge", "{message}/s", "coord_projector_stream_rate_per_second",
           "Messages of a stream that came into the tables each second, over the last ten",
           ("coord.stream",)),
    Metric("coord.projector.oddities", "counter", "{event}", "coord_projector_oddities_total",
           "Events that did not fit what was before them"),
    Metric("coord.projector.size", "updown", "By", "coord_projector_size_bytes",
           "Size of the projector's file"),
    Metric("coord.exporter.sent", "counter", "{item}", "coord_exporter_sent_total",
           "Spans, points and log records that the receiver took",
           ("coord.signal",)),
    Metric("coord.exporter.failed", "counter", "{request}", "coord_exporter_failed_total",
           "Requests that the receiver did not answer, or asked for again later",
           ("coord.signal", "error.type")),
    Metric("coord.exporter.rejected", "counter", "{item}", "coord_exporter_rejected_total",
           "Items the receiver refused for good: part of a request, or poison that was set aside",
           ("coord.signal",)),
    Metric("coord.exporter.skipped", "counter", "{item}", "coord_exporter_skipped_total",
           "Points that were not sent because the receiver was away; spans and log records never are",
           ("coord.signal",)),
    Metric("coord.exporter.behind", "gauge", "{event}", "coord_exporter_behind",
           "Events that the exporter has not dealt with yet",
           ("coord.signal",)),
    Metric("coord.exporter.lag", "gauge", "s", "coord_exporter_lag_seconds",
           "Age of the oldest event that the exporter has not dealt with",
           ("coord.signal",)),
    Metric("coord.exporter.clamped", "counter", "{span}", "coord_exporter_clamped_total",
           "Spans that would have ended before they began"),
    Metric("coord.exporter.overflowed", "counter", "{point}", "coord_exporter_overflowed_total",
           "Points beyond the cardinality limit, folded into one",
           ("coord.metric",)),
    Metric("coord.service.restarts", "counter", "{restart}", "coord_service_restarts_total",
           "Restarts of a service by its supervisor, where it is known",
           ("coord.service",)),
)  # fmt: skip

METRICS: Final = {
    metric.name: metric for metric in (*_WORK, *_RUNS, *_OVERSIGHT, *_HEALTH, *_OWN, *NODE_METRICS)
}
"""By name."""

_ITEM: Final = (
    "cicd.pipeline.action.name", "cicd.pipeline.name", "cicd.pipeline.run.id", "cicd.pipeline.result", "error.type",
    "coord.work.title", "coord.work.priority", "coord.work.attempts", "coord.work.capabilities", "coord.event.id",
    "coord.position",
)  # fmt: skip
_ATTEMPT: Final = (
    "cicd.pipeline.name", "cicd.pipeline.run.id", "cicd.pipeline.task.name", "cicd.pipeline.task.run.id", "cicd.pipeline.task.run.result",
    "cicd.worker.id", "cicd.worker.name", "gen_ai.operation.name", "gen_ai.agent.id", "gen_ai.agent.name",
    "coord.attempt.outcome", "coord.lease.fence", "coord.lease.seconds", "coord.agent.incarnation", "error.type",
    "coord.event.id", "coord.position",
)  # fmt: skip
_RUN: Final = (
    "coord.run.id", "coord.run.name", "coord.run.outcome", "coord.run.step", "coord.run.starts", "coord.run.world_size",
    "host.name", "gen_ai.agent.id", "cicd.pipeline.run.id", "error.type", "coord.event.id", "coord.position",
)  # fmt: skip
_LIFE: Final = (
    "coord.run.id", "coord.run.life", "coord.run.outcome", "coord.run.step", "coord.run.resumed_from_step", "host.name",
    "gen_ai.agent.id", "error.type", "coord.event.id", "coord.position",
)  # fmt: skip

_WAIT: Final = ("cicd.pipeline.name", "cicd.pipeline.run.id", "coord.event.id", "coord.position")

SPANS: Final = (
    Span("RUN {cicd.pipeline.name}", "server", "A work item, from its submission (or its reopening) to its end", _ITEM,
         ("caused_by", "reopened_after")),
    Span("Queued", "internal", "An item waits to be claimed; one for each time it is open", _WAIT),
    Span("Blocked", "internal", "An item is kept from being claimed", _WAIT),
    Span("Parked", "internal", "An item was tried often enough, and waits for a person", _WAIT),
    Span("invoke_agent {gen_ai.agent.name}", "internal", "A claim on an item, from its begin to its end", _ATTEMPT,
         ("retry_of", "caused_by")),
    Span("TRAIN {coord.run.name}", "server", "A training run, from its first start to its end", _RUN,
         ("work_item", "continues", "caused_by")),
    Span("life {coord.run.life}", "internal", "One life of a run: from a start to its end, loss or next start", _LIFE,
         ("retry_of", "caused_by")),
)  # fmt: skip
"""Each is sent once, when it ends, with the broker's times. `coord.link.kind` says what a link is."""

_ALERT: Final = (
    "coord.alert.id", "coord.alert.rule", "coord.alert.severity", "coord.entity.kind", "coord.entity.name", "coord.actor",
    "coord.reason", "coord.alert.silenced_until", "coord.evidence",
)  # fmt: skip
_DIRECTIVE: Final = (
    "coord.directive.id", "coord.directive.action", "coord.directive.parameters", "coord.entity.kind",
    "coord.entity.name", "coord.alert.id", "coord.run.step", "coord.actor", "coord.reason",
)  # fmt: skip
_EVERY: Final = (
    "coord.event.id", "coord.event.type", "coord.position", "coord.site", "coord.correlation", "coord.causation",
)  # fmt: skip

LOG_EVENTS: Final = (
    LogEvent("coord.alert.raised", "A rule found something wrong", _ALERT + _EVERY),
    LogEvent("coord.alert.acknowledged", "Somebody took notice of an alert", _ALERT + _EVERY),
    LogEvent("coord.alert.silenced", "No notice of an alert until a moment", _ALERT + _EVERY),
    LogEvent("coord.alert.resolved", "The cause of an alert is gone", _ALERT + _EVERY),
    LogEvent(
        "coord.directive.issued", "Something is asked of a run, an agent or a node", _DIRECTIVE + _EVERY
    ),
    LogEvent("coord.directive.applied", "A run obeyed", _DIRECTIVE + _EVERY),
    LogEvent("coord.directive.refused", "A run did not obey, and says why", _DIRECTIVE + _EVERY),
    LogEvent("coord.directive.withdrawn", "A directive shall not be obeyed any more", _DIRECTIVE + _EVERY),
)
"""Severity of an alert: info 9 (INFO), warning 13 (WARN), critical 21 (FATAL); resolved and acknowledged are INFO.

With `otlp_logs = all` every other event goes out too, as `coord.<its type>`, e.g. `coord.work.claimed`, at severity
INFO, with `coord.entity.name`, `coord.actor`, `coord.event.body` (JSON) and the keys that all have.
"""

RESOURCE: Final = (
    "service.name", "service.version", "service.instance.id", "coord.site", "host.name", "host.arch", "os.type",
    "os.description",
)  # fmt: skip
"""Keys of the resources: coord's own (the first four), and one a node for its hardware, whose `service.instance.id` is
the node. OTEL_RESOURCE_ATTRIBUTES adds others, such as service.namespace and deployment.environment.name."""

PROMETHEUS_LABELS: Final = (
    "service_name",
    "service_namespace",
    "service_instance_id",
    "host_name",
    "coord_site",
)
"""Resource attributes that a receiver has to promote to labels for the dashboards (host_name tells nodes apart)."""

assert len({metric.prometheus for metric in METRICS.values()}) == len(METRICS)
