"""The palette's commands: every key by name, every view, the themes, and the rows in sight to go to."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from coord.tui.keymap import GENERAL, MORE, TIME, beside
from coord.tui.palette import THEMES
from coord.tui.scene import View

_NOT_LISTED = ("1", "colon", "down")


class Command(NamedTuple):
    """An entry: what it is called, what it does, its key, and what is done: a key, `go`, `theme` or `id`."""

    name: str
    more: str
    kind: str
    what: str
    shown: str = ""


def commands(view: View, views: Mapping[str, View], ids: tuple[str, ...]) -> Iterator[Command]:
    """List what can be chosen, the view's own first."""
    for key in view.keys:
        yield Command(f"{view.title.lower()}: {key.words}", key.more, "key", key.key, key.shown)
    for number, one in enumerate(views.values(), 1):
        yield Command(f"go {one.name}", f"The view of {one.title.lower()}.", "go", one.name, str(number))
    for key in beside(view, (*GENERAL, *MORE)):
        if key.key not in _NOT_LISTED:
            yield Command(key.words, key.more, "key", key.key, key.shown)
    for key in TIME:
        yield Command(f"time: {key.words}", key.more, "time", key.key, f"t {key.shown}")
    for theme in THEMES[:3]:
        yield Command(f"theme {theme}", "Colours.", "theme", theme)
    for name in ids:
        yield Command(f"jump {name}", "To this row.", "id", name, "↵")
