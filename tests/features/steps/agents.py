"""Agents: coming, living, falling silent, and what they are told."""

from features.scene import LONGER_SECONDS, Scene
from houses import until
from pytest_bdd import given, parsers, then, when

from coord.events.errors import Exit
from coord.services import clock


@given(parsers.parse("{agent:w} is an agent"))
@when(parsers.parse("{agent:w} is restarted"))
def register(scene: Scene, agent: str) -> None:
    _register(scene, agent)


@given(parsers.parse('{agent:w} is an agent of the team "{team}"'))
def register_in_team(scene: Scene, agent: str, team: str) -> None:
    _register(scene, agent, "--team", team)


@when(parsers.parse("{agent:w} is drained"))
def drain(scene: Scene, agent: str) -> None:
    scene.house.ask("drain", agent)


@when(parsers.parse("{agent:w} reports progress"))
def progress(scene: Scene, agent: str) -> None:
    scene.must(agent, "progress", scene.it)


@when(parsers.parse("{agent:w} asks what she holds"))
def ask_mine(scene: Scene, agent: str) -> None:
    scene.last = scene.house.cli.run("mine", "--agent", agent)


@then(parsers.parse('the answer names "{title}", its fence and until when'))
def names_what_is_held(scene: Scene, title: str) -> None:
    (line,) = scene.last.out.splitlines()
    fence = scene.show(scene.item(title))["fence"]
    assert line.startswith(f"{scene.item(title)}  fence {fence}  until ")


@then(parsers.parse("{agent:w} has completed {count:d} items"))
def has_completed(scene: Scene, agent: str, count: int) -> None:
    rows = scene.house.ask("agents")["rows"]
    assert [row["completed"] for row in rows if row["agent"] == agent] == [count]


@then(parsers.parse('{agent:w} is of the team "{team}"'))
def is_of_team(scene: Scene, agent: str, team: str) -> None:
    rows = scene.house.ask("agents", "--team", team)["rows"]
    assert [row["agent"] for row in rows] == [agent]


@then(parsers.parse('its history tells that the claim ended because its holder was "{cause}"'))
def ended_because(scene: Scene, cause: str) -> None:
    assert scene.events()[-1]["fields"]["cause"] == cause


@given(parsers.parse('{agent:w} is an agent that offers "{capability}"'))
def register_offering(scene: Scene, agent: str, capability: str) -> None:
    _register(scene, agent, "--capability", capability)


def _register(scene: Scene, agent: str, *words: str) -> None:
    scene.incarnations[agent] = str(scene.house.ask("register", agent, *words)["agent"]["incarnation"])


@when(parsers.parse("{agent:w} shows again and again, for longer than that, that she lives"))
def heartbeat(scene: Scene, agent: str) -> None:
    until_then = clock.monotonic() + LONGER_SECONDS
    while clock.monotonic() < until_then:
        scene.must(agent, "heartbeat")


@when(parsers.parse("{agent:w} falls silent"))
def falls_silent(scene: Scene, agent: str) -> None:
    """Nothing is done: that is what silence is."""


@given(parsers.parse("{agent:w} has fallen silent until her claim ran out"))
def fell_silent(scene: Scene, agent: str) -> None:
    until(lambda: "work.lease_expired" in scene.types())


@then(parsers.parse('{agent:w} is refused, because "{words}"'))
def refused(scene: Scene, agent: str, words: str) -> None:
    assert scene.last.code == Exit.REFUSED, f"{agent} was not refused: {scene.last}"
    assert words in scene.last.err, f"{agent} was refused for another reason: {scene.last.err.strip()}"


@then(parsers.parse("{agent:w} is told that there is nothing to claim"))
def nothing(scene: Scene, agent: str) -> None:
    assert scene.last.code == Exit.NOTHING, f"{agent} was told otherwise: {scene.last}"
