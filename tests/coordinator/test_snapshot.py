"""A coordinator that begins with a snapshot knows what one knows that folds the whole log; an unfit one is set aside."""

import asyncio
import logging
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from coordinator.conftest import House, claim, command, submit, until
from msgspec.structs import replace

from coord.events import commands as wish
from coord.events.commands import Done
from coord.events.errors import NoServer
from coord.events.model import written
from coord.events.planning import Concurrency, Retry
from coord.events.tokens import command_subject
from coord.services import clock
from coord.services.coordinator import main, shortcut, snapshot
from coord.services.coordinator.coordinator import Coordinator
from coord.services.coordinator.requests import Requests
from coord.services.decisions.work import WorkItem


def timeless(item: WorkItem) -> WorkItem:
    """Return an item without the moments that were read off a clock."""
    return replace(item, submitted_at_ns=0, claimed_at_ns=0, rests_until_ns=item.rests_until_ns and 1)


def known(coordinator: Coordinator) -> dict[str, Any]:
    """Return what a coordinator knows, in a form in which two can be compared.

    Of an event it appended itself a coordinator knows the moment by its own clock, else by the broker's.
    """
    ledger = coordinator.ledger
    readiness = ledger.readiness
    return {
        "items": {item.id: timeless(item) for item in ledger.alive()},
        "ended": {item.id: timeless(item) for item in ledger.ended()},
        "agents": ledger.agents,
        "teams": ledger.teams,
        "held": {agent: ids for agent, ids in ledger.held.items() if ids},
        "held_for": ledger.held_for(),
        "held_by_team": ledger._held_by_team,
        "offered": {(one.item_id, one.submitted_position) for one in readiness.picker._offered.values()},
        "waits": {item_id: waits.dependencies for item_id, waits in readiness._waits.items()},
        "active": {key: one.active for key, one in readiness._keys.items()},
        "lost_nodes": coordinator._follower.evidence.lost_nodes,
        "requests": len(coordinator._requests),
        "position": coordinator.position,
    }


async def begun(house: House, folder: Path) -> Coordinator:
    """Return a coordinator that has caught up, with the snapshot in a folder if there is one."""
    coordinator = Coordinator(house.log, house.settings.changed(data=folder))
    await coordinator.catch_up()
    return coordinator


async def live_through(coordinator: Coordinator, part: str) -> wish.Claim:
    """Let all kinds of things happen to items; return a claim that won."""
    names = [f"{part}-{number}" for number in range(12)]
    await submit(
        coordinator, *names, body={"a": [1, None, "ä"]}, retry=Retry(attempts=3, delay_seconds=60), priority=9
    )
    await submit(coordinator, f"{part}-after", depends_on=(f"{part}-1", f"{part}-2"))
    await submit(coordinator, f"{part}-k1", f"{part}-k2", concurrency=Concurrency(key="gpu", limit=1))
    await coordinator.execute("op", command(wish.ConfigureTeam, team="red", wip_limit=3, share=2.0))
    await coordinator.execute("bob", command(wish.Register, agent="bob", team="red", wip_limit=9))
    first = command(wish.Claim, agent="ada")
    won = await coordinator.execute("ada", first)
    assert isinstance(won, Done)
    held = [await claim(coordinator, "bob") for _ in range(3)]
    verbs: tuple[Any, ...] = (wish.Complete, wish.Fail, wish.Release)
    for verb, reply in zip(verbs, held, strict=True):
        assert isinstance(reply, Done)
        assert reply.item is not None
        fields = {"reason": "tired"} if verb is not wish.Complete else {"result": {"ok": True}}
        told = command(verb, agent="bob", item_id=reply.item.id, fence=reply.item.fence, **fields)
        assert isinstance(await coordinator.execute("bob", told), Done)
    await coordinator.execute("op", command(wish.Cancel, item_id=names[-1]))
    await coordinator.execute("op", command(wish.Block, item_id=names[-2], reason="the licence"))
    return first  # type: ignore[no-any-return]


def test_a_start_from_a_snapshot_and_the_tail_is_a_start_from_the_log(in_house, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator(data=tmp_path / "with") as coordinator:
            first = await live_through(coordinator, "one")
            await coordinator.shortcut.write()
            written_at = coordinator.position
            await live_through(coordinator, "two")
        quick, whole = [await begun(house, tmp_path / name) for name in ("with", "without")]
        assert quick.shortcut._written == written_at
        assert known(quick) == known(whole)
        assert await quick.execute("ada", first) == await whole.execute("ada", first)

    in_house(body)


async def answers(house: House, told: bytes) -> bool:
    """Tell whether a coordinator is there, and does what it is told."""
    try:
        return b'"done"' in await house.log.request(command_subject("main", "op", "submit-many"), told)
    except NoServer:
        return False


def damaged(path: Path) -> None:
    """Change one byte in the middle."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def older(path: Path) -> None:
    """Write it anew as another version would have."""
    found = snapshot.read(path)
    assert found is not None
    snapshot.write(path, found[0]._replace(version=0), found[1])


def of_another_stream(path: Path) -> None:
    """Write it anew as if it were of a stream that was made at another time."""
    found = snapshot.read(path)
    assert found is not None
    snapshot.write(path, found[0]._replace(stream_created_at="2020-01-01T00:00:00Z"), found[1])


def of_other_events(path: Path) -> None:
    """Write it anew as if another event had stood at its position."""
    found = snapshot.read(path)
    assert found is not None
    snapshot.write(path, found[0]._replace(event_id="another"), found[1])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damaged, "it is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:100]), "it is damaged"),
        (lambda path: path.write_bytes(b""), "does not begin as a snapshot does"),
        (older, "another version of coord"),
        (of_another_stream, "of a log made at 2020-01-01T00:00:00Z"),
        (of_other_events, "another event than it knows"),
    ],
)
def test_an_unfit_snapshot_is_set_aside_with_a_sentence(  # type: ignore[no-untyped-def]
    in_house, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Any, said: str
) -> None:
    async def body(house: House) -> None:
        async with house.coordinator(data=tmp_path) as coordinator:
            await submit(coordinator, "w-1", "w-2")
            await claim(coordinator, "ada")
            await coordinator.shortcut.write()
        path = tmp_path / "coordinator" / "main.snapshot"
        spoil(path)
        with caplog.at_level(logging.WARNING):
            begun_anew = await begun(house, tmp_path)
        assert said in caplog.text
        assert "the log is read instead" in caplog.text
        assert not path.exists()
        assert path.with_suffix(".unfit").exists()
        assert known(begun_anew) == known(await begun(house, tmp_path / "none"))

    in_house(body)


def test_a_log_that_was_made_anew_is_noticed(  # type: ignore[no-untyped-def]
    in_house, server: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(house: House) -> None:
        async with house.coordinator(data=tmp_path) as coordinator:
            await submit(coordinator, "w-1", "w-2")
            await coordinator.shortcut.write()

    async def look(house: House) -> None:
        begun_anew = await begun(house, tmp_path)
        assert "it is of a log made at" in caplog.text
        assert not begun_anew.ledger.alive()
        assert begun_anew.position == 0

    in_house(work)
    server.embedded.stop()
    shutil.rmtree(server.folder.path("nats", "store"))
    server.embedded.start()
    in_house(look)


def test_one_is_written_after_so_many_events_while_requests_are_answered(  # type: ignore[no-untyped-def]
    in_house, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortcut, "EVENTS_MIN", 50)
    monkeypatch.setattr(shortcut, "LOOK_SECONDS", 0.02)

    async def body(house: House) -> None:
        path = tmp_path / "coordinator" / "main.snapshot"
        async with house.coordinator(data=tmp_path) as coordinator:
            async with asyncio.timeout(20):
                number = 0
                while not path.exists():
                    await submit(coordinator, *(f"w-{number + one}" for one in range(25)))
                    number += 25
            assert not path.with_suffix(".part").exists()
        assert known(await begun(house, tmp_path)) == known(await begun(house, tmp_path / "none"))

    in_house(body)


def test_one_is_written_when_the_coordinator_is_told_to_stop(  # type: ignore[no-untyped-def]
    in_house, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortcut, "LAST_EVENTS_MIN", 5)

    async def body(house: House) -> None:
        data = Path(house.settings.data)
        path = data / "coordinator" / "main.snapshot"
        serving = asyncio.create_task(main._main(house.settings))
        wishes = tuple(wish.NewItem(item_id=f"w-{number}", title="do") for number in range(5))
        told = written(command(wish.SubmitMany, items=wishes))
        await until(lambda: answers(house, told))
        assert not path.exists()
        signal.raise_signal(signal.SIGTERM)
        await serving
        assert path.exists()
        quick, whole = [await begun(house, one) for one in (data, tmp_path / "none")]
        assert quick.shortcut._written == quick.position
        assert known(quick) == known(whole)

    in_house(body)


def test_one_at_the_end_is_left_out_where_it_is_not_worth_it_or_takes_too_long(  # type: ignore[no-untyped-def]
    in_house, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "coordinator" / "main.snapshot"

    async def body(house: House) -> None:
        async with house.coordinator(data=tmp_path) as coordinator:
            await submit(coordinator, *(f"w-{number}" for number in range(5)))
        await coordinator.shortcut.write_last()
        assert not path.exists()
        monkeypatch.setattr(shortcut, "LAST_EVENTS_MIN", 5)
        monkeypatch.setattr(snapshot, "_SLICE", 1)
        with pytest.raises(snapshot.TooSlow), caplog.at_level(logging.WARNING):
            await coordinator.shortcut.write(clock.monotonic() - 1)
        monkeypatch.setattr(shortcut, "LAST_SECONDS_MAX", 0.0)
        await coordinator.shortcut.write_last()
        assert "no snapshot was written at the end" in caplog.text
        assert [one.name for one in path.parent.iterdir()] == []
        monkeypatch.setattr(shortcut, "LAST_SECONDS_MAX", 10.0)
        await coordinator.shortcut.write_last()
        assert path.exists()

    in_house(body)


def test_requests_are_remembered_by_another_as_they_were() -> None:
    requests = Requests(kept_max=5)
    for number in range(8):
        requests.remember(f"r-{number}", 100 + number, 1_000 + number)
    another = Requests(kept_max=5)
    another.restore(requests.kept())
    assert [another.position_of(f"r-{number}") for number in range(8)] == [None] * 3 + [
        103,
        104,
        105,
        106,
        107,
    ]
    another.remember("r-8", 108, 1_008)
    assert another.position_of("r-3") is None
    assert another.position_of("r-8") == 108
    fewer = Requests(kept_max=2)
    fewer.restore(requests.kept())
    assert len(fewer) == 2
