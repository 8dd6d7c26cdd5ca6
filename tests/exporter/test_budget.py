"""The cardinality budget, and how figures become points."""

import pytest

from coord.services.exporter.budget import SERIES_KEPT_SECONDS, Budget
from coord.services.exporter.names import METRICS, OVERFLOW
from coord.services.exporter.node_points import node_points
from coord.services.exporter.points import health_points, run_points, whole_points
from coord.services.exporter.records import HistogramPoint, Point


def steps(*values: float) -> list[Point]:
    metric = METRICS["coord.run.step"]
    return [Point(metric, {"coord.run.id": f"r{number}"}, value, 7) for number, value in enumerate(values)]


def fitted(budget: Budget, points: list[Point], now: float = 0.0) -> dict[str, float]:
    found = budget.fit("", points, now)
    return {
        str(point.attributes.get("coord.run.id", "beyond")): getattr(point, "value", -1) for point in found
    }


def test_series_beyond_the_limit_are_one_and_counted_and_the_rest_stays_as_it_was() -> None:
    budget = Budget(series_max=3)
    assert fitted(budget, steps(1, 2)) == {"r0": 1, "r1": 2}
    assert budget.overflowed == {}
    assert fitted(budget, steps(1, 2, 30, 4)) == {"r0": 1, "r1": 2, "beyond": 30}
    assert budget.overflowed == {"coord.run.step": 2}
    (point,) = [one for one in budget.fit("", steps(1, 2, 3), 0.0) if OVERFLOW in one.attributes]
    assert point.attributes == {OVERFLOW: True}


def test_a_series_that_is_gone_for_an_hour_makes_room() -> None:
    budget = Budget(series_max=3)
    fitted(budget, steps(1, 2))
    later = steps(1, 2, 3)[2:]
    assert fitted(budget, later, now=10.0) == {"beyond": 3}
    assert fitted(budget, later, now=SERIES_KEPT_SECONDS + 11.0) == {"r2": 3}


def test_what_overflows_of_counters_and_histograms_adds_up() -> None:
    budget = Budget(series_max=1)
    ended = METRICS["coord.work.ended"]
    counts = [Point(ended, {"cicd.pipeline.name": name}, 2, 7) for name in ("a", "b")]
    took = METRICS["cicd.pipeline.run.duration"]
    spread = [
        HistogramPoint(took, {"cicd.pipeline.name": name}, 3, 4.5, (1.0,), (1, 2), 7) for name in ("a", "b")
    ]
    one, both = budget.fit("", [*counts, *spread], 0.0)
    assert isinstance(one, Point)
    assert one.value == 4
    assert isinstance(both, HistogramPoint)
    assert (both.count, both.total, both.counts) == (6, 9.0, (2, 4))


def test_an_attribute_that_is_not_allowed_is_a_fault_of_ours() -> None:
    point = Point(METRICS["coord.run.step"], {"cicd.pipeline.run.id": "w-1"}, 1, 7)
    with pytest.raises(AssertionError, match=r"coord\.run\.step may not carry cicd\.pipeline\.run\.id"):
        Budget().fit("", [point], 0.0)


def test_each_node_has_a_budget_of_its_own() -> None:
    budget = Budget(series_max=2)
    for node in ("n1", "n2"):
        found = budget.fit(node, steps(1), 0.0)
        assert OVERFLOW not in found[0].attributes


AS_OF = {"position": 41, "lag": 2}
WHOLE = {
    "as_of": AS_OF,
    "figures": [
        {"name": "items", "labels": {"team": "blue", "status": "open"}, "value": 4},
        {"name": "items", "labels": {"status": "claimed"}, "value": 1},
        {"name": "items", "labels": {"status": "blocked"}, "value": 5},
        {"name": "items", "labels": {"status": "parked"}, "value": 6},
        {"name": "items_ended", "labels": {"team": "blue", "status": "failed"}, "value": 2},
        {"name": "agents", "labels": {"state": "busy"}, "value": 1},
        {"name": "directives", "labels": {"action": "pause", "status": "applied"}, "value": 3},
        {"name": "directives", "labels": {"action": "pause", "status": "refused"}, "value": 1},
        {"name": "stream_behind", "labels": {"stream": "SAMPLES"}, "value": 30},
        {"name": "stream_rate", "labels": {"stream": "SAMPLES"}, "value": 12.5},
        {"name": "alerts_open", "labels": {"rule": "loss-spike", "severity": "warning", "status": "active"}, "value": 1},
    ],
    "distributions": [
        {"name": "attempt_seconds", "labels": {"team": "blue", "outcome": "expired"}, "count": 3, "total": 9.0,
         "bounds": [1.0], "counts": [1, 2]},
    ],
}  # fmt: skip


def by_name(points: list[Point | HistogramPoint]) -> dict[tuple[object, ...], float]:
    return {
        (point.metric.name, *point.attributes.values()): point.value
        for point in points
        if isinstance(point, Point)
    }


def test_figures_of_the_whole_become_points() -> None:
    points = whole_points(WHOLE, 9)
    values = by_name(points)
    assert values["cicd.pipeline.run.active", "blue", "pending"] == 4
    assert values["cicd.pipeline.run.active", "any", "executing"] == 1
    assert values["cicd.pipeline.run.active", "any", "blocked"] == 5
    assert values["cicd.pipeline.run.active", "any", "parked"] == 6
    assert values["coord.work.ended", "blue", "failure"] == 2
    assert values["cicd.pipeline.run.errors", "blue", "work_failed"] == 2
    assert values["cicd.pipeline.run.errors", "blue", "lease_expired"] == 3
    assert values["coord.work.attempts", "blue", "lease_expired"] == 3
    assert values["coord.watchdog.actions", "pause"] == 4
    assert (values["cicd.worker.count", "busy"], values["cicd.worker.count", "offline"]) == (1, 0)
    assert (values["coord.projector.position",], values["coord.projector.behind",]) == (41, 2)
    assert values["coord.projector.stream.behind", "SAMPLES"] == 30
    assert values["coord.projector.stream.rate", "SAMPLES"] == 12.5
    assert [point.metric.name for point in points if isinstance(point, HistogramPoint)] == [
        "coord.work.attempt.duration"
    ]
    Budget().fit("", points, 0.0)


def test_health_is_from_0_to_1_and_says_the_worst_of_each_kind() -> None:
    answer = {
        "score": 87.0,
        "parts": [
            {"entity": "run:r-1", "score": 70.0}, {"entity": "run:r-2", "score": 90.0},
            {"entity": "node:n1", "score": 100.0},
        ],
        "deductions": [{"name": "runs", "points": 9.0}],
    }  # fmt: skip
    values = by_name([*health_points(answer, 9)])
    assert values["coord.health.score",] == 0.87
    assert (values["coord.health.part", "run"], values["coord.health.part", "node"]) == (0.7, 1.0)
    assert (values["coord.run.health", "r-2"], values["coord.health.deduction", "runs"]) == (0.9, 0.09)


def test_figures_of_runs_and_nodes_become_points_with_their_own_times() -> None:
    (loss,) = run_points(
        [{"name": "metric", "labels": {"run": "r-1", "metric": "loss"}, "value": 2.5, "at_ns": 5}], 9
    )
    assert (loss.attributes["coord.run.metric.name"], loss.value, loss.at_ns) == ("loss", 2.5, 5)
    here = {"node": "n1"}
    board = {**here, "device": "gpu0"}
    ((name, resource, points),) = node_points(
        [
            {"name": "node", "labels": {**here, "operating_system": "Debian", "architecture": "arm64"}, "value": 1},
            {"name": "gpu", "labels": {**board, "uuid": "GPU-7", "model": "H200", "driver": "570"}, "value": 1},
            {"name": "gpu_memory_used_bytes", "labels": board, "value": 30, "at_ns": 5},
            {"name": "gpu_memory_total_bytes", "labels": board, "value": 120, "at_ns": 5},
            {"name": "gpu_lost_ratio", "labels": board, "value": 0, "at_ns": 5},
            {"name": "cpu_utilization_ratio", "labels": here, "value": 0.5, "at_ns": 5},
            {"name": "cpu_system_ratio", "labels": here, "value": 0.2, "at_ns": 5},
            {"name": "cpu_iowait_ratio", "labels": here, "value": 0.1, "at_ns": 5},
        ],
        9,
    )  # fmt: skip
    assert (name, resource["host.arch"], resource["host.name"]) == ("n1", "arm64", "n1")
    values = by_name([*points])
    assert values["hw.gpu.memory.utilization", "GPU-7"] == 0.25
    assert (values["hw.status", "GPU-7", "gpu", "ok"], values["hw.status", "GPU-7", "gpu", "failed"]) == (
        1,
        0,
    )
    modes = {key[1]: value for key, value in values.items() if key[0] == "system.cpu.utilization"}
    assert sum(modes.values()) == pytest.approx(1.0)
    assert modes["user"] == pytest.approx(0.3)
    assert values["coord.gpu.info", "GPU-7", "gpu0", "H200", "NVIDIA", "570"] == 1
