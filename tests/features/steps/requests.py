"""Asking the same again, and what crashes and hangs leave behind."""

import os
import signal

from features.scene import Scene
from houses import until
from pytest_bdd import given, parsers, then, when
from standing_still import stop

from coord.events.errors import Exit

PATIENCE = "0.5s"


@when(parsers.parse('an item called "{title}" is submitted {count:d} times in the same request'))
def submit_again(scene: Scene, title: str, count: int) -> None:
    words = ("submit", title, "--request-id", "r-1", "--json")
    scene.answers = [scene.house.cli.run(*words) for _ in range(count)]


@when(parsers.parse('{agent:w} claims whatever is best in the request "{request_id}"'))
def claim_best(scene: Scene, agent: str, request_id: str) -> None:
    until(lambda: scene.act(agent, "claim", "--request-id", request_id).code == Exit.DONE)
    scene.answers.append(scene.last)


@when(parsers.parse('{agent:w} claims it in the request "{request_id}"'))
def claim_it(scene: Scene, agent: str, request_id: str) -> None:
    scene.must(agent, "claim", scene.it, "--request-id", request_id)


@when(parsers.parse('{agent:w} claims it in the request "{request_id}", with little patience'))
def claim_impatiently(scene: Scene, agent: str, request_id: str) -> None:
    scene.act(agent, "claim", scene.it, "--request-id", request_id, "--request-seconds", PATIENCE)


@then(
    parsers.parse(
        '{agent:w} is told that it may have happened, and to ask again in the request "{request_id}"'
    )
)
def told_unknown(scene: Scene, agent: str, request_id: str) -> None:
    assert scene.last.code == Exit.UNKNOWN, f"{agent} was told otherwise: {scene.last}"
    assert "it may or may not have happened" in scene.last.err
    assert f"--request-id {request_id}" in scene.last.err


@then("each time the same item was named")
def same_item(scene: Scene) -> None:
    assert len(scene.answers) > 1
    assert len({ran.document["id"] for ran in scene.answers}) == 1


@when("the coordinator is killed")
def kill_coordinator(scene: Scene) -> None:
    scene.house.kill("coordinator")


@given("the coordinator hangs")
def hang(scene: Scene) -> None:
    stop(scene.house.pid("coordinator"))


@when("the coordinator goes on")
def go_on(scene: Scene) -> None:
    os.kill(scene.house.pid("coordinator"), signal.SIGCONT)


@when("everything is killed and started again")
def kill_everything(scene: Scene) -> None:
    up = scene.house.folder.read_json("up.json") or {}
    for pid in (up["pid"], scene.house.pid("server"), *up["services"].values()):
        os.kill(pid, signal.SIGKILL)
    until(lambda: scene.house.cli.run("up", "--detach").code == Exit.DONE)
