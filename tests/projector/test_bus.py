"""Questions over NATS from whoever may ask: answered to inboxes, and no question silences the projector."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import nanoarrow
import pytest
from histories import hardware
from nats.aio.msg import Msg
from projectors import Projector, log_on, say, say_raw, until
from raw_wire import RawConnection

from coord.events import work
from coord.events.answer import ACCEPT, ARROW, AS_OF, FORM, TRUNCATED
from coord.events.samples import encode_sample, sample_type
from coord.events.streams import EVENTS, SAMPLES
from coord.services.projector import bus
from coord.services.server.agents import issue_agent_credential


def _asking(projector: Projector) -> RawConnection:
    server = projector.server
    credential = issue_agent_credential(server.folder, server.settings, "ada")
    return RawConnection(server.address.url, credential)


def _asked(projector: Projector, name: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
    async def main() -> bytes:
        async with log_on(projector.server) as log:
            return await log.request(f"ask.{name}", body, 5, headers or None)

    reply: dict[str, Any] = json.loads(asyncio.run(main()))
    return reply


def _events(projector: Projector) -> int:
    async def main() -> int:
        async with log_on(projector.server) as log:
            return (await log.stream_state(EVENTS.name)).messages

    return asyncio.run(main())


@pytest.mark.parametrize(
    "reply", [b"ev.local.work.victim", b"cmd.main.bob.claim", b"$JS.API.STREAM.INFO.EVENTS"]
)
def test_an_answer_goes_to_an_inbox_and_never_into_the_log(projector: Projector, reply: bytes) -> None:
    """An agent names where the answer goes, and the projector may write where the agent may not."""
    projector.start()
    with _asking(projector) as agent:
        agent.send(b"ask.board", None, b"{}", reply=reply)
        agent.settle()
    assert _asked(projector, "board")["rows"] == []
    assert _events(projector) == 0


def test_no_question_silences_the_projector(projector: Projector) -> None:
    projector.start()
    with _asking(projector) as agent:
        for subject in (b"ask.\xff", b"ask.a\x0b7", b"ask.\x00", b"ask.*", b"ask." + b"a" * 3_000):
            agent.send(subject, None, b"{}")
        for block in (b"\r\n", b"NATS/1.0", b"NATS/1.0 \xff\xff\xff\r\n\r\n", b"\xff" * 12):
            agent.send(b"ask.board", block, b"{}")
        for reply in (b"_INBOX.\xff", b"_INBOX.a\x0cb", b"_INBOX." + b"a" * 3_000):
            agent.send(b"ask.board", None, b"{}", reply=reply)
        agent.settle()
    assert _asked(projector, "board")["rows"] == []


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-python-pickle", "\x1b[2J"])
def test_a_body_is_judged_by_what_it_is_and_not_by_what_it_is_called(projector: Projector, kind: str) -> None:
    projector.start()
    reply = _asked(projector, "board", b"\xff{", **{"content-type": kind})
    assert (reply["status"], reply["exit_code"]) == ("invalid", 2)
    assert "not JSON" in reply["reason"]
    assert _asked(projector, "board", b"{}", **{"content-type": kind})["rows"] == []


def test_an_answer_too_large_for_a_message_is_refused_and_not_lost(projector: Projector) -> None:
    async def fill() -> None:
        async with log_on(projector.server) as log:
            for number in range(5):
                await say(log, "w-large", work.WorkProgressed(agent="a", fence=1, note=f"{number}" * 2_000))
                await say(log, "w-large", work.WorkSubmitted(title="large", body="x" * 60_000))
            for _ in range(15):
                await say(log, "w-large", work.WorkSubmitted(title="large", body="y" * 60_000))

    asyncio.run(fill())
    projector.start()
    reply = _asked(projector, "history", b'{"id": "w-large"}', correlation_id="x" * 60_000)
    assert (reply["status"], reply["exit_code"]) == ("invalid", 2)
    assert "a message here takes" in reply["reason"]
    assert len(_asked(projector, "history", b'{"id": "w-large", "limit": 3}')["events"]) == 3
    assert len(projector.ask("history", id="w-large")["events"]) == 25


PACK = 4_000
"""Readings in one message."""


def _tell_readings(projector: Projector, packs: range) -> None:
    """Publish packs of readings, and wait until they are folded in."""

    async def main() -> None:
        async with log_on(projector.server) as log:
            for number in packs:
                readings = [(number * PACK + at, float(at)) for at in range(PACK)]
                body = encode_sample(hardware(number, readings))
                await say_raw(log, "sample.local.n1.hardware", body, {"ce-type": sample_type("hardware")})

    asyncio.run(main())
    until(lambda: projector.ask("state")["positions"].get(SAMPLES.name, 0) >= packs.stop)


def _as_arrow(projector: Projector, name: str, **fields: Any) -> Msg:
    async def main() -> Msg:
        async with log_on(projector.server) as log:
            return await log.client.request(
                f"ask.{name}", json.dumps(fields).encode(), 10, headers={ACCEPT: ARROW}
            )

    return asyncio.run(main())


def test_a_long_list_is_a_stream_of_arrow_where_it_fits_a_message(projector: Projector) -> None:
    projector.start()
    _tell_readings(projector, range(1))
    answer = _as_arrow(projector, "readings", metric="load", limit=3_000)
    assert answer.headers is not None
    assert (answer.headers[FORM], answer.headers[TRUNCATED]) == (ARROW, "true")
    assert json.loads(answer.headers[AS_OF])["lag"] == 0
    rows = nanoarrow.ArrayStream.from_readable(answer.data).read_all().to_pylist()
    assert [row["value"] for row in rows] == [float(at) for at in range(3_000)]
    _tell_readings(projector, range(1, 10))
    for name, fields, words in (
        (
            "readings",
            {"metric": "load", "limit": 100_000},
            "a message here takes 1040384. Ask for less with `limit`, or over HTTP",
        ),
        ("readings", {"metric": "load", "limit": 100_001}, "limit"),
        ("state", {}, "what state answers is no list, and comes as JSON alone."),
    ):
        refused = _as_arrow(projector, name, **fields)
        assert refused.headers is not None
        assert refused.headers[FORM] == "application/json"
        told = json.loads(refused.data)
        assert (told["status"], words in f"{told['reason']} {told.get('hint')}") == ("invalid", True), told


class Faulty:
    """Who answers with a fault of coord's own."""

    async def answer(self, *_: object, **__: object) -> None:
        """Fail as nobody foresaw."""
        raise LookupError("secret")


def test_a_fault_of_ones_own_is_answered_in_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    message: Any = SimpleNamespace(
        raw_message=SimpleNamespace(subject="q.local.board"), headers={}, body=b"{}"
    )
    answered = asyncio.run(bus._answer(Faulty(), message))  # type: ignore[arg-type]
    assert (answered.exit_code, b"a fault of coord's own" in answered.body) == (1, True)
    assert b"secret" not in answered.body
    assert "secret" in caplog.text
