"""Snapshots are taken when it is time and something has changed, and the keeper goes back to them by itself."""

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from histories import CREATED, History, hardware
from projectors import Projector, log_on, say

from coord.events import work
from coord.events.errors import CoordError, NoServer, Refused, UsageError
from coord.events.wire import Stored
from coord.projections.snapshots import Snapshot, snapshots
from coord.projections.store import Reader, Store
from coord.services import client
from coord.services.folder import PROJECTOR_SOCKET, Folder
from coord.services.projector.keeper import Keeper
from coord.services.projector.snapshots import NoSnapshot, Snapshots
from coord.services.settings import Settings

Body = Callable[[Keeper, Snapshots], Awaitable[None]]
SPOILT = b"this is no database" * 4_096


def keeping(settings: Settings, body: Body) -> None:
    """Run something on an open keeper and its snapshots."""

    async def main() -> None:
        Folder(settings.data).make()
        keeper = Keeper(settings, Folder(settings.data))
        await keeper.open()
        try:
            await body(keeper, Snapshots(keeper, settings))
        finally:
            await keeper.close()

    asyncio.run(main())


def _history(count: int) -> list[Stored]:
    history = History()
    for number in range(count):
        history.submit(f"w-{number}")
    return history.messages


def _count(reader: Reader) -> int:
    return reader.counts()["work"]


def test_a_snapshot_stands_where_the_file_does_and_is_taken_once(settings: Settings) -> None:
    async def body(keeper: Keeper, taking: Snapshots) -> None:
        assert await taking.take(asked=False) is None
        history = History()
        history.sample("n1", "hardware", hardware(0, [(0, 1.0)]))
        await keeper.fold(CREATED, history.samples)
        await keeper.fold(CREATED, _history(3))
        taken = await taking.take(asked=False)
        assert taken is not None
        assert taken.standing.positions == {"EVENTS": 3, "SAMPLES": 1}
        assert 0 < taken.standing.pause_seconds < 5
        assert taken.is_whole()
        assert await taking.take(asked=False) == taken
        await keeper.fold(CREATED, _history(4)[3:])
        assert await taking.take(asked=True) != taken

    keeping(settings, body)


def test_those_that_were_asked_for_push_no_other_out(settings: Settings) -> None:
    async def body(keeper: Keeper, taking: Snapshots) -> None:
        for number, message in enumerate(_history(9)):
            await keeper.fold(CREATED, [message])
            await taking.take(asked=number >= 4)
        kept = [(one.standing.positions["EVENTS"], one.standing.asked) for one in snapshots(keeper.snapshots)]
        assert kept == [(9, True), (4, False), (3, False), (2, False)]

    keeping(settings, body)


def test_a_damaged_file_comes_back_by_itself_and_says_how(settings: Settings) -> None:
    async def before(keeper: Keeper, taking: Snapshots) -> None:
        await keeper.fold(CREATED, _history(3))
        await taking.take(asked=False)
        await keeper.fold(CREATED, _history(5)[3:])
        await keeper._shut()
        keeper.path.write_bytes(SPOILT)
        await keeper.open()
        assert keeper.opened.how == "snapshot"
        assert keeper.opened.reason.endswith("; gone on from the snapshot of position 3")
        assert keeper.folded["EVENTS"] == 3
        await keeper.fold(CREATED, _history(5)[3:])
        assert await keeper.read(_count) == 5

    keeping(settings, before)


def test_a_file_of_another_log_takes_its_snapshots_with_it(settings: Settings) -> None:
    async def body(keeper: Keeper, taking: Snapshots) -> None:
        await keeper.fold(CREATED, _history(3))
        await taking.take(asked=False)
        await keeper.begin_anew("another log")
        assert snapshots(keeper.snapshots) == []
        assert await keeper.read(_count) == 0

    keeping(settings, body)


def test_folding_stands_still_while_the_file_is_copied_and_questions_do_not(settings: Settings) -> None:
    async def body(keeper: Keeper, _: Snapshots) -> None:
        await keeper.fold(CREATED, _history(1))
        copying, over = threading.Event(), threading.Event()

        def slowly(_: Store) -> str:
            copying.set()
            over.wait(20)
            return "copied"

        standing = asyncio.create_task(keeper.standing_still(slowly))
        await asyncio.to_thread(copying.wait, 20)
        folding = asyncio.create_task(keeper.fold(CREATED, _history(2)[1:]))
        assert await keeper.read(_count) == 1
        assert not folding.done()
        over.set()
        made, seconds = await standing
        await folding
        assert (made, seconds > 0, await keeper.read(_count)) == ("copied", True, 2)

    keeping(settings, body)


def test_a_question_that_takes_long_puts_a_snapshot_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coord.services.projector.snapshots.TRY_SECONDS", 0.001)
    checkpoint = Store.checkpoint
    busy = [True] * 25

    def sometimes(self: Store) -> bool:
        return not (busy and busy.pop()) and checkpoint(self)

    async def body(keeper: Keeper, taking: Snapshots) -> None:
        await keeper.fold(CREATED, _history(1))
        monkeypatch.setattr(Store, "checkpoint", sometimes)
        with pytest.raises(NoSnapshot, match="questions keep the file from being brought up to date"):
            await taking.take(asked=True)
        assert await taking.take(asked=True) is not None

    keeping(settings, body)


class _Usage(NamedTuple):
    free: int


def test_without_room_on_the_disk_none_is_taken_and_it_is_said_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("coord.services.projector.snapshots.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("coord.services.projector.snapshots.LOOK_SECONDS", 0.01)
    free = [1_000]
    looked: list[Any] = []

    def usage(path: Any) -> _Usage:
        looked.append(path)
        return _Usage(free[0])

    monkeypatch.setattr(shutil, "disk_usage", usage)

    async def body(keeper: Keeper, taking: Snapshots) -> None:
        await keeper.fold(CREATED, _history(1))
        with pytest.raises(NoSnapshot, match=r"1.0 KiB are free on the disk, and 2\d\d MiB must be"):
            await taking.take(asked=True)
        assert list(keeper.path.parent.glob("snapshots/*")) == []
        loop = asyncio.create_task(taking.keep())
        while len(looked) < 4:
            await asyncio.sleep(0.01)
        free[0] = 2**60
        while not snapshots(keeper.snapshots):
            await asyncio.sleep(0.01)
        loop.cancel()

    keeping(settings, body)
    assert sum("are free on the disk" in one for one in caplog.messages) == 1


def test_the_loop_takes_one_when_it_is_time_and_something_has_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coord.services.projector.snapshots.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("coord.services.projector.snapshots.LOOK_SECONDS", 0.01)

    async def body(keeper: Keeper, _: Snapshots) -> None:
        taking = Snapshots(keeper, settings.changed(snapshot_seconds=0.02))
        looks: list[bool] = []
        take = taking.take

        async def look(*, asked: bool) -> Snapshot | None:
            looks.append(asked)
            return await take(asked=asked)

        monkeypatch.setattr(taking, "take", look)
        loop = asyncio.create_task(taking.keep())
        for count in (1, 2):
            await keeper.fold(CREATED, _history(count)[-1:])
            while len(snapshots(keeper.snapshots)) < count:
                await asyncio.sleep(0.01)
        seen = len(looks)
        while len(looks) < seen + 5:
            await asyncio.sleep(0.01)
        assert len(snapshots(keeper.snapshots)) == 2
        loop.cancel()

    keeping(settings, body)


def _given(projector: Projector, query: str = "") -> dict[str, Any]:
    for line in client.lines(projector.server.folder, PROJECTOR_SOCKET, "POST", f"/v1/snapshot{query}", 20):
        return client.progress(line)
    raise AssertionError


def _submitted(projector: Projector, first: int, count: int) -> int:
    async def main() -> int:
        last = 0
        async with log_on(projector.server) as log:
            for number in range(first, first + count):
                last = await say(log, f"w-{number}", work.WorkSubmitted(title="x"))
        return last

    return asyncio.run(main())


def test_the_socket_gives_a_copy_of_now_or_of_the_past_and_a_killed_projector_goes_on_from_it(
    projector: Projector,
) -> None:
    projector.start()
    with pytest.raises(Refused, match="nothing is folded in yet"):
        _given(projector)
    last = _submitted(projector, 0, 6)
    given = _given(projector)
    assert (given["as_of"]["position"], given["as_of"].get("past", False)) == (last, False)
    past = _given(projector, "?at_position=4")
    assert (past["as_of"]["position"], past["as_of"]["past"]) == (4, True)
    assert past["file"].endswith("past/asked-4.duckdb")
    with pytest.raises(Refused, match="position 99 is beyond the log"):
        _given(projector, "?at_position=99")
    for query in ("?at_position=x", "?at_position=1&at_ns=1", "?fresh=1"):
        with pytest.raises(UsageError, match=r"^snapshot: "):
            _given(projector, query)
    last = _submitted(projector, 6, 3)
    projector.until_folded(last)
    projector.kill()
    projector.file.write_bytes(SPOILT)
    projector.start().until_folded(last)
    state = projector.ask("state")
    assert state["opened"] == "snapshot"
    assert state["opened_because"].endswith("; gone on from the snapshot of position 6")
    assert projector.rebuild()["equal"]


def test_a_copy_that_cannot_be_made_is_said_as_an_error(settings: Settings) -> None:
    async def body(keeper: Keeper, taking: Snapshots) -> None:
        await keeper.fold(CREATED, _history(1))
        keeper.snapshots.write_text("a file where the folder should be")
        with pytest.raises(NoServer, match="no snapshot could be written: File exists"):
            await taking.take(asked=True)
        keeper.path.unlink()
        with pytest.raises(NoServer, match="no snapshot could be written: No such file or directory"):
            await taking.take(asked=True)
        assert isinstance(NoSnapshot(), CoordError)

    keeping(settings, body)
