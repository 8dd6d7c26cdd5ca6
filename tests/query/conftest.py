"""The tables that statements are asked of."""

from pathlib import Path

import pytest
from snapshots_made import make_tables


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a dozen items; nobody changes this file."""
    return make_tables(tmp_path_factory.mktemp("tables") / "coord.duckdb")
