"""Questions about nodes: what each is and measures, and the processes that matter most."""

from typing import Any, Final

from coord.events.commands import Refusal, refusal
from coord.events.node import Inventory
from coord.events.questions import NodeRow, Nodes, NodesAnswer, Reading, Top, TopAnswer, TopRow
from coord.events.samples import Process
from coord.projections.answers.gather import gather
from coord.projections.answers.moment import SAMPLE_SECONDS_SILENT, Moment, as_of, cut
from coord.projections.health.parts import score_node
from coord.projections.store import Reader

PROCESS_AGE_SECONDS_MAX: Final = 600
"""An older list of processes says nothing about what runs now."""
TOP_NODES_MAX: Final = 50

_NODES: Final = """
    SELECT n.node, n.status, n.sample_seconds, n.inventory, m.hardware_at_ns
    FROM nodes n
    LEFT JOIN (SELECT node, max(hardware_at_ns) AS hardware_at_ns FROM monitors GROUP BY node) m
      ON m.node = n.node
    WHERE $node::VARCHAR IS NULL OR n.node = $node
    ORDER BY n.node LIMIT $limit"""

_READINGS: Final = """
    SELECT node, metric, device, value, at_ns FROM latest
    WHERE list_contains($nodes::VARCHAR[], node) ORDER BY node, metric, device"""

_PROCESSES: Final = """
    SELECT node, at_ns, pid, name, cpu_ratio, memory_bytes, gpu_memory_bytes FROM node_processes
    WHERE ($node::VARCHAR IS NULL OR node = $node) AND recorded_at_ns >= $since_ns
    ORDER BY CASE $by WHEN 'memory' THEN memory_bytes WHEN 'gpu' THEN coalesce(gpu_memory_bytes, -1)
             ELSE cpu_ratio END DESC, node, pid
    LIMIT $limit"""


def answer_nodes(reader: Reader, question: Nodes, moment: Moment) -> NodesAnswer | Refusal:
    """List nodes with their newest readings."""
    found = reader.rows(_NODES, node=question.node, limit=question.limit + 1)
    if question.node is not None and not found:
        return _unknown(question.node)
    rows, truncated = cut(found, question.limit)
    return NodesAnswer(
        as_of=as_of(reader, moment),
        rows=_node_rows(reader, rows, moment, inventory=question.inventory),
        truncated=truncated,
    )


def answer_top(reader: Reader, question: Top, moment: Moment) -> TopAnswer | Refusal:
    """List the processes that matter most, under the figures of their nodes."""
    nodes = reader.rows(_NODES, node=question.node, limit=TOP_NODES_MAX)
    if question.node is not None and not nodes:
        return _unknown(question.node)
    since_ns = moment.before(PROCESS_AGE_SECONDS_MAX)
    found = reader.rows(
        _PROCESSES, node=question.node, by=question.by, since_ns=since_ns, limit=question.limit
    )
    return TopAnswer(
        as_of=as_of(reader, moment),
        nodes=_node_rows(reader, nodes, moment, inventory=False),
        rows=tuple(
            TopRow(node=row.pop("node"), at_ns=row.pop("at_ns"), process=Process(**row)) for row in found
        ),
    )


def _node_rows(
    reader: Reader, rows: list[dict[str, Any]], moment: Moment, *, inventory: bool
) -> tuple[NodeRow, ...]:
    facts = gather(reader, moment)
    scores = {node.node: score_node(node, facts).score for node in facts.nodes}
    readings = _readings(reader, [row["node"] for row in rows])
    return tuple(
        NodeRow(
            node=row["node"],
            status=_status(row, moment),
            silent_seconds=_silent_seconds(row, moment),
            sample_seconds=row["sample_seconds"],
            readings=tuple(readings.get(row["node"], ())),
            inventory=Inventory.model_validate_json(row["inventory"]) if inventory else None,
            score=scores.get(row["node"]),
        )
        for row in rows
    )


def _readings(reader: Reader, nodes: list[str]) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = {}
    for row in reader.rows(_READINGS, nodes=nodes):
        found.setdefault(row.pop("node"), []).append(Reading(**row))
    return found


def _silent_seconds(row: dict[str, Any], moment: Moment) -> float | None:
    at_ns = row["hardware_at_ns"]
    return None if at_ns is None else moment.seconds_since(at_ns)


def _status(row: dict[str, Any], moment: Moment) -> Any:
    """Say lost as decided, stale as seen now."""
    silent = _silent_seconds(row, moment)
    limit = max(moment.node_silence_seconds, SAMPLE_SECONDS_SILENT * row["sample_seconds"])
    return "stale" if row["status"] == "active" and (silent is None or silent > limit) else row["status"]


def _unknown(node: str) -> Refusal:
    return refusal("unknown_id", f"there is no node {node}.", "coord nodes lists what there is.")
