"""Pictures of views as text, golden files under tests/tui/golden: what a person sees, read and compared in reviews.

`make documents` draws them anew. A picture is a view, a scene and a place; it is drawn in three sizes of a body:
those of a terminal of 120 x 40, of 80 x 24, and of 240 x 60 less the chrome and some more.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

from nights import night, night_linked, night_past
from scenes import empty_scene
from trouble import trouble, trouble_past

from coord.tui.ink import plain
from coord.tui.scene import Drawn, Place, Scene, View

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
        return "".join(plain(line) + "\n" for line in self.body(width, height).lines)

    def body(self, width: int, height: int) -> Drawn:
        """Draw it."""
        return view_of(self.view).draw(self.scene(), self.place, width, height)


PICTURES: Final = (
    Picture("overview-night", "overview", night),
    Picture("overview-without-run", "overview", lambda: night(("runs", "curve"))),
    Picture("overview-empty", "overview", empty_scene),
    Picture("overview-past", "overview", night_past),
    Picture("work-night", "work", night),
    Picture("work-board", "work", night, Place(mode="board")),
    Picture("work-graph", "work", night_linked, Place(mode="graph", chosen="WI-00207")),
    Picture("work-opened", "work", night, Place(opened=True)),
    Picture("work-past", "work", night_past, Place(chosen="WI-00231")),
    Picture("agents-night", "agents", night),
    Picture("agents-silent", "agents", night, Place(chosen="a7")),
    Picture("agents-past", "agents", night_past, Place(chosen="a7")),
    Picture("runs-trouble", "runs", trouble, Place(chosen="r-17")),
    Picture("runs-mark", "runs", trouble, Place(chosen="r-17", opened=True, cursor=3_100.0, mode="121004")),
    Picture("runs-full-log", "runs", trouble, Place(chosen="r-17", mode="full", log=True, window=3)),
    Picture("runs-past", "runs", trouble_past, Place(chosen="r-17")),
    Picture("runs-empty", "runs", empty_scene),
    Picture("nodes-trouble", "nodes", trouble, Place(chosen="n3")),
    Picture("nodes-without-gpu", "nodes", trouble, Place(chosen="n4", opened=True)),
    Picture("nodes-past", "nodes", trouble_past),
    Picture("nodes-empty", "nodes", empty_scene),
    Picture("alerts-trouble", "alerts", trouble),
    Picture("alerts-over", "alerts", trouble, Place(chosen="a-damage", mode="grouped")),
    Picture("alerts-empty", "alerts", empty_scene),
    Picture("events-trouble", "events", trouble),
    Picture("events-json", "events", trouble, Place(chosen="182425", mode="raw", opened=True)),
    Picture("events-past", "events", trouble_past, Place(chosen="182425")),
    Picture("events-empty", "events", empty_scene),
    Picture("health-trouble", "health", trouble, Place(chosen="system/nodes")),
    Picture("health-weights", "health", trouble, Place(mode="weights", chosen="system/nodes")),
    Picture("health-past", "health", trouble_past),
    Picture("health-well", "health", empty_scene),
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


def main(beginnings: Sequence[str]) -> int:
    """Write every picture, and take away those that nobody draws; or write those whose names begin so."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    wanted = dict(files())
    for path in () if beginnings else set(GOLDEN.glob("*.txt")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        if not beginnings or path.name.startswith(tuple(beginnings)):
            path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
