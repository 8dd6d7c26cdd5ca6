"""Tables made anew, lost, and asked meanwhile."""

import shutil
from typing import Any

from features.scene import Scene
from houses import until
from pytest_bdd import parsers, then, when

from coord.events.errors import Exit


@when("the tables are made anew")
def rebuild(scene: Scene) -> None:
    scene.last = scene.house.cli.run("rebuild")


@then("they equal those they replaced")
def equal(scene: Scene) -> None:
    assert scene.last.code == Exit.DONE, scene.last
    assert "every table equals the one it replaces" in scene.last.out


@then("the tables made anew equal those they replace")
def rebuild_equal(scene: Scene) -> None:
    rebuild(scene)
    equal(scene)


@then("the board shows what it showed before")
def same_board(scene: Scene) -> None:
    before = _timeless(scene.kept["board"])
    until(lambda: _timeless(scene.house.ask("board")) == before)


def _timeless(board: Any) -> Any:
    """Leave out what changes by itself: ages."""
    rows = [
        {name: value for name, value in row.items() if not name.endswith("_seconds")} for row in board["rows"]
    ]
    return board["counts"], rows


@when("the tables are made anew, and the board is asked for all the while")
def rebuild_and_ask(scene: Scene) -> None:
    rebuilding = scene.house.cli.start("rebuild")
    scene.answers = []
    while rebuilding.poll() is None or not scene.answers:
        scene.answers.append(scene.house.cli.run("board", "--limit", "1", "--json"))
    out, err = rebuilding.communicate()
    scene.last.code, scene.last.out, scene.last.err = rebuilding.returncode, out.decode(), err.decode()


@then(parsers.parse("every question was answered, each with {count:d} items"))
def all_answered(scene: Scene, count: int) -> None:
    assert scene.answers
    assert {ran.code for ran in scene.answers} == {Exit.DONE}
    assert {sum(ran.document["counts"].values()) for ran in scene.answers} == {count}


@when("the tables are lost while nothing runs")
def lose(scene: Scene) -> None:
    scene.house.ask("down")
    shutil.rmtree(scene.house.folder.path("projection"))


@when("everything is started again")
def start_again(scene: Scene) -> None:
    scene.house.ask("up", "--detach")


@when("everything that waits or is held is cancelled")
def cancel_all(scene: Scene) -> None:
    for row in scene.kept["board"]["rows"]:
        if row["status"] in ("open", "claimed"):
            scene.house.ask("cancel", row["id"])


@then("the board of then shows what it showed before")
def board_of_then(scene: Scene) -> None:
    before = scene.kept["board"]
    position = before["as_of"]["position"]
    then_shown = scene.house.ask("board", "--at", str(position))
    assert _timeless(then_shown) == _timeless(before)
    assert (then_shown["as_of"]["position"], then_shown["as_of"]["past"]) == (position, True)


@then("the board of now shows nothing that waits or is held")
def nothing_left(scene: Scene) -> None:
    until(lambda: not {"open", "claimed"} & {row["status"] for row in scene.house.ask("board")["rows"]})


@when(parsers.parse('the board is asked for as of "{moment}"'))
def ask_as_of(scene: Scene, moment: str) -> None:
    scene.last = scene.house.cli.run("board", "--at", moment)


@then(parsers.parse('it is refused, because "{words}"'))
def refused_because(scene: Scene, words: str) -> None:
    assert scene.last.code == Exit.REFUSED, scene.last
    assert words in scene.last.err


@then(parsers.parse('it is no moment, because "{words}"'))
def no_moment_because(scene: Scene, words: str) -> None:
    assert scene.last.code == Exit.USAGE, scene.last
    assert words in scene.last.err
