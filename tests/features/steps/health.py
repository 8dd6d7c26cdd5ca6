"""Health: scores, reasons and the events behind them."""

from typing import Any

from features.scene import Scene
from houses import until
from pytest_bdd import parsers, then


@then(parsers.parse('the health of the system lacks points for "{reason}"'))
def system_lacks(scene: Scene, reason: str) -> None:
    scene.kept["deduction"] = until(lambda: _deduction(_health(scene, "system"), reason))


@then(parsers.parse('the health of the system lacks no points for "{reason}"'))
def system_lacks_nothing(scene: Scene, reason: str) -> None:
    until(lambda: _deduction(_health(scene, "system"), reason) is None)


@then(parsers.parse('the health of {agent:w} lacks points for "{reason}"'))
def agent_lacks(scene: Scene, agent: str, reason: str) -> None:
    scene.kept["deduction"] = until(lambda: _deduction(_health(scene, f"agent:{agent}"), reason))
    scene.kept["score"] = _health(scene, f"agent:{agent}")["score"]
    assert scene.kept["score"] < 100


@then("the events behind that can be looked up")
def events_behind(scene: Scene) -> None:
    positions = [one["position"] for one in scene.kept["deduction"]["evidence"]]
    assert positions
    tail = scene.house.cli.run("tail", "--from", "1", "--until", "now").out
    in_log = [int(line.split()[0]) for line in tail.splitlines()]
    assert set(positions) <= set(in_log)


@then(parsers.parse("the health of {agent:w} has risen"))
def risen(scene: Scene, agent: str) -> None:
    until(lambda: _health(scene, f"agent:{agent}")["score"] > scene.kept["score"])


def _health(scene: Scene, entity: str) -> Any:
    return scene.house.ask("health", "--explain", entity)


def _deduction(answer: Any, reason: str) -> Any:
    """Return what is deducted for a reason; it has points and a sentence."""
    name = reason.replace(" ", "_")
    found = [one for one in answer["deductions"] if one["name"] == name]
    assert all(one["points"] > 0 and one["reason"] for one in found)
    return found[0] if found else None
