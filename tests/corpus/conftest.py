"""A house, and who publishes on it, for each test of the corpus."""

from collections.abc import Iterator

import pytest
from corpus.attempts import Attempts
from corpus.mapping import AGENT
from houses import House, house
from raw_wire import RawConnection

from coord.services.server.credentials import role_credentials

__all__ = ["attempts", "house"]


@pytest.fixture
def attempts(house: House) -> Iterator[Attempts]:
    """A service and an agent, connected."""
    house.ask("register", AGENT, "--credential")
    credential = house.folder.read_json("agents", f"{AGENT}.json") or {}
    with (
        RawConnection(credential["url"], role_credentials(house.folder)["core"]) as core,
        RawConnection(credential["url"], credential) as agent,
    ):
        yield Attempts(house, core, agent)
