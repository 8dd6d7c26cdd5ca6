"""Histories for tests: stored messages written by hand or drawn at random, as the log would hold them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from coord.events import agent, node, samples, work
from coord.events.catalog import encode_event, kind_of
from coord.events.envelope import Envelope, to_headers
from coord.events.examples import EVENTS as EVENT_EXAMPLES
from coord.events.examples import INVENTORY
from coord.events.model import Event
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
    envelope = Envelope(f"e-{position}", kind.type, "/tests", "2026-11-21T07:00:00Z")
    at_ns = START_NS + position * SECOND_NS if at_ns is None else at_ns
    subject = f"ev.local.{kind.aggregate}.{entity}"
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

    def claim(self, item: str, name: str, incarnation: int = 1, attempt: int = 1) -> int:
        """Claim an item; returns the fence."""
        event = work.WorkClaimed(agent=name, incarnation=incarnation, lease_seconds=30.0, attempt=attempt)
        return self.say(item, event)

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
    """Vary what ties an event to others: whose, which claim, which pack, which directive."""
    choices: dict[str, st.SearchStrategy[Any]] = {
        "agent": _AGENTS,
        "fence": _POSITIONS,
        "incarnation": _POSITIONS,
        "writer": st.sampled_from(["x", "y"]),
        "writer_sequence": st.integers(0, 6),
        "directive_id": st.builds("d-{}".format, _FEW),
    }
    chosen = {name: choices[name] for name in type(event).model_fields if name in choices}
    return st.fixed_dictionaries(chosen).map(lambda update: event.model_copy(update=update))


_EVENT = st.sampled_from(sorted(EVENT_EXAMPLES)).flatmap(lambda type_: _varied(EVENT_EXAMPLES[type_]))
_WORK = st.sampled_from([name for name in sorted(EVENT_EXAMPLES) if name.startswith("work.")]).flatmap(
    lambda type_: _varied(EVENT_EXAMPLES[type_])
)


def _entity(event: Event) -> st.SearchStrategy[str]:
    families: dict[str, st.SearchStrategy[str]] = {"work": _ITEMS, "agent": _AGENTS}
    return families.get(kind_of(event).aggregate, st.builds("x{}".format, st.integers(1, 2)))


@st.composite
def event_histories(draw: st.DrawFn) -> list[Stored]:
    """Draw a history of EVENTS: legal, illegal, and not events at all."""
    messages: list[Stored] = []
    position = 0
    for event in draw(st.lists(st.one_of(_WORK, _EVENT, st.none()), min_size=1, max_size=40)):
        position += draw(st.sampled_from([1, 1, 1, 1, 1, 2]))
        if event is None:
            messages.append(poison(position))
        else:
            messages.append(stored_event(position, draw(_entity(event)), event))
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
