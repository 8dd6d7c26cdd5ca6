"""The exporter as a process, against receivers that others made: nothing lost, nothing made up, whatever happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cli
from conftest import Server
from exporters import Exporter, end_items, say, with_log
from receivers import Answer, Grpc, Http, Rotel, Tap, until
from seen_spans import SeenSpan

from coord.events import alert, directive, run, work
from coord.events.alert import Evidence
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def tap(tmp_path: Path) -> Iterator[Tap]:
    receiver = Tap(tmp_path)
    yield receiver.start()
    receiver.stop()


@pytest.fixture
def http() -> Iterator[Http]:
    receiver = Http()
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def streams(server: Server) -> None:
    """The streams are there, as they are once a coordinator has led."""

    async def nothing(_: Log) -> None:
        return

    with_log(server, nothing)


def roots(spans: list[SeenSpan]) -> set[str]:
    """Name the items whose root came."""
    return {one.attributes["cicd.pipeline.run.id"] for one in spans if one.name.startswith("RUN ")}


def end(server: Server, *names: str) -> None:
    with_log(server, lambda log: end_items(log, names))


async def a_story(log: Log) -> None:
    """An item with a lost lease and a retry; a run for it, an alert about that, and a directive it obeyed."""
    await say(log, "w-1", work.WorkSubmitted(title="Train", team="blue"), PARENT)
    fence = await say(log, "w-1", work.WorkClaimed(agent="ada", incarnation=1, lease_seconds=30, attempt=1))
    await say(
        log, "w-1",
        work.WorkLeaseExpired(agent="ada", incarnation=1, fence=fence, lease_seconds=30, silent_seconds=31),
    )  # fmt: skip
    fence = await say(log, "w-1", work.WorkClaimed(agent="bob", incarnation=2, lease_seconds=30, attempt=2))
    await say(log, "r-1", run.RunStarted(name="tiny", work_item="w-1", node="n1"))
    for step in range(40):
        point = run.Point(step=step, values={"loss": 2.0})
        await say(log, "r-1", run.RunMetricsRecorded(writer="w", writer_sequence=step, points=(point,)))
    evidence = (Evidence(stream="EVENTS", position=7),)
    await say(
        log, "a-1",
        alert.AlertRaised(rule="loss-spike", entity_kind="run", entity="r-1", severity="critical",
                          summary="z 9", evidence=evidence),
    )  # fmt: skip
    asked = await say(
        log, "r-1",
        directive.DirectiveIssued(directive_id="d-1", entity_kind="run", action="skip_batch", epoch=1,
                                  live_seconds=60, alert="a-1", reason="bad batch"),
    )  # fmt: skip
    await say(log, "r-1", run.RunDirectiveApplied(directive_id="d-1", directive_position=asked, step=41))
    await say(log, "a-1", alert.AlertResolved(reason="calm"))
    await say(log, "r-1", run.RunFinished(outcome="completed", step=50))
    await say(log, "w-1", work.WorkCompleted(agent="bob", fence=fence))


def test_a_story_is_seen_whole_by_a_receiver_that_others_made(server: Server, tap: Tap) -> None:
    with_log(server, a_story)
    exporter = Exporter(server, tap.url).start()
    try:
        until(lambda: len(tap.spans()) >= 7 and len(tap.lines()) >= 4)
    finally:
        assert exporter.stop() == 0
    spans = {one.name if one.name != "Queued" else f"Queued {one.began_ns}": one for one in tap.spans()}
    root, train = spans["RUN blue"], spans["TRAIN tiny"]
    lost, done = spans["invoke_agent ada"], spans["invoke_agent bob"]
    assert len(spans) == 7
    assert {one.trace for one in spans.values()} == {root.trace, train.trace}
    assert {lost.parent, done.parent} == {root.span}
    assert done.links == ((root.trace, lost.span, "retry_of"),)
    assert root.links == ((PARENT[3:35], PARENT[36:52], "caused_by"),)
    assert train.links == ((root.trace, root.span, "work_item"),)
    assert (lost.status, root.status, root.kind) == (2, 1, 2)
    assert root.began_ns <= lost.began_ns <= lost.ended_ns <= done.began_ns <= done.ended_ns == root.ended_ns
    lines = {one["eventName"]: one for one in tap.lines()}
    assert lines.keys() == {
        "coord.alert.raised", "coord.alert.resolved", "coord.directive.issued", "coord.directive.applied",
    }  # fmt: skip
    assert {(one["traceId"], one["spanId"]) for one in lines.values()} == {train.identity}
    assert lines["coord.alert.raised"]["severityNumber"] == 21


def test_nothing_is_lost_over_kills_and_an_outage_of_the_receiver(server: Server, tap: Tap) -> None:
    names = [f"w-{number}" for number in range(600)]
    exporter = Exporter(server, tap.url).start()
    try:
        end(server, *names[:200])
        until(lambda: roots(tap.spans()))
        exporter.kill()
        tap.stop()
        end(server, *names[200:400])
        exporter.start()
        until(lambda: exporter.signal_status("traces")["trouble"])
        assert exporter.signal_status("traces")["behind"] > 0
        exporter.kill()
        end(server, *names[400:])
        exporter.start()
        tap.start()
        until(lambda: roots(tap.spans()) == set(names))
        until(lambda: exporter.signal_status("traces")["behind"] == 0)
        assert exporter.signal_status("traces")["trouble"] == ""
    finally:
        exporter.kill()
    assert len({one.identity for one in tap.spans()}) == 3 * len(names)


def test_a_collector_over_grpc_that_comes_late_gets_everything(server: Server, tmp_path: Path) -> None:
    if not Rotel.is_here():
        pytest.skip("rotel is not installed")
    onward = Grpc().start()
    rotel = Rotel(tmp_path, onward)
    exporter = Exporter(server, rotel.url, OTEL_EXPORTER_OTLP_PROTOCOL="grpc").start()
    try:
        end(server, *(f"x-{number}" for number in range(300)))
        with_log(server, a_story)
        until(lambda: exporter.signal_status("traces")["trouble"])
        rotel.start()
        until(lambda: len({one.identity for one in onward.spans()}) == 3 * 300 + 7)
        until(lambda: exporter.signal_status("traces")["behind"] == 0)
    finally:
        exporter.kill()
        rotel.stop()
        onward.close()
    assert "blue" in {one.attributes.get("cicd.pipeline.name") for one in onward.spans()}
    assert {"coord"} == {one["service.name"] for one in onward.resources()}


def test_two_exporters_share_the_work_and_make_the_same_spans(server: Server, http: Http) -> None:
    first, second = Exporter(server, http.url).start(), Exporter(server, http.url).start()
    try:
        end(server, *(f"w-{number}" for number in range(500)))
        until(lambda: len(roots(http.spans())) == 500)
    finally:
        first.kill()
        second.kill()
    assert len({one.identity for one in http.spans()}) == 1500


def test_a_first_export_begins_as_far_back_as_is_set_and_the_rest_is_sent_on_demand(
    server: Server, http: Http, tmp_path: Path
) -> None:
    end(server, "w-old")
    exporter = Exporter(server, http.url, COORD_OTLP_LOOKBACK_SECONDS="0").start()
    try:
        end(server, "w-new")
        until(lambda: roots(http.spans()) == {"w-new"})
        until(lambda: exporter.signal_status("traces")["behind"] == 0)
    finally:
        exporter.stop()
    cli = Cli(tmp_path, {"COORD_DATA": str(server.folder.root), "OTEL_EXPORTER_OTLP_ENDPOINT": http.url})
    ran = cli.run("otlp", "backfill", "--from", "1", "--traces-only", "--json")
    assert (ran.code, ran.document["signals"]) == (
        0,
        {"traces": {"sent": 6, "rejected": 0, "set_aside": 0}},
    ), ran
    assert roots(http.spans()) == {"w-new", "w-old"}
    assert len({one.identity for one in http.spans()}) == 6
    told = cli.run("otlp", "status", "--json").document
    assert (told["running"], told["signals"]["traces"]["sent"], told["signals"]["traces"]["behind"]) == (
        False,
        3,
        0,
    )


def test_poison_is_set_aside_and_the_rest_goes_on(server: Server, http: Http) -> None:
    http.always = Answer(400, words="not this one", if_has="w-7")
    exporter = Exporter(server, http.url).start()
    try:
        end(server, *(f"w-{number}" for number in range(20)))
        until(lambda: exporter.signal_status("traces")["behind"] == 0 and exporter.status()["dead"] == 3)
    finally:
        exporter.kill()
    assert roots(http.spans()) == {f"w-{number}" for number in range(20) if number != 7}
    assert exporter.signal_status("traces")["rejected"] == 3


def test_it_stops_at_once_while_its_receiver_is_away(server: Server, http: Http) -> None:
    http.always = Answer(503, after="600")
    exporter = Exporter(server, http.url).start()
    end(server, *(f"w-{number}" for number in range(500)))
    until(lambda: exporter.signal_status("traces")["trouble"])
    began = clock.monotonic()
    assert exporter.stop() == 0
    assert clock.monotonic() - began < 5.0


def test_every_event_goes_out_where_that_is_wanted(server: Server, http: Http) -> None:
    from google.protobuf.json_format import MessageToDict

    exporter = Exporter(server, http.url, COORD_OTLP_LOGS="all").start()
    try:
        end(server, "w-1")

        def seen() -> list[str]:
            return [
                record["eventName"]
                for request in map(MessageToDict, http.taken)
                for resource in request.get("resourceLogs", ())
                for scope in resource["scopeLogs"]
                for record in scope["logRecords"]
            ]

        until(lambda: len(seen()) == 3)
    finally:
        exporter.kill()
    assert sorted(seen()) == ["coord.work.claimed", "coord.work.completed", "coord.work.submitted"]


def test_without_anywhere_to_send_it_says_so(server: Server, tmp_path: Path) -> None:
    cli = Cli(tmp_path, {"COORD_DATA": str(server.folder.root)})
    ran = cli.run("serve", "exporter")
    assert (ran.code, "OTEL_EXPORTER_OTLP_ENDPOINT" in ran.err, "Traceback" in ran.err) == (2, True, False), (
        ran
    )
    told = cli.run("otlp", "status")
    assert (told.code, "nothing is exported" in told.out) == (0, True)
    wrong = cli.run("serve", "exporter", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": "nowhere"})
    assert (wrong.code, "it must be a URL" in wrong.err) == (2, True)


def test_while_the_server_is_away_status_says_what_it_does_not_know(tmp_path: Path) -> None:
    """What the exporter said of itself stands, and that nobody knows how far behind it is."""
    folder = Folder(tmp_path / "data")
    folder.make("exporter")
    signal = {"receiver": "http://h", "sent": 7, "rejected": 0, "trouble": ""}
    folder.write_json({"pid": 0, "dead": 0, "signals": {"traces": signal}}, "exporter", "status.json")
    told = Cli(tmp_path, {"COORD_DATA": str(folder.root)}).run("otlp", "status")
    assert told.code == 0
    assert "http://h" in told.out
    assert "how far behind it is cannot be asked: no server runs" in told.err
