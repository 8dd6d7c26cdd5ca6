"""A projector process for each test that asks for one."""

import asyncio
from collections.abc import Iterator

import pytest
from conftest import Server
from projectors import Projector, log_on


@pytest.fixture
def projector(server: Server) -> Iterator[Projector]:
    """A projector that is not started yet, on a log whose streams are declared; it is ended after the test."""
    asyncio.run(_declare(server))
    one = Projector(server)
    try:
        yield one
    finally:
        one.kill()


async def _declare(server: Server) -> None:
    async with log_on(server):
        """The streams are there now."""
