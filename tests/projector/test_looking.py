"""Searching the log backwards through a projector: filters, bounds, and how far it looked."""

import asyncio
from typing import Any

import pytest
from conftest import Server
from projectors import Projector, log_on, say, say_raw, until

from coord.events import agent, work
from coord.events.questions import Events
from coord.services.projector import searching
from coord.services.projector.searching import Searched, search

SUBMITTED = work.WorkSubmitted(title="hash a file", priority=7)


async def _fill(server: Server) -> int:
    async with log_on(server) as log:
        await say(log, "ada", agent.AgentRegistered(team="blue"))
        for number in range(30):
            position = await say(log, f"w-{number}", SUBMITTED)
            if number % 10 == 0:
                await say(log, f"w-{number}", work.WorkCancelled(reason=f"Not {number} again"))
        return position


def found(projector: Projector, **asked: Any) -> list[tuple[int, str]]:
    answer = projector.ask("events", **asked)
    return [(one["position"], one["subject"].rpartition(".")[2]) for one in answer["events"]]


def test_the_newest_events_that_match_are_found_oldest_first(projector: Projector) -> None:
    last = asyncio.run(_fill(projector.server))
    projector.start()
    until(lambda: projector.position() == last)
    newest = projector.ask("events", limit=3)
    assert [one["position"] for one in newest["events"]] == [last - 2, last - 1, last]
    assert (newest["truncated"], newest["searched_from"]) == (True, last - 2)
    assert found(projector, entity="w-20") == [(24, "w-20"), (25, "w-20")]
    assert found(projector, aggregate="agent") == [(1, "ada")]
    assert [name for _, name in found(projector, type="work.cancelled")] == ["w-0", "w-10", "w-20"]
    assert [name for _, name in found(projector, type="work.cancelled.v1", limit=1)] == ["w-20"]
    assert found(projector, type="agent.") == [(1, "ada")]
    assert found(projector, type="work.cancel") == []
    assert found(projector, text="nOt 10 aGain") == [(14, "w-10")]
    assert found(projector, aggregate="work", text="W-29") == [(last, "w-29")]
    nothing = projector.ask("events", actor="nobody")
    assert (nothing["events"], nothing["truncated"], nothing["searched_from"]) == ([], False, 1)


def test_a_message_that_is_no_event_is_found_too(projector: Projector) -> None:
    async def poison() -> int:
        async with log_on(projector.server) as log:
            return await say_raw(log, "ev.local.work.w-1", b"not json")

    bad = asyncio.run(poison())
    projector.start()
    (one,) = projector.ask("events", text="not JSON")["events"]
    assert (one["position"], bool(one["fault"])) == (bad, True)


def test_a_search_says_how_far_it_looked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WINDOW", 4), ("MESSAGES_MAX", 8), ("LOOKED_AT_MAX", 12)):
        monkeypatch.setattr(searching, name, value)

    async def main() -> tuple[int, list[Searched]]:
        last = await _fill(server)
        async with log_on(server) as log:
            asked = (Events(text="blue"), Events(entity="ada"), Events(limit=1000), Events(text="w-25"))
            return last, [await search(log, one, last) for one in asked]

    last, (far, filtered, everything, one) = asyncio.run(main())
    assert (far.events, far.truncated) == ((), True)
    assert 1 < far.searched_from <= last - 11
    assert ([stored.position for stored in filtered.events], filtered.truncated) == ([1], False)
    assert len(everything.events) == last - everything.searched_from + 1
    assert everything.truncated
    assert [stored.subject for stored in one.events] == ["ev.local.work.w-25"]


def test_an_answer_holds_only_so_many_bytes_and_says_that_there_is_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "ANSWER_BYTES_MAX", 300)

    async def main() -> tuple[int, Searched]:
        last = await _fill(server)
        async with log_on(server) as log:
            return last, await search(log, Events(type="work.submitted", limit=1000), last)

    last, searched = asyncio.run(main())
    size = len(searched.events[0].body)
    assert len(searched.events) == 300 // size > 1
    assert (searched.events[-1].position, searched.truncated) == (last, True)
    assert searched.searched_from == searched.events[0].position
