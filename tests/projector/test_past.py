"""The past: its answers are those of a projection folded up to there, and asking for it harms nobody."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Server
from histories import CREATED, event_histories, stored_event
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from projectors import Projector, log_on, say, until

from coord.events import agent, work
from coord.events.errors import CoordError, NoServer, Refused, UsageError
from coord.events.examples import EVENTS
from coord.events.questions import QUESTIONS
from coord.events.wire import Stored
from coord.projections.answers import ANSWERS, Moment
from coord.projections.intake import Gap
from coord.projections.store import Store, digests_of_events
from coord.projections.store.connection import begin_store
from coord.services import clock
from coord.services.projector import copies, looking_back, scratch
from coord.services.projector.copies import Policy, copies_in
from coord.services.projector.feed import Batch
from coord.services.projector.folding import fold_batch
from coord.services.projector.past_tables import Cancelled, PastTables
from coord.services.projector.scratch import Scratch

SUBMITTED = work.WorkSubmitted(title="hash a file", priority=7)
OF_THE_PAST: dict[str, dict[str, Any]] = {
    "agents": {}, "alerts": {}, "board": {}, "curve": {"run": "x1"}, "mine": {"agent": "a1"}, "runs": {},
    "scenarios": {}, "show": {"id": "w-1"}, "stats": {"last_seconds": 20.0}, "timeline": {},
}  # fmt: skip


def gaps_of(messages: list[Stored]) -> list[Gap]:
    """List the holes before and between messages."""
    places = [0, *(message.position for message in messages)]
    return [Gap("EVENTS", one + 1, two - 1) for one, two in itertools.pairwise(places) if two > one + 1]


def reader_of(messages: list[Stored]) -> Callable[[int, int], AsyncIterator[Batch]]:
    """Read a list of messages as the feed reads a log."""

    async def read(start: int, batch_max: int) -> AsyncIterator[Batch]:
        left, gaps = [one for one in messages if one.position >= start], gaps_of(messages)
        while left:
            batch, left = left[:batch_max], left[batch_max:]
            here = [gap for gap in gaps if start <= gap.first and gap.last < batch[-1].position]
            start = batch[-1].position + 1
            yield Batch(tuple(batch), tuple(here))
        yield Batch()

    return read


def answers(store: Store) -> dict[str, Any]:
    """Ask everything that may be asked of the past."""
    with store.reader() as reader:
        mark = reader.mark("EVENTS")
        moment = Moment(mark.recorded_at_ns if mark else 0, past=True)
        return {
            name: ANSWERS[name](reader, QUESTIONS[name][0](**fields), moment)
            for name, fields in OF_THE_PAST.items()
        }


def fresh(path: Path, messages: list[Stored]) -> tuple[dict[str, str], dict[str, Any]]:
    """Fold messages into a new store, and say what it holds and answers."""
    store = begin_store(path, 256)
    try:
        fold_batch(store, CREATED, messages, gaps_of(messages))
        with store.reader() as reader:
            return digests_of_events(reader), answers(store)
    finally:
        store.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keyframes so close together that a short history has some, and loses some."""
    monkeypatch.setattr(scratch, "NEAR", 3)
    for name, value in (("STRIDE", 4), ("EVEN_MAX", 4), ("NEAR_MAX", 2)):
        monkeypatch.setattr(copies, name, value)


def test_every_question_is_under_a_law_of_the_past_or_read_from_the_log() -> None:
    elsewhere = {*looking_back.WITH_MACHINES, *looking_back.LIVE}
    assert {*OF_THE_PAST, *elsewhere, "events", "history", "state"} == set(QUESTIONS)


@given(messages=event_histories(), data=st.data())
@examples(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_moment_of_the_past_is_a_projection_folded_up_to_there(
    messages: list[Stored], data: st.DataObject, small: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("past")
    visits = data.draw(st.lists(st.sampled_from(messages), min_size=1, max_size=3))

    async def main() -> None:
        tables = PastTables(Scratch(root, 256))
        await tables.begin(CREATED, messages[-1].position)
        for visited in visits:
            await tables.stand_at(visited.position, reader_of(messages), lambda _: None, lambda: True)
            before = [one for one in messages if one.position <= visited.position]
            digests, expected = fresh(root / "fresh.duckdb", before)
            assert await tables.ask(lambda reader, _: digests_of_events(reader)) == digests
            assert answers(tables._scratch.store) == expected
        await tables.close()

    asyncio.run(main())


def _long(count: int) -> list[Stored]:
    return [stored_event(number, f"w-{number}", SUBMITTED) for number in range(1, count + 1)]


class Walk:
    """Positions visited in a scratch database, with what was read for each."""

    def __init__(self, root: Path, count: int, policy: Policy | None = None) -> None:
        self.scratch = Scratch(root, 256, policy)
        self.tables = PastTables(self.scratch)
        self.read: list[int] = []
        self._messages = _long(count)

    async def to(self, position: int, wanted: Callable[[], bool] = lambda: True) -> int:
        """Stand there; returns how many events had to be folded."""
        reading = reader_of(self._messages)

        def read(start: int, batch_max: int) -> AsyncIterator[Batch]:
            self.read.append(start)
            return reading(start, min(batch_max, 5))

        await self.tables.begin(CREATED, len(self._messages))
        self.read.clear()
        await self.tables.stand_at(position, read, lambda _: None, wanted)
        with self.scratch.store.reader() as reader:
            assert reader.value("SELECT count(*) FROM work_all") == position
        return position - self.read[0] + 1 if self.read else 0


def test_a_way_back_begins_at_the_nearest_copy_and_a_step_forward_is_one_event(
    small: None, tmp_path: Path
) -> None:
    async def main() -> None:
        walk = Walk(tmp_path, 40)
        assert await walk.to(15) == 15
        assert await walk.to(16) == 1
        assert await walk.to(16) == 0
        assert await walk.to(15) == 3
        assert await walk.to(9) == 1
        assert await walk.to(2) == 2
        assert await walk.to(39) == 39 - 12
        await walk.tables.close()

    asyncio.run(main())


def test_copies_are_few_however_far_a_fold_goes_and_outlast_the_process(small: None, tmp_path: Path) -> None:
    async def main() -> None:
        walk = Walk(tmp_path, 200)
        await walk.to(200)
        left = [one.position for one in copies_in(tmp_path)]
        even = [one for one in left if one % walk.scratch.copies.stride == 0]
        assert len(even) <= 4
        assert even == list(range(even[0], 200, even[0]))
        assert len(left) <= len(even) + 2 + 1, "near ones, and the last of this hour"
        await walk.tables.close()
        assert left == [one.position for one in copies_in(tmp_path)]
        again = Walk(tmp_path, 200)
        assert await again.to(199) == 2
        await again.tables.begin("another log", 200)
        assert list(tmp_path.glob("*.duckdb*")) == []
        await again.tables.close()

    asyncio.run(main())


def test_copies_take_only_so_much_of_the_disk(small: None, tmp_path: Path) -> None:
    async def main() -> None:
        walk = Walk(tmp_path, 40, Policy(bytes_max=1))
        await walk.to(40)
        assert [one.position for one in copies_in(tmp_path)] == [37]
        await walk.tables.close()

    asyncio.run(main())


def test_a_copy_that_is_damaged_or_of_another_log_is_not_used(small: None, tmp_path: Path) -> None:
    async def main() -> None:
        walk = Walk(tmp_path, 40)
        await walk.to(20)
        await walk.tables.close()
        for path in tmp_path.glob("*.duckdb"):
            path.write_bytes(b"no database" * 1000)
        again = Walk(tmp_path, 40)
        assert await again.to(19) == 19
        await again.tables.close()

    asyncio.run(main())


def test_a_fold_that_nobody_wants_stands_where_it_is_and_is_gone_on_from(small: None, tmp_path: Path) -> None:
    async def main() -> None:
        walk = Walk(tmp_path, 40)
        with pytest.raises(Cancelled):
            await walk.to(30, wanted=lambda: False)
        assert walk.scratch.position == 5
        assert await walk.to(7) == 2
        await walk.tables.close()

    asyncio.run(main())


def test_a_full_disk_refuses_the_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "FREE_BYTES_MIN", 2**62)
    with pytest.raises(NoServer, match="must stay free"):
        Scratch(tmp_path, 256).begin(CREATED, 1)


@pytest.fixture
def told(projector: Projector) -> Iterator[Projector]:
    """A projector on a log of a short story; it is started."""
    asyncio.run(_tell(projector.server))
    projector.start().until_folded(9)
    yield projector
    projector.stop()


async def _tell(server: Server) -> None:
    async with log_on(server) as log:
        await say(log, "ada", agent.AgentRegistered(team="blue"))
        for number in range(3):
            await say(log, f"w-{number}", SUBMITTED)
        claimed = work.WorkClaimed(agent="ada", incarnation=1, lease_seconds=30.0, attempt=1)
        fence = await say(log, "w-1", claimed)
        await say(log, "w-1", work.WorkCompleted(agent="ada", fence=fence, result={"lines": 7}))
        await say(log, "w-0", work.WorkCancelled(reason="no more"))
        await say(log, "r1", EVENTS["run.started.v1"])
        await say(log, "a-1", EVENTS["alert.raised.v1"])


def _statuses(board: dict[str, Any]) -> dict[str, str]:
    return {row["id"]: row["status"] for row in board["rows"]}


def test_questions_are_answered_as_of_a_position(told: Projector) -> None:
    board = told.ask("board", at_position=5)
    assert _statuses(board) == {"w-0": "open", "w-1": "claimed", "w-2": "open"}
    moment = board["as_of"]
    assert (moment["position"], moment["past"], moment["time_ns"]) == (5, True, moment["recorded_at_ns"])
    assert _statuses(told.ask("board", at_position=2)) == {"w-0": "open"}
    assert _statuses(told.ask("board", at_position=9)) == _statuses(told.ask("board"))
    assert not told.ask("board")["as_of"]["past"]
    assert told.ask("show", id="w-1", at_position=6)["item"]["result"] == {"lines": 7}
    assert told.ask("agents", at_position=5)["rows"][0]["holds"] == 1
    assert told.ask("agents", at_position=1)["rows"][0]["silent_seconds"] == 0
    assert (told.ask("runs", at_position=7)["rows"], len(told.ask("runs", at_position=8)["rows"])) == ([], 1)
    assert told.ask("alerts", at_position=8)["rows"] == []
    assert [one["position"] for one in told.ask("events", at_position=4, limit=2)["events"]] == [3, 4]
    assert [one["position"] for one in told.ask("history", id="w-1", at_position=5)["events"]] == [3, 5]
    assert told.ask("curve", run="r1", at_position=8)["marks"][0]["kind"] == "start"
    with pytest.raises(Refused, match="there is no item w-2"):
        told.ask("show", id="w-2", at_position=3)
    with pytest.raises(Refused, match="the log holds no event of w-2 up to position 3"):
        told.ask("history", id="w-2", at_position=3)


def test_a_time_is_the_last_position_before_the_first_that_came_later_and_no_moment_is_refused(
    told: Projector,
) -> None:
    events = told.ask("events")["events"]
    times = [one["recorded_at_ns"] for one in events]
    for at_ns in (*times, *(one - 1 for one in times[1:]), times[-1] + 10**15):
        later = [place for place, time in enumerate(times) if time > at_ns]
        expected = later[0] if later else len(times)
        answer = told.ask("board", at_ns=at_ns)
        assert answer["as_of"]["position"] == expected
        assert answer["as_of"]["recorded_at_ns"] == times[expected - 1]
        now_ns = clock.now_ns()
        assert answer["as_of"]["time_ns"] == at_ns or at_ns > now_ns > answer["as_of"]["time_ns"]
    for asked, error, words in NO_MOMENTS:
        with pytest.raises(error, match=words):
            told.ask("board", **asked)


NO_MOMENTS: list[tuple[dict[str, int], type[CoordError], str]] = [
    ({"at_position": 10}, Refused, "position 10 is beyond the log, which ends at 9"),
    ({"at_position": 0}, UsageError, "at_position is 0"),
    ({"at_position": 3, "at_ns": 5}, UsageError, "at_position and at_ns name two moments"),
    (
        {"at_ns": 5},
        Refused,
        "1970-01-01T00:00:00.000Z is before the log, which begins at position 1, 20",
    ),
    ({"at_ns": -1}, UsageError, "at_ns is -1"),
]


def test_an_empty_log_has_no_past(projector: Projector) -> None:
    projector.start()
    with pytest.raises(Refused, match="the log is empty"):
        projector.ask("board", at_position=1)


def _children(pid: int) -> list[int]:
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(word) for word in words]


def _gone(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True


def test_the_process_of_the_past_comes_on_demand_and_goes_with_the_projector(told: Projector) -> None:
    assert told.process is not None
    assert _children(told.process.pid) == []
    told.ask("board", at_position=5)
    (child,) = _children(told.process.pid)
    os.kill(child, signal.SIGKILL)
    until(lambda: _gone(child))
    assert told.ask("board", at_position=4)["as_of"]["position"] == 4
    (another,) = _children(told.process.pid)
    told.kill()
    until(lambda: _gone(another))


def test_a_projector_that_is_told_to_stop_takes_the_past_with_it(told: Projector) -> None:
    told.ask("board", at_position=5)
    assert told.process is not None
    (child,) = _children(told.process.pid)
    assert told.stop() == 0
    assert _gone(child)
    assert list(told.server.folder.path("projection", "past").iterdir()) == []
