"""A projector survives what happens to it, its file and its log; what it holds equals a rebuild."""

import asyncio
import resource
import shutil
from typing import Any

import pytest
from command_line import Cli
from houses import environment_of
from projectors import Projector, log_on, sample, say, say_raw, until

from coord.events import agent, work
from coord.events.envelope import MESSAGE_ID
from coord.events.errors import Exit, UsageError
from coord.services.log import Log
from coord.services.projector.rebuild import rebuild


async def _work(log: Log, name: str, count: int) -> int:
    """Submit, claim and complete items, and send a reading with each."""
    incarnation = await say(log, name, agent.AgentRegistered(team="blue"))
    position = incarnation
    for number in range(count):
        item = f"{name}-{number}"
        await say(log, item, work.WorkSubmitted(title="hash", body={"path": item}))
        fence = await say(
            log,
            item,
            work.WorkClaimed(agent=name, incarnation=incarnation, lease_seconds=30.0, attempt=1),
        )
        position = await say(log, item, work.WorkCompleted(agent=name, fence=fence, result={"lines": number}))
        await sample(log, number, float(number), node=name)
    return position


async def _work_of_four(log: Log, count: int) -> None:
    await asyncio.gather(*(_work(log, f"a{number}", count) for number in range(4)))


def _published(projector: Projector, count: int = 10) -> int:
    async def main() -> int:
        async with log_on(projector.server) as log:
            await _work_of_four(log, count)
            return (await log.stream_state("EVENTS")).last

    return asyncio.run(main())


def _assert_whole(projector: Projector, last: int, items: int) -> None:
    projector.until_folded(last)
    counts = projector.ask("board")["counts"]
    assert (counts["completed"], counts["claimed"], counts["open"]) == (items, 0, 0)
    done = projector.rebuild()
    assert done["equal"], done
    assert (done["events"], projector.position()) == (last, last)


def test_a_projector_killed_again_and_again_holds_what_a_rebuild_gives(projector: Projector) -> None:
    rounds = 2

    async def main() -> tuple[int, int]:
        done = asyncio.Event()
        async with log_on(projector.server) as log:
            working = asyncio.create_task(_work_until(log, done))
            for _ in range(rounds):
                await asyncio.to_thread(_start_fold_kill, projector)
            done.set()
            items = await working
            return items, (await log.stream_state("EVENTS")).last

    items, last = asyncio.run(main())
    projector.start()
    _assert_whole(projector, last, items)
    rows = {table["name"]: table["rows"] for table in projector.ask("state")["tables"]}
    assert rows["readings"] == items


async def _work_until(log: Log, done: asyncio.Event) -> int:
    """Work off items until told to stop; returns how many."""
    items = 0
    while not done.is_set():
        await _work(log, f"a{items}", 10)
        items += 10
    return items


def _start_fold_kill(projector: Projector) -> None:
    projector.start()
    before = projector.position()
    until(lambda: projector.position() > before, "the projector to fold")
    projector.kill()


def test_a_damaged_log_of_writes_is_set_aside_and_the_log_is_read_on(projector: Projector) -> None:
    last = _published(projector)
    projector.start().until_folded(last)
    projector.kill()
    raw = bytearray(projector.wal.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    projector.wal.write_bytes(raw)
    projector.start()
    _assert_whole(projector, last, 40)
    assert any("wal_set_aside" in line for line in [*projector.said, *_said(projector)])


def _said(projector: Projector) -> list[str]:
    projector.stop()
    return projector.said


def test_a_damaged_file_is_built_anew_by_itself(projector: Projector) -> None:
    last = _published(projector)
    projector.start().until_folded(last)
    projector.stop()
    projector.file.write_bytes(b"this is no database" * 4096)
    projector.start()
    projector.until_folded(last)
    state = projector.ask("state")
    assert state["opened"] == "rebuilt"
    assert "not a valid DuckDB database file" in state["opened_because"]
    assert projector.file.with_name("coord.duckdb.bad.1").exists()
    _assert_whole(projector, last, 40)


def test_a_second_projector_on_the_same_folder_says_who_has_it(projector: Projector) -> None:
    projector.start()
    assert projector.process is not None
    second = projector.spawn()
    _, said = second.communicate(timeout=20)
    assert second.returncode == Exit.NO_SERVER
    assert said.splitlines()[-1].startswith(b"coord: the projection ")
    assert b"is in use by process %d." % projector.process.pid in said
    assert projector.ask("board")["rows"] == []


POISON: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "nothing": ("ev.local.work.w-1", b"", {}),
    "no json": ("ev.local.work.w-1", b"\xff\xfe", {"ce-id": "x", MESSAGE_ID: "x"}),
    "no headers": ("ev.local.work.w-1", b"{}", {}),
    "unknown type": ("ev.local.work.w-1", b"{}", {"ce-type": "work.dreamt.v1"}),
    "another family": ("ev.local.agent.w-1", b'{"title": "x"}', {"ce-type": "work.submitted.v5"}),
    "wrong fields": ("ev.local.work.w-1", b'{"title": 7}', {"ce-type": "work.submitted.v5"}),
    "duplicate keys": (
        "ev.local.work.w-1",
        b'{"title": "a", "title": "b"}',
        {"ce-type": "work.submitted.v5"},
    ),
    "not a number": ("ev.local.work.w-1", b'{"title": "a", "body": NaN}', {"ce-type": "work.submitted.v5"}),
    "deep": ("ev.local.work.w-1", b'{"body": ' + b"[" * 5000 + b"]" * 5000 + b"}", {}),
    "huge number": ("ev.local.work.w-1", b'{"priority": 1' + b"0" * 400 + b"}", {}),
    "half a pair": ("ev.local.work.w-1", b'{"title": "\\ud800"}', {"ce-type": "work.submitted.v5"}),
    "control": ("ev.local.work.w-1", b'{"title": "a\\u0000b"}', {"ce-type": "work.submitted.v5"}),
    "odd name": ("ev.local.work.w\u00e9\u202e", b"{}", {}),
    "large": ("ev.local.work.w-1", b'{"title": "' + b"a" * 200_000 + b'"}', {"ce-type": "work.submitted.v5"}),
}
ENVELOPE = {
    "ce-specversion": "1.0",
    "ce-datacontenttype": "application/json",
    "ce-source": "/tests",
    "ce-time": "2024-11-21T07:00:00Z",
}


def test_poison_is_set_aside_with_a_reason_and_the_next_good_event_is_there_at_once(
    projector: Projector,
) -> None:
    async def main() -> tuple[list[int], int]:
        async with log_on(projector.server) as log:
            bad = []
            for name, (subject, body, given) in POISON.items():
                event_id = f"poison-{name.replace(' ', '-')}"
                headers = {"ce-id": event_id, MESSAGE_ID: event_id, **ENVELOPE, **given} if given else None
                bad.append(await say_raw(log, subject, body, headers))
            await log.request("sample.local.n1.hardware", b'{"writer": "m"}')
            await log.request("sample.local.n1.dreams", b"{}", headers={"ce-type": "sample.dreams.v1"})
            good = await say(log, "w-good", work.WorkSubmitted(title="good"))
            answer = await log.request("ask.show", b'{"id": "w-good"}', 5, {"coord-after": str(good)})
            assert b'"good"' in answer
            return bad, good

    projector.start()
    bad, good = asyncio.run(main())
    until(lambda: projector.ask("deadletters")["total"] == len(bad) + 2)
    letters = projector.ask("deadletters")["rows"]
    assert sorted(one["position"] for one in letters if one["stream"] == "EVENTS") == bad
    assert all(
        one["reason"] and one["reason"].isprintable() and one["subject"].isprintable() for one in letters
    )
    assert projector.ask("show", id="w-good")["item"]["status"] == "open"
    assert [row["id"] for row in projector.ask("board")["rows"]] == ["w-good"]
    assert {one["name"] for one in projector.ask("health")["deductions"]} >= {"dead_letters"}
    assert projector.rebuild()["equal"]
    assert projector.position() == good


def test_a_log_made_anew_is_folded_anew(projector: Projector) -> None:
    _published(projector, count=3)
    projector.start()
    until(lambda: projector.ask("board")["counts"]["completed"] == 12)
    _wipe_log(projector)

    async def main() -> int:
        async with log_on(projector.server) as log:
            await sample(log, 7)
            return await say(log, "w-new", work.WorkSubmitted(title="new"))

    last = asyncio.run(main())
    until(lambda: [row["id"] for row in projector.ask("board")["rows"]] == ["w-new"])
    state = projector.ask("state")
    assert (state["opened"], state["as_of"]["position"]) == ("rebuilt", last)
    assert "EVENTS was made anew" in state["opened_because"]
    until(lambda: projector.ask("state")["positions"].get("SAMPLES") == 1)
    assert projector.rebuild()["equal"]


def _wipe_log(projector: Projector) -> None:
    projector.server.embedded.stop()
    for found in projector.server.folder.path("nats").rglob("jetstream"):
        shutil.rmtree(found)
    projector.server.restart()


def test_a_full_disk_stops_folding_and_not_answering_and_passes(projector: Projector) -> None:
    last = _published(projector, count=2)
    projector.start().until_folded(last)
    assert projector.process is not None
    room = projector.wal.stat().st_size + 20_000
    resource.prlimit(projector.process.pid, resource.RLIMIT_FSIZE, (room, -1))
    later = _published(projector, count=40)
    until(lambda: projector.ask("state")["as_of"]["lag"] > 0, "the projector to fall behind")
    assert projector.ask("board")["counts"]["completed"] >= 8
    assert projector.position() < later
    resource.prlimit(projector.process.pid, resource.RLIMIT_FSIZE, (-1, -1))
    projector.until_folded(later)
    assert projector.ask("deadletters")["total"] == 0
    assert projector.ask("state")["opened"] == "clean"
    (unset,) = projector.lines("POST", "/v1/rebuild?from=archive")
    assert (unset["status"], "no archive is set" in unset["reason"]) == ("invalid", True), unset
    with pytest.raises(UsageError, match="log or archive"):
        projector.lines("POST", "/v1/rebuild?from=elsewhere")
    assert projector.rebuild()["equal"]


def test_a_rebuild_without_a_projector_gives_the_same_tables(projector: Projector) -> None:
    last = _published(projector)
    projector.start().until_folded(last)
    digests = _digests(projector)
    projector.stop()
    told: list[dict[str, Any]] = []
    rebuild(projector.server.settings, told.append)
    assert told[-1]["equal"], told[-1]
    assert told[-1]["events"] == last
    assert {line["phase"] for line in told} == {"reading", "done"}
    projector.start()
    assert _digests(projector) == digests
    assert projector.ask("state")["opened"] == "clean"


def test_a_rebuild_from_a_log_that_lost_an_event_says_so_and_is_no_success(projector: Projector) -> None:
    """The item would be gone without a word, and the next rebuild would call its tables equal."""
    last = _published(projector)
    server = projector.server
    server.embedded.stop()
    (block,) = server.folder.path("nats", "store").rglob("EVENTS/msgs/*.blk")
    content = bytearray(block.read_bytes())
    content[content.index(b'"path":"a0-1"') + 9] ^= 0xFF
    block.write_bytes(content)
    server.embedded.start()
    told: list[dict[str, Any]] = []
    rebuild(server.settings, told.append)
    ((lost, same),) = told[-1]["lost"]
    assert (lost, told[-1]["events"]) == (same, last - 1)
    cli = Cli(projector.file.parent, environment_of(projector.file.parent, server.folder.root))
    for more, hint in (([], "coord rebuild --from-archive"), (["--json"], "")):
        ran = cli.run("rebuild", *more)
        assert ran.code == Exit.WANTING
        assert f"the log has lost the events at {lost}: what they told is in no table" in ran.err + ran.out
        assert hint in ran.err


def _digests(projector: Projector) -> dict[str, str]:
    return {table["name"]: table["digest"] for table in projector.ask("state", digests=True)["tables"]}


def test_a_rebuild_of_what_never_was_reads_the_whole_log(projector: Projector) -> None:
    last = _published(projector)
    told: list[dict[str, Any]] = []
    rebuild(projector.server.settings, told.append)
    assert told[-1]["events"] == last
    assert "work_ended" in told[-1]["differing"]
    assert projector.start().position() == last


def test_a_rebuild_goes_on_while_events_come_and_loses_none(projector: Projector) -> None:
    async def main() -> int:
        async with log_on(projector.server) as log:
            await _work_of_four(log, 30)
            await asyncio.to_thread(projector.start)
            working = asyncio.create_task(_work(log, "late", 60))
            first = asyncio.to_thread(projector.rebuild)
            assert (await first)["equal"]
            return await working

    last = asyncio.run(main())
    projector.until_folded(last)
    assert projector.ask("board")["counts"]["completed"] == 180
    assert projector.rebuild()["equal"]
    left = {path.name for path in projector.file.parent.iterdir() if ".wal" not in path.name}
    assert left - {"snapshots"} == {projector.file.name, f"{projector.file.name}.lock"}
