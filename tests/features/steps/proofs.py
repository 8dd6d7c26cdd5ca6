"""Items that need a scenario to pass: the scenario is about a lamp, and stands in a folder of its own."""

from pathlib import Path

from features.scene import Scene
from pytest_bdd import given, parsers, when

from coord.events.errors import Exit
from coord.events.verification import scenario_id

FEATURE = """
Feature: The lamp
  There is light.

  Scenario: {scenario}
    Then the lamp is on
"""
STEPS = """
from pathlib import Path
from pytest_bdd import scenarios, then

scenarios(".")

@then("the lamp is on")
def on():
    assert Path(__file__).with_name("lamp").read_text() == "on", "it is dark"
"""


@given(parsers.parse('an item of work called "{title}" that needs the scenario "{scenario}" to pass'))
def submit(scene: Scene, title: str, scenario: str) -> None:
    scene.kept["scenario"] = scenario
    scene.submit(title, "--verify", scenario_id(scenario))


@given(parsers.parse('the scenario "{scenario}" has passed before'))
def passed_before(scene: Scene, scenario: str) -> None:
    scene.kept["scenario"] = scenario
    verify(scene, "on")


@when(parsers.parse("the scenario is run while the lamp is {state:w}"))
def verify(scene: Scene, state: str) -> None:
    folder = _folder(scene.root / "lamp", scene.kept["scenario"])
    (folder / "lamp").write_text(state)
    ran = scene.house.cli.run("verify", "--features", str(folder))
    assert ran.code == (Exit.DONE if state == "on" else Exit.WANTING), ran


def _folder(folder: Path, scenario: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "lamp.feature").write_text(FEATURE.format(scenario=scenario))
    (folder / "test_lamp.py").write_text(STEPS)
    return folder
