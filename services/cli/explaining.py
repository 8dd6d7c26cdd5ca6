"""In which order items would be claimed, and why: what `coord claim --why` and `coord why` print."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from coord.services.cli.call import Call, note
from coord.services.cli.render import Cell, Column, Toned, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, painted
from coord.services.cli.values import CLAIM_MAX, as_whole
from coord.services.wording import full_team

PLACES: Final = 10
"""So many are shown, where --count does not say how many."""
SCORES: Final = ("priority", "age", "deadline", "match", "fairness")


def explain(call: Call, agent: str | None, item_id: str | None) -> None:
    """Ask for the order of claims, as it is for one agent, and show it; nothing is claimed."""
    count = call.read("count", lambda text, what: as_whole(text, what, 1, CLAIM_MAX)) or PLACES
    reply = call.tell(
        "explain", call.request_id(), {"agent": agent, "item_id": item_id, "limit": count}, actor=agent or ""
    )
    told = reply["explanation"]
    if call.json:
        out_json(told)
        return
    item = told.get("item")
    if item is not None:
        out(safe(_standing(item, agent)))
    else:
        for sentence in _limits(told, agent):
            out(painted(safe(sentence), "warn"))
        out(safe(_fitting(told, agent)))
    rows = [*told.get("ranked", ()), *([item] if item and item["place"] else [])]
    if rows:
        print_table(_ORDER, [_row(row, item) for row in rows])
        out(painted(_weights(told.get("weights", {})), "dim"))
    if told.get("truncated"):
        note("more items fit than were weighed.")
    if item is not None and item["place"] > len(rows):
        note(f"these are the last {len(rows) - 1} before it; see --count.")


def _fitting(told: Mapping[str, Any], agent: str | None) -> str:
    fitting, waiting = told.get("fitting", 0), told.get("waiting", 0)
    who, when = agent or "somebody", "otherwise" if told.get("fault") else "now"
    waits = f"; {waiting} more wait for others or for their time" if waiting else ""
    return f"{who} could claim {fitting} item{'' if fitting == 1 else 's'} {when}{waits}"


def _limits(told: Mapping[str, Any], agent: str | None) -> Iterator[str]:
    """Say which limits keep items back that would fit."""
    if told.get("fault"):
        yield f"{agent} is given nothing now: {told['fault']}"
    kept_back = told.get("kept_back", 0)
    for team in told.get("full", ()):
        yield full_team(team)
    if kept_back:
        yield f"so {kept_back} more {'waits' if kept_back == 1 else 'wait'} until one of them ends"


def _standing(item: Mapping[str, Any], agent: str | None) -> str:
    """Say where an item stands: its place, or what it waits for."""
    if item["place"]:
        whose, before = f" for {agent}" if agent else "", item["place"] - 1
        behind = f", behind {before} other{'' if before == 1 else 's'}" if before else ""
        return f"{item['id']} can be claimed: place {item['place']}{whose}{behind}"
    if item.get("fault"):
        return f"{item['id']} cannot be claimed{f' by {agent}' if agent else ''}: {item['fault']}"
    return f"{item['id']} waits for {_listed(item.get('waits_for', ())) or 'a moment'}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _weights(weights: Mapping[str, float]) -> str:
    return "total = " + " + ".join(f"{weights[name]:g} x {name}" for name in SCORES if name in weights)


_ORDER: Final = (
    Column("PLACE", right=True),
    Column("ID"),
    Column("TOTAL", right=True),
    *(Column(name.upper(), right=True, rank=1 + place) for place, name in enumerate(SCORES)),
    Column("TITLE", flexible=True),
)


def _row(row: Mapping[str, Any], item: Mapping[str, Any] | None) -> list[Cell]:
    scores = row.get("scores") or {}
    asked = item is not None and row["id"] == item["id"]
    return [
        row["place"],
        Toned(row["id"], "accent") if asked else row["id"],
        _score(scores.get("total")),
        *(_score(scores.get(name)) for name in SCORES),
        row["title"],
    ]


def _score(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
