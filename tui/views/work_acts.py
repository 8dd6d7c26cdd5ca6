"""The verbs of work: what each sends to the coordinator, and when it does not fit."""

from typing import Final

from coord.tui.scene import Act, Key, Outcome, Row, Say, Scene
from coord.tui.views.item_pane import run_of, shown_of
from coord.tui.views.items import ENDED

VERBS: Final = ("c", "r", "b", "e", "X")
_FITTING: Final = {
    "open": ("c", "b", "X"),
    "claimed": ("r", "X"),
    "blocked": ("b", "X"),
    "parked": ("e", "X"),
    "completed": ("e",),
    "failed": ("e",),
    "cancelled": ("e",),
}
"""Keys by state."""
_WORDS: Final = {
    ("b", "blocked"): "unblock",
    ("e", "parked"): "requeue",
    **{("e", one): "reopen" for one in ENDED},
}
"""What a key does in a state, where that is not what it is called in general."""


def able(item: Row, scene: Scene) -> tuple[str, ...]:
    """Return the keys that fit an item now; a past moment is only looked at."""
    run = ("o",) if run_of(scene, item["id"]) else ()
    if scene.past is not None:
        return (*run, "h")
    return (*_FITTING.get(item["status"], ()), *run, "h")


def worded(key: Key, item: Row) -> str:
    """Say what a key does to this very item."""
    return _WORDS.get((key.key, item["status"]), key.words)


def command(key: str, item: Row, scene: Scene) -> Outcome:
    """Return what a key does to an item: `c` claims, `r` releases, `b` blocks, `e` opens again, `X` cancels."""
    name, status = item["id"], item["status"]
    if key == "c":
        if status != "open":
            return Say(f"{name} is {status}; only an open item can be claimed.")
        return Act("claim", {"item_id": name}, f"coord claim {name}", wants="agent")
    if key == "r":
        return _release(item, scene) if status == "claimed" else Say(f"{name} is {status}; nobody holds it.")
    if key == "b":
        return _block(name, status)
    if key == "e":
        return _open_again(name, status)
    if key not in _FITTING.get(status, ()):
        return Say(f"{name} has ended: it is {status}.")
    held = f" {item['agent']} holds it and will be refused." if status == "claimed" else ""
    return Act(
        "cancel",
        {"item_id": name},
        f"coord cancel {name}",
        asks=f"Cancel {name}? Nobody shall do it any more.{held}",
    )


def _block(name: str, status: str) -> Outcome:
    if status == "blocked":
        return Act("unblock", {"item_id": name}, f"coord unblock {name}")
    if status != "open":
        return Say(f"{name} is {status}; only an open item can be blocked.")
    undo = Act("unblock", {"item_id": name}, f"coord unblock {name}")
    return Act("block", {"item_id": name}, f"coord block {name}", wants="reason", undo=undo)


def _open_again(name: str, status: str) -> Outcome:
    """Give what is parked all its attempts again, and open what has ended: the one is routine, the other wants a reason."""
    if status == "parked":
        return Act("requeue", {"item_id": name}, f"coord requeue {name}")
    if status not in ENDED:
        return Say(f"{name} is {status}; only what is parked or has ended can be opened again.")
    return Act("reopen", {"item_id": name}, f"coord reopen {name}", wants="reason")


def _release(item: Row, scene: Scene) -> Outcome:
    name, agent, fence = item["id"], item["agent"], item["fence"]
    held: dict[str, object] = {"agent": agent, "item_id": name, "fence": fence}
    incarnation = shown_of(scene, name).get("item", {}).get("incarnation")
    if incarnation is not None:
        held["incarnation"] = incarnation
    return Act(
        "release",
        held,
        f"coord release {name} --agent {agent} --fence {fence}",
        asks=f"Take {name} from {agent}? It is open again, and what {agent} still says of it is refused.",
    )
