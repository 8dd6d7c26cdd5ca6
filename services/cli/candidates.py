"""What values may be: fixed choices by place, and where ids come from: questions to the house that runs.

A place is `verb.name` of an argument or option, or only its name, or what stands for its value in the help.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from coord.events.errors import CoordError
from coord.services import client
from coord.services.cli.directing import ACTIONS, KINDS
from coord.services.folder import Folder

_ANSWER_SECONDS: Final = 0.5
_ROWS: Final = 200
_ENDED: Final = ("completed", "failed", "cancelled")
_ENDED_FROM: Final = 2
"""So many letters are typed before ended items are asked for, too: there are many."""


class Candidate(NamedTuple):
    """A word, and what it is."""

    text: str
    what: str = ""


class House:
    """Whoever answers questions on the data folder; nobody is no error. `word` is what was typed of the value."""

    def __init__(self, folder: Folder | None, word: str = "") -> None:
        self.folder = folder
        self.word = word

    def rows(self, question: str, key: str = "rows", **fields: Any) -> list[dict[str, Any]]:
        """Ask for rows; none where nobody answers at once."""
        if self.folder is None:
            return []
        try:
            found = client.peek(self.folder, question, fields, _ANSWER_SECONDS).get(key)
        except CoordError:
            return []
        return found if isinstance(found, list) else []


Source = Callable[[House, Sequence[str], Mapping[str, str]], Iterator[Candidate]]
"""From the house, the arguments and the options that were typed, to what may come next."""

CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    "color": dict.fromkeys(("auto", "always", "never"), ""),
    "board.status": {
        "open": "", "claimed": "", "blocked": "kept from being claimed", "parked": "tried often enough",
        "completed": "", "failed": "", "cancelled": "", "waiting": "open, for others or for its time",
        "stuck": "claimed, and shows no work",
    },
    "submit.on_stuck": {"tell": "say so", "reassign": "take it from its holder"},
    "alerts.status": dict.fromkeys(("open", "active", "acknowledged", "resolved"), ""),
    "tui.view": dict.fromkeys(
        ("overview", "work", "agents", "runs", "nodes", "alerts", "events", "health"), ""
    ),
    "tui.theme": {"dark": "", "light": "", "ansi": "the terminal's own colours"},
    "top.by": dict.fromkeys(("cpu", "memory", "gpu"), ""),
    "tail.until": {"now": "end at what the log holds"},
    "aggregate": dict.fromkeys(
        ("work", "agent", "team", "node", "run", "alert", "directive", "verification"), ""
    ),
    "direct.action": dict.fromkeys(ACTIONS, ""),
    "direct.kind": dict.fromkeys(KINDS, ""),
    "completion.shell": dict.fromkeys(("bash", "zsh", "fish"), ""),
    "serve.service": {
        "coordinator": "decides commands",
        "projector": "answers questions",
        "hardware": "tells how this machine is",
        "watchdog": "watches runs and machines",
        "exporter": "sends all of it as OpenTelemetry",
        "archive": "EVENTS as Parquet",
        "api": "answers over HTTP",
    },
    "token.action": {"create": "make one", "list": "", "revoke": "take one back"},
    "token.for": {"read": "everything", "metrics": "/metrics alone"},
    "archive.action": {"status": "how far it is", "verify": "compare it with the log"},
    "otlp.action": {"status": "how it is going", "backfill": "send the past"},
    "watchdog.action": {"rules": "list them", "bench": "score them", "replay": "one of them over a run"},
    "watchdog.rule": dict.fromkeys(
        (
            "loss-spike", "model-damaged", "loss-not-finite", "out-of-memory", "recovery-exhausted",
            "gpu-throttled", "gpu-too-hot", "gpu-lost", "gpu-unresponsive", "memory-pressure",
            "memory-exhaustion", "device-memory", "agent-lost", "node-lost", "run-lost",
        ),
        "",
    ),
    "precision": dict.fromkeys(("auto", "fp32", "bf16"), ""),
}  # fmt: skip


def _items(*statuses: str | None) -> Source:
    def found(house: House, _: Sequence[str], given: Mapping[str, str]) -> Iterator[Candidate]:
        for status in statuses:
            holder = given.get("--agent") if status == "claimed" else None
            rows = house.rows("board", status=status, agent=holder, limit=_ROWS)
            yield from (Candidate(row["id"], f"{row['status']}: {row['title']}") for row in rows)

    return found


def _all_items(house: House, *typed: Any) -> Iterator[Candidate]:
    """Yield what is not over, and what is once its id is begun: the newest of each status."""
    offered = set()
    sources = [None, *(_ENDED if len(house.word) >= _ENDED_FROM else ())]
    for candidate in _items(*sources)(house, *typed):
        if candidate.text not in offered:
            offered.add(candidate.text)
            yield candidate


def _event_types(*_: Any) -> Iterator[Candidate]:
    from coord.events.catalog import AGGREGATES, EVENT_TYPES

    yield from (Candidate(kind.name) for kind in EVENT_TYPES)
    yield from (Candidate(f"{aggregate}.", "all of these") for aggregate in AGGREGATES)


def _schemas(*_: Any) -> Iterator[Candidate]:
    from coord.events.documents import names

    yield from map(Candidate, names())


def _agents(house: House, *_: Any) -> Iterator[Candidate]:
    for row in house.rows("agents", limit=_ROWS):
        yield Candidate(row["agent"], f"{row['status']}, holds {row['holds']}")


def _teams(house: House, *_: Any) -> Iterator[Candidate]:
    rows = house.rows("agents", limit=_ROWS)
    yield from (Candidate(team) for team in sorted({row["team"] for row in rows if row.get("team")}))


def _parts_of_health(*_: Any) -> Iterator[Candidate]:
    from coord.events.weights import WEIGHTS

    yield from (Candidate(part, f"{points:g} points as usual") for part, points in WEIGHTS.items())


def _runs(house: House, *_: Any) -> Iterator[Candidate]:
    for row in house.rows("runs", limit=_ROWS):
        yield Candidate(row["run"], f"{row['status']} at step {row['step']}")


def _metrics(house: House, arguments: Sequence[str], _: Mapping[str, str]) -> Iterator[Candidate]:
    latest: dict[str, Any] = {}
    for row in house.rows("runs", run=arguments[0]):
        latest |= row.get("latest", {})
    known = (Candidate(name, f"{value} now") for name, value in latest.items() if name not in arguments)
    yield from known


def _measured(house: House, *_: Any) -> Iterator[Candidate]:
    for row in house.rows("metrics", limit=1_000):
        if row["told_by"] == "nodes":
            yield Candidate(row["metric"], f"{row['value']:g} {row['unit']}".strip())


def _drawn(house: House, *_: Any) -> Iterator[Candidate]:
    for row in house.rows("metrics", limit=1_000):
        if row["told_by"] == "runs":
            yield Candidate(row["metric"], f"{row['value']} now")


def _devices(house: House, arguments: Sequence[str], given: Mapping[str, str]) -> Iterator[Candidate]:
    if arguments:
        rows = house.rows("trend", metrics=arguments[:1], node=given.get("--node"), bins=1)
        yield from (Candidate(one) for one in sorted({row.get("device", "") for row in rows}) if one)


def _tokens(house: House, *_: Any) -> Iterator[Candidate]:
    from coord.services.api.tokens import known_tokens

    if house.folder is not None:
        yield from (Candidate(one.name, one.scope) for one in known_tokens(house.folder).values())


def _nodes(house: House, *_: Any) -> Iterator[Candidate]:
    yield from (Candidate(row["node"], row["status"]) for row in house.rows("nodes", limit=_ROWS))


def _entities(house: House, _: Sequence[str], given: Mapping[str, str]) -> Iterator[Candidate]:
    kind = given.get("--kind")
    yield from _agents(house) if kind == "agent" else _nodes(house) if kind == "node" else _runs(house)


def _anything(house: House, *_: Any) -> Iterator[Candidate]:
    yield from _runs(house)
    yield from _nodes(house)
    yield from _agents(house)
    yield from _teams(house)


def _traced(house: House, arguments: Sequence[str], given: Mapping[str, str]) -> Iterator[Candidate]:
    yield from _all_items(house, arguments, given)
    yield from _agents(house)
    yield from _runs(house)
    yield from _nodes(house)


def _alerts(house: House, *_: Any) -> Iterator[Candidate]:
    for row in house.rows("alerts", status="open", limit=_ROWS):
        yield Candidate(row["id"], f"{row['severity']}, {row['status']}: {row['summary']}")


def _directives(house: House, arguments: Sequence[str], _: Mapping[str, str]) -> Iterator[Candidate]:
    for row in house.rows("runs", run=arguments[0]):
        open_ones = (one for one in row.get("directives", ()) if one["status"] == "issued")
        yield from (Candidate(one["id"], one["action"]) for one in open_ones)


def _scored(house: House, *_: Any) -> Iterator[Candidate]:
    yield Candidate("system", "everything")
    for part in house.rows("health", "parts"):
        yield Candidate(part["entity"], f"{part['score']:.0f}")


def _scenarios(house: House, *_: Any) -> Iterator[Candidate]:
    for row in house.rows("scenarios"):
        yield Candidate(row["id"], f"{row['outcome']}: {row['scenario']}")


def _provable(house: House, *_: Any) -> Iterator[Candidate]:
    yield Candidate("claims", "measure the figures of README")
    yield from _scenarios(house)


SOURCES: Final[Mapping[str, Source]] = {
    "claim.id": _items("open"),
    "progress.id": _items("claimed"),
    "complete.id": _items("claimed"),
    "fail.id": _items("claimed"),
    "release.id": _items("claimed"),
    "wait.id": _items("open", "claimed", "blocked"),
    "why.id": _items("open", "blocked"),
    "cancel.id": _items("open", "claimed", "blocked", "parked"),
    "block.id": _items("open"),
    "unblock.id": _items("blocked"),
    "reprioritise.id": _items("open", "claimed", "blocked", "parked"),
    "depend.id": _items("open", "blocked", "parked"),
    "depend.on": _items(None),
    "submit.after": _items(None),
    "submit.parent": _items(None),
    "requeue.id": _items("parked"),
    "reopen.id": _items(*_ENDED),
    "show.id": _all_items,
    "history.id": _traced,
    "events.entity": _traced,
    "events.type": _event_types,
    "events.actor": _agents,
    "schema.type": _schemas,
    "agent": _agents,
    "heartbeat.name": _agents,
    "retire.name": _agents,
    "drain.name": _agents,
    "evict.name": _agents,
    "register.name": _agents,
    "team": _teams,
    "serves": _teams,
    "run": _runs,
    "RUN": _runs,
    "direct.entity": _entities,
    "withdraw.entity": _runs,
    "withdraw.directive": _directives,
    "ALERT": _alerts,
    "plot.metric": _metrics,
    "metrics.metric": _measured,
    "metrics.device": _devices,
    "compare.metric": _drawn,
    "token.name": _tokens,
    "NODE": _nodes,
    "alerts.entity": _anything,
    "health.explain": _scored,
    "weigh.part": _parts_of_health,
    "verify.what": _provable,
    "submit.verify": _scenarios,
}
"""Where ids come from, by place."""
