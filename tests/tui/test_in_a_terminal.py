"""The dashboard in a real terminal: it starts, obeys keys and sizes, says when the house is away, and leaves no trace."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from command_line import COORD
from houses import House, running_house, until
from terminals import PROMPT, Terminal, need_tmux, terminal

VIEWS = ("Overview", "Work", "Agents", "Runs", "Nodes", "Alerts", "Events", "Health")
Opening = Callable[[int, int], Terminal]


@pytest.fixture(scope="module")
def small_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which ada holds an item, and another waits."""
    need_tmux()
    with running_house(tmp_path_factory.mktemp("house")) as house:
        house.ask("submit", "weave the baskets", "--id", "w-1", "--priority", "9", "--lease", "10m")
        house.ask("submit", "count the baskets", "--id", "w-2")
        house.ask("claim", "w-1", "--agent", "ada")
        yield house


@pytest.fixture
def opened(small_house: House, tmp_path: Path) -> Iterator[Opening]:
    """Open terminals in which `coord` finds the small house."""
    with ExitStack() as stack:
        environment = small_house.cli.environment
        yield lambda wide, high: stack.enter_context(terminal(tmp_path, wide, high, environment))


def start(one: Terminal, *words: str) -> None:
    """Start the dashboard, and wait for what it knows of the house."""
    one.run(COORD, "tui", *words)
    one.wait_for("[1 ", "ada")


def has_left(one: Terminal) -> bool:
    """Tell whether the shell has the terminal again, as it was."""
    return one.is_as_it_was() and one.lines()[one.text.rstrip().count("\n")].startswith(PROMPT.strip())


@pytest.mark.parametrize(("width", "height"), [(120, 40), (80, 24)])
def test_it_fills_the_terminal_and_every_digit_opens_its_view(
    opened: Opening, width: int, height: int
) -> None:
    one = opened(width, height)
    start(one)
    for digit, view in [*enumerate(VIEWS, 1)][1:]:
        one.press(str(digit))
        one.wait_for(f"[{digit} {view[0]}")
    one.press("1")
    one.wait_for("[1 O")
    assert _hints_at(one, height)
    assert len([line for line in one.lines() if line.strip()]) > height // 2


def test_it_draws_itself_anew_at_another_size(opened: Opening) -> None:
    one = opened(120, 40)
    start(one)
    for width, height in ((80, 24), (132, 50), (60, 16)):
        one.resize(width, height)
        until(lambda height=height: _hints_at(one, height))  # type: ignore[misc]


def _hints_at(one: Terminal, height: int) -> bool:
    """Tell whether the last row of the screen, and no other, says which keys there are."""
    rows = [row for row, line in enumerate(one.lines()) if "1-8 view" in line]
    return rows == [height - 1]


@pytest.mark.parametrize("key", ["q", "C-c"])
def test_it_leaves_the_terminal_as_it_was(opened: Opening, tmp_path: Path, key: str) -> None:
    one = opened(100, 30)
    one.run("sh", "-c", "echo what was here; stty -g > before")
    one.wait_for("\nwhat was here")
    start(one)
    assert "what was here" not in one.text
    one.press(key)
    until(lambda: has_left(one))
    assert "what was here" in one.text
    one.run("sh", "-c", "stty -g > after; echo $? written")
    one.wait_for("0 written")
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()


def test_what_is_pressed_before_it_has_drawn_anything_counts(opened: Opening) -> None:
    one = opened(100, 30)
    one.run(
        "sh",
        "-c",
        f"stty -g > before; {COORD} tui --view events; stty -g > after; cmp before after && echo left",
    )
    one.press("q")
    one.wait_for(f"left\n{PROMPT.strip()}")


def test_keys_before_the_first_picture_are_obeyed_in_order_and_not_echoed(opened: Opening) -> None:
    one = opened(120, 40)
    one.run(COORD, "tui")
    one.wait_for("[1 ")
    one.type("2/weave")
    one.press("Enter")
    one.wait_for("[2 ", "weave the baskets")
    one.wait_until_gone("count the baskets")
    assert "2/weave" not in one.text


def test_a_filter_is_typed_and_taken_back(opened: Opening) -> None:
    one = opened(120, 40)
    start(one)
    one.press("2")
    one.wait_for("weave the baskets", "count the baskets")
    one.type("/weave")
    one.press("Enter")
    one.wait_until_gone("count the baskets")
    one.press("Escape")
    one.wait_for("weave the baskets", "count the baskets")


def test_a_house_that_goes_away_is_said_to_be_lost_and_comes_back(
    opened: Opening, small_house: House
) -> None:
    one = opened(120, 40)
    start(one)
    small_house.kill("projector")
    one.wait_for("LOST")
    one.wait_until_gone("LOST")
    one.wait_for("ada")


def test_what_happens_shows_without_a_key(opened: Opening, small_house: House) -> None:
    one = opened(120, 40)
    start(one)
    small_house.ask("submit", "mend the fence", "--id", "w-3", "--priority", "9")
    small_house.ask("claim", "w-3", "--agent", "bob", "--lease", "10m")
    one.wait_for("bob")
