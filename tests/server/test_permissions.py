"""What each credential may do on a real server, and that it may do nothing else."""

import asyncio
import json
from collections.abc import Iterable
from typing import Final

import pytest
from callers import Caller, agent, connected
from conftest import Server
from nats.aio.msg import Msg
from nats.js.api import RePublish

from coord.services.log import Log, declare_streams
from coord.services.server.probe import log_in

HISTORY = (
    "$JS.API.STREAM.DELETE.EVENTS",
    "$JS.API.STREAM.PURGE.EVENTS",
    "$JS.API.STREAM.MSG.DELETE.EVENTS",
    "$JS.API.STREAM.RESTORE.EVENTS",
    "$JS.SNAPSHOT.RESTORE.EVENTS.x",
    "$JS.API.STREAM.SNAPSHOT.KV_coord",
    "$JS.API.STREAM.PEER.REMOVE.EVENTS",
)
"""By which history would be altered, or more carried off than a backup holds."""

JETSTREAM = (
    *HISTORY,
    "$JS.API.STREAM.SNAPSHOT.EVENTS",
    "$JS.API.INFO",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.UPDATE.EVENTS",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.MSG.GET.EVENTS",
    "$JS.API.DIRECT.GET.EVENTS",
    "$JS.API.CONSUMER.CREATE.EVENTS",
    "$JS.API.CONSUMER.MSG.NEXT.EVENTS.projector",
    "$JS.ACK.EVENTS.projector.1.1.1.1.0",
    "$KV.coord.main",
)
SYSTEM = ("$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.USER.INFO.x")
FACTS = (
    "ev.local.work.w-1",
    "ev.local.agent.ada",
    "ev.local.alert.a-1",
    "ev.local.directive.run-1",
    "ev.local.node.n-1",
    "ev.local.run.r-1",
    "ev.other.work.w-1",
    "sample.local.n-1.hardware",
    "live.local.work.w-1",
)
OTHERS = (
    "cmd.main.bob.claim",
    "cmd.other.ada.claim",
    "cmd.main.~core.claim",
    "_INBOX.bob.1",
    "_INBOX.~core.1",
)
EARS = (
    ">",
    "*",
    "_INBOX.>",
    "_INBOX.*.>",
    "_INBOX.bob.>",
    "_INBOX.~core.>",
    "_INBOX.~reader.x.1",
    "ev.>",
    "sample.>",
    "cmd.>",
    "cmd.main.ada.>",
    "cmd.main.bob.>",
    "ask.>",
    "$JS.>",
    "$KV.>",
    "$SYS.>",
)


async def passed(caller: Caller, publish: Iterable[str] = (), subscribe: Iterable[str] = ()) -> list[str]:
    """Return what the server let pass of what it should refuse."""
    return [
        *[subject for subject in publish if await caller.may_publish(subject)],
        *[subject for subject in subscribe if await caller.may_subscribe(subject)],
        *[f"{subject} in a queue" for subject in subscribe if await caller.may_subscribe(subject, "q")],
    ]


async def declare_events(core: Caller) -> None:
    await core.client.jetstream().add_stream(
        name="EVENTS", subjects=["ev.*.*.*"], republish=RePublish(src="ev.>", dest="live.>")
    )


async def stored(core: Caller) -> int:
    return int((await core.client.jetstream().stream_info("EVENTS")).state.messages)


def test_an_agent_acts_as_itself_and_as_nobody_else(server: Server) -> None:
    async def scene() -> None:
        ada = await agent(server, "ada")
        await agent(server, "bob")
        async with connected(server, server.credential("core")) as core, connected(server, ada) as caller:
            await declare_events(core)
            assert await passed(caller, (*FACTS, *OTHERS, *JETSTREAM, *SYSTEM), EARS) == []
            assert await stored(core) == 0
            assert await caller.may_publish("cmd.main.ada.claim")
            assert await caller.may_publish("ask.board")
            assert await caller.may_subscribe("_INBOX.ada.>")
            assert await caller.may_subscribe("live.>")

    asyncio.run(scene())


def test_an_agent_gets_its_answers_and_nobody_else_does(server: Server) -> None:
    async def scene() -> None:
        ada, bob = await agent(server, "ada"), await agent(server, "bob")
        async with (
            connected(server, server.credential("core")) as core,
            connected(server, ada) as caller,
            connected(server, bob) as listener,
        ):

            async def answer(message: Msg) -> None:
                await message.respond(b"yes " + message.subject.encode())

            await core.client.subscribe("cmd.*.*.*", cb=answer)
            await core.client.flush()
            overheard: list[bytes] = []

            async def overhear(message: Msg) -> None:
                overheard.append(message.data)

            await listener.client.subscribe("_INBOX.ada.>", cb=overhear)
            await listener.client.flush()
            reply = await caller.client.request("cmd.main.ada.claim", b"{}", timeout=2)
            await listener.client.flush()
            assert reply.data == b"yes cmd.main.ada.claim"
            assert overheard == []

    asyncio.run(scene())


def test_no_header_of_an_agent_makes_the_server_write_for_it(server: Server) -> None:
    async def scene() -> None:
        ada = await agent(server, "ada")
        async with connected(server, server.credential("core")) as core, connected(server, ada) as caller:
            await declare_events(core)
            for header in ("Nats-Trace-Dest", "Nats-Schedule-Target", "Nats-Response-Type"):
                await caller.may_publish("ask.board", headers={header: "ev.local.work.w-1"})
            await core.client.flush()
            assert await stored(core) == 0

    asyncio.run(scene())


def test_the_monitor_writes_readings_and_nodes_only(server: Server) -> None:
    async def scene() -> None:
        async with (
            connected(server, server.credential("core")) as core,
            connected(server, server.credential("monitor")) as monitor,
        ):
            await declare_events(core)
            forbidden = {*FACTS, *OTHERS, *JETSTREAM, *SYSTEM, "ask.board", "cmd.main.ada.claim"}
            forbidden -= {"ev.local.node.n-1", "sample.local.n-1.hardware"}
            assert await passed(monitor, sorted(forbidden), (*EARS, "live.>")) == []
            acknowledged = await monitor.client.jetstream().publish("ev.local.node.n-1", b"{}")
            assert acknowledged.seq == await stored(core) == 1
            assert await monitor.may_publish("sample.local.n-1.hardware")

    asyncio.run(scene())


def test_a_reader_asks_and_watches_only(server: Server) -> None:
    async def scene() -> None:
        async with connected(server, server.credential("reader")) as reader:
            forbidden = (*FACTS, *OTHERS, *JETSTREAM, *SYSTEM, "cmd.main.ada.claim")
            assert await passed(reader, forbidden, set(EARS) - {"_INBOX.~reader.x.1"}) == []
            assert await reader.may_publish("ask.board")
            assert await reader.may_subscribe("live.>")

    asyncio.run(scene())


def test_a_trainer_speaks_for_runs_and_hears_directives_only(server: Server) -> None:
    async def scene() -> None:
        async with (
            connected(server, server.credential("core")) as core,
            connected(server, server.credential("trainer")) as trainer,
        ):
            await declare_events(core)
            forbidden = {*FACTS, *OTHERS, *JETSTREAM, *SYSTEM, "ask.board", "cmd.main.ada.claim"}
            forbidden -= {"ev.local.run.r-1", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.projector"}
            forbidden |= {
                "$JS.API.CONSUMER.CREATE.EVENTS.p-1.ev.local.work.w-1",
                "$JS.API.CONSUMER.NAMES.EVENTS",
            }
            assert await passed(trainer, sorted(forbidden), (*EARS, "live.>", "live.local.work.*")) == []
            heard = await trainer.client.subscribe("live.local.directive.*")
            await trainer.client.jetstream().publish("ev.local.run.r-1", b"{}")
            await core.client.jetstream().publish("ev.local.directive.r-1", b"stop")
            assert (await heard.next_msg(2)).data == b"stop"

    asyncio.run(scene())


def test_a_trainer_reads_the_directives_of_its_run_from_the_log(server: Server) -> None:
    async def scene() -> None:
        core = await Log.connect(server.settings, server.folder)
        await declare_streams(core, server.settings)
        await core.client.publish("ev.local.directive.r-1", b"pause")
        await core.client.publish("ev.local.directive.r-2", b"not for r-1")
        await core.client.publish("ev.local.directive.r-1", b"resume")
        await core.client.flush()
        trainer = await Log.connect(server.settings, server.folder, "trainer")
        found = await trainer.read_subject("ev.local.directive.r-1")
        assert [one.body for one in found] == [b"pause", b"resume"]
        async for batch in trainer.pull("EVENTS", 2, wait_seconds=30, subjects=("ev.local.directive.r-1",)):
            assert [one.body for one in batch] == [b"resume"]
            break
        await trainer.close()
        await core.close()

    asyncio.run(scene())


OTHER_FILTERS: Final[dict[str, dict[str, object]]] = {
    "another subject": {"filter_subject": "ev.local.work.w-1"},
    "no filter": {},
    "every subject": {"filter_subject": "ev.>"},
    "another in a list": {"filter_subjects": ["ev.local.work.w-1"]},
    "another beside it": {
        "filter_subject": "ev.local.directive.r-1", "filter_subjects": ["ev.local.work.w-1"],
    },
}  # fmt: skip


@pytest.mark.parametrize("config", OTHER_FILTERS.values(), ids=OTHER_FILTERS)
def test_a_trainer_gets_no_consumer_of_anything_but_what_its_request_names(
    server: Server, config: dict[str, object]
) -> None:
    async def scene() -> None:
        async with (
            connected(server, server.credential("core")) as core,
            connected(server, server.credential("trainer")) as trainer,
        ):
            await declare_events(core)
            wanted = {"name": "p-1", "ack_policy": "none", "deliver_policy": "all", **config}
            answer = await trainer.client.request(
                "$JS.API.CONSUMER.CREATE.EVENTS.p-1.ev.local.directive.r-1",
                json.dumps({"stream_name": "EVENTS", "config": wanted}).encode(),
            )
            assert json.loads(answer.data)["error"]["code"] == 400
            assert await core.client.jetstream().consumers_info("EVENTS") == []

    asyncio.run(scene())


def test_the_services_keep_the_log_but_cannot_alter_history(server: Server) -> None:
    async def scene() -> None:
        async with connected(server, server.credential("core")) as core:
            await declare_events(core)
            bucket = await core.client.jetstream().create_key_value(bucket="coord", history=1)
            assert await bucket.create("main", b"me") == 1
            assert (
                await passed(core, (*HISTORY, *SYSTEM), (">", "ev.>", "_INBOX.>", "_INBOX.ada.>", "$SYS.>"))
                == []
            )
            assert await core.may_publish("$JS.API.STREAM.SNAPSHOT.EVENTS")

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("user", "password"),
    [("~core", "wrong"), ("~core", ""), ("nobody", "wrong"), ("", "")],
    ids=["wrong password", "no password", "unknown user", "nobody at all"],
)
def test_who_has_no_credential_is_refused(server: Server, user: str, password: str) -> None:
    outcome = log_in(server.address.url, user, password)
    assert not outcome.accepted
    assert "Authorization Violation" in outcome.reason
