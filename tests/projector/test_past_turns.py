"""Who waits for the past, how long, and what becomes of its process: the projector's side of it, on a real log."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from conftest import Server
from projectors import log_on, say

from coord.events import work
from coord.events.catalog import kind_of
from coord.events.commands import Refusal
from coord.events.envelope import Envelope
from coord.events.errors import NoServer
from coord.events.questions import Board
from coord.services import clock
from coord.services.folder import is_alive
from coord.services.log.client import Append
from coord.services.projector import past
from coord.services.projector.copies import STRIDE, copies_in
from coord.services.projector.past import Past
from coord.services.projector.scratch import NEAR

EVENTS = 6_000
SUBMITTED = work.WorkSubmitted(title="hash a file", priority=7)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a process takes its time to start; a test that wants no patience says so."""
    monkeypatch.setattr(past, "WAIT_SECONDS", 60.0)


async def _fill(server: Server) -> None:
    async with log_on(server) as log:
        for first in range(0, EVENTS, 1_000):
            await log.append([_append(f"w-{number}") for number in range(first, first + 1_000)])


def _append(item: str) -> Append:
    envelope = Envelope(clock.new_id(), kind_of(SUBMITTED).type, "/tests", clock.rfc3339(clock.now_ns()))
    return Append(f"ev.local.work.{item}", 0, envelope, SUBMITTED)


def asking(server: Server, body: Callable[[Past], Awaitable[None]]) -> None:
    """Run something on a log of some thousand events, with nobody's past asked for yet."""

    async def main() -> None:
        await _fill(server)
        one = Past(server.settings, server.folder)
        try:
            await body(one)
        finally:
            await one.close()
        assert one.pid is None

    asyncio.run(main())


async def open_at(one: Past, position: int) -> int | Refusal:
    """Ask how many items were open at a position."""
    said = await one.answer("board", Board(limit=1), position)
    if isinstance(said, Refusal):
        return said
    answer: dict[str, Any] = json.loads(said[1:])
    assert (said[0], answer["as_of"]["position"]) == (0, position)
    return int(answer["counts"]["open"])


def test_a_long_fold_is_told_of_and_goes_on_until_the_same_is_asked_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(one: Past) -> None:
        with monkeypatch.context() as hurry:
            hurry.setattr(past, "WAIT_SECONDS", 0.02)
            found = await open_at(one, EVENTS)
        assert isinstance(found, Refusal)
        assert (found.code, found.exit_code) == ("not_yet", 3)
        assert f"the past of position {EVENTS} is not ready yet" in found.reason
        assert found.hint.startswith("Ask again")
        assert await open_at(one, EVENTS) == EVENTS

    asking(server, body)


def test_a_fold_that_nobody_waits_for_gives_way(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(one: Past) -> None:
        assert await open_at(one, 1) == 1
        pid = one.pid
        with monkeypatch.context() as hurry:
            hurry.setattr(past, "WAIT_SECONDS", 0.001)
            assert isinstance(await open_at(one, EVENTS), Refusal)
        assert one._is_folding()
        assert await open_at(one, 2) == 2
        assert one.pid == pid

    asking(server, body)


def test_questions_of_several_moments_are_answered_one_after_the_other(server: Server) -> None:
    async def body(one: Past) -> None:
        places = (4_000, 10, EVENTS, 11, 3_999)
        assert await asyncio.gather(*(open_at(one, place) for place in places)) == list(places)

    asking(server, body)


def test_the_process_rests_when_nobody_asks_and_goes_on_from_what_it_left(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "IDLE_SECONDS", 0.05)

    async def body(one: Past) -> None:
        assert await open_at(one, 5_000) == 5_000
        while one.pid is not None:
            await asyncio.sleep(0.01)
        left = copies_in(server.folder.path("projection", "past"))
        assert [copy.position for copy in left] == [4_744]
        assert await open_at(one, 4_999) == 4_999

    asking(server, body)


def test_copies_are_left_while_nobody_asks_and_a_question_goes_first(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "IDLE_SECONDS", 0.05)

    async def body(one: Past) -> None:
        assert await one.keep_copies(EVENTS) == STRIDE
        while one.pid is not None:
            await asyncio.sleep(0.01)
        left = copies_in(server.folder.path("projection", "past"))
        assert [copy.position for copy in left] == [EVENTS - NEAR]
        keeping = asyncio.create_task(one.keep_copies(10))
        while not one._is_folding():
            await asyncio.sleep(0)
        assert await open_at(one, 5) == 5
        assert await keeping in (0, STRIDE)

    asking(server, body)


def test_a_process_that_is_killed_while_it_folds_is_told_of(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(one: Past) -> None:
        waiting = asyncio.create_task(open_at(one, EVENTS))
        while one.pid is None:
            await asyncio.sleep(0)
        pid = one.pid
        assert one._process is not None
        one._process.kill()
        with pytest.raises(NoServer, match="the process that folds the past ended"):
            await waiting
        assert not is_alive(pid)
        assert await open_at(one, 3) == 3

    asking(server, body)


def test_a_question_that_comes_while_an_end_is_noted_is_answered_by_the_next_process(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    noticed, noted, collect = threading.Event(), threading.Event(), past._collect

    def slowly(process: Any) -> int:
        noticed.set()
        assert noted.wait(60)
        return collect(process)

    async def body(one: Past) -> None:
        assert await open_at(one, 10) == 10
        monkeypatch.setattr(past, "_collect", slowly)
        assert one.pid is not None
        os.kill(one.pid, signal.SIGKILL)
        assert await asyncio.to_thread(noticed.wait, 60)
        asked = asyncio.create_task(open_at(one, 20))
        while not one._is_folding():
            await asyncio.sleep(0.01)
        noted.set()
        assert await asked == 20

    asking(server, body)


def test_events_that_come_meanwhile_are_past_too(server: Server) -> None:
    async def body(one: Past) -> None:
        assert await open_at(one, EVENTS) == EVENTS
        async with log_on(server) as log:
            later = await say(log, "w-later", SUBMITTED)
        assert await open_at(one, later) == EVENTS + 1

    asking(server, body)
