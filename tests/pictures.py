"""Pictures of views as text, golden files under tests/tui/golden: what a person sees, read and compared in reviews.

`make documents` draws them anew. A picture is a view, a scene and a place; it is drawn in three sizes of a body:
those of a terminal of 120 x 40, of 80 x 24, and of 240 x 60 less the chrome and some more.
"""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

from nights import night
from scenes import empty_scene

from coord.tui.ink import plain
from coord.tui.scene import Place, Scene, View

GOLDEN: Final = Path(__file__).resolve().parent / "tui" / "golden"
SIZES: Final = ((120, 36), (80, 20), (236, 56))


class Picture(NamedTuple):
    """One view of one scene."""

    name: str
    view: str
    scene: Callable[[], Scene]
    place: Place = Place()

    def drawn(self, width: int, height: int) -> str:
        """Draw it as text, without trailing blanks."""
        body = view_of(self.view).draw(self.scene(), self.place, width, height)
        return "".join(plain(line) + "\n" for line in body.lines)


PICTURES: Final = (
    Picture("overview-night", "overview", night),
    Picture("overview-without-run", "overview", lambda: night(("runs", "curve"))),
    Picture("overview-empty", "overview", empty_scene),
    Picture("work-night", "work", night),
    Picture("work-board", "work", night, Place(mode="board")),
    Picture("work-opened", "work", night, Place(opened=True)),
    Picture("agents-night", "agents", night),
    Picture("agents-silent", "agents", night, Place(chosen="a7")),
)


def view_of(name: str) -> View:
    """Return one of the eight views."""
    found: View = import_module(f"coord.tui.views.{name}").VIEW
    return found


def files() -> Iterator[tuple[Path, str]]:
    """Return every golden file with what it should hold."""
    for picture in PICTURES:
        for width, height in SIZES:
            yield GOLDEN / f"{picture.name}-{width}x{height}.txt", picture.drawn(width, height)


def main() -> int:
    """Write every picture; those that are no longer drawn go."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    wanted = dict(files())
    for path in GOLDEN.glob("*.txt"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
