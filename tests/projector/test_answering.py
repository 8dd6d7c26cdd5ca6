"""What a projector answers, on its socket and over NATS, with no coordinator in sight."""

import asyncio
import json
from typing import Any

import nats
import pytest
from projectors import Projector, log_on, say, say_raw, until

from coord.events import agent, work
from coord.events.errors import NoServer, Refused, UsageError
from coord.services import client
from coord.services.folder import PROJECTOR_SOCKET, open_socket
from coord.services.log import Log

SUBMITTED = work.WorkSubmitted(title="hash a file", priority=7)


async def _submit(log: Log, count: int) -> int:
    return [await say(log, f"w-{number}", SUBMITTED) for number in range(count)][-1]


def _published(projector: Projector, count: int = 3) -> int:
    async def main() -> int:
        async with log_on(projector.server) as log:
            await say(log, "ada", agent.AgentRegistered(team="blue"))
            return await _submit(log, count)

    return asyncio.run(main())


def test_questions_are_answered_on_the_socket_while_no_coordinator_runs(projector: Projector) -> None:
    last = _published(projector)
    projector.start().until_folded(last)
    board = projector.ask("board")
    assert [row["id"] for row in board["rows"]] == ["w-0", "w-1", "w-2"]
    assert board["as_of"]["position"] == last
    assert board["as_of"]["lag"] == 0
    assert projector.ask("agents")["rows"][0]["team"] == "blue"
    assert 0 <= projector.ask("health")["score"] < 100
    how = client.health(projector.server.folder, PROJECTOR_SOCKET, 5)
    assert (how["status"], how["position"], how["opened"]) == ("answering", last, "clean")
    with pytest.raises(Refused, match="there is no item w-9"):
        projector.ask("show", id="w-9")
    with pytest.raises(UsageError, match="there is no question 'bored'"):
        projector.ask("bored")
    with pytest.raises(UsageError, match="limit is 0"):
        projector.ask("board", limit=0)
    assert projector.stop() == 0


def test_questions_are_answered_over_nats_to_a_reader(projector: Projector) -> None:
    last = _published(projector)
    projector.start().until_folded(last)

    async def main() -> list[dict[str, Any]]:
        reader = projector.server.credential("reader")
        connection = await nats.connect(
            projector.server.address.url,
            user=reader["user"],
            password=reader["password"],
            inbox_prefix=reader["inbox"],
        )
        asked = (
            ("board", b'{"limit": 2}'),
            ("health", b""),
            ("show", b'{"id": "w-9"}'),
            ("bored", b"{}"),
            ("board", b"\xff\x00"),
            ("board", b'{"limit": 1, "limit": 2}'),
        )
        found = [(await connection.request(f"ask.{name}", body, timeout=5)).data for name, body in asked]
        await connection.close()
        return [json.loads(body) for body in found]

    board, health, unknown, no_question, no_json, twice = asyncio.run(main())
    assert [row["id"] for row in board["rows"]] == ["w-0", "w-1"]
    assert board["truncated"]
    assert health["entity"] == "system"
    assert (unknown["status"], unknown["code"], unknown["exit_code"]) == ("refused", "unknown_id", 4)
    for wrong, words in ((no_question, "bored"), (no_json, "JSON"), (twice, "twice")):
        assert (wrong["status"], wrong["exit_code"]) == ("invalid", 2)
        assert words in wrong["reason"]


def test_an_answer_can_be_asked_to_hold_what_was_just_written(projector: Projector) -> None:
    _published(projector, 1)
    projector.start()

    async def main() -> None:
        async with log_on(projector.server) as log:
            for number in range(10):
                position = await say(log, f"v-{number}", SUBMITTED)
                headers = {"coord-after": str(position)}
                reply = json.loads(await log.request("ask.board", b'{"limit": 1000}', 5, headers))
                assert f"v-{number}" in [row["id"] for row in reply["rows"]]
                assert reply["as_of"]["position"] >= position
            for number in range(10):
                position = await say(log, f"n-{number}", SUBMITTED)
                asked = json.dumps({"id": f"n-{number}"}).encode()
                reply = json.loads(await log.request("ask.show", asked, 5, {"coord-after": "now"}))
                assert reply["as_of"]["position"] >= position
            wrong = json.loads(await log.request("ask.board", b"{}", 5, {"coord-after": "soon"}))
            assert wrong["reason"] == "coord-after is 'soon'; it must be a position of the log, or now."
            future = json.loads(await log.request("ask.board", b"{}", 5, {"coord-after": "999999"}))
            assert future["as_of"]["position"] == 11 + 11

    asyncio.run(main())


def test_what_is_not_there_is_said_to_be_late_where_that_may_be_why(projector: Projector) -> None:
    last = _published(projector, 1)
    projector.start().until_folded(last)

    async def main() -> dict[str, Any]:
        async with log_on(projector.server) as log:
            body = await log.request("ask.show", b'{"id": "w-9"}', 5, {"coord-after": "999999"})
            return json.loads(body)  # type: ignore[no-any-return]

    late = asyncio.run(main())
    assert (late["code"], late["reason"]) == ("unknown_id", "there is no item w-9.")
    assert (
        late["hint"]
        == f"The events up to position {last} are folded in, not yet those up to 999999: ask again."
    )
    asked = (projector.server.folder, "show", {"id": "w-9"}, 20)
    with pytest.raises(Refused, match=r"there is no item w-9\.") as there_is_none:
        client.ask(*asked, fresh=True)
    assert there_is_none.value.hint == "coord board lists what there is."
    projector.server.embedded.stop()
    until(lambda: projector.how() == "log away")
    with pytest.raises(Refused) as away:
        client.ask(*asked, fresh=True)
    assert away.value.hint.startswith("The log cannot be reached now")


def test_a_large_body_is_shown_from_the_log_and_only_its_size_while_that_is_away(
    projector: Projector,
) -> None:
    body: list[Any] = ["x" * 180_000]

    async def main() -> int:
        async with log_on(projector.server) as log:
            await say(log, "w-1", work.WorkSubmitted(title="large", body=body))
            fence = await say(
                log, "w-1", work.WorkClaimed(agent="ada", incarnation=1, lease_seconds=30.0, attempt=1)
            )
            return await say(log, "w-1", work.WorkCompleted(agent="ada", fence=fence, result=body))

    last = asyncio.run(main())
    projector.start().until_folded(last)
    shown = projector.ask("show", id="w-1")
    assert (shown["item"]["body"], shown["item"]["result"]) == (body, body)
    assert projector.ask("history", id="w-1")["events"][2]["fields"]["result"] == body
    assert projector.ask("events", limit=1)["events"][0]["fields"]["result"] == body
    projector.stop()
    projector.server.embedded.stop()
    projector.start()
    away = projector.ask("show", id="w-1")
    assert "body" not in away["item"]
    assert (away["body_bytes"], away["result_bytes"]) == (180_004, 180_004)


def test_history_is_read_from_the_log_itself(projector: Projector) -> None:
    _published(projector)

    async def more() -> None:
        async with log_on(projector.server) as log:
            await say(log, "w-1", work.WorkCancelled(reason="no more"))

    asyncio.run(more())
    projector.start()
    until(lambda: projector.position() == 5)
    history = projector.ask("history", id="w-1")
    assert [(one["position"], one["type"]) for one in history["events"]] == [
        (3, "work.submitted.v5"),
        (5, "work.cancelled.v1"),
    ]
    assert history["events"][1]["fields"] == {"reason": "no more"}
    cut = projector.ask("history", id="w-1", limit=1)
    assert (len(cut["events"]), cut["truncated"]) == (1, True)
    assert projector.ask("history", id="ada")["events"][0]["type"] == "agent.registered.v2"
    with pytest.raises(Refused, match="the log holds no event of nobody"):
        projector.ask("history", id="nobody")
    with pytest.raises(Refused, match="the agent holds no event of w-1"):
        projector.ask("history", id="w-1", aggregate="agent")


def test_the_log_is_tailed_to_its_present_end_poison_and_all(projector: Projector) -> None:
    last = _published(projector)

    async def poison() -> int:
        async with log_on(projector.server) as log:
            return await say_raw(log, "ev.local.work.w-0", b"not json")

    bad = asyncio.run(poison())
    projector.start()
    until(lambda: projector.position() == bad)
    entries = projector.lines("GET", "/v1/tail?from=2&until=now")
    assert [entry["position"] for entry in entries] == [*range(2, last + 1), bad]
    assert entries[0]["subject"] == "ev.local.work.w-0"
    assert entries[-1]["fault"] == "the message carries no CloudEvents headers."
    assert projector.lines("GET", "/v1/tail?from=999&until=now") == []
    for query, words in (("from=-1", "from is '-1'"), ("from=1&until=later", "until is 'later'")):
        with pytest.raises(UsageError, match=words):
            projector.lines("GET", f"/v1/tail?{query}")


def test_a_tail_without_an_end_tells_what_comes_later(projector: Projector) -> None:
    last = _published(projector)
    projector.start()
    tail = client.lines(projector.server.folder, PROJECTOR_SOCKET, "GET", f"/v1/tail?from={last}", 20)
    assert json.loads(next(tail))["position"] == last

    async def more() -> None:
        async with log_on(projector.server) as log:
            await say(log, "w-later", SUBMITTED)

    asyncio.run(more())
    assert json.loads(next(tail))["subject"] == "ev.local.work.w-later"
    tail.close()  # type: ignore[attr-defined]
    projector.until_folded(last + 1)


def test_answers_go_on_while_the_server_is_away_and_say_so(projector: Projector) -> None:
    last = _published(projector)
    projector.start().until_folded(last)
    projector.server.kill()
    away = until(lambda: _if_away(projector), "the projector to notice")
    assert away["as_of"]["position"] == last
    assert [row["id"] for row in projector.ask("board")["rows"]] == ["w-0", "w-1", "w-2"]
    projector.server.restart()

    async def more() -> int:
        async with log_on(projector.server) as log:
            return await say(log, "w-later", SUBMITTED)

    later = asyncio.run(more())
    projector.until_folded(later)
    assert projector.stop() == 0


def _if_away(projector: Projector) -> dict[str, Any] | None:
    state = projector.ask("state")
    return state if state["log_silent_seconds"] > 0 else None


def test_a_projector_that_starts_before_the_server_answers_and_catches_up(projector: Projector) -> None:
    last = _published(projector)
    projector.start().until_folded(last)
    projector.stop()
    projector.server.embedded.stop()
    projector.start()
    assert projector.position() == last
    assert projector.ask("health")["score"] < 100
    with pytest.raises(NoServer, match="the log cannot be reached now"):
        projector.ask("history", id="w-1")
    projector.server.restart()

    async def more() -> int:
        async with log_on(projector.server) as log:
            return await say(log, "w-later", SUBMITTED)

    later = asyncio.run(more())
    projector.until_folded(later)


def test_the_documents_of_the_socket_are_served(projector: Projector) -> None:
    projector.start()
    with open_socket(projector.server.folder, PROJECTOR_SOCKET) as connection:
        document = client._exchange(connection, "GET", "/openapi.json", b"", "", 5)
    assert "/v1/questions/board" in document["paths"]
