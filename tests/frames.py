"""Pictures of the whole screen as text, golden files under tests/tui/frames; `make documents` draws them anew."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from scenes import empty_scene, lost_scene, past_scene, scene

from coord.tui.frame import Framed, frame
from coord.tui.ink import plain
from coord.tui.scene import Act, Link, Place, Scene
from coord.tui.state import Done, Help, Prompt, Said, State
from coord.tui.views import VIEWS

GOLDEN: Final = Path(__file__).resolve().parent / "tui" / "frames"
SIZES: Final = ((120, 40), (80, 24), (240, 60))
CANCEL: Final = Act("cancel", {"id": "w-231"}, "coord cancel w-231", "Cancel w-231?")
RELEASE: Final = Act("release", {"id": "w-228"}, "coord release w-228", wants="reason")
SECONDS: Final = 1_000.0
"""What the clock that never jumps shows."""


class Shot(NamedTuple):
    """One screen."""

    name: str
    state: State
    scene: Callable[[], Scene] = scene
    since: int = 0

    def framed(self, width: int, height: int) -> Framed:
        """Draw it."""
        return frame(self.state, self.scene(), VIEWS, width, height, SECONDS, self.since)

    def drawn(self, width: int, height: int) -> str:
        """Draw it as text, without trailing blanks."""
        return "".join(plain(line) + "\n" for line in self.framed(width, height).lines)


def _at(view: str, place: Place | None = None, **fields: Any) -> State:
    return replace(State(view=view, **fields), places={view: place or Place()})


def _past(view: str, **fields: Any) -> State:
    return replace(_at(view, **fields), past=past_scene().past)


SHOTS: Final = (
    Shot("live", _at("agents")),
    Shot("filtered", _at("agents", Place(filter="ada", sort="name"))),
    Shot("typing", _at("agents", Place(filter="ada"), prompt=Prompt("filter", "ada", ""))),
    Shot("help", _at("runs", help=Help())),
    Shot("help-searched", _at("runs", help=Help("copy"))),
    Shot("past", _past("events"), past_scene),
    Shot("time-bar", _past("alerts", bar=True), past_scene),
    Shot("going-to", _past("alerts", bar=True, prompt=Prompt("goto", "tiny-gpt spi")), past_scene),
    Shot("lost", _at("work"), lost_scene),
    Shot("no-house", _at("overview"), lambda: Scene(lost_scene().now_ns, link=lost_scene().link)),
    Shot("connecting", _at("overview"), lambda: Scene(scene().now_ns, link=Link(folder="/srv/coord"))),
    Shot("frozen", _at("alerts", frozen_at=990.0), lambda: scene(frozen=True), since=31),
    Shot("empty", _at("overview"), empty_scene),
    Shot("asked", _at("work", prompt=Prompt("confirm", act=CANCEL))),
    Shot("wanted", _at("work", prompt=Prompt("wants", "too slow", act=RELEASE))),
    Shot("done", _at("work", done=Done("coord claim w-244", "done", CANCEL, SECONDS + 5))),
    Shot("said", _at("work", said=Said("Copied: w-244", SECONDS + 5))),
    Shot("ascii", _past("runs", bar=True, ascii=True), past_scene),
)


def files() -> Iterator[tuple[Path, str]]:
    """Return every golden file with what it should hold."""
    for shot in SHOTS:
        for width, height in SIZES:
            yield GOLDEN / f"{shot.name}-{width}x{height}.txt", shot.drawn(width, height)


def main() -> int:
    """Write every screen, and take away those that nobody draws."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    wanted = dict(files())
    for path in set(GOLDEN.glob("*.txt")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
