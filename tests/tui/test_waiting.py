"""What stands where nothing can: the house is away, nothing has happened yet, or nobody has answered."""

import shlex

from nights import night
from scenes import empty_scene, lost_scene

from coord.services.cli.parse import parse
from coord.tui.ink import Ink, plain, width_of
from coord.tui.scene import Scene
from coord.tui.views.waiting import LOST_LINES, STARTS, asked, draw_empty, draw_lost, is_empty


def lost(width: int = 80, height: int = 20) -> str:
    return "\n".join(plain(line) for line in draw_lost(lost_scene(), width, height))


def test_a_lost_house_says_since_when_why_when_it_is_tried_again_and_what_still_works() -> None:
    shown = lost()
    assert "The house is away since 14s" in shown
    assert "nobody listens on projector.sock: connection refused." in shown
    assert "try 4, next in 3s" in shown
    assert "07:40:55Z" in shown
    assert "coord up --data /home/ada/.local/share/coord" in shown
    assert "still works" in shown
    assert "does not" in shown


def test_below_it_stand_the_last_known_figures_and_they_are_dim() -> None:
    lines = draw_lost(lost_scene(), 80, 20)
    row = next(line for line in lines if "open 112" in plain(line))
    assert {span.ink for span in row if span.text.strip(" │")} == {Ink.DIM}
    assert "Work (stale 14s)" in lost()


def test_the_box_alone_takes_no_more_than_its_lines() -> None:
    lines = draw_lost(lost_scene(), 80, LOST_LINES)
    assert len(lines) == LOST_LINES
    assert "Work" not in "".join(map(plain, lines))


def test_a_house_that_was_never_reached_has_no_figures() -> None:
    never = Scene(now_ns=1, link=lost_scene().link)
    assert "Nothing was seen of it yet." in "\n".join(plain(line) for line in draw_lost(never, 80, 20))


def test_an_empty_house_is_one_without_work_agents_and_runs() -> None:
    assert is_empty(empty_scene())
    assert not is_empty(night())
    assert not is_empty(Scene(now_ns=1)), "nobody has answered yet"


def test_every_way_to_begin_is_a_line_that_coord_reads() -> None:
    for start in STARTS:
        assert parse(shlex.split(start.command)[1:]) is not None, start.command


def test_the_chosen_way_is_marked() -> None:
    lines = draw_empty(empty_scene(), 120, 36, "coord demo")
    marked = [plain(line) for line in lines if any(span.chosen for span in line)]
    assert len(marked) == 1
    assert "coord demo" in marked[0]


def test_what_is_asked_for_is_told_or_why_there_is_no_answer() -> None:
    scene = Scene(now_ns=1, faults={"board": "the projector took longer than 2 s, and was not waited for."})
    assert [plain(line) for line in asked(scene, "agents", "asking for the agents", 40)] == [
        " asking for the agents …"
    ]
    lines = asked(scene, "board", "asking for the board", 30)
    assert len(lines) > 1
    assert all(width_of(line) <= 30 for line in lines)
    assert "".join(map(plain, lines)).startswith(" ✖ the projector took")
