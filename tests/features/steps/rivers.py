"""Messages that are written to the log without coord: poison, repeats, and packs of readings."""

import asyncio
import json
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from chaos.wall_clocks import can_be_set, shift
from features.scene import Scene
from houses import until
from pytest_bdd import given, parsers, then, when
from raw_wire import RawConnection

from coord.events import work
from coord.events.catalog import encode_event
from coord.events.envelope import Envelope, to_headers
from coord.events.errors import CoordError, Exit
from coord.events.samples import HardwareSample, Series, encode_sample, sample_type
from coord.events.streams import EVENTS, SAMPLES
from coord.services import client, clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.server.credentials import role_credentials
from coord.services.settings import Settings

Table = list[list[str]]
Poison = tuple[bytes, bytes | None, bytes]
"""Subject, headers and body."""
SERVICES = ("server", "coordinator", "projector", "hardware", "watchdog")
SEEN_SECONDS = 1.0
BUSY = 3
"""How many times as long a busy machine may take."""
NODE, METRIC = "n-told", "load_average_1m"
HOUR_SECONDS = 3_600
HOUR_NS = HOUR_SECONDS * 1_000_000_000
STARTS_MAX = 5
DROPPED_SECONDS = 5.0
SHORT_MEMORY_NS = 100_000_000
"""Of ids, in the server: the shortest that it takes."""


def _block(headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"NATS/1.0\r\n{lines}\r\n".encode()


def _event(body: bytes, type_: str = "work.submitted.v5", time: str = "2024-11-21T07:00:00Z") -> Poison:
    event_id = clock.new_id()
    headers = to_headers(Envelope(event_id, type_, "/tests", time))
    return b"ev.local.work.poison", _block(headers), body


def _pack(sequence: int, offsets: list[int], **fields: Any) -> Poison:
    told = {
        "writer": "m-told", "writer_sequence": sequence, "started_at_ns": clock.now_ns(), "dropped_readings": 0,
        "series": [{"metric": METRIC, "device": "", "offsets_ms": offsets, "values": [0.5] * len(offsets)}],
    }  # fmt: skip
    return _readings(json.dumps({**told, **fields}).encode())


def _readings(body: bytes) -> Poison:
    headers = {"ce-type": sample_type("hardware"), "ce-specversion": "1.0"}
    return f"sample.local.{NODE}.hardware".encode(), _block(headers), body


def _poison() -> dict[str, Poison]:
    subject, _, good = _event(b'{"title":"x"}')
    return {
        "malformed": _event(b"{broken"),
        "of a wrong type": _event(b'{"title":7}'),
        "of an unknown kind": _event(good, type_="work.dreamt.v1"),
        "oversized in a field": _event(b'{"title":"%b"}' % (b"x" * 200_000)),
        "too deep": _event(b'{"title":"x","body":%b%b}' % (b"[" * 50_000, b"]" * 50_000)),
        "not a number": _event(b'{"title":"x","body":NaN}'),
        "from the far future": _event(good, time="9999-01-01T00:00:00Z"),
        "without headers": (subject, None, good),
        "readings, malformed": _readings(b"{broken"),
        "readings, not a number": _readings(_pack(1, [0])[2].replace(b"0.5", b"NaN")),
        "readings from the future": _pack(2, [0], started_at_ns=clock.now_ns() + 2 * HOUR_NS),
        "readings out of order": _pack(3, [5, 1]),
    }


def _connection(scene: Scene) -> RawConnection:
    server = scene.house.folder.read_json("server.json") or {}
    return RawConnection(server["url"], role_credentials(scene.house.folder)["core"])


@when("these messages are written to the log")
def write_poison(scene: Scene, datatable: Table) -> None:
    scene.kept["pids"] = {name: scene.house.pid(name) for name in SERVICES}
    poison = _poison()
    with _connection(scene) as connection:
        told = [(connection.publish(*poison[name]), reason) for name, reason in datatable[1:]]
    assert all(outcome.position for outcome, _ in told), told
    scene.kept["poison"] = told


@then("an item that is submitted now is seen within a second")
def seen_soon(scene: Scene) -> None:
    scene.submit("after all that")
    began = clock.monotonic()
    scene.show()
    assert clock.monotonic() - began < SEEN_SECONDS * BUSY


@then("each of them is listed among the dead letters, with its reason")
def listed_each(scene: Scene) -> None:
    told = scene.kept["poison"]
    letters = until(lambda: _letters(scene, len(told)))
    reasons = {(row["subject"], row["position"]): row["reason"] for row in letters}
    for outcome, reason in told:
        assert any(at == outcome.position and reason in said for (_, at), said in reasons.items()), reason


def _letters(scene: Scene, count: int) -> Any:
    answer = scene.house.ask("deadletters")
    assert answer["total"] <= count
    return answer["rows"] if answer["total"] == count else None


@then("no service had to be started again")
def same_pids(scene: Scene) -> None:
    assert {name: scene.house.pid(name) for name in SERVICES} == scene.kept["pids"]


@when("an event is written to the log")
def write_event(scene: Scene) -> None:
    scene.kept["message"] = _event(encode_event(work.WorkSubmitted(title="once")))
    scene.kept["first"] = _written(scene)


@when("the same event is written to the log again, when the server has forgotten its id")
def write_again(scene: Scene) -> None:
    asyncio.run(_shorten_memory(scene.house.folder))
    scene.kept["second"] = until(lambda: max(0, _written(scene) - scene.kept["first"])) + scene.kept["first"]


def _written(scene: Scene) -> int:
    with _connection(scene) as connection:
        position = connection.publish(*scene.kept["message"]).position
    assert position
    return position


async def _shorten_memory(folder: Folder) -> None:
    """Let the server remember ids for the shortest time that it can."""
    log = await Log.connect(Settings(data=folder.root), folder)
    try:
        config = (await log.stream_state(EVENTS.name)).config
        await log.ask_server(f"STREAM.UPDATE.{EVENTS.name}", {**config, "duplicate_window": SHORT_MEMORY_NS})
    finally:
        await log.close()


@then(parsers.parse('the second is listed among the dead letters, because "{words}"'))
def second_listed(scene: Scene, words: str) -> None:
    (letter,) = until(lambda: scene.house.ask("deadletters")["rows"])
    assert letter["position"] == scene.kept["second"]
    assert f"{words} {scene.kept['first']}" in letter["reason"]


@when(parsers.parse("a monitor sends {packs:d} packs of {count:d} readings, and all of them again"))
def send_packs(scene: Scene, packs: int, count: int) -> None:
    series = Series(
        metric=METRIC, offsets_ms=tuple(range(count)), values=tuple(n / count for n in range(count))
    )
    now_ns = clock.now_ns()
    told = [
        encode_sample(
            HardwareSample(writer="m-told", writer_sequence=n, started_at_ns=now_ns + n, series=(series,))
        )
        for n in range(1, packs + 1)
    ]
    with _connection(scene) as connection:
        for body in (*told, *told[:-1]):
            connection.send(*_readings(body))
        connection.settle()
        scene.kept["last"] = connection.publish(*_readings(told[-1])).position
    scene.kept["newest"] = series.values[-1]


@then(parsers.parse("{count:d} readings of it are kept"))
def kept(scene: Scene, count: int) -> None:
    folder = scene.house.folder
    until(lambda: client.ask(folder, "state", {}, 10)["positions"].get(SAMPLES.name, 0) >= scene.kept["last"])
    statement = f"SELECT count(*) AS n FROM readings WHERE node = '{NODE}'"
    ran = scene.house.cli.run("query", statement, "--fresh", "--json")
    assert (ran.code, ran.document["rows"]) == (0, [{"n": count}])


@given("a house that keeps single readings for an hour")
def kept_for_an_hour(scene: Scene) -> None:
    scene.restart(readings_kept_seconds="3600")


@when("somebody notes the moment, and three hours go by")
def hours_go_by(scene: Scene) -> None:
    """The projector is started again with a clock three hours ahead, and drops what is old before anything else."""
    if why := can_be_set():
        pytest.skip(why)
    scene.kept["then"] = scene.house.ask("submit", "noted", "--id", "noted")["position"]
    for _ in range(STARTS_MAX):
        before = _children(scene)
        scene.house.kill("projector")
        (started,) = until(partial(_others, scene, before))
        shift(started, 3 * HOUR_SECONDS)
        if _is_dropped(scene):
            return
    raise AssertionError("the projector always looked what is old before its clock was set")


def _children(scene: Scene) -> set[int]:
    """Return the processes of the house: one is there before it is told of."""
    up = scene.house.folder.read_json("up.json")["pid"]  # type: ignore[index]
    return set(map(int, Path(f"/proc/{up}/task/{up}/children").read_text().split()))


def _others(scene: Scene, before: set[int]) -> set[int]:
    return _children(scene) - before


def _is_dropped(scene: Scene) -> bool:
    end = clock.monotonic() + DROPPED_SECONDS
    while clock.monotonic() < end:
        with suppress(CoordError):
            asked = {"metric": METRIC, "node": NODE, "limit": 1}
            if not client.ask(scene.house.folder, "readings", asked, DROPPED_SECONDS)["rows"]:
                return True
    return False


@then("no single reading of then is kept, and their minutes are")
def only_minutes(scene: Scene) -> None:
    statement = f"""
        SELECT (SELECT count(*) FROM readings WHERE node = '{NODE}') AS readings,
               (SELECT sum(readings)::BIGINT FROM rollups WHERE node = '{NODE}') AS in_minutes"""
    ran = scene.house.cli.run("query", statement, "--fresh", "--json")
    assert (ran.code, ran.document["rows"]) == (0, [{"readings": 0, "in_minutes": 1_000}])


@then("whoever asks how the machines were then is told since when readings are kept")
def told_since_when(scene: Scene) -> None:
    """Single readings that came since may be there, or none yet."""
    ran = scene.house.cli.run("nodes", "--at", str(scene.kept["then"]))
    assert ran.code == Exit.REFUSED, ran
    assert re.search(r"single readings are kept (since \S+|no longer), their minutes since \d", ran.err), ran


@then("the newest of them is shown")
def newest_shown(scene: Scene) -> None:
    (row,) = [row for row in scene.house.ask("metrics", "--node", NODE)["rows"] if row["metric"] == METRIC]
    assert row["value"] == scene.kept["newest"]


@then("it is said for how long and up to which number readings are kept")
def said_how_long(scene: Scene) -> None:
    checks = scene.house.cli.run("doctor").out
    (line,) = [line for line in checks.splitlines() if " readings " in line]
    assert "kept for 2d, at most 500,000,000" in line
