"""All services of compose.yaml together, as processes; and what their exporter really sends answers the dashboards."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
from boards.writing import BOARDS, file_name
from composed import Composed, composed, wait_until_all_serve
from deployed import RULES, dashboard, panels
from exported import Sample, logged, openmetrics, samples
from prometheus_server import Prometheus, running_prometheus
from queries import metrics_in, substituted, type_pattern
from receivers import Http, until
from told_runs import ToldRun

from coord.events.run import LEARNING_RATE, TOKENS_PER_SECOND, Point
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import load_settings

LAST_EXPORTS: Final = 6
"""So many exports of metrics after the story: a rate wants two points."""

SILENT: Final = {"Stalled", "Errors", "What went wrong"}
"""Panels that may have no answer: nothing of theirs happened, or only once."""

OF_DEVICES: Final = ("hw_", "coord_gpu_", "coord_node_mains", "system_cpu_frequency", "system_paging")
"""Metrics of devices that not every machine has."""

DID_NOT_HAPPEN: Final = {
    "coord_exporter_clamped_total", "coord_exporter_failed_total", "coord_exporter_overflowed_total",
    "coord_exporter_rejected_total", "coord_exporter_skipped_total", "coord_run_anomalies_total", "coord_run_tokens",
    "coord_service_restarts_total", "coord_verification_scenarios", "coord_work_stalled",
}  # fmt: skip
ANSWERED_MIN: Final = 75
"""80 of 113 queries, on a machine without GPUs and sensors, when this was written."""


class Seen(NamedTuple):
    """What a running coord said, and what its exporter sent."""

    doctor: dict[str, str]
    samples: list[Sample]
    logged: list[tuple[str, str]]
    """Of every log record its service and the type of its event."""


def work(running: Composed) -> None:
    """One item is completed, one fails, one waits, one is held."""
    for title in ("first", "second", "third", "fourth"):
        assert running.cli.run("submit", title).code == 0
    for verb, more in (("complete", ()), ("fail", ("--reason", "broken")), ("progress", ())):
        claimed = running.cli.run("claim", "--agent", "ann", "--json").document
        ended = running.cli.run(verb, claimed["item"]["id"], "--agent", "ann", *more)
        assert ended.code == 0, ended


async def train(running: Composed) -> None:
    """A run whose loss jumps: the watchdog raises an alert and asks for something."""
    settings = load_settings(environment=only_coord_s(running.cli.environment)).settings
    log = await Log.connect(settings, Folder(settings.data), name="deploy")
    try:
        run = ToldRun(log, "r-1")
        await run.start()
        await run.steps(150)
        await run.hard_batch()
        await run.steps(20)
        await run.pack([Point(step=run.step, values={LEARNING_RATE: 0.001, TOKENS_PER_SECOND: 900.0})])
    finally:
        await log.close()


def only_coord_s(environment: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key.startswith("COORD_")}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    receiver = Http()
    try:
        with composed(tmp_path_factory.mktemp("composed"), receiver.url) as running:
            wait_until_all_serve(running)
            work(running)
            asyncio.run(train(running))
            until(lambda: running.cli.run("alerts", "--json").document["rows"])
            before = len(receiver.taken)
            until(lambda: len(receiver.taken) - before >= LAST_EXPORTS)
            doctor = running.cli.run("doctor", "--json").document["checks"]
            yield Seen({one["name"]: one["verdict"] for one in doctor}, samples(receiver), logged(receiver))
    finally:
        receiver.close()


def test_every_service_serves_on_its_own_credential_and_doctor_finds_nothing_bad(seen: Seen) -> None:
    assert "bad" not in seen.doctor.values(), [name for name, said in seen.doctor.items() if said == "bad"]
    assert seen.doctor["fsync"] == seen.doctor["monitor"] == "ok"


def test_what_was_really_logged_is_what_the_boards_mark(seen: Seen) -> None:
    for name in ("alerts", "directives"):
        (text,) = {
            one["expr"]
            for board in BOARDS
            for one in dashboard(file_name(board))["annotations"]["list"]
            if one["name"] == name
        }
        assert any(
            type_pattern(text).fullmatch(type_) for service, type_ in seen.logged if service == "coord"
        ), name


@pytest.fixture(scope="module")
def prometheus(seen: Seen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with running_prometheus(tmp_path_factory.mktemp("real"), openmetrics(seen.samples), RULES) as running:
        yield running


def test_what_was_really_sent_answers_every_query_about_what_really_happened(
    seen: Seen, prometheus: Prometheus
) -> None:
    """GPUs and sensors are not here, and some things did not happen; everything else must be answered."""
    sent = {series.partition("{")[0] for series, _, _ in seen.samples}
    last = max(at for _, at, _ in seen.samples)
    answered, missing = 0, set()
    for title, text in queries():
        names = {name for name, _ in metrics_in(text)}
        if not names <= sent:
            missing |= names - sent
        elif prometheus.ask("query", query=text, time=last)["result"]:
            answered += 1
        else:
            assert title in SILENT, f"{title}: {text} has no answer, though its metrics were sent"
    assert {name for name in missing if not name.startswith(OF_DEVICES)} <= DID_NOT_HAPPEN
    assert answered >= ANSWERED_MIN


def queries() -> Iterator[tuple[str, str]]:
    for board in BOARDS:
        for panel in panels(file_name(board)):
            if panel["datasource"]["uid"] == "prometheus":
                yield from ((panel["title"], substituted(target["expr"])) for target in panel["targets"])
