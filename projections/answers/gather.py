"""Gathering what health is judged by: the tables, as of a moment, as facts."""

from dataclasses import replace
from typing import Any, Final

from coord.events.planning import BLAMELESS
from coord.events.run import WAITING_SECONDS
from coord.events.streams import EVENTS
from coord.projections.answers.moment import SAMPLE_SECONDS_SILENT, Moment
from coord.projections.answers.waits import WAITING
from coord.projections.folds.agents import GONE
from coord.projections.health.facts import (
    DAY_SECONDS,
    RECENT_SECONDS,
    STALL_LEASES,
    STALL_SECONDS_MIN,
    AgentFacts,
    AlertFacts,
    Facts,
    NodeFacts,
    RunFacts,
    Value,
    WorkFacts,
)
from coord.projections.health.parts import READING_AGE_SECONDS_MAX
from coord.projections.store import Reader

RUN_SHOWN_SECONDS: Final = 3_600
"""How long a run that ended is still judged."""
ALERTS_MAX: Final = 1_000

STALLED: Final = f"""status = 'claimed'
    AND touched_at_ns < $now_ns - greatest({STALL_LEASES} * lease_seconds, {STALL_SECONDS_MIN}) * 1e9"""
_STALLED: Final = f"({STALLED} AND NOT stuck)"
"""What is stuck is told as that."""

_WORK: Final = f"""
    SELECT team, grouping(team) AS whole,
           count(*) FILTER (ready) AS open, count(*) FILTER (status = 'claimed') AS claimed,
           count(*) FILTER ({_STALLED}) AS stalled, count(*) FILTER (stuck) AS stuck,
           count(*) FILTER (status = 'parked') AS parked,
           min(submitted_at_ns) FILTER (ready) AS oldest_at_ns,
           arg_min(position, submitted_at_ns, 10) FILTER (ready OR status = 'claimed') AS waiting,
           arg_min(position, touched_at_ns, 10) FILTER ({_STALLED}) AS stalled_at,
           arg_max(position, position, 10) FILTER (stuck) AS stuck_at,
           arg_max(position, position, 10) FILTER (status = 'parked') AS parked_at
    FROM (SELECT i.*, i.status = 'open' AND NOT {WAITING} AS ready
          FROM work i LEFT JOIN work_waits x ON x.id = i.id)
    GROUP BY GROUPING SETS ((team), ())"""

_ENDS: Final = f"""
    SELECT {{who}}, grouping({{who}}) AS whole,
           count(*) FILTER (outcome = 'completed') AS completed_recent,
           count(*) FILTER (outcome = 'failed') AS failed_recent,
           count(*) FILTER (ran_out) AS expired_recent,
           arg_max(position, position, 10) FILTER (outcome = 'failed') AS failed_at,
           arg_max(position, position, 10) FILTER (ran_out) AS expired_at
    FROM (SELECT *, outcome = 'expired' AND cause NOT IN {tuple(sorted(BLAMELESS))} AS ran_out
          FROM attempts WHERE ended_at_ns >= $since_ns)
    GROUP BY GROUPING SETS (({{who}}), ())"""

_AGENTS: Final = f"""
    SELECT a.agent, a.status, a.team, a.position, a.changed_at_ns,
           greatest(a.acted_at_ns, p.heard_at_ns) AS heard_at_ns,
           coalesce(h.holds, 0) AS holds, coalesce(h.stalled, 0) AS stalled, coalesce(h.stuck, 0) AS stuck,
           h.held_at, h.stuck_at
    FROM agents a
    LEFT JOIN (SELECT agent, count(*) AS holds, count(*) FILTER ({_STALLED}) AS stalled,
                      count(*) FILTER (stuck) AS stuck,
                      arg_min(position, touched_at_ns, 10) AS held_at,
                      arg_max(position, position, 10) FILTER (stuck) AS stuck_at
               FROM work WHERE status = 'claimed' GROUP BY agent) h ON h.agent = a.agent
    LEFT JOIN presence p ON p.agent = a.agent AND p.incarnation = a.incarnation"""

_NODES: Final = """
    SELECT n.node, n.status, n.position, n.sample_seconds,
           coalesce(m.hardware_at_ns, n.registered_at_ns) AS heard_at_ns,
           coalesce(m.dropped_readings, 0) AS dropped_readings
    FROM nodes n
    LEFT JOIN (SELECT node, max(hardware_at_ns) AS hardware_at_ns,
                      arg_max(dropped_readings, recorded_at_ns) AS dropped_readings
               FROM monitors WHERE hardware_at_ns IS NOT NULL GROUP BY node) m ON m.node = n.node"""

_READINGS: Final = """
    SELECT node, metric, device, value, position, recorded_at_ns FROM latest
    WHERE recorded_at_ns >= $since_ns"""

_RUNS: Final = """
    SELECT r.run, r.status, r.position, r.heard_at_ns, r.not_finite, r.not_finite_position, r.dropped_points,
           r.reason, coalesce(r.not_finite_at_ns, 0) AS not_finite_at_ns,
           w.value AS waiting_seconds, w.recorded_at_ns AS waiting_at_ns
    FROM runs r LEFT JOIN run_latest w
      ON w.run = r.run AND w.metric = $waiting AND isfinite(w.value) AND w.value >= 0
    WHERE r.status = 'running' OR r.changed_at_ns >= $since_ns
       OR (r.status = 'lost' AND r.changed_at_ns >= $lost_since_ns)"""

_ALERTS: Final = f"""
    SELECT alert, entity_kind, entity, severity, summary, position, status = 'acknowledged' AS acknowledged,
           coalesce(silenced_until_ns > $now_ns, false) AS silenced
    FROM alerts WHERE status <> 'resolved' ORDER BY position DESC LIMIT {ALERTS_MAX}"""

_WEIGHTS: Final = "SELECT part, points FROM health_weights"

_LOG: Final = """
    SELECT (SELECT count(*) FROM dead_letters WHERE recorded_at_ns >= $since_ns) AS dead_recent,
           (SELECT arg_max(position, position, 10) FROM dead_letters
            WHERE recorded_at_ns >= $since_ns AND stream = $events) AS dead_at,
           (SELECT count(*) FROM oddities WHERE recorded_at_ns >= $since_ns) AS oddities_recent,
           (SELECT arg_max(position, position, 10) FROM oddities WHERE recorded_at_ns >= $since_ns)
             AS oddities_at,
           (SELECT coalesce(sum(last - first + 1), 0)::BIGINT FROM gaps WHERE stream = $events)
             AS missing_events,
           (SELECT arg_max(first, first, 10) FROM gaps WHERE stream = $events) AS missing_at"""


def gather(reader: Reader, moment: Moment) -> Facts:
    """Read everything that health is judged by."""
    since_ns = moment.before(RECENT_SECONDS)
    work = _work(reader, moment, since_ns)
    agents = _agents(reader, moment, since_ns)
    teams = {agent.team for agent in agents if agent.team and agent.status not in GONE}
    known = {one.team for one in work}
    log = reader.rows(_LOG, since_ns=since_ns, events=EVENTS.name)[0]
    return Facts(
        all_work=next((one for one in work if one.team is None), WorkFacts()),
        work=(*(one for one in work if one.team), *(WorkFacts(team) for team in sorted(teams - known))),
        agents=agents,
        nodes=_nodes(reader, moment),
        runs=_runs(reader, moment),
        alerts=tuple(AlertFacts(**row) for row in reader.rows(_ALERTS, now_ns=moment.time_ns)),
        **_positions(log, "dead_at", "oddities_at", "missing_at"),
        lag=moment.lag,
        log_silent_seconds=moment.log_silent_seconds,
        agent_silence_seconds=moment.agent_silence_seconds,
        node_silence_seconds=moment.node_silence_seconds,
        run_silence_seconds=moment.run_silence_seconds,
        weights={row["part"]: row["points"] for row in reader.rows(_WEIGHTS)},
    )


def _work(reader: Reader, moment: Moment, since_ns: int) -> list[WorkFacts]:
    """Return the facts of each team, and of all with team None."""
    found: dict[str | None, WorkFacts] = {}
    for row in reader.rows(_WORK, now_ns=moment.time_ns):
        if row["team"] is None and not row.pop("whole"):
            continue
        row.pop("whole", None)
        oldest_at_ns = row.pop("oldest_at_ns")
        oldest = 0.0 if oldest_at_ns is None else moment.seconds_since(oldest_at_ns)
        found[row["team"]] = WorkFacts(
            **_positions(row, "waiting", "stalled_at", "stuck_at", "parked_at"), oldest_seconds=oldest
        )
    for row in _ends(reader, "team", since_ns):
        team = row.pop("team")
        found[team] = replace(found.get(team, WorkFacts(team)), **row)
    return list(found.values())


def _agents(reader: Reader, moment: Moment, since_ns: int) -> tuple[AgentFacts, ...]:
    ends = {row.pop("agent"): row for row in _ends(reader, "agent", since_ns)}
    return tuple(
        AgentFacts(
            changed_seconds=moment.seconds_since(row.pop("changed_at_ns")),
            silent_seconds=moment.seconds_since(row.pop("heard_at_ns")),
            **_positions(row, "held_at", "stuck_at"),
            **ends.get(row["agent"], {}),
        )
        for row in reader.rows(_AGENTS, now_ns=moment.time_ns)
    )


def _ends(reader: Reader, who: str, since_ns: int) -> list[dict[str, Any]]:
    """Return how claims ended lately, by `who`; the row of all has None there."""
    return [
        _positions(row, "failed_at", "expired_at")
        for row in reader.rows(_ENDS.format(who=who), since_ns=since_ns)
        if row.pop("whole") or row[who] is not None
    ]


def _nodes(reader: Reader, moment: Moment) -> tuple[NodeFacts, ...]:
    readings: dict[str, dict[str, dict[str, Value]]] = {}
    since_ns = moment.before(READING_AGE_SECONDS_MAX)
    for row in reader.rows(_READINGS, since_ns=since_ns):
        value = Value(row["value"], row["position"], moment.seconds_since(row["recorded_at_ns"]))
        readings.setdefault(row["node"], {}).setdefault(row["metric"], {})[row["device"]] = value
    return tuple(
        NodeFacts(
            node=row["node"],
            status=row["status"],
            position=row["position"],
            silent_seconds=moment.seconds_since(row["heard_at_ns"]),
            silence_seconds_max=SAMPLE_SECONDS_SILENT * row["sample_seconds"],
            readings=readings.get(row["node"], {}),
            dropped_readings=row["dropped_readings"],
        )
        for row in reader.rows(_NODES)
    )


def _runs(reader: Reader, moment: Moment) -> tuple[RunFacts, ...]:
    shown, lost = moment.before(RUN_SHOWN_SECONDS), moment.before(DAY_SECONDS)
    found = reader.rows(_RUNS, since_ns=shown, lost_since_ns=lost, waiting=WAITING_SECONDS)
    return tuple(_run(row, moment) for row in found)


def _run(row: dict[str, Any], moment: Moment) -> RunFacts:
    waited, told_at_ns = row.pop("waiting_seconds"), row.pop("waiting_at_ns")
    return RunFacts(
        silent_seconds=moment.seconds_since(row.pop("heard_at_ns")),
        waiting_seconds=0.0 if waited is None else waited + moment.seconds_since(told_at_ns),
        not_finite_seconds=moment.seconds_since(row.pop("not_finite_at_ns")),
        **row,
    )


def _positions(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """Give lists of positions as tuples, and no list as an empty one."""
    return {**row, **{name: tuple(row[name] or ()) for name in names}}
