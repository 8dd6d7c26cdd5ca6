"""The keeper: one writer, some readers, and what happens when a fold, the file or the log is not as it should be."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from conftest import Server
from histories import CREATED, History, hardware
from msgspec import structs
from projectors import log_on, sample, say

from coord.events import work
from coord.events.errors import NoServer, NothingThere
from coord.events.wire import Stored
from coord.projections.folds import work as work_fold
from coord.projections.intake import Intake, Mark
from coord.projections.store import Reader, Store, StoreBroken
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.projector.aligning import align
from coord.services.projector.folding import PART_BYTES_MAX, READINGS_PART_BYTES_MAX, parts
from coord.services.projector.keeper import Keeper
from coord.services.projector.rebuild import rebuild_online
from coord.services.settings import Settings


def keeping(settings: Settings, body: Callable[[Keeper], Awaitable[None]]) -> None:
    """Run something on an open keeper."""

    async def main() -> None:
        Folder(settings.data).make()
        keeper = Keeper(settings, Folder(settings.data))
        await keeper.open()
        try:
            await body(keeper)
        finally:
            await keeper.close()

    asyncio.run(main())


def _history(count: int) -> list[Stored]:
    history = History()
    for number in range(count):
        history.submit(f"w-{number}")
    return history.messages


def _ids(reader: Reader) -> list[str]:
    return [row["id"] for row in reader.rows("SELECT id FROM work ORDER BY position")]


def test_a_message_that_breaks_its_fold_is_set_aside_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(draft: Any, recorded: Any, event: Any) -> None:
        if recorded.entity == "w-5":
            raise ZeroDivisionError("the fold of w-5 divides by zero")
        work_fold._submitted(draft, recorded, event)

    on = {**work_fold.PROJECTION.on, work.WorkSubmitted: breaking}
    broken = replace(work_fold.PROJECTION, on=on)
    monkeypatch.setattr("coord.projections.intake.OF_EVENTS", (broken,))

    async def body(keeper: Keeper) -> None:
        await keeper.fold(CREATED, _history(9))
        assert await keeper.read(_ids) == [f"w-{number}" for number in range(9) if number != 5]
        (letter,) = await keeper.read(lambda reader: reader.rows("FROM dead_letters"))
        assert letter["position"] == 6
        assert "ZeroDivisionError: the fold of w-5 divides by zero" in letter["reason"]
        assert keeper.folded["EVENTS"] == 9

    keeping(settings, body)


def test_a_store_that_fails_is_opened_again_and_nothing_is_lost(settings: Settings) -> None:
    async def body(keeper: Keeper) -> None:
        messages = _history(6)
        await keeper.fold(CREATED, messages[:3])
        keeper.opened.store._writing.close()
        with pytest.raises(StoreBroken, match="Connection already closed"):
            await keeper.fold(CREATED, messages[3:])
        await keeper.reopen("the test closed it")
        assert keeper.folded["EVENTS"] == 3
        await keeper.fold(CREATED, messages[3:])
        assert len(await keeper.read(_ids)) == 6

    keeping(settings, body)


def test_a_reader_that_meets_a_fault_says_so_and_the_file_is_doubted(settings: Settings) -> None:
    async def body(keeper: Keeper) -> None:
        await keeper.fold(CREATED, _history(1))
        keeper.opened.store._root.close()
        with pytest.raises(NoServer, match="cannot be read"):
            await keeper.read(_ids)
        assert "cannot be read" in keeper.doubt
        await keeper.reopen(keeper.doubt)
        assert await keeper.read(_ids) == ["w-0"]
        assert keeper.doubt == ""

    keeping(settings, body)


def test_a_fault_of_the_question_is_no_fault_of_the_store(settings: Settings) -> None:
    async def body(keeper: Keeper) -> None:
        with pytest.raises(ZeroDivisionError):
            await keeper.read(lambda _: 1 // 0)
        assert keeper.doubt == ""

    keeping(settings, body)


def test_a_position_can_be_waited_for(settings: Settings) -> None:
    async def body(keeper: Keeper) -> None:
        messages = _history(2)
        waiting = asyncio.create_task(keeper.until_folded(2, 20))
        await keeper.fold(CREATED, messages[:1])
        assert not waiting.done()
        await keeper.fold(CREATED, messages[1:])
        assert await waiting
        assert await keeper.until_folded(2, 0)
        assert not await keeper.until_folded(3, 0.01)

    keeping(settings, body)


def test_tidying_empties_the_log_of_writes_when_it_is_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coord.services.projector.keeper.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("coord.services.projector.keeper.SEAL_SECONDS", 0.0)
    monkeypatch.setattr("coord.services.projector.keeper.DROP_SECONDS", 0.0)

    async def body(keeper: Keeper) -> None:
        history = History()
        history.sample("n1", "hardware", hardware(0, [(0, 1.0)]))
        await keeper.fold(CREATED, history.samples)
        assert await _readings(keeper) == 1
        wal = keeper.path.with_name(keeper.path.name + ".wal")
        assert wal.stat().st_size > 0
        await keeper.tidy()
        await keeper.settled()
        assert not wal.exists() or wal.stat().st_size == 0
        assert await _readings(keeper) == 0
        assert await keeper.read(lambda reader: reader.counts()["latest"]) == 1

    keeping(settings, body)


def test_folding_goes_on_while_a_full_piece_is_sealed_and_waits_when_the_next_is_full(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, sealed = threading.Event(), threading.Event(), []
    seal = Store.seal

    def slowly(self: Store, now_ns: int) -> bool:
        begun.set()
        assert go_on.wait(20)
        sealed.append(seal(self, now_ns))
        return sealed[-1]

    monkeypatch.setattr(Store, "seal", slowly)

    async def body(keeper: Keeper) -> None:
        keeper.opened.store._segments.piece_rows = 3
        history = History()
        for number in range(12):
            history.sample("n1", "hardware", hardware(number, [(number * 1000, 1.0)]))
        await keeper.fold(CREATED, history.samples[:3])
        await asyncio.to_thread(begun.wait, 20)
        keeper.opened.store._unsealed["readings_hot"] = 0
        await keeper.fold(CREATED, history.samples[3:5])
        assert (await _readings(keeper), sealed) == (5, [])
        waiting = asyncio.create_task(keeper.fold(CREATED, history.samples[5:]))
        assert await _reached(keeper, 12)
        assert not waiting.done()
        go_on.set()
        await waiting
        await keeper.settled()
        assert sealed[0]
        assert await _readings(keeper) == 12

    keeping(settings, body)


def test_a_store_that_fails_while_it_is_sealed_is_told_by_the_next_look(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Store, now_ns: int) -> bool:
        raise StoreBroken("the test broke it")

    monkeypatch.setattr(Store, "seal", failing)

    async def body(keeper: Keeper) -> None:
        keeper.opened.store._segments.piece_rows = 1
        history = History()
        history.sample("n1", "hardware", hardware(0, [(0, 1.0)]))
        await keeper.fold(CREATED, history.samples)
        assert keeper._beside is not None
        await asyncio.wait({keeper._beside})
        with pytest.raises(StoreBroken, match="the test broke it"):
            await keeper.tidy()
        await keeper.reopen("the test broke it")
        assert await _readings(keeper) == 1

    keeping(settings, body)


def test_a_batch_of_large_messages_is_folded_in_parts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = []
    apply = Store.apply

    def counted(self: Store, intake: Intake, size_bytes: int = 0) -> None:
        parts.append(len(intake.facts))
        apply(self, intake, size_bytes)

    monkeypatch.setattr(Store, "apply", counted)
    monkeypatch.setattr("coord.services.projector.folding.PART_BYTES_MAX", 1_000)
    monkeypatch.setattr("coord.projections.store.writer.CHECKPOINT_BYTES", 2_000)

    async def body(keeper: Keeper) -> None:
        history = History()
        for number in range(7):
            history.submit(f"w-{number}", body="x" * 450)
        await keeper.fold(CREATED, history.messages)
        assert parts == [2, 2, 2, 1]
        assert len(await keeper.read(_ids)) == 7

    keeping(settings, body)


def test_readings_are_folded_in_parts_of_half_the_size() -> None:
    def told(stream: str) -> list[int]:
        body = b"x" * (READINGS_PART_BYTES_MAX // 4)
        messages = [Stored(stream, number, 0, "", {}, body) for number in range(10)]
        return [len(part) for part in parts(messages)]

    assert 2 * READINGS_PART_BYTES_MAX == PART_BYTES_MAX
    assert told("SAMPLES") == [4, 4, 2]
    assert told("EVENTS") == [8, 2]


def test_whoever_else_writes_has_a_turn_between_the_parts_of_a_large_batch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = []
    apply = Store.apply

    def noted(self: Store, intake: Intake, size_bytes: int = 0) -> None:
        streams.append(intake.mark.stream)
        apply(self, intake, size_bytes)

    monkeypatch.setattr(Store, "apply", noted)
    monkeypatch.setattr("coord.services.projector.folding.PART_BYTES_MAX", 1)

    async def body(keeper: Keeper) -> None:
        history = History()
        history.sample("n1", "hardware", hardware(0, [(0, 1.0)]))
        for number in range(5):
            history.submit(f"w-{number}")
        await asyncio.gather(keeper.fold(CREATED, history.messages), keeper.fold(CREATED, history.samples))
        assert streams == ["EVENTS", "SAMPLES", *["EVENTS"] * 4]
        assert (keeper.folded["EVENTS"], keeper.folded["SAMPLES"]) == (5, 1)

    keeping(settings, body)


def test_two_rebuilds_at_once_are_refused(settings: Settings) -> None:
    async def body(keeper: Keeper) -> None:
        keeper.rebuilding = True
        with pytest.raises(NothingThere, match="a rebuild is under way"):
            await anext(rebuild_online(settings, Folder(settings.data), keeper))

    keeping(settings, body)


def test_a_rebuild_that_cannot_read_the_log_leaves_nothing_behind(settings: Settings) -> None:
    async def body(keeper: Keeper) -> None:
        with pytest.raises(NoServer, match="no server runs on the data folder"):
            await anext(rebuild_online(settings, Folder(settings.data), keeper))
        assert not keeper.rebuilding
        assert [path.name for path in keeper.path.parent.glob("*.new*")] == []

    keeping(settings, body)


async def _fold_all(log: Log, keeper: Keeper, stream: str) -> None:
    """Fold what a stream holds behind the position in the store."""
    start = await align(log, keeper, stream)
    last = (await log.stream_state(stream)).last
    found = [await log.read_at(stream, position) for position in range(start.position, last + 1)]
    messages = [one for one in found if one]
    if messages:
        await keeper.fold(start.created_at, messages)


def _aligning(server: Server, body: Callable[[Log, Keeper], Awaitable[None]]) -> None:
    async def run(keeper: Keeper) -> None:
        async with log_on(server) as log:
            await body(log, keeper)

    keeping(server.settings, run)


async def _reached(keeper: Keeper, position: int) -> bool:
    """Wait until a position of SAMPLES is folded in."""
    async with asyncio.timeout(20), keeper._more_folded:
        return await keeper._more_folded.wait_for(lambda: keeper.folded["SAMPLES"] >= position)


async def _readings(keeper: Keeper) -> int:
    return await keeper.read(lambda reader: reader.counts()["readings"])


def test_samples_that_lost_their_tail_are_read_on_and_the_gap_is_counted(server: Server) -> None:
    async def body(log: Log, keeper: Keeper) -> None:
        for number in range(3):
            await sample(log, number)
        await _fold_all(log, keeper, "SAMPLES")
        mark = await keeper.mark("SAMPLES")
        assert mark is not None
        await keeper.move_mark(Mark("SAMPLES", mark.created_at, 10, "lost", mark.recorded_at_ns))
        assert (await align(log, keeper, "SAMPLES")).position == 4
        gaps = await keeper.read(lambda reader: reader.rows("FROM gaps"))
        assert gaps == [{"stream": "SAMPLES", "first": 4, "last": 10}]
        await sample(log, 3)
        await _fold_all(log, keeper, "SAMPLES")
        assert await _readings(keeper) == 4

    _aligning(server, body)


def test_samples_that_hold_another_message_are_read_again_and_nothing_counts_twice(server: Server) -> None:
    async def body(log: Log, keeper: Keeper) -> None:
        for number in range(3):
            await sample(log, number)
        await _fold_all(log, keeper, "SAMPLES")
        mark = await keeper.mark("SAMPLES")
        assert mark is not None
        await keeper.move_mark(structs.replace(mark, position=2, message_id="another"))
        assert (await align(log, keeper, "SAMPLES")).position == 1
        await _fold_all(log, keeper, "SAMPLES")
        assert await _readings(keeper) == 3
        await keeper.move_mark(structs.replace(mark, created_at="another stream", position=700))
        assert (await align(log, keeper, "SAMPLES")).position == 1

    _aligning(server, body)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"created_at": "2020-01-01T00:00:00Z"}, "EVENTS was made anew at"),
        ({"position": 9}, "EVENTS ends at 2, before 9"),
        ({"message_id": "another"}, "EVENTS holds another message at 2"),
    ],
)
def test_another_log_of_events_means_another_file(
    server: Server, changed: dict[str, Any], words: str
) -> None:
    async def body(log: Log, keeper: Keeper) -> None:
        for number in range(2):
            await say(log, f"w-{number}", work.WorkSubmitted(title="x"))
        await _fold_all(log, keeper, "EVENTS")
        assert (await align(log, keeper, "EVENTS")).position == 3
        mark = await keeper.mark("EVENTS")
        assert mark is not None
        await keeper.move_mark(structs.replace(mark, **changed))
        assert (await align(log, keeper, "EVENTS")).position == 1
        assert keeper.opened.how == "rebuilt"
        assert words in keeper.opened.reason
        assert await keeper.read(_ids) == []
        await _fold_all(log, keeper, "EVENTS")
        assert await keeper.read(_ids) == ["w-0", "w-1"]

    _aligning(server, body)
