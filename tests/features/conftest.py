"""A scene of its own for each scenario: a real house on a fresh folder, driven through the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from features.scene import Scene, running_scene

from coord.services.verification.transcript import Transcript


@pytest.fixture
def scene(tmp_path: Path, transcript: Transcript) -> Iterator[Scene]:
    """A house that is up, and nothing in it; taken down after the scenario."""
    with running_scene(tmp_path, transcript) as running:
        yield running
