"""Metrics as Prometheus reads them: names and labels of the exporter's table, and promtool's own opinion of the text."""

from typing import Any

import pytest
from prometheus_server import promtool

from coord.services.api.exposition import exposition
from coord.services.api.metrics import streams_told
from coord.services.exporter.names import METRICS
from coord.services.exporter.records import HistogramPoint, Point

LABELS = {"coord.site": "local"}


def lines_of(*points: Any, **labels: str) -> list[str]:
    return exposition([({**LABELS, **labels}, points)]).decode().splitlines()


def test_a_point_is_a_line_under_its_help_and_type() -> None:
    metric = METRICS["coord.work.ended"]
    told = {"cicd.pipeline.name": 'a "b"\\\n', "cicd.pipeline.result": "success"}
    assert lines_of(Point(metric, told, 3.0, 7)) == [
        "# HELP coord_work_ended_total Work items that ended, by how",
        "# TYPE coord_work_ended_total counter",
        'coord_work_ended_total{coord_site="local",cicd_pipeline_name="a \\"b\\"\\\\\\n",cicd_pipeline_result="success"} 3',
    ]


def test_a_distribution_counts_up_to_all() -> None:
    metric = METRICS["cicd.pipeline.run.duration"]
    found = lines_of(HistogramPoint(metric, {}, 6, 12.5, (1.0, 5.0), (1, 2, 3), 7))
    assert found[2:] == [
        'cicd_pipeline_run_duration_seconds_bucket{coord_site="local",le="1"} 1',
        'cicd_pipeline_run_duration_seconds_bucket{coord_site="local",le="5"} 3',
        'cicd_pipeline_run_duration_seconds_bucket{coord_site="local",le="+Inf"} 6',
        'cicd_pipeline_run_duration_seconds_sum{coord_site="local"} 12.5',
        'cicd_pipeline_run_duration_seconds_count{coord_site="local"} 6',
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.25, "0.25"), (1e300, "1e+300"), (float("nan"), "NaN"), (float("inf"), "+Inf"), (-1, "-1"), (2**60, "1.152921504606847e+18")],
)  # fmt: skip
def test_numbers_are_written_as_go_reads_them(value: float, written: str) -> None:
    assert lines_of(Point(METRICS["coord.health.score"], {}, value, 7))[-1].split()[-1] == written


def test_the_series_of_one_metric_stand_together_whichever_node_they_are_of() -> None:
    metric, other = METRICS["system.memory.limit"], METRICS["system.process.count"]
    nodes = [
        ({"host.name": name}, [Point(metric, {}, 1, 7), Point(other, {}, 2, 7)]) for name in ("n1", "n2")
    ]
    found = exposition(nodes).decode().splitlines()
    assert [line.partition("{")[0] for line in found if line[0] != "#"] == [
        "system_memory_limit_bytes", "system_memory_limit_bytes", "system_process_count", "system_process_count",
    ]  # fmt: skip
    assert sum(line.startswith("# TYPE") for line in found) == 2


def test_promtool_reads_every_metric_of_the_table() -> None:
    """One call for all names: a name, type or label that Prometheus does not take fails it."""
    points: list[Any] = []
    for metric in METRICS.values():
        told = {key: "x" for key in metric.attributes}
        kind = metric.kind == "histogram"
        points.append(
            HistogramPoint(metric, told, 1, 0.5, (1.0,), (1, 0), 7) if kind else Point(metric, told, 0.5, 7)
        )
    checked = promtool("check", "metrics", given="\n".join([*lines_of(*points), ""]))
    assert "error while linting" not in checked.stderr
    assert checked.returncode in (0, 3), checked.stderr  # 3: advice on style, such as units


def test_the_server_s_own_word_on_its_streams() -> None:
    raw = (
        b'{"account_details": [{"stream_detail": [{"name": "EVENTS", "state": {"last_seq": 7, "bytes": 50},'
        b' "config": {"max_bytes": 100}}, {"name": "OTHER", "state": {"last_seq": 1, "bytes": 1}}]}]}'
    )
    found = {point.metric.name: point.value for point in streams_told(raw, 1)}
    assert found == {"coord.stream.position": 7, "coord.stream.size": 50, "coord.stream.utilization": 0.5}
    for strange in (b"", b"[]", b"{}", b'{"account_details": [7]}', raw.replace(b'"bytes"', b'"b"')):
        assert streams_told(strange, 1) == []
