"""The dashboard: one look at it, open in a terminal, and in a browser."""

from browsers import Browser, browser
from command_line import COORD
from features.scene import Scene, telling_of
from houses import until
from pictures import Cell, screen
from pytest_bdd import given, parsers, then, when
from terminals import Terminal, terminal
from web_servers import serving

from coord.events.errors import Exit

SIZE = (110, 34)
_ONCE = ("tui", "--once", "--size", "110x34")


@given("nothing runs")
@when("everything is stopped")
def stop(scene: Scene) -> None:
    scene.house.ask("down")


@given("that moment is remembered")
def remember(scene: Scene) -> None:
    scene.kept["moment"] = scene.events()[-1]["position"]


@when("somebody looks at the dashboard once")
def look(scene: Scene) -> None:
    scene.last = scene.house.cli.run(*_ONCE)


@when("somebody looks at the work of that moment")
def look_back(scene: Scene) -> None:
    scene.last = scene.house.cli.run(*_ONCE, "--view", "work", "--at", f"#{scene.kept['moment']}")


@when(parsers.parse("somebody looks at the work of position {position:d}"))
def look_at(scene: Scene, position: int) -> None:
    scene.last = scene.house.cli.run(*_ONCE, "--view", "work", "--at", f"#{position}")


@when("somebody looks at the work of now")
def look_now(scene: Scene) -> None:
    last = scene.events()[-1]["position"]
    until(lambda: scene.house.ask("board")["as_of"]["position"] >= last)
    scene.last = scene.house.cli.run(*_ONCE, "--view", "work")


@then(parsers.parse('the picture says "{first}", "{second}" and "{third}"'))
def picture_says(scene: Scene, first: str, second: str, third: str) -> None:
    missing = [words for words in (first, second, third) if words not in scene.last.out]
    assert not missing, f"the picture does not say {missing}: {scene.last.out}"


@then("the look ends as every command does where no house runs")
def no_house(scene: Scene) -> None:
    assert scene.last.code == Exit.NO_SERVER == scene.house.cli.run("board").code


@given("the dashboard is open in a terminal")
def open_in_terminal(scene: Scene) -> None:
    opened = scene.ending.enter_context(terminal(scene.root, *SIZE, scene.house.cli.environment))
    scene.kept["terminal"] = opened
    scene.kept["before"] = opened.text
    opened.run(COORD, "tui")
    opened.wait_for("LIVE", *(["ada"] if scene.it else []))
    scene.kept["bright"] = _brightness_of("ada", opened)


@when(parsers.parse('the key "{key}" is pressed in the terminal'))
def press(scene: Scene, key: str) -> None:
    _terminal_of(scene).press(key)


@when(parsers.parse('that moment is asked for with "{key}"'))
def seek(scene: Scene, key: str) -> None:
    opened = _terminal_of(scene)
    opened.press("2")
    opened.wait_for("[2 Work]", "now")
    opened.press(key)
    opened.wait_for("leave the bar")
    opened.press("g")
    opened.type(f"#{scene.kept['moment']}")
    opened.press("Enter")


@then(parsers.parse('the dashboard says "{first}", "{second}" and "{third}"'))
def dashboard_says(scene: Scene, first: str, second: str, third: str) -> None:
    shown = _terminal_of(scene).wait_for(first, second, third)
    telling_of(scene.house).transcript.say(f"The screen\n{shown}")


@then("what it knew of ada stands there, dimmer than before")
def dimmer(scene: Scene) -> None:
    opened = _terminal_of(scene)
    until(lambda: 0 < _brightness_of("ada", opened) < scene.kept["bright"])


@then("the terminal is as it was before")
def as_it_was(scene: Scene) -> None:
    opened = _terminal_of(scene)
    until(opened.is_as_it_was)
    assert opened.text.startswith(scene.kept["before"].rstrip())


@when("the dashboard is opened in a browser")
def open_in_browser(scene: Scene) -> None:
    address = scene.ending.enter_context(serving(scene.house))
    shown = scene.ending.enter_context(browser(scene.root))
    scene.kept["browser"] = shown
    shown.open(address)


@when(parsers.parse('the key "{key}" is pressed in the browser'))
def press_in_browser(scene: Scene, key: str) -> None:
    shown = _browser_of(scene)
    shown.seen.text = ""
    shown.press(key)


@then(parsers.parse('the browser shows "{first}", "{second}" and "{third}"'))
def browser_shows(scene: Scene, first: str, second: str, third: str) -> None:
    _browser_of(scene).wait_for(first, second, third)


@then("the browser has asked no other machine for anything")
def nothing_foreign(scene: Scene) -> None:
    seen = _browser_of(scene).seen
    telling_of(scene.house).transcript.say("Asked for\n" + "\n".join(seen.requests))
    assert seen.requests
    assert seen.foreign() == []


def _terminal_of(scene: Scene) -> Terminal:
    opened = scene.kept["terminal"]
    assert isinstance(opened, Terminal)
    return opened


def _browser_of(scene: Scene) -> Browser:
    shown = scene.kept["browser"]
    assert isinstance(shown, Browser)
    return shown


def _brightness_of(words: str, opened: Terminal) -> int:
    """Return how bright these words are drawn where they stand first; 0: nowhere."""
    for row in screen(opened.lines(colours=True)):
        at = "".join(cell.glyph for cell in row).find(words)
        if at >= 0:
            return _brightness(row[at])
    return 0


def _brightness(cell: Cell) -> int:
    front, _ = cell.pen.colours()
    return sum(front)
