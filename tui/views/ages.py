"""How old what is shown is: answers grow older between two askings, and what they tell of with them."""

from coord.tui.scene import Scene


def late(scene: Scene, key: str) -> float:
    """Return how many seconds to add to the ages in an answer; none while time stands still."""
    if scene.past is not None or scene.frozen or scene.link.state == "lost":
        return 0.0
    return scene.asked_seconds.get(key, 0.0)
