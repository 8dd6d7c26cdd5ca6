"""A coordinator that leads: by when it can be asked, and where."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from coordinator.conftest import House, command, submit

from coord.events import commands as wish
from coord.events.model import written
from coord.services.coordinator import main
from coord.services.coordinator.coordinator import Coordinator
from coord.services.coordinator.election import Election
from coord.services.log import Log


def test_whoever_finds_its_socket_is_answered_over_nats_too(
    in_house: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(house: House) -> None:
        answers: list[bytes] = []

        @contextlib.asynccontextmanager
        async def serve(*_: Any) -> AsyncIterator[None]:
            answers.append(await asker.request("cmd.main.ada.explain", written(command(wish.Explain)), 5))
            yield

        async def over() -> None:
            return

        monkeypatch.setattr(main, "serve", serve)
        asker = await Log.connect(server.settings, server.folder)
        await main._lead(Coordinator(house.log, house.settings), server.folder, house.log, over)
        await asker.close()
        assert b'"status":"done"' in answers[0]

    in_house(body)


def test_whoever_takes_over_a_log_that_others_wrote_looks_before_it_refuses(
    in_house: Any, server: Any
) -> None:
    """A log that nobody has written to has no predecessor."""

    async def body(house: House) -> None:
        async def over() -> None:
            return

        async def is_sure_of_itself() -> bool:
            coordinator = Coordinator(house.log, house.settings)
            election = Election(house.log, house.settings, coordinator.source)
            await election.win()
            coordinator.certainty.rest_on(election)
            await main._lead(coordinator, server.folder, house.log, over)
            sure = coordinator.certainty.is_sure()
            await election.resign()
            return sure

        assert await is_sure_of_itself()
        async with house.coordinator() as before:
            await submit(before, "w-1")
        assert not await is_sure_of_itself()

    in_house(body)
