"""The question behind meters: counts of all there ever was, and the newest readings, as figures with labels."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from coord.events import run as runs
from coord.events.meters import Distribution, Figure, Meters, MetersAnswer
from coord.events.streams import EVENTS
from coord.projections.answers.gather import RUN_SHOWN_SECONDS, STALLED
from coord.projections.answers.moment import SAMPLE_SECONDS_SILENT, Moment, as_of, cut
from coord.projections.answers.waits import WAITING
from coord.projections.health.parts import READING_AGE_SECONDS_MAX
from coord.projections.store import Reader

BOUNDS: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0)
"""Of durations, in seconds: from an answer to a week."""
RUNS_PAGE: Final = 100
NODES_PAGE: Final = 20
RUN_METRICS_MAX: Final = 20
"""Of one run; those that coord's own words name come first."""
_KNOWN: Final = (
    runs.LOSS, runs.CANARY_LOSS, runs.GRADIENT_NORM, runs.LEARNING_RATE, runs.STEP_SECONDS, runs.TOKENS_PER_SECOND,
    runs.MICRO_BATCH, runs.BATCH, runs.PAUSED, runs.SKIPPED, runs.WAITING_SECONDS,
)  # fmt: skip

_ENDS: Final = """
    (SELECT team, status, submitted_at_ns, changed_at_ns AS ended_at_ns FROM work_ended
     UNION ALL SELECT team, status, submitted_at_ns, ended_at_ns FROM work_reopened)"""
"""Every end there was: one that was undone stays counted."""

_COUNTED: Final = {
    "items": "SELECT team, status, count(*) AS value FROM work GROUP BY ALL",
    "items_ended": f"SELECT team, status, count(*) AS value FROM {_ENDS} GROUP BY ALL",
    "items_stalled": f"SELECT team, count(*) FILTER ({STALLED}) AS value FROM work GROUP BY ALL",
    "agents": """
        SELECT CASE WHEN a.status NOT IN ('active', 'draining') THEN 'offline' WHEN h.agent IS NOT NULL THEN 'busy'
                    WHEN a.status = 'draining' THEN 'offline' ELSE 'available' END AS state, count(*) AS value
        FROM agents a LEFT JOIN (SELECT DISTINCT agent FROM work WHERE status = 'claimed') h ON h.agent = a.agent
        GROUP BY ALL""",
    "runs": "SELECT status, count(*) AS value FROM runs GROUP BY ALL",
    "alerts_raised": "SELECT rule, severity, count(*) AS value FROM alerts GROUP BY ALL",
    "alerts_open": """
        SELECT rule, severity, status, count(*) AS value FROM alerts WHERE status <> 'resolved' GROUP BY ALL""",
    "directives": "SELECT action, status, count(*) AS value FROM directives GROUP BY ALL",
    "scenarios": "SELECT outcome, count(*) AS value FROM scenarios GROUP BY ALL",
    "dead_letters": "SELECT count(*) AS value FROM dead_letters",
    "gaps": f"SELECT coalesce(sum(last - first + 1), 0)::BIGINT AS value FROM gaps WHERE stream = '{EVENTS.name}'",
    "oddities": "SELECT count(*) AS value FROM oddities",
    "file_bytes": "SELECT coalesce(sum(total_blocks * block_size), 0)::BIGINT AS value FROM pragma_database_size()",
    "nodes": f"""
        SELECT CASE WHEN n.status = 'active'
                     AND coalesce(m.at_ns, 0) < $now_ns - greatest($silence, {SAMPLE_SECONDS_SILENT} * n.sample_seconds) * 1e9
                    THEN 'stale' ELSE n.status END AS status, count(*) AS value
        FROM nodes n LEFT JOIN (SELECT node, max(hardware_at_ns) AS at_ns FROM monitors GROUP BY node) m ON m.node = n.node
        GROUP BY ALL""",
}  # fmt: skip
"""By name of the figure: its labels, and `value`."""

_OF_THE_FILE: Final = ("file_bytes",)
"""Not of what is in it: a past moment has none."""

_OLDEST: Final = f"""
    SELECT i.team, min(i.submitted_at_ns) AS at_ns FROM work i LEFT JOIN work_waits x ON x.id = i.id
    WHERE i.status = 'open' AND NOT {WAITING} GROUP BY i.team"""
"""Of what can be claimed: what waits for others or for its time is not late."""

_TOOK: Final = f"""
    SELECT {{labels}}, count(*) AS count, sum(seconds) AS total,
           {", ".join(f"count(*) FILTER (seconds <= {bound}) AS le{place}" for place, bound in enumerate(BOUNDS))}
    FROM (SELECT {{labels}}, greatest({{ended}} - {{began}}, 0) / 1e9 AS seconds FROM {{table}}) GROUP BY {{labels}}"""
_TIMED: Final = {
    "item_seconds": _TOOK.format(labels="team, status", ended="ended_at_ns", began="submitted_at_ns", table=_ENDS),
    "attempt_seconds": _TOOK.format(labels="team, outcome", ended="ended_at_ns", began="claimed_at_ns", table="attempts"),
}  # fmt: skip

_RUNS: Final = """
    SELECT run, status, step, starts, out_of_memory, not_finite, dropped_points, heard_at_ns FROM runs
    WHERE ($after::VARCHAR IS NULL OR run > $after) AND (status = 'running' OR changed_at_ns >= $since_ns)
    ORDER BY run LIMIT $limit"""
_LATEST: Final = """
    SELECT run, metric, value, recorded_at_ns FROM run_latest
    WHERE list_contains($names::VARCHAR[], run) AND isfinite(value) ORDER BY run, metric"""
_CONFIGURED: Final = """
    SELECT run, arg_max(configuration, position) AS configuration FROM run_starts
    WHERE list_contains($names::VARCHAR[], run) AND configuration IS NOT NULL GROUP BY run"""

_NODES: Final = """
    SELECT n.node, n.inventory, n.monitor_version, m.at_ns, coalesce(m.dropped, 0) AS dropped
    FROM nodes n
    LEFT JOIN (SELECT node, max(hardware_at_ns) AS at_ns, arg_max(dropped_readings, recorded_at_ns) AS dropped
               FROM monitors WHERE hardware_at_ns IS NOT NULL GROUP BY node) m ON m.node = n.node
    WHERE $after::VARCHAR IS NULL OR n.node > $after ORDER BY n.node LIMIT $limit"""
_READINGS: Final = """
    SELECT node, metric, device, value, at_ns FROM latest
    WHERE list_contains($names::VARCHAR[], node) AND recorded_at_ns >= $since_ns AND isfinite(value)"""


def answer_meters(reader: Reader, question: Meters, moment: Moment) -> MetersAnswer:
    """Give the figures of the whole, or of a page of runs or nodes."""
    if question.part == "whole":
        return MetersAnswer(
            as_of=as_of(reader, moment),
            figures=tuple(_whole(reader, moment)),
            distributions=tuple(_distributions(reader)),
        )
    nodes = question.part == "nodes"
    sql, page = (_NODES, NODES_PAGE) if nodes else (_RUNS, RUNS_PAGE)
    more = {} if nodes else {"since_ns": moment.before(RUN_SHOWN_SECONDS)}
    rows, truncated = cut(reader.rows(sql, after=question.after, limit=page + 1, **more), page)
    figures = _of_nodes(reader, rows, moment) if nodes else _of_runs(reader, rows, moment)
    return MetersAnswer(
        as_of=as_of(reader, moment),
        figures=tuple(figures),
        next=rows[-1]["node" if nodes else "run"] if truncated else None,
    )


def _whole(reader: Reader, moment: Moment) -> Iterator[Figure]:
    for name, sql in _COUNTED.items():
        if moment.past and name in _OF_THE_FILE:
            continue
        values: dict[str, Any] = {}
        if "$now_ns" in sql:
            values["now_ns"] = moment.time_ns
        if "$silence" in sql:
            values["silence"] = moment.node_silence_seconds
        for row in reader.rows(sql, **values):
            yield Figure(name=name, value=row.pop("value"), labels=_labels(row))
    for row in reader.rows(_OLDEST, now_ns=moment.time_ns):
        age = moment.seconds_since(row.pop("at_ns"))
        yield Figure(name="oldest_open_seconds", value=age, labels=_labels(row))
    yield Figure(name="log_silent_seconds", value=moment.log_silent_seconds)
    for one in moment.followed:
        yield Figure(name="stream_behind", value=one.behind, labels={"stream": one.stream})
        yield Figure(name="stream_rate", value=one.per_second, labels={"stream": one.stream})


def _distributions(reader: Reader) -> Iterator[Distribution]:
    for name, sql in _TIMED.items():
        for row in reader.rows(sql):
            within = [row.pop(f"le{place}") for place in range(len(BOUNDS))]
            count, total = row.pop("count"), row.pop("total")
            edges = (0, *within, count)
            yield Distribution(
                name=name,
                labels=_labels(row),
                count=count,
                total=total,
                bounds=BOUNDS,
                counts=tuple(edges[place + 1] - edges[place] for place in range(len(edges) - 1)),
            )


def _of_runs(reader: Reader, rows: list[dict[str, Any]], moment: Moment) -> Iterator[Figure]:
    names = [row["run"] for row in rows]
    tokens = {
        row["run"]: _tokens_a_step(row["configuration"]) for row in reader.rows(_CONFIGURED, names=names)
    }
    for row in rows:
        run = {"run": row["run"]}
        yield Figure(name="step", labels=run, value=row["step"])
        if tokens.get(row["run"]):
            yield Figure(name="tokens", labels=run, value=row["step"] * tokens[row["run"]])
        if row["status"] == "running":
            yield Figure(name="silent_seconds", labels=run, value=moment.seconds_since(row["heard_at_ns"]))
        for kind in ("not_finite", "out_of_memory", "dropped_points"):
            yield Figure(name="anomalies", labels={**run, "kind": kind}, value=row[kind])
        yield Figure(name="anomalies", labels={**run, "kind": "restart"}, value=max(0, row["starts"] - 1))
    yield from _latest(reader.rows(_LATEST, names=names))


def _latest(rows: Iterable[dict[str, Any]]) -> Iterator[Figure]:
    by_run: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_run.setdefault(row["run"], []).append(row)
    for found in by_run.values():
        found.sort(key=lambda row: (row["metric"] not in _KNOWN, row["metric"]))
        for row in found[:RUN_METRICS_MAX]:
            labels = {"run": row["run"], "metric": row["metric"]}
            yield Figure(name="metric", labels=labels, value=row["value"], at_ns=row["recorded_at_ns"])


def _of_nodes(reader: Reader, rows: list[dict[str, Any]], moment: Moment) -> Iterator[Figure]:
    for row in rows:
        inventory = json.loads(row["inventory"])
        node = {"node": row["node"]}
        told = {key: inventory[key][:64] for key in ("operating_system", "architecture")}
        yield Figure(name="node", labels={**node, **told, "monitor": row["monitor_version"]}, value=1)
        if row["at_ns"] is not None:
            yield Figure(name="node_silent_seconds", labels=node, value=moment.seconds_since(row["at_ns"]))
        yield Figure(name="readings_dropped", labels=node, value=row["dropped"])
        yield from _gpus(node, inventory)
    since_ns = moment.before(READING_AGE_SECONDS_MAX)
    for row in reader.rows(_READINGS, names=[row["node"] for row in rows], since_ns=since_ns):
        name, value, at_ns = row.pop("metric"), row.pop("value"), row.pop("at_ns")
        yield Figure(name=name, labels=_labels(row), value=value, at_ns=at_ns)


def _gpus(node: dict[str, str], inventory: dict[str, Any]) -> Iterator[Figure]:
    for gpu in inventory.get("gpus", ()):
        labels = {
            **node,
            "device": f"gpu{gpu['index']}",
            "uuid": gpu["uuid"],
            "model": gpu["model"],
            "driver": inventory.get("gpu_driver") or "",
        }
        yield Figure(name="gpu", labels=labels, value=1)


def _labels(row: dict[str, Any]) -> dict[str, str]:
    return {key: value for key, value in row.items() if value is not None and value != ""}


def _tokens_a_step(configuration: str) -> int:
    told = json.loads(configuration)
    batch, context = told.get("batch"), told.get("context")
    return batch * context if isinstance(batch, int) and isinstance(context, int) else 0
