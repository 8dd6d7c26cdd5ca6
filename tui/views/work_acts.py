"""The verbs of work: what each sends to the coordinator, and when it does not fit."""

from typing import Final

from coord.tui.scene import Act, Outcome, Row, Say, Scene
from coord.tui.views.item_pane import run_of, shown_of

VERBS: Final = ("c", "r", "X")


def able(item: Row, scene: Scene) -> tuple[str, ...]:
    """Return the keys that fit an item now; a past moment is only looked at."""
    run = ("o",) if run_of(scene, item["id"]) else ()
    if scene.past is not None:
        return (*run, "h")
    return (*{"open": ("c", "X"), "claimed": ("r", "X")}.get(item["status"], ()), *run, "h")


def command(key: str, item: Row, scene: Scene) -> Outcome:
    """Return what a key does to an item: `c` claims, `r` releases, `X` cancels."""
    name, status = item["id"], item["status"]
    if key == "c":
        if status != "open":
            return Say(f"{name} is {status}; only an open item can be claimed.")
        return Act("claim", {"item_id": name}, f"coord claim {name}", wants="agent")
    if key == "r":
        return _release(item, scene) if status == "claimed" else Say(f"{name} is {status}; nobody holds it.")
    if status not in ("open", "claimed"):
        return Say(f"{name} has ended: it is {status}.")
    held = f" {item['agent']} holds it and will be refused." if status == "claimed" else ""
    return Act(
        "cancel",
        {"item_id": name},
        f"coord cancel {name}",
        asks=f"Cancel {name}? Nobody shall do it any more.{held}",
    )


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
