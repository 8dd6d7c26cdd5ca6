"""A file is new, or is not written; and what else the dashboard does for these views."""

from pathlib import Path

from coord.tui.known import asked_of
from coord.tui.saving import save
from coord.tui.scene import Past, Scene, Wish, Write
from coord.tui.state import Save, State
from coord.tui.turns import came_to


def test_it_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "events-1-2.jsonl"
    assert save(str(path), "{}\n{}\n").endswith("2 lines.")
    assert path.read_text() == "{}\n{}\n"
    assert "already" in save(str(path), "other")
    assert path.read_text() == "{}\n{}\n"


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    said = save(str(tmp_path / "none" / "x.jsonl"), "")
    assert "cannot be written" in said
    assert "\n" not in said


def test_what_a_view_wants_written_is_done_outside() -> None:
    turn = came_to(State(), Scene(now_ns=1), Write("events-1-2.jsonl", "{}"), 0.0)
    assert turn.effect == Save("events-1-2.jsonl", "{}")


def test_a_wish_that_names_a_moment_is_asked_as_of_it_and_others_of_that_on_the_screen() -> None:
    past = Past(100, 1, 200)
    assert asked_of(past, Wish("a", "runs", {"limit": 1})) == {"limit": 1, "at_position": 100}
    assert asked_of(past, Wish("a", "runs", {"at_position": 7})) == {"at_position": 7}
    assert asked_of(past, Wish("a", "timeline", {})) == {}
    assert asked_of(None, Wish("a", "runs", {})) == {}
