"""A house, and a folder of features that pass and fail as a file beside them says."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Ran
from houses import House, house

__all__ = ["house"]

FEATURE = """
# A comment.
@lamps
Feature: The lamp
  There is light
  when somebody wants it.

  Background:
    Given a room

  Scenario: The lamp is on
    Then the lamp is "on"

  Scenario: The lamp hangs from the ceiling
    Then the lamp hangs
"""
STEPS = """
from pathlib import Path
from pytest_bdd import given, parsers, scenarios, then

scenarios(".")
HERE = Path(__file__).parent

@given("a room")
def room(transcript):
    transcript.say("  It is a small room.")

@then(parsers.parse('the lamp is "{state}"'))
def lamp(state):
    is_now = (HERE / "lamp").read_text()
    assert is_now == state, f"the lamp is {is_now}\\nand was so before"

@then("the lamp hangs")
def hangs():
    pass
"""


@dataclass
class Lamp:
    """A folder with a feature of two scenarios, one of which asks for the lamp."""

    folder: Path

    def be(self, state: str) -> None:
        """Turn it on or off."""
        (self.folder / "lamp").write_text(state)

    def verify(self, house: House, *words: str) -> Ran:
        """Run `coord verify` on this folder."""
        return house.cli.run("verify", *words, "--features", str(self.folder))


@pytest.fixture
def lamp(tmp_path: Path) -> Lamp:
    """A lamp that is on."""
    made = Lamp(tmp_path / "lamp")
    made.folder.mkdir()
    (made.folder / "lamp.feature").write_text(FEATURE)
    (made.folder / "test_lamp.py").write_text(STEPS)
    made.be("on")
    return made
