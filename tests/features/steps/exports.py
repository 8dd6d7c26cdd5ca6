"""Exporting: a real receiver of OpenTelemetry, which may go away and come back, and an exporter that may be killed."""

import subprocess
from typing import Any

from features.scene import SHORT_LEASE, Scene
from houses import until as soon
from pytest_bdd import given, parsers, then, when
from receivers import Tap, until
from seen_spans import SeenSpan, doubles


@given("a collector that coord exports to")
def collector(scene: Scene) -> None:
    tap = scene.kept["collector"] = Tap(scene.root).start()
    scene.ending.callback(tap.stop)
    scene.house.cli.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = tap.url
    scene.kept["items"] = []
    start_exporter(scene)


@when("the exporter is started again")
def start_exporter(scene: Scene) -> None:
    exporter = scene.kept["exporter"] = scene.begin("serve", "exporter")
    soon(lambda: _status(scene).get("pid") == exporter.pid)


@when("the exporter is killed")
def kill_exporter(scene: Scene) -> None:
    exporter: subprocess.Popen[bytes] = scene.kept["exporter"]
    exporter.kill()
    exporter.wait()


@when("the collector goes away")
def collector_away(scene: Scene) -> None:
    scene.kept["collector"].stop()


@when("the collector comes back")
def collector_back(scene: Scene) -> None:
    scene.kept["collector"].start()


@when(parsers.parse("{count:d} items of work are done"))
def items_done(scene: Scene, count: int) -> None:
    before = len(scene.kept["items"])
    names = [f"w-{number}" for number in range(before, before + count)]
    lines = "".join(f'{{"title": "item {name}", "id": "{name}"}}\n' for name in names)
    assert scene.house.cli.run("submit", "-", stdin=lines.encode()).code == 0
    for name in names:
        scene.must("ada", "claim", name)
    assert scene.house.cli.run("complete", "-", "--agent", "ada", stdin="\n".join(names).encode()).code == 0
    scene.kept["items"] += names


@when(parsers.parse('"{first}" loses an item of work, and "{second}" does it'))
def tried_twice(scene: Scene, first: str, second: str) -> None:
    scene.submit("Hash the corpus", "--lease", SHORT_LEASE)
    scene.must(first, "claim", scene.it, "--lease", SHORT_LEASE)
    soon(lambda: "work.lease_expired" in scene.types())
    scene.must(second, "claim", scene.it, "--lease", "1m")
    scene.must(second, "complete", scene.it)


@then("the collector has each of them once")
def each_once(scene: Scene) -> None:
    wanted = set(scene.kept["items"])
    until(lambda: {span.attributes["cicd.pipeline.run.id"] for span in _roots(scene)} == wanted)
    assert doubles(_roots(scene)) == 0


@then("coord says that the collector does not answer")
def told_away(scene: Scene) -> None:
    soon(lambda: "does not answer" in _status(scene)["signals"]["traces"]["trouble"])
    told = scene.house.cli.run("otlp", "status")
    assert "does not answer" in told.out


@then("nothing waits to be exported")
def nothing_waits(scene: Scene) -> None:
    soon(lambda: _status(scene)["signals"]["traces"]["behind"] == 0)


@then("the collector shows one trace of it: two waits, two tries and the whole")
def one_trace(scene: Scene) -> None:
    spans = until(lambda: _roots(scene) and _spans(scene))
    assert len({span.trace for span in spans}) == 1
    names = sorted(span.name for span in spans)
    assert names == ["Queued", "Queued", "RUN any", "invoke_agent ada", "invoke_agent bob"]
    (root,) = _roots(scene)
    assert {span.parent for span in spans if span is not root} == {root.span, ""}


@then("the second try points to the first")
def points_back(scene: Scene) -> None:
    tries = {span.name: span for span in _spans(scene) if span.name.startswith("invoke_agent")}
    lost, done = tries["invoke_agent ada"], tries["invoke_agent bob"]
    assert (lost.status, done.status) == (2, 1)
    assert done.links == ((lost.trace, lost.span, "retry_of"),)


def _spans(scene: Scene) -> list[SeenSpan]:
    found: list[SeenSpan] = scene.kept["collector"].spans()
    return found


def _roots(scene: Scene) -> list[SeenSpan]:
    return [span for span in _spans(scene) if span.name.startswith("RUN ")]


def _status(scene: Scene) -> Any:
    ran = scene.house.cli.run("otlp", "status", "--json")
    assert ran.code == 0, ran
    return ran.document
