"""The parts: each agent, each node, each run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from coord.events.questions import Deduction, HealthScore
from coord.projections.health.facts import (
    RECENT_SECONDS,
    AgentFacts,
    AlertFacts,
    Facts,
    NodeFacts,
    RunFacts,
    Value,
)
from coord.projections.health.scale import deduct, items, ramp, saturating, score_of, seconds

ALERT_POINTS: Final = 30.0
_WEIGHT: Final = {"critical": 1.0, "warning": 0.4, "info": 0.1}
_ACKNOWLEDGED: Final = 0.25
RUN_SILENCE_RAMP: Final = 10.0
"""A silent run costs more and more from the time the setting allows to so many times that."""
NOT_FINITE_SECONDS: Final = (3_600.0, 600.0)
"""A value that was not finite costs less and less from ten minutes on: the run went on without it."""
_CALM: Final = 2.0


def alert_weight(alerts: Iterable[AlertFacts]) -> float:
    """Weigh alerts: by severity, less when somebody took notice, nothing while silenced."""
    return sum(
        _WEIGHT[alert.severity] * (_ACKNOWLEDGED if alert.acknowledged else 1.0)
        for alert in alerts
        if not alert.silenced
    )


def alert_deduction(alerts: Iterable[AlertFacts], points: float) -> list[Deduction]:
    """Deduct for alerts that are not resolved."""
    alerts = tuple(alerts)
    told = "; ".join(f"{alert.severity}: {alert.summary}" for alert in alerts[:3])
    return deduct(
        "alerts",
        points * saturating(alert_weight(alerts), 1.0),
        f"{items(len(alerts), 'alert')} not resolved: {told}.",
        (alert.position for alert in alerts),
    )


def score_agent(agent: AgentFacts, facts: Facts) -> HealthScore:
    """Score one agent."""
    return score_of(
        f"agent:{agent.agent}",
        [
            *_lost(agent),
            *_silent(agent, facts.agent_silence_seconds),
            *_in_hand(agent),
            *_stalled(agent),
            *_stuck(agent),
            *_claims_ended(agent),
            *alert_deduction(_alerts_of(facts, "agent", agent.agent), ALERT_POINTS),
        ],
    )


def _lost(agent: AgentFacts) -> list[Deduction]:
    if agent.status != "lost":
        return []
    holding = f" and holds {items(agent.holds)}" if agent.holds else ""
    return deduct(
        "lost",
        60.0 + 20.0 * saturating(agent.holds, 1.0),
        f"it is lost since {seconds(agent.changed_seconds)}{holding}.",
        (agent.position, *agent.held_at),
    )


def _silent(agent: AgentFacts, limit_seconds: float) -> list[Deduction]:
    if agent.status not in ("active", "draining") or agent.silent_seconds is None:
        return []
    return deduct(
        "silent",
        20.0 * ramp(agent.silent_seconds, limit_seconds / 2, limit_seconds * 1.5),
        f"nothing was heard of it for {seconds(agent.silent_seconds)}.",
        (agent.position,),
    )


def _in_hand(agent: AgentFacts) -> list[Deduction]:
    pace = 1 + agent.completed_recent
    return deduct(
        "holds_many",
        15.0 * saturating(max(0, agent.holds - 1) / pace, 4.0),
        f"it holds {items(agent.holds)} and completed {agent.completed_recent} in the last "
        f"{RECENT_SECONDS // 60} min.",
        agent.held_at,
    )


def _stalled(agent: AgentFacts) -> list[Deduction]:
    return deduct(
        "stalled",
        20.0 * saturating(agent.stalled, 2.0),
        f"it holds {items(agent.stalled)} for long without a word of progress.",
        agent.held_at,
    )


def _stuck(agent: AgentFacts) -> list[Deduction]:
    return deduct(
        "stuck",
        30.0 * saturating(agent.stuck, 1.0),
        f"it lives and shows no work on {items(agent.stuck)} that it holds.",
        agent.stuck_at,
    )


def _claims_ended(agent: AgentFacts) -> list[Deduction]:
    done = agent.completed_recent + _CALM
    window = f"in the last {RECENT_SECONDS // 60} min"
    return [
        *deduct(
            "failures",
            30.0 * agent.failed_recent / (agent.failed_recent + done),
            f"{agent.failed_recent} failed and {agent.completed_recent} completed {window}.",
            agent.failed_at,
        ),
        *deduct(
            "leases_expired",
            30.0 * agent.expired_recent / (agent.expired_recent + done),
            f"it let {items(agent.expired_recent, 'lease')} run out {window}.",
            agent.expired_at,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Gauge:
    """A reading that costs more the nearer it comes to where it must not be.

    With `of`, what counts is value / of (a share) or, for temperatures, how far it is from that limit.
    """

    name: str
    metric: str
    low: float
    high: float
    points: float
    words: str
    """How it is told; `{}` stands for the figure, `{at}` for the device."""
    of: str = ""
    degrees: bool = False


_GAUGES: Final = (
    _Gauge("memory", "memory_available_bytes", 0.15, 0.02, 25, "{:.0%} of the memory is available",
           of="memory_total_bytes"),
    _Gauge("swap", "swap_used_bytes", 0.5, 1.0, 10, "{:.0%} of the swap space is used", of="swap_total_bytes"),
    _Gauge("memory_pressure", "memory_pressure_full_ratio", 0.02, 0.4, 25,
           "no task could run for want of memory in {:.0%} of the time"),
    _Gauge("io_pressure", "io_pressure_full_ratio", 0.3, 0.9, 10,
           "no task could run for want of input or output in {:.0%} of the time"),
    _Gauge("cpu_pressure", "cpu_pressure_some_ratio", 0.6, 1.0, 10, "tasks wait for a core in {:.0%} of the time"),
    _Gauge("cpu_steal", "cpu_steal_ratio", 0.1, 0.5, 10, "{:.0%} of the cores' time goes to other machines"),
    _Gauge("disk_full", "disk_available_bytes", 0.10, 0.01, 25, "{:.1%} of {at} is free", of="disk_total_bytes"),
    _Gauge("hot", "temperature_celsius", -10, 0, 20, "{at} is {:.0f} C under its critical temperature",
           of="temperature_critical_celsius", degrees=True),
    _Gauge("gpu_hot", "gpu_temperature_celsius", -10, 0, 30, "{at} is {:.0f} C under its slowdown temperature",
           of="gpu_temperature_slowdown_celsius", degrees=True),
    _Gauge("gpu_memory_hot", "gpu_memory_temperature_celsius", -8, 0, 25,
           "the memory of {at} is {:.0f} C under its limit", of="gpu_memory_temperature_max_celsius", degrees=True),
    _Gauge("gpu_throttled", "gpu_throttle_thermal_ratio", 0, 1, 15, "{at} is slowed down by its temperature"),
    _Gauge("gpu_memory_errors", "gpu_ecc_uncorrected_errors", 0, 1, 20,
           "{at} has had {:.0f} memory errors that could not be corrected"),
    _Gauge("gpu_lost", "gpu_lost_ratio", 0, 1, 40, "{at} is lost to its driver"),
)  # fmt: skip

READING_AGE_SECONDS_MAX: Final = 120
"""An older reading says nothing about now."""


def score_node(node: NodeFacts, facts: Facts) -> HealthScore:
    """Score one node."""
    silence = _node_silence(node, facts.node_silence_seconds)
    gauges = [] if silence else [one for gauge in _GAUGES for one in _gauge(gauge, node)]
    alerts = alert_deduction(_alerts_of(facts, "node", node.node), ALERT_POINTS)
    return score_of(f"node:{node.node}", [*silence, *gauges, *_dropped(node), *alerts])


def _node_silence(node: NodeFacts, limit_seconds: float) -> list[Deduction]:
    if node.status == "lost":
        return deduct(
            "lost", 80.0, f"it is lost; no readings for {seconds(node.silent_seconds)}.", (node.position,)
        )
    if node.silent_seconds <= max(limit_seconds, node.silence_seconds_max):
        return []
    return deduct("silent", 60.0, f"no readings for {seconds(node.silent_seconds)}.", (node.position,))


def _gauge(gauge: _Gauge, node: NodeFacts) -> list[Deduction]:
    """Deduct for the device that is worst off."""
    worst: list[Deduction] = []
    for device, reading in node.readings.get(gauge.metric, {}).items():
        figure = _figure(gauge, reading, node.readings.get(gauge.of, {}).get(device))
        if figure is None or reading.age_seconds > READING_AGE_SECONDS_MAX:
            continue
        shown = abs(figure) if gauge.degrees else figure
        words = gauge.words.format(shown, at=device or node.node)
        if gauge.degrees and figure > 0:
            words = words.replace(" under ", " over ")
        points = gauge.points * ramp(figure, gauge.low, gauge.high)
        found = deduct(gauge.name, points, f"{words}.", (reading.position,), "SAMPLES")
        worst = max(worst, found, key=lambda one: one[0].points if one else 0.0)
    return worst


def _figure(gauge: _Gauge, reading: Value, limit: Value | None) -> float | None:
    if not gauge.of:
        return reading.value
    if limit is None or limit.value <= 0:
        return None
    return reading.value - limit.value if gauge.degrees else reading.value / limit.value


def _dropped(node: NodeFacts) -> list[Deduction]:
    return deduct(
        "readings_dropped",
        5.0 * saturating(node.dropped_readings, 1000.0),
        f"its monitor dropped {items(node.dropped_readings, 'reading')} that could not be sent.",
        (node.position,),
    )


def score_run(run: RunFacts, facts: Facts) -> HealthScore:
    """Score one run."""
    return score_of(
        f"run:{run.run}",
        [
            *_run_over(run),
            *_run_silence(run, facts.run_silence_seconds),
            *deduct(
                "not_finite",
                30.0 * saturating(run.not_finite, 1.0) * ramp(run.not_finite_seconds, *NOT_FINITE_SECONDS),
                f"{items(run.not_finite, 'value')} of its metrics were not finite, "
                f"the last {seconds(run.not_finite_seconds)} ago.",
                (run.not_finite_position or 0,),
            ),
            *deduct(
                "points_dropped",
                5.0 * saturating(run.dropped_points, 100.0),
                f"{items(run.dropped_points, 'point')} of its metrics were dropped.",
                (run.position,),
            ),
            *alert_deduction(_alerts_of(facts, "run", run.run), ALERT_POINTS),
        ],
    )


def _run_over(run: RunFacts) -> list[Deduction]:
    points = {"lost": 70.0, "failed": 60.0}.get(run.status, 0.0)
    why = f": {run.reason}" if run.reason else ""
    return deduct(run.status, points, f"it is {run.status}{why}.", (run.position,))


def _run_silence(run: RunFacts, limit_seconds: float) -> list[Deduction]:
    if run.status != "running":
        return []
    waits = run.waiting_seconds > run.silent_seconds
    silence = max(run.silent_seconds, run.waiting_seconds)
    what = "its loop has said nothing" if waits else "nothing was heard of it"
    return deduct(
        "silent",
        40.0 * ramp(silence, limit_seconds, limit_seconds * RUN_SILENCE_RAMP),
        f"{what} for {seconds(silence)}.",
        (run.position,),
    )


def _alerts_of(facts: Facts, kind: str, name: str) -> tuple[AlertFacts, ...]:
    return tuple(alert for alert in facts.alerts if (alert.entity_kind, alert.entity) == (kind, name))


Scores = Mapping[str, HealthScore]
