"""What machines had told by a past moment: as if SAMPLES had been read up to there, or a word that it is not kept."""

import asyncio
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import nanoarrow
import pytest
from conftest import Server
from histories import CREATED, SECOND_NS, START_NS, event_histories, stored_sample
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from projectors import Projector, log_on, say, until

from coord.events import samples, work
from coord.events.answer import ARROW, AS_OF
from coord.events.errors import UsageError
from coord.events.examples import EVENTS
from coord.events.questions import QUESTIONS, AsOf
from coord.events.samples import Batch
from coord.events.wire import Stored
from coord.projections.answers import ANSWERS, Moment
from coord.projections.folds.samples import READINGS_HOT
from coord.projections.store import KEEPING, Reader, Store
from coord.projections.store.connection import begin_store
from coord.projections.store.supposing import reader_with
from coord.projections.told import Kept, told_by
from coord.services.folder import PROJECTOR_SOCKET, open_socket
from coord.services.log.client import StreamState
from coord.services.projector import looking_back
from coord.services.projector.folding import fold_batch
from coord.services.projector.looking_back import LookingBack
from coord.services.projector.moments import PastMoment

WITH_MACHINES: dict[str, list[dict[str, Any]]] = {
    "agents": [{}], "deadletters": [{}], "health": [{}], "latest": [{}, {"metric": "heat"}],
    "meters": [{}, {"part": "nodes"}], "metrics": [{}], "nodes": [{}, {"inventory": True}], "top": [{}],
}  # fmt: skip
LIVE: dict[str, list[dict[str, Any]]] = {
    "readings": [{"metric": "heat"}, {"metric": "load", "until_ns": START_NS + 20 * SECOND_NS}],
    "trend": [{"metrics": ["heat", "load"], "seconds": seconds, "bins": 10} for seconds in (100.0, 600.0)],
}
_NODES = st.sampled_from(["x1", "x2"])


def test_the_law_below_asks_everything_that_needs_machines() -> None:
    assert (set(WITH_MACHINES), set(LIVE)) == (set(looking_back.WITH_MACHINES), set(looking_back.LIVE))


@st.composite
def told_histories(draw: st.DrawFn) -> list[Stored]:
    """Draw what machines send: nothing twice, readings late and early, and what is none of ours on a subject of its own."""
    messages: list[Stored] = []
    for position in range(1, draw(st.integers(1, 25)) + 1):
        kind = draw(st.sampled_from(["hardware", "hardware", "presence", "processes", "unknown"]))
        base: dict[str, Any] = {"writer": "m", "writer_sequence": position, "started_at_ns": START_NS}
        batch: Batch
        if kind == "presence":
            silent = st.floats(0, 1)
            who = [
                samples.Presence(agent=one, incarnation=1, silent_seconds=draw(silent))
                for one in ("a1", "a2")
            ]
            batch = samples.PresenceSample(**base, agents=tuple(who))
        elif kind == "processes":
            process = samples.Process(pid=position, name="python3", cpu_ratio=0.5, memory_bytes=1)
            batch = samples.ProcessesSample(**base, total=3, processes=(process,))
        else:
            offsets = sorted(draw(st.sets(st.integers(0, 240_000), min_size=1, max_size=4)))
            values = [float(draw(st.integers(-9, 9))) for _ in offsets]
            metric = draw(st.sampled_from(["load", "heat"]))
            one = samples.Series(metric=metric, offsets_ms=tuple(offsets), values=tuple(values))
            batch = samples.HardwareSample(**base, series=(one,), dropped_readings=position)
        node = "coordinator" if kind == "presence" else draw(_NODES)
        messages.append(stored_sample(position, node, kind, batch))
    return messages


def newest_by(messages: list[Stored], known_ns: int) -> list[Stored]:
    """Return the newest message of each subject, as the server would."""
    by = {one.subject: one for one in messages if one.recorded_at_ns <= known_ns}
    return [one for one in by.values() if not one.subject.endswith("unknown")]


def asked(reader: Reader, questions: dict[str, list[dict[str, Any]]], moment: Moment) -> list[Any]:
    """Ask all of these."""
    return [
        ANSWERS[name](reader, QUESTIONS[name][0](**fields), moment)
        for name in questions
        for fields in questions[name]
    ]


def folded(path: Path, *streams: list[Stored]) -> Store:
    """Fold streams into a new store."""
    store = begin_store(path, 128)
    for messages in streams:
        if messages:
            fold_batch(store, CREATED, messages)
    return store


@given(events=event_histories(), told=told_histories(), data=st.data())
@examples(max_examples=4, deadline=None)
def test_machines_are_as_if_what_they_sent_had_been_read_up_to_there(
    events: list[Stored], told: list[Stored], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("machines")
    at = data.draw(st.sampled_from(events))
    known_ns = at.recorded_at_ns + data.draw(st.sampled_from([0, SECOND_NS // 2, 5 * SECOND_NS]))
    before = [one for one in events if one.position <= at.position]
    by_then = [one for one in told if one.recorded_at_ns <= known_ns]
    stores = [
        folded(root / "live.duckdb", events, told),
        folded(root / "past.duckdb", before),
        folded(root / "whole.duckdb", before, by_then),
    ]
    live, past, whole = stores
    moment = Moment(known_ns, past=True)
    stands = AsOf(position=at.position, time_ns=known_ns, recorded_at_ns=at.recorded_at_ns, past=True)
    then = Moment(known_ns, past=True, stands=stands, now_ns=known_ns)
    with live.reader() as reader, whole.reader() as expected:
        rows = told_by(reader, known_ns, newest_by(told, known_ns))
        assert asked(reader, LIVE, then) == asked(expected, LIVE, moment)
        with reader_with(past, rows) as supposed:
            assert asked(supposed, WITH_MACHINES, moment) == asked(expected, WITH_MACHINES, moment)
    with past.reader() as reader:
        assert reader.value("SELECT count(*) FROM latest") == 0
    for store in stores:
        store.close()


@pytest.fixture
def told(projector: Projector) -> Iterator[Projector]:
    """A projector on a log in which a machine tells before and after an event."""
    asyncio.run(_tell(projector.server))
    projector.start().until_folded(3)
    until(lambda: projector.ask("state")["positions"].get("SAMPLES") == 4)
    yield projector
    projector.stop()


async def _tell(server: Server) -> None:
    async with log_on(server) as log:
        await say(log, "n1", EVENTS["node.registered.v1"])
        for number, value in enumerate((1.0, 2.0), 1):
            series = samples.Series(metric="heat", offsets_ms=(number,), values=(value,))
            packed = samples.HardwareSample(
                writer="m", writer_sequence=number, started_at_ns=START_NS, series=(series,)
            )
            await log.publish_sample("sample.local.n1.hardware", "hardware", packed)
            process = samples.Process(pid=number, name="python3", cpu_ratio=0.5, memory_bytes=1)
            some = samples.ProcessesSample(
                writer="m", writer_sequence=10 + number, started_at_ns=START_NS, total=1, processes=(process,)
            )
            await log.publish_sample("sample.local.n1.processes", "processes", some)
            await say(log, f"w-{number}", work.WorkSubmitted(title="hash a file"))


def test_a_projector_answers_of_machines_as_of_a_position(told: Projector) -> None:
    for position, values in ((1, []), (2, [1.0]), (3, [2.0])):
        latest = told.ask("latest", at_position=position)
        assert (latest["as_of"]["position"], latest["as_of"]["past"]) == (position, True)
        assert [row["value"] for row in latest["rows"]] == values
        (node,) = told.ask("nodes", at_position=position)["rows"]
        assert [one["value"] for one in node.get("readings", ())] == values
        top = told.ask("top", at_position=position)["rows"]
        assert [row["process"]["pid"] for row in top] == [int(value) for value in values]
    readings = told.ask("readings", metric="heat", at_position=2)
    assert [row["value"] for row in readings["rows"]] == [1.0]
    assert readings["as_of"]["position"] == 2
    series = told.ask("trend", metrics=["heat"], seconds=60.0, bins=2, at_position=3)
    assert series["until_ns"] == series["as_of"]["time_ns"]
    assert told.ask("health", trend=True, at_position=2)["as_of"]["past"]
    with pytest.raises(UsageError, match="state is how the projector does now, and has no past"):
        told.ask("state", at_position=2)


def arrow(projector: Projector, name: str, **fields: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Ask on the socket for a table, again while the past is not ready; returns its rows, and the moment it is of."""
    body, headers = b'"not_yet"', {}
    while b'"not_yet"' in body:
        connection = HTTPConnection("projector")
        connection.sock = open_socket(projector.server.folder, PROJECTOR_SOCKET)
        connection.request("POST", f"/v1/questions/{name}", json.dumps(fields), {"Accept": ARROW})
        answer = connection.getresponse()
        body, headers = answer.read(), dict(answer.headers)
        connection.close()
    assert headers["content-type"] == ARROW, body
    rows = nanoarrow.ArrayStream.from_readable(body).read_all().to_pylist()
    return rows, json.loads(headers[AS_OF])


def test_arrow_is_given_of_the_past_too(told: Projector) -> None:
    for name, fields, count in (
        ("board", {"limit": 5_000}, 1),
        ("events", {}, 2),
        ("latest", {}, 1),
        ("readings", {"metric": "heat"}, 1),
    ):
        rows, moment = arrow(told, name, **fields, at_position=2)
        assert (name, len(rows), moment["position"], moment["past"]) == (name, count, 2, True)
    with pytest.raises(AssertionError, match="position 9 is beyond the log"):
        arrow(told, "board", at_position=9)


class Standing:
    """A log and a keeper that have so much, and no more."""

    def __init__(self, first: int, last: int, folded: int, kept: Kept) -> None:
        self.folded = {"SAMPLES": folded}
        self.keeping = KEEPING
        self._state = StreamState(first, last, last - first + 1, 0, CREATED)
        self._kept = kept

    async def stream_state(self, _: str) -> StreamState:
        """Say where SAMPLES stands."""
        return self._state

    async def read_at(self, stream: str, position: int) -> Stored:
        """Return a message that was recorded at the very beginning."""
        return Stored(stream, position, START_NS, "sample.local.n1.hardware", {}, b"")

    async def mark(self, _: str) -> None:
        """Nothing is folded in."""

    async def read(self, _: Any) -> Kept:
        """Say since when there are readings."""
        return self._kept


def too_old(name: str, standing: Standing, at_ns: int, now_ns: int = START_NS, **fields: Any) -> str:
    """Return why a question of a moment is refused."""
    back = LookingBack(standing, None, None, lambda: Moment(now_ns), "local")  # type: ignore[arg-type]
    question: Any = QUESTIONS[name][0](**fields)
    refused = asyncio.run(back._too_old(standing, name, question, PastMoment(1, at_ns, at_ns)))  # type: ignore[arg-type]
    return "" if refused is None else refused.reason


def test_a_moment_before_what_is_kept_is_told_with_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(START_NS + 50 * SECOND_NS, START_NS + 10 * SECOND_NS, 1_000)
    standing = Standing(7, 9, 9, kept)
    assert too_old("nodes", standing, START_NS) == (
        "no readings are kept of 2026-11-18T11:06:40Z: single readings are kept since 2026-11-18T11:07:30Z, their"
        " minutes since 2026-11-18T11:06:50Z."
    )
    trend: dict[str, Any] = {"metrics": ["heat"], "seconds": 60.0, "bins": 2}
    assert too_old("trend", standing, START_NS, **trend).startswith(
        "no readings, nor minutes of them, are kept"
    )
    assert too_old("readings", standing, START_NS + 99 * SECOND_NS, metric="heat", until_ns=START_NS)
    for name, fields, at_ns in (
        ("trend", trend, START_NS + 20 * SECOND_NS), ("nodes", {}, START_NS + 50 * SECOND_NS),
        ("agents", {}, START_NS), ("board", {}, START_NS),
    ):  # fmt: skip
        assert too_old(name, standing, at_ns, **fields) == "", name
    assert too_old("nodes", Standing(1, 9, 9, kept), START_NS) == "", "nothing was ever dropped"
    aged_ns = START_NS + KEEPING[READINGS_HOT.name].kept_ns + 1
    assert too_old("nodes", Standing(1, 9, 9, kept), START_NS, aged_ns), "some went for their age"
    gone = Kept(None, kept.minutes_ns, 0)
    assert "single readings are kept no longer, their minutes since 2026-11-18T11:06:50Z." in too_old(
        "nodes", Standing(1, 9, 9, gone), START_NS + 99 * SECOND_NS, aged_ns
    )
    assert too_old("nodes", Standing(7, 9, 9, Kept(None, None, 0)), START_NS) == "", "there never was any"
    monkeypatch.setattr(looking_back, "FOLDED_SECONDS_MAX", 0.0)
    assert (
        too_old("top", Standing(1, 9, 4, kept), START_NS) == "5 messages of readings are not folded in yet."
    )
