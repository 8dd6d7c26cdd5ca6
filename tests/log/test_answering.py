"""Requests over the bus: answered to inboxes, and nowhere else."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from standing_still import stop

from coord.events.streams import EVENTS
from coord.services.log import Log, declare_streams
from coord.services.log.answering import Asked, answer_requests


def test_an_answer_goes_to_an_inbox_and_never_into_the_log(server: Any) -> None:
    """An asker names where the answer goes, and the service may write where the asker may not."""

    async def answer(asked: Asked) -> bytes:
        return asked.subject.encode()

    async def main() -> None:
        log = await Log.connect(server.settings, server.folder)
        await declare_streams(log, server.settings)
        async with answer_requests(log, "cmd.main.*.*", answer):
            await log.client.publish("cmd.main.ada.claim", b"", reply="ev.local.work.victim")
            assert await log.request("cmd.main.ada.claim", b"", 5) == b"cmd.main.ada.claim"
        assert (await log.stream_state(EVENTS.name)).messages == 0
        await log.close()

    asyncio.run(main())


def test_requests_are_answered_from_the_moment_that_the_server_knows_who_answers(server: Any) -> None:
    async def answer(asked: Asked) -> bytes:
        return asked.body

    async def main() -> None:
        log = await Log.connect(server.settings, server.folder)
        stop(server.embedded.pid)
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2), answer_requests(log, "cmd.main.*.*", answer):
                    raise AssertionError("nobody can ask yet")
        finally:
            os.kill(server.embedded.pid, signal.SIGCONT)
        await log.client.close()

    asyncio.run(main())


def test_a_request_may_be_answered_without_a_task_and_a_fault_in_one_ends_no_other(server: Any) -> None:
    """What is not taken at once, or cannot be, gets a task; the context ends when the last answer is said."""
    said: list[tuple[str, Callable[[bytes], object]]] = []

    async def answer(asked: Asked) -> bytes:
        if asked.body == b"fault":
            raise ValueError(asked.body)
        return b"by a task"

    def at_once(asked: Asked, send: Callable[[bytes], object]) -> bool:
        if asked.body == b"fault":
            raise ValueError(asked.body)
        if asked.body == b"later":
            said.append((asked.subject, send))
        elif asked.body == b"now":
            send(b"at once")
        return asked.body in (b"later", b"now")

    async def main() -> None:
        faults: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: faults.append(context["exception"])
        )
        log = await Log.connect(server.settings, server.folder)

        def ask(body: bytes) -> "asyncio.Task[bytes]":
            return asyncio.create_task(log.request("cmd.main.ada.claim", body, 5))

        context = answer_requests(log, "cmd.main.*.*", answer, at_once)
        await context.__aenter__()
        await log.client.publish("cmd.main.ada.claim", b"fault", reply="_INBOX.nobody")
        later, now, task = ask(b"later"), ask(b"now"), ask(b"task")
        assert [await now, await task] == [b"at once", b"by a task"]
        ending = asyncio.create_task(context.__aexit__(None, None, None))
        await log.client.flush()
        assert not ending.done()
        assert not later.done()
        said[0][1](b"late")
        await ending
        assert await later == b"late"
        assert faults
        assert {str(one) for one in faults} == {str(b"fault")}
        await log.close()

    asyncio.run(main())
