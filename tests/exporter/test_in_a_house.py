"""The exporter in a house: started only where it is wanted, metrics that go on over restarts, and what doctor says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli
from houses import House, running_house
from receivers import Answer, Http, until
from seen_spans import attributes_of

from coord.services.exporter.names import METRICS

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def http() -> Iterator[Http]:
    receiver = Http()
    yield receiver
    receiver.close()


@pytest.fixture
def house(tmp_path: Path, http: Http) -> Iterator[House]:
    """A house that exports."""

    def exporting(home: Path, environment: dict[str, str]) -> Cli:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": http.url, "OTEL_METRIC_EXPORT_INTERVAL": "300"}
        return Cli(
            home, environment | variables | {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
        )

    with running_house(tmp_path, exporting) as running:
        yield running


def work(house: House, *names: str) -> None:
    house.ask("register", "ada", "--team", "blue")
    for name in names:
        house.ask("submit", f"do {name}", "--id", name, "--team", "blue")
        house.ask("claim", name, "--agent", "ada")
        house.ask("complete", name, "--agent", "ada")


def points(http: Http, name: str) -> list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Return every point of a metric that came: resource, metric, point."""
    return [
        (resource, metric, point)
        for resource, metric in http.metrics()
        if metric["name"] == name
        for kind in ("gauge", "sum", "histogram")
        for point in metric.get(kind, {}).get("dataPoints", ())
    ]


def told_of(house: House, name: str) -> dict[str, Any]:
    """Return what the exporter last said of a signal."""
    status: Any = house.folder.read_json("exporter", "status.json")
    found: dict[str, Any] = status["signals"][name]
    return found


def value(point: dict[str, Any]) -> float:
    return float(point.get("asDouble", 0.0))


def test_metrics_go_on_over_a_restart_and_a_rebuild(house: House, http: Http) -> None:
    work(house, "w-1")

    def ended() -> float:
        found = points(http, "coord.work.ended")
        return value(found[-1][2]) if found else 0.0

    until(lambda: ended() == 1.0)
    house.kill("exporter")
    until(lambda: len(http.spans()) >= 3)
    assert house.cli.run("rebuild").code == 0
    work(house, "w-2")
    until(lambda: ended() == 2.0)
    starts = {point["startTimeUnixNano"] for _, _, point in points(http, "coord.work.ended")}
    assert len(starts) == 1, "a counter that goes on counts since the same moment"
    seen = [value(point) for _, _, point in points(http, "coord.work.ended")]
    assert seen == sorted(seen)
    assert len({one.identity for one in http.spans()}) == len(http.spans()) == 6, (
        "a rebuild exports nothing again"
    )
    took = points(http, "cicd.pipeline.run.duration")[-1][2]
    assert int(took["count"]) == sum(map(int, took["bucketCounts"])) == 2


def test_what_is_sent_is_what_the_table_of_names_says(house: House, http: Http) -> None:
    work(house, "w-1")
    until(lambda: points(http, "system.cpu.utilization") and points(http, "coord.work.ended"))
    until(lambda: points(http, "coord.exporter.behind"))
    for resource, metric in http.metrics():
        known = METRICS[metric["name"]]
        assert (metric["description"], metric["unit"]) == (known.description, known.unit)
        (kind,) = {"gauge", "sum", "histogram"} & metric.keys()
        assert kind == {"gauge": "gauge", "histogram": "histogram"}.get(known.kind, "sum")
        assert metric[kind].get("isMonotonic", False) == (known.kind == "counter")
        for point in metric[kind]["dataPoints"]:
            assert attributes_of(point).keys() <= set(known.attributes)
        assert (resource["service.name"], resource["deployment.environment.name"]) == ("coord", "test")
        if metric["name"].startswith(("system.", "hw.", "coord.node.cpu")):
            assert resource["host.name"] == resource["service.instance.id"]
    positions = {
        attributes_of(point)["coord.stream"] for _, _, point in points(http, "coord.stream.position")
    }
    assert positions == {"EVENTS", "SAMPLES"}
    restarts = {
        attributes_of(point)["coord.service"] for _, _, point in points(http, "coord.service.restarts")
    }
    assert "projector" in restarts
    score = value(points(http, "coord.health.score")[-1][2])
    assert 0 < score <= 1


def test_doctor_and_status_tell_of_a_receiver_that_refuses(house: House, http: Http) -> None:
    def findings() -> dict[str, Any]:
        return {one["name"]: one for one in house.cli.run("doctor", "--json").document["checks"]}

    assert {findings()[f"{signal} to"]["verdict"] for signal in ("traces", "metrics", "logs")} == {"ok"}
    http.always = Answer(401, words="who are you")
    work(house, "w-1")
    until(lambda: told_of(house, "traces")["turned_away"])
    found = findings()["traces to"]
    assert found["verdict"] == "bad"
    assert "it answered with status 401: who are you" in found["words"]
    told = house.cli.run("otlp", "status")
    assert "traces: for" in told.out
    assert "who are you" in told.out
    http.always = Answer()
    until(lambda: len(http.spans()) == 3)


def test_doctor_watches_a_receiver_from_its_first_failure(house: House, http: Http) -> None:
    http.always = Answer(503, words="not now")
    work(house, "w-1")
    until(lambda: told_of(house, "traces")["trouble"])
    ran = house.cli.run("doctor")
    assert ran.code == 0
    (line,) = (line for line in ran.out.splitlines() if " traces to " in line)
    assert line.startswith("▲")
    assert "not now" in line
    assert "Start the receiver, or set OTEL_EXPORTER_OTLP_ENDPOINT right" in ran.out
    http.always = Answer()
    until(lambda: len(http.spans()) == 3)


def test_without_an_endpoint_no_exporter_is_started_and_a_wrong_one_stops_up(tmp_path: Path) -> None:
    with running_house(tmp_path) as house:
        assert "exporter" not in (house.folder.read_json("up.json") or {})["services"]
        assert not [
            one for one in house.cli.run("doctor", "--json").document["checks"] if "export" in one["name"]
        ]
        wrong = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "smtp"}
        elsewhere = {"COORD_DATA": str(tmp_path / "other")}
        ran = house.cli.run("up", "--detach", environment=wrong | elsewhere)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert "OTEL_EXPORTER_OTLP_PROTOCOL is 'smtp'; it must be one of http/protobuf, grpc." in ran.err
