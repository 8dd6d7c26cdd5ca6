"""A store to tell histories to and to ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coord.projections.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty store."""
    opened = open_store(tmp_path / "coord.duckdb", 256).store
    yield opened
    opened.close()
