"""The row that was to be opened, and is not there: it is said, and no other row takes its place."""

from typing import Final

from coord.tui.boxes import box
from coord.tui.ink import Ink, line, said
from coord.tui.scene import Drawn, Place, Scene, View

ALONE: Final = "show"
"""Key of the answer about the chosen row alone: it knows also of rows that a cut list left out."""
LEAVE: Final = ("escape", "backspace")
"""Keys that lead back to the list."""


def missing(scene: Scene, view: View, place: Place, drawn: Drawn) -> str:
    """Say that the chosen row is not there; empty: it is, none is opened, or the answers have not come yet."""
    if not (view.opens and place.opened and place.chosen and drawn.ids) or place.chosen in drawn.ids:
        return ""
    none = f"There is no {view.opens} {place.chosen}{' at this moment' if scene.past else ''}."
    asked = [wish.key for wish in view.wishes(place)]
    if not _have_come(scene, asked):
        return ""
    if place.filter:
        return f"The {view.opens} {place.chosen} is not among what the filter leaves."
    if f"there is no {view.opens} {place.chosen}." in scene.faults.get(ALONE, ""):
        return none
    if place.mode or any(scene.answers[key].get("truncated") for key in asked):
        return f"The {view.opens} {place.chosen} is not among those that are listed{_hint(view, place)}."
    return none


def _hint(view: View, place: Place) -> str:
    return f": coord show {place.chosen}" if view.opens == "item" else ""


def _have_come(scene: Scene, keys: list[str]) -> bool:
    """Whether everything was answered, and of the moment that is shown."""
    if any(key not in scene.answers for key in keys):
        return False
    moments = [answer.get("as_of", {}) for answer in scene.answers.values()]
    past = scene.past
    return past is None or all(
        one.get("position") == past.position for one in moments if one.get("past") is True
    )


def without(words: str, width: int, height: int) -> Drawn:
    """Draw the sentence in place of the row; nothing can be chosen."""
    body = [line(" ", said(words, Ink.WARN)), line((" esc shows the list", Ink.DIM))]
    return Drawn(box("", body, width, height, "esc back"), missing=words)
