"""The table of names: whole, consistent, and translated as receivers translate.

The cases of translation are what Prometheus's own translator gives (prometheus/otlptranslator at 51da773, run with
UnderscoreEscapingWithSuffixes); it was run over the whole table too, and gave these names.
"""

import re

import pytest

from coord.services.exporter.item_spans import ENDING
from coord.services.exporter.log_lines import TELLING
from coord.services.exporter.names import LOG_EVENTS, METRICS, SPANS
from coord.services.exporter.node_points import DERIVED, NOT_SENT, TABLE, node_points
from coord.services.exporter.prometheus import prometheus_label, prometheus_name
from coord.services.exporter.run_spans import MARKING
from coord.services.hardware.metrics import METRICS as READINGS

NAME = re.compile(r"(?:cicd|coord|hw|system)(?:\.[a-z0-9_]+)+")


@pytest.mark.parametrize(
    ("name", "kind", "unit", "prometheus"),
    [
        ("system.cpu.utilization", "gauge", "1", "system_cpu_utilization_ratio"),
        ("system.io", "counter", "foo/bar", "system_io_foo_per_bar_total"),
        ("fsReadBytes", "gauge", "By/m", "fsReadBytes_bytes_per_minute"),
        ("total.calls", "counter", "{call}", "calls_total"),
        ("3.14.digits", "gauge", "", "_3_14_digits"),
        ("process.cpu.seconds", "counter", "s", "process_cpu_seconds_total"),
        ("a.operation.rate", "gauge", "{operation}/s", "a_operation_rate_per_second"),
        ("storage.utilization", "updown", "1", "storage_utilization"),
        ("x.ratio.y", "gauge", "1", "x_y_ratio"),
        ("net.dropped", "counter", "By/s", "net_dropped_bytes_per_second_total"),
        ("envoy__rule", "counter", "", "envoy_rule_total"),
        ("y.per_second", "gauge", "By/s", "y_per_second_bytes_per_second"),
        ("z", "gauge", "%", "z_percent"),
        ("q", "gauge", "rpm", "q_rpm"),
        ("t", "counter", "1", "t_total"),
    ],
)  # fmt: skip
def test_names_are_translated_as_receivers_do(name: str, kind: str, unit: str, prometheus: str) -> None:
    assert prometheus_name(name, kind, unit) == prometheus


def test_every_metric_stands_under_the_name_it_is_translated_to() -> None:
    wrong = {
        name: (metric.prometheus, wanted)
        for name, metric in METRICS.items()
        if metric.prometheus != (wanted := prometheus_name(name, metric.kind, metric.unit))
    }
    assert wrong == {}
    assert len({metric.prometheus for metric in METRICS.values()}) == len(METRICS)


def test_names_and_attributes_are_spelled_as_opentelemetry_spells() -> None:
    for name, metric in METRICS.items():
        assert NAME.fullmatch(name), name
        assert metric.description, name
        labels = [prometheus_label(key) for key in metric.attributes]
        assert len(set(labels)) == len(labels), name
    assert prometheus_label("cicd.pipeline.name") == "cicd_pipeline_name"


def test_no_metric_is_split_by_item_or_step() -> None:
    for metric in METRICS.values():
        assert not {"cicd.pipeline.run.id", "coord.run.step", "coord.event.id"} & set(metric.attributes)
        if "coord.run.id" in metric.attributes:
            assert metric.name.startswith("coord.run.")


def test_every_reading_of_a_monitor_goes_somewhere() -> None:
    assert TABLE.keys() | DERIVED | NOT_SENT == READINGS.keys()
    assert not TABLE.keys() & (DERIVED | NOT_SENT)
    devices = {"core": "cpu3", "gpu": "gpu0", "": ""}
    figures = [
        {
            "name": name, "value": 0.5, "at_ns": 7,
            "labels": {"node": "n1", "device": devices.get(reading.device, "x")},
        }
        for name, reading in READINGS.items()
    ]  # fmt: skip
    ((_, _, points),) = node_points(figures, 9)
    for point in points:
        assert point.attributes.keys() <= set(point.metric.attributes), point.metric.name
        wanted = [key for key in ("hw.id", "system.device") if key in point.metric.attributes]
        assert all(key in point.attributes for key in wanted), point.metric.name


def test_what_is_told_and_what_ends_a_span_are_events_of_the_catalog() -> None:
    from coord.events.catalog import EVENT_TYPES

    assert {kind.name for kind in EVENT_TYPES} >= TELLING | ENDING | MARKING
    assert len(TELLING) == len(LOG_EVENTS)
    assert len({span.name for span in SPANS}) == len(SPANS)
