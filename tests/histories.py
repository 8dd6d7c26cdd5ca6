"""Histories for tests: stored messages written by hand or drawn at random, as the log would hold them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from hypothesis import strategies as st
from lives import Lives

from coord.events import agent, node, samples, work
from coord.events.catalog import encode_event, kind_of
from coord.events.envelope import Envelope, to_headers
from coord.events.examples import EVENTS as EVENT_EXAMPLES
from coord.events.examples import INVENTORY, OLD_EVENTS
from coord.events.model import Event
from coord.events.planning import ReclaimCause
from coord.events.samples import Batch, encode_sample, sample_type
from coord.events.wire import Stored
from coord.projections.folds.shape import Table
from coord.projections.intake import take_in
from coord.projections.memory import MemoryTables

CREATED = "2026-11-21T07:00:00.1Z"
START_NS = 1_795_000_000_000_000_000
SECOND_NS = 1_000_000_000


def stored_event(position: int, entity: str, event: Event, at_ns: int | None = None) -> Stored:
    """Store an event as the log would."""
    kind = kind_of(event)
    envelope = Envelope(f"e-{position}", kind.type, "/tests", "2026-11-18T07:00:00Z")
    at_ns = START_NS + position * SECOND_NS if at_ns is None else at_ns
    subject = f"ev.local.{kind.aggregate}.{entity}"
    return Stored("EVENTS", position, at_ns, subject, to_headers(envelope), encode_event(event))


def stored_old(position: int, entity: str, type_: str, **fields: Any) -> Stored:
    """Store an event of an old version, its example with other fields, as the log still holds it."""
    event = OLD_EVENTS[type_].model_copy(update=fields)
    envelope = Envelope(f"e-{position}", type_, "/tests", "2026-11-18T07:00:00Z")
    subject = f"ev.local.{type_.partition('.')[0]}.{entity}"
    at_ns = START_NS + position * SECOND_NS
    return Stored("EVENTS", position, at_ns, subject, to_headers(envelope), encode_event(event))


def stored_sample(position: int, node_name: str, kind: str, batch: Batch, at_ns: int | None = None) -> Stored:
    """Store packed readings as the log would."""
    headers = {"ce-type": sample_type(kind), "ce-specversion": "1.0"}
    at_ns = START_NS + position * SECOND_NS if at_ns is None else at_ns
    return Stored(
        "SAMPLES", position, at_ns, f"sample.local.{node_name}.{kind}", headers, encode_sample(batch)
    )


def poison(position: int, stream: str = "EVENTS", body: bytes = b"{") -> Stored:
    """Store what is no event of ours."""
    river = "ev.local.work.w-1" if stream == "EVENTS" else "sample.local.n1.hardware"
    return Stored(stream, position, START_NS + position * SECOND_NS, river, {}, body)


@dataclass
class History:
    """A log written line by line: each event gets the next position and the next second."""

    messages: list[Stored] = field(default_factory=list)
    samples: list[Stored] = field(default_factory=list)

    def say(self, entity: str, event: Event, at_ns: int | None = None) -> int:
        """Write an event; returns its position."""
        position = len(self.messages) + 1
        self.messages.append(stored_event(position, entity, event, at_ns))
        return position

    def sample(self, node_name: str, kind: str, batch: Batch, at_ns: int | None = None) -> int:
        """Write packed readings; returns their position."""
        position = len(self.samples) + 1
        self.samples.append(stored_sample(position, node_name, kind, batch, at_ns))
        return position

    def agent(self, name: str, **fields: Any) -> int:
        """Register an agent; returns its incarnation."""
        return self.say(name, agent.AgentRegistered(**fields))

    def submit(self, item: str, **fields: Any) -> int:
        """Submit an item."""
        return self.say(item, work.WorkSubmitted(**{"title": f"do {item}", **fields}))

    def claim(self, item: str, name: str, incarnation: int = 1, attempt: int = 1, **fields: Any) -> int:
        """Claim an item; returns the fence."""
        claimed = {"agent": name, "incarnation": incarnation, "lease_seconds": 30.0, "attempt": attempt}
        return self.say(item, work.WorkClaimed(**{**claimed, **fields}))

    def fail(self, item: str, name: str, fence: int, **fields: Any) -> int:
        """Give a try up; returns the position."""
        return self.say(
            item, work.WorkFailed(**{"agent": name, "fence": fence, "reason": "no file", **fields})
        )

    def expire(self, item: str, name: str, fence: int, **fields: Any) -> int:
        """End a claim as the coordinator does; returns the position."""
        told = {
            "agent": name,
            "incarnation": 1,
            "fence": fence,
            "lease_seconds": 30.0,
            "silent_seconds": 30.2,
        }
        return self.say(item, work.WorkLeaseExpired(**{**told, **fields}))

    def complete(self, item: str, name: str, fence: int) -> int:
        """Complete an item; returns the position."""
        return self.say(item, work.WorkCompleted(agent=name, fence=fence))

    def node(self, name: str, **fields: Any) -> int:
        """Register a node."""
        event = node.NodeRegistered(
            inventory=fields.pop("inventory", INVENTORY), monitor_version="0.1.0", sample_seconds=1.0
        )
        return self.say(name, event, **fields)

    def tables(self) -> MemoryTables:
        """Fold all of it."""
        return folded(self.messages, self.samples)


def folded(*streams: list[Stored]) -> MemoryTables:
    """Fold streams into fresh tables, each in one batch."""
    tables = MemoryTables()
    for messages in streams:
        if messages:
            tables.apply(take_in(CREATED, messages))
    return tables


def only(tables: MemoryTables, table: Table[Any]) -> Any:
    """Return the one row of a table."""
    (row,) = tables.rows(table)
    return row


_FEW = st.integers(1, 3)
_ITEMS = st.builds("w-{}".format, _FEW)
_AGENTS = st.builds("a{}".format, _FEW)
_POSITIONS = st.integers(1, 25)


def _varied(event: Event) -> st.SearchStrategy[Event]:
    """Vary what ties an event to others (whose, which claim, which pack, which directive), and what comes of it."""
    choices: dict[str, st.SearchStrategy[Any]] = {
        "agent": _AGENTS,
        "fence": _POSITIONS,
        "incarnation": _POSITIONS,
        "writer": st.sampled_from(["x", "y"]),
        "writer_sequence": st.integers(0, 6),
        "directive_id": st.builds("d-{}".format, _FEW),
        "depends_on": st.lists(_ITEMS, max_size=2, unique=True).map(tuple),
        "not_before_ns": st.sampled_from([None, START_NS + 20 * SECOND_NS]),
        "retry_seconds": st.sampled_from([None, 0.0, 7.5, 1e300]),
        "cause": st.sampled_from(get_args(ReclaimCause)),
        "parent": st.one_of(st.none(), _ITEMS),
    }
    if isinstance(event, work.WorkFailed):
        choices["then"] = st.sampled_from(["failed", "open", "parked"])
    elif isinstance(event, work.WorkLeaseExpired):
        choices["then"] = st.sampled_from(["open", "parked"])
    chosen = {name: choices[name] for name in type(event).model_fields if name in choices}
    return st.fixed_dictionaries(chosen).map(lambda update: event.model_copy(update=update))


_EVENT = st.sampled_from(sorted(EVENT_EXAMPLES)).flatmap(lambda type_: _varied(EVENT_EXAMPLES[type_]))
_KINDS = st.sampled_from(["next"] * 8 + ["any", "poison"])


def _entity(event: Event) -> st.SearchStrategy[str]:
    families: dict[str, st.SearchStrategy[str]] = {"work": _ITEMS, "agent": _AGENTS}
    return families.get(kind_of(event).aggregate, st.builds("x{}".format, st.integers(1, 2)))


@st.composite
def event_histories(draw: st.DrawFn) -> list[Stored]:
    """Draw a history of EVENTS: what may come next, what may not, and what is no event at all."""
    messages: list[Stored] = []
    lives = Lives()
    position = 0
    for kind in draw(st.lists(_KINDS, min_size=draw(st.sampled_from([1, 25])), max_size=60)):
        position += draw(st.sampled_from([1, 1, 1, 1, 1, 2]))
        if kind == "poison":
            messages.append(poison(position))
            continue
        if kind == "next":
            entity = draw(st.one_of(_ITEMS, _ITEMS, _ITEMS, _AGENTS))
            type_ = draw(st.sampled_from(lives.next_of(entity)))
            event = lives.fitting(draw(_varied(EVENT_EXAMPLES[type_])), entity)
        else:
            event = draw(_EVENT)
            entity = draw(_entity(event))
        lives.went_on(event, entity, position)
        messages.append(stored_event(position, entity, event))
    return messages


def hardware(
    sequence: int,
    readings: Iterable[tuple[int, float]],
    writer: str = "m-1",
    metric: str = "load",
    **more: Any,
) -> samples.HardwareSample:
    """Pack readings (milliseconds since the start, value) of one series."""
    offsets, values = zip(*readings, strict=True)
    series = samples.Series(metric=metric, offsets_ms=offsets, values=values, **more)
    return samples.HardwareSample(
        writer=writer, writer_sequence=sequence, started_at_ns=START_NS, series=(series,)
    )


@st.composite
def sample_histories(draw: st.DrawFn) -> list[Stored]:
    """Draw a history of SAMPLES: resent, late, interleaved, and not samples at all."""
    messages: list[Stored] = []
    for position in range(1, draw(st.integers(1, 25)) + 1):
        kind = draw(st.sampled_from(["hardware", "hardware", "hardware", "presence", "processes", "poison"]))
        base: dict[str, Any] = {
            "writer": draw(st.sampled_from(["m-1", "m-2"])),
            "writer_sequence": draw(st.integers(0, 12)),
            "started_at_ns": START_NS,
        }
        batch: Batch
        if kind == "hardware":
            offsets = sorted(draw(st.lists(st.integers(0, 240_000), min_size=1, max_size=4)))
            values = draw(
                st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=len(offsets), max_size=len(offsets))
            )
            one = samples.Series(
                metric=draw(st.sampled_from(["load", "heat"])),
                offsets_ms=tuple(offsets),
                values=tuple(values),
            )
            batch = samples.HardwareSample(**base, series=(one,))
        elif kind == "presence":
            who = samples.Presence(
                agent=draw(_AGENTS), incarnation=draw(_FEW), silent_seconds=draw(st.floats(0, 100))
            )
            batch = samples.PresenceSample(**base, agents=(who,))
        elif kind == "processes":
            process = samples.Process(pid=draw(_FEW), name="python3", cpu_ratio=0.5, memory_bytes=1)
            batch = samples.ProcessesSample(**base, total=3, processes=(process,))
        else:
            messages.append(poison(position, "SAMPLES"))
            continue
        messages.append(stored_sample(position, draw(st.sampled_from(["n1", "n2"])), kind, batch))
    return messages
