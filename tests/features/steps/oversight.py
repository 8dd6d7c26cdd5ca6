"""Alerts and directives: what the watchdog finds and asks, what people do, what runs answer."""

from typing import Any

from features.scene import Scene
from houses import until
from pytest_bdd import given, parsers, then, when

from coord.events.errors import Exit
from coord.services.settings import Settings
from coord.training_worker import Run

LOOP_SECONDS = 120
"""How long a training on a busy machine may take to come to what is waited for."""
PERSON = "ruth"


@given("a loop of somebody's own that tells what it does")
def own_loop(scene: Scene) -> None:
    run = scene.ending.enter_context(
        Run("own loop", run_id="own", settings=Settings(data=scene.house.folder.root))
    )
    run.log_now(0, loss=3.0)
    scene.kept |= {"run": "own", "loop": run}
    until(lambda: scene.house.ask("runs")["rows"])


@when(parsers.parse("its loss is not a number for {count:d} steps"))
def not_a_number(scene: Scene, count: int) -> None:
    for step in range(1, count + 1):
        scene.kept["loop"].log_now(step, loss=float("nan"))


@when("the loop ends")
def loop_ends(scene: Scene) -> None:
    scene.kept["loop"].finish("completed", 4)


@when(parsers.parse('a person asks it to "{action}"'))
def ask_for(scene: Scene, action: str) -> None:
    ran = scene.act(PERSON, "direct", scene.kept["run"], action, "--reason", "I want to look")
    assert ran.code == Exit.DONE, ran


@when(parsers.parse('a person asks it to "{action}" within a second, and it looks only after that'))
def ask_too_late(scene: Scene, action: str) -> None:
    words = (scene.kept["run"], action, "--reason", "I want to look", "--live", "1s")
    assert scene.act(PERSON, "direct", *words).code == Exit.DONE
    until(lambda: _directive(scene, action)["age_seconds"] > 2)
    until(lambda: scene.kept["loop"].directives(1) == [] and _directive(scene, action)["status"] != "issued")


@then(parsers.parse('it obeys "{action}"'))
def obeys(scene: Scene, action: str) -> None:
    scene.kept["answer"] = _answer(scene, action)
    assert scene.kept["answer"]["status"] == "applied", scene.kept["answer"]


@then(parsers.parse('it refuses "{action}"'))
def refuses(scene: Scene, action: str) -> None:
    answer = _answer(scene, action)
    assert answer["status"] == "refused"
    assert answer["answer"]


def _answer(scene: Scene, action: str) -> Any:
    """Return the directive once it is answered."""
    return until(lambda: _if(_directive(scene, action), lambda row: row["status"] != "issued"), LOOP_SECONDS)


def _directive(scene: Scene, action: str) -> Any:
    (row,) = scene.house.ask("runs", scene.kept["run"])["rows"]
    return next((one for one in row["directives"] if one["action"] == action), None)


def _if(value: Any, holds: Any) -> Any:
    return value if value is not None and holds(value) else None


@then(parsers.parse('an alert "{rule}" is raised about it'))
def raised(scene: Scene, rule: str) -> None:
    scene.kept["alert"] = until(lambda: _alert(scene, rule), LOOP_SECONDS)
    scene.kept["rule"] = rule


@then("the events behind the alert can be looked up")
def behind(scene: Scene) -> None:
    positions = {one["position"] for one in scene.kept["alert"]["evidence"]}
    told = scene.house.ask("history", scene.kept["run"], "--aggregate", "run")["events"]
    assert positions
    assert positions <= {event["position"] for event in told}


@when("a person takes notice of the alert")
def acknowledge(scene: Scene) -> None:
    assert scene.act(PERSON, "ack", scene.kept["alert"]["id"], "--note", "I look at it").code == Exit.DONE


@then("the alert is acknowledged")
def acknowledged(scene: Scene) -> None:
    row = until(lambda: _if(_alert(scene, scene.kept["rule"]), lambda one: one["status"] == "acknowledged"))
    assert row["by"] == PERSON


@when("a person wants no more notice of the alert")
def silence(scene: Scene) -> None:
    assert scene.act(PERSON, "silence", scene.kept["alert"]["id"], "--for", "1h").code == Exit.DONE


@then("the alert is silenced, and still listed")
def silenced(scene: Scene) -> None:
    row = until(lambda: _if(_alert(scene, scene.kept["rule"]), lambda one: one.get("silenced_seconds")))
    assert row["status"] == "acknowledged"


@then("the alert is resolved")
def resolved(scene: Scene) -> None:
    until(
        lambda: _if(_alert(scene, scene.kept["rule"]), lambda one: one["status"] == "resolved"), LOOP_SECONDS
    )


def _alert(scene: Scene, rule: str) -> Any:
    rows = scene.house.ask("alerts", "--entity", scene.kept["run"])["rows"]
    return next((row for row in rows if row["rule"] == rule), None)
