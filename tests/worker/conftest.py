"""A house that the tests of workers share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from desks import Desk
from houses import House, running_house

from coord.services import clock


@pytest.fixture(scope="session")
def worker_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house for all tests of workers."""
    with running_house(tmp_path_factory.mktemp("worker")) as house:
        yield house


@pytest.fixture
def desk(worker_house: House) -> Iterator[Desk]:
    """A desk of this test's own."""
    made = Desk(worker_house, f"c-{clock.new_id()}")
    yield made
    made.close()


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file for a command to write into."""
    return tmp_path / "marker"
