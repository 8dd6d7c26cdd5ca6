"""The verbs of agents: what each sends to the coordinator, and when it does not fit."""

from typing import Final

from coord.tui.scene import Act, Outcome, Row, Say
from coord.tui.views.crew import DRAINING, GONE

VERBS: Final = ("D", "K", "X")


def command(key: str, row: Row) -> Outcome:
    """Return what a key does to an agent: `D` drains, `K` puts out, `X` retires."""
    name, status = row["agent"], row["status"]
    if status in GONE:
        return Say(f"{name} is {status} already.")
    if key == "D":
        return _drain(row)
    if key == "K":
        asks = f"Put {name} out?{_held(row, 'they are open again at once')}"
        return Act("evict", {"agent": name}, f"coord evict {name}", asks=asks, wants="reason")
    asks = f"Retire {name}?{_held(row, 'they stay its own until their leases run out')}"
    return Act("retire", _named(row), f"coord retire {name}", asks=asks)


def _held(row: Row, then: str) -> str:
    """Say what becomes of what an agent holds."""
    count = row["holds"]
    return f" It holds {count} item{'s' if count > 1 else ''}: {then}." if count else ""


def _drain(row: Row) -> Outcome:
    name = row["agent"]
    if row["status"] == DRAINING.name:
        return Say(f"{name} is drained already; coord register {name} makes it active again.")
    asks = f"Drain {name}? It ends what it holds, and is given nothing new."
    return Act("drain", _named(row), f"coord drain {name}", asks=asks)


def _named(row: Row) -> dict[str, object]:
    return {"agent": row["agent"], "incarnation": row["incarnation"]}
