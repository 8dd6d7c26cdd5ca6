"""The view of work as text, and items to show in it."""

from collections.abc import Sequence
from typing import Any

from coord.tui.ink import plain
from coord.tui.scene import Place, Scene
from coord.tui.views.work import VIEW

HERE = Place()


def text(scene: Scene, place: Place = HERE, width: int = 120, height: int = 36) -> str:
    return "\n".join(plain(line) for line in VIEW.draw(scene, place, width, height).lines)


def ids(scene: Scene, place: Place = HERE) -> Sequence[str]:
    return VIEW.draw(scene, place, 120, 36).ids


def item(name: str = "w-1", **fields: Any) -> dict[str, Any]:
    usual = {
        "id": name,
        "title": "a title",
        "status": "open",
        "priority": 5,
        "attempt": 0,
        "lease_seconds": 60.0,
    }
    return usual | {"age_seconds": 10.0, "state_seconds": 10.0} | fields
