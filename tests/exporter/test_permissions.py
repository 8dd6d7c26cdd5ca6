"""What the exporter's credential may do on a real server, and that it may do nothing else; and who may not follow it."""

import asyncio
import json

import pytest
from callers import connected
from conftest import Server
from exporters import Exporter, end_items, with_log
from nats.errors import NoRespondersError
from receivers import Http, until

from coord.services.exporter.consumers import FOLLOWED, name_for
from coord.services.log import Log, declare_streams

WRITING = (
    "ev.local.work.w-1", "ev.local.alert.a-1", "ev.local.run.r-1", "ev.local.node.n-1", "ev.local.directive.r-1",
    "sample.local.n-1.hardware", "live.local.work.w-1", "cmd.main.ada.claim", "cmd.main.~exporter.claim",
    "$KV.coord.leader-main", "$KV.coord.other",
)  # fmt: skip
ADMINISTERING = (
    "$JS.API.INFO", "$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.UPDATE.EVENTS", "$JS.API.STREAM.DELETE.EVENTS",
    "$JS.API.STREAM.PURGE.EVENTS", "$JS.API.STREAM.MSG.DELETE.EVENTS", "$JS.API.STREAM.NAMES",
    "$JS.API.CONSUMER.NAMES.EVENTS", "$JS.API.CONSUMER.LIST.EVENTS", "$JS.API.CONSUMER.CREATE.SAMPLES.x",
    "$JS.API.STREAM.MSG.GET.SAMPLES", "$JS.API.DIRECT.GET.SAMPLES", "$JS.API.CONSUMER.CREATE.KV_coord.x",
)  # fmt: skip
ASKING = ("ask.board", "ask.agents", "ask.history", "ask.runs", "ask.alerts")
OTHERS = ("_INBOX.~core.1", "_INBOX.ada.1", "$SYS.REQ.SERVER.PING")
EARS = (">", "ev.>", "live.>", "sample.>", "cmd.>", "ask.>", "_INBOX.>", "_INBOX.~core.>", "$JS.>", "$SYS.>")


def test_the_exporter_reads_and_asks_and_writes_nothing_but_its_turn(server: Server) -> None:
    async def scene() -> None:
        log = await Log.connect(server.settings, server.folder)
        await declare_streams(log, server.settings)
        await log.close()
        async with connected(server, server.credential("exporter")) as exporter:
            forbidden = (*WRITING, *ADMINISTERING, *ASKING, *OTHERS)
            assert [one for one in forbidden if await exporter.may_publish(one)] == []
            assert [one for one in EARS if await exporter.may_subscribe(one)] == []
            for allowed in (
                "ask.meters",
                "ask.health",
                "$KV.coord.otlp-metrics",
                "$JS.API.STREAM.INFO.EVENTS",
            ):
                assert await exporter.may_publish(allowed), allowed

    asyncio.run(scene())


def test_a_trainer_cannot_take_what_is_meant_for_an_exporter(server: Server) -> None:
    """It may pull from consumers whose names it knows; those of exporters cannot be guessed."""

    async def declare(_: Log) -> None:
        return

    with_log(server, declare)
    receiver = Http()
    exporter = Exporter(server, receiver.url).start()

    guesses = [name_for(guess, one) for guess in ("", "x") for one in FOLLOWED]
    real = name_for(server.credential("exporter")["password"], "traces")

    async def scene() -> None:
        async with connected(server, server.credential("trainer")) as trainer:
            wanted = json.dumps({"batch": 1, "no_wait": True}).encode()
            for name in ("otlp-traces", "otlp-logs", *guesses):
                with pytest.raises(NoRespondersError):
                    await trainer.client.request(
                        f"$JS.API.CONSUMER.MSG.NEXT.EVENTS.{name}", wanted, timeout=2
                    )
            await trainer.client.request(f"$JS.API.CONSUMER.MSG.NEXT.EVENTS.{real}", wanted, timeout=2)

    try:
        asyncio.run(scene())
        with_log(server, lambda log: end_items(log, ["w-1"]))
        until(lambda: len(receiver.spans()) == 3)
    finally:
        exporter.kill()
        receiver.close()
