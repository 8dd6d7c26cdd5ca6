"""A coordinator that leads: by when it can be asked, and where."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from coordinator.conftest import House, command

from coord.events import commands as wish
from coord.events.model import written
from coord.services.coordinator import main
from coord.services.coordinator.coordinator import Coordinator
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
