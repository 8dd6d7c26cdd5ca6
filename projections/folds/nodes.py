"""Nodes as a table: one row a machine, with its inventory. Its readings are in `samples`."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from coord.events import node as facts
from coord.events.envelope import Recorded
from coord.projections.folds.oddities import note
from coord.projections.folds.shape import Draft, Projection, Reads, Row, Table


class Node(Row):
    """One node."""

    node: str
    status: str
    """active or lost, as the silence watchdog decided; stale is a matter of the moment asked about."""
    sample_seconds: float
    monitor_version: str
    inventory: str
    """JSON."""
    registered_at_ns: int
    changed_at_ns: int
    dropped_readings: int
    """Of all its monitors, as they told; they could not be sent."""
    dropped_at_ns: int | None
    """When the broker recorded that the last of them had been."""
    position: int


NODES: Final = Table("nodes", Node, key=("node",))


def _reads(some: Sequence[Recorded]) -> Reads:
    return ((NODES, {(one.entity,) for one in some}),)


def _registered(draft: Draft, recorded: Recorded, event: facts.NodeRegistered) -> None:
    before = draft.get(NODES, recorded.entity)
    draft.put(
        NODES,
        Node(
            node=recorded.entity,
            status="active",
            sample_seconds=event.sample_seconds,
            monitor_version=event.monitor_version,
            inventory=event.inventory.model_dump_json(exclude_none=True),
            registered_at_ns=recorded.recorded_at_ns,
            changed_at_ns=recorded.recorded_at_ns,
            dropped_readings=before.dropped_readings if before else 0,
            dropped_at_ns=before.dropped_at_ns if before else None,
            position=recorded.position,
        ),
    )


def _dropped(draft: Draft, recorded: Recorded, event: facts.NodeReadingsDropped) -> None:
    node = draft.change(NODES, recorded.entity)
    if node is None:
        note(draft, recorded, "no such node was registered")
        return
    node.dropped_readings += event.readings
    node.dropped_at_ns = recorded.recorded_at_ns
    node.position = recorded.position


def _moves_to(status: str) -> Callable[[Draft, Recorded, Any], None]:
    def move(draft: Draft, recorded: Recorded, _: Any) -> None:
        node = draft.change(NODES, recorded.entity)
        if node is None:
            note(draft, recorded, "no such node was registered")
            return
        node.status = status
        node.changed_at_ns = recorded.recorded_at_ns
        node.position = recorded.position

    return move


PROJECTION: Final = Projection(
    name="nodes",
    tables=(NODES,),
    on={
        facts.NodeRegistered: _registered,
        facts.NodeReadingsDropped: _dropped,
        facts.NodeLost: _moves_to("lost"),
        facts.NodeReturned: _moves_to("active"),
    },
    reads=_reads,
)
