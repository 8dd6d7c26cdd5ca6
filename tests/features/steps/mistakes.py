"""What cannot be understood: command lines, settings, lines of stdin, messages that are no events."""

import shlex

from command_line import Ran
from features.scene import Scene
from houses import until
from pytest_bdd import parsers, then, when
from raw_wire import RawConnection

from coord.events.errors import Exit
from coord.services.server.credentials import role_credentials

Table = list[list[str]]
TRICKS = "\x1b[2Jcleared \u202eturned"
NO_EVENT = b"{broken"


@when("each of these commands is given")
def give_commands(scene: Scene, datatable: Table) -> None:
    scene.kept["before"] = _log(scene)
    scene.kept["sentences"] = [sentence for _, sentence in datatable[1:]]
    scene.answers = [scene.house.cli.run(*shlex.split(line)) for line, _ in datatable[1:]]


@when("these settings are tried")
def try_settings(scene: Scene, datatable: Table) -> None:
    scene.kept["sentences"] = [sentence for _, sentence in datatable[1:]]
    scene.answers = []
    for number, (setting, _) in enumerate(datatable[1:]):
        path = scene.root / f"{number}.toml"
        path.write_text(setting)
        scene.answers.append(scene.house.cli.run("config", "--config", str(path)))


@then("each is refused as wrong, in one sentence that says so")
def each_refused(scene: Scene) -> None:
    for ran, sentence in zip(scene.answers, scene.kept["sentences"], strict=True):
        assert (ran.code, ran.out) == (Exit.USAGE, ""), f"{sentence}: {ran}"
        assert sentence in ran.err
        assert _is_one_sentence(ran), ran.err


def _is_one_sentence(ran: Ran) -> bool:
    line, _, rest = ran.err.partition("\n")
    return line.startswith("coord: ") and line.isprintable() and not rest


@then("nothing was recorded")
def nothing_recorded(scene: Scene) -> None:
    assert _log(scene) == scene.kept["before"]


def _log(scene: Scene) -> list[str]:
    """Return what was recorded, but for what the house says of itself."""
    tail = scene.house.cli.run("tail", "--from", "1", "--until", "now").out
    return [line for line in tail.splitlines() if "  node." not in line]


@when("these lines are submitted")
def submit_lines(scene: Scene, docstring: str) -> None:
    scene.last = scene.house.cli.run("submit", "-", stdin=docstring.encode())


@then(parsers.parse("lines {first:d} and {second:d} are named as wrong"))
def lines_named(scene: Scene, first: int, second: int) -> None:
    assert scene.last.code == Exit.USAGE
    *lines, last = scene.last.err.splitlines()
    named = [line.partition(":")[2].split()[:2] for line in lines]
    assert named == [["line", f"{first}:"], ["line", f"{second}:"]], scene.last.err
    assert last == "coord: nothing was submitted; mend this, and send all lines again."


@when("an item is submitted whose title clears the screen and turns the text around")
def submit_tricks(scene: Scene) -> None:
    scene.it = "tricks"
    scene.house.ask("submit", TRICKS, "--id", scene.it)
    scene.show()


@then("the board shows its title without doing so")
def shown_harmlessly(scene: Scene) -> None:
    board = scene.house.cli.run("board").out
    assert "cleared" in board
    assert all(line.isprintable() for line in board.splitlines())


@when("somebody writes to the log what is no event")
def write_no_event(scene: Scene) -> None:
    server = scene.house.folder.read_json("server.json") or {}
    with RawConnection(server["url"], role_credentials(scene.house.folder)["core"]) as connection:
        connection.publish(b"ev.local.work.undisturbed", None, NO_EVENT)


@then("it is listed among the dead letters, with the reason")
def listed(scene: Scene) -> None:
    letters = until(lambda: scene.house.ask("deadletters")["rows"])
    assert [bool(row["reason"]) for row in letters] == [True]
