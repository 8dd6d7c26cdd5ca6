"""A projector process for each test that asks for one."""

from collections.abc import Iterator

import pytest
from conftest import Server
from projectors import Projector


@pytest.fixture
def projector(server: Server) -> Iterator[Projector]:
    """A projector that is not started yet; it is ended after the test."""
    one = Projector(server)
    try:
        yield one
    finally:
        one.kill()
