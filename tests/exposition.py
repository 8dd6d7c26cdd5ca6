"""A history of every metric that is sent, as OpenMetrics: made up from the table of names, under the names and
labels they have in Prometheus. Attributes that queries choose by have the values that the exporter gives them.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Final

from coord.services.exporter.names import METRICS
from coord.services.exporter.prometheus import prometheus_label
from coord.services.exporter.shape import Metric

STEP_SECONDS: Final = 15
STEPS: Final = 60
COMBINATIONS_MAX: Final = 24
BOUNDS: Final = ("1.0", "10.0", "60.0", "600.0", "+Inf")

LATE: Final = "roll_back"
LATE_COUNTER: Final = "coord_watchdog_actions_total"

_VALUES: Final = {
    "cicd.pipeline.name": ("any", "paint"),
    "cicd.pipeline.run.state": ("pending", "executing"),
    "cicd.pipeline.result": ("success", "failure"),
    "cicd.worker.state": ("available", "busy", "offline"),
    "coord.alert.severity": ("critical", "warning"),
    "coord.alert.state": ("active", "acknowledged"),
    "coord.attempt.outcome": ("success", "lease_expired"),
    "coord.node.status": ("active", "lost"),
    "coord.run.id": ("r-1", "r-2"),
    "coord.run.metric.name": ("loss", "canary_loss", "gradient_norm", "learning_rate", "tokens_per_second"),
    "coord.run.status": ("running", "completed"),
    "coord.stream": ("EVENTS", "SAMPLES"),
    "cpu.mode": ("user", "system", "idle"),
    "error.type": ("uncorrected", "lease_expired"),
    "hw.state": ("ok", "failed"),
    "hw.type": ("gpu", "board"),
    "system.memory.state": ("used", "free"),
    "system.paging.state": ("used", "free"),
}  # fmt: skip
_RESOURCE: Final = {"coord_site": "local", "service_name": "coord", "host_name": "n-1"}


def openmetrics(until_seconds: int) -> str:
    """Write the history that ends at a moment; a series a line and moment, grouped as promtool wants them."""
    lines: list[str] = []
    for metric in METRICS.values():
        lines += _lines(metric, until_seconds)
    return "\n".join([*lines, *_late(until_seconds), "# EOF", ""])


def _late(until_seconds: int) -> Iterator[str]:
    """A kind of directive that was asked for once, in the second half of the history."""
    for step in reversed(range(STEPS // 2)):
        at = until_seconds - step * STEP_SECONDS
        yield f'{LATE_COUNTER}{{coord_site="local",coord_directive_action="{LATE}"}} 1 {at}'


def _lines(metric: Metric, until_seconds: int) -> Iterator[str]:
    if metric.kind != "histogram":
        return _samples(metric.prometheus, metric, "", until_seconds)
    return itertools.chain.from_iterable(
        _samples(f"{metric.prometheus}_bucket", metric, bound, until_seconds) for bound in BOUNDS
    )


def _samples(name: str, metric: Metric, bound: str, until_seconds: int) -> Iterator[str]:
    for number, labels in enumerate(_combinations(metric)):
        told = {**_RESOURCE, **labels} | ({"le": bound} if bound else {})
        inside = ",".join(f'{key}="{value}"' for key, value in told.items())
        weight = 1 + number + (BOUNDS.index(bound) if bound else 0)
        for step in range(STEPS):
            at = until_seconds - (STEPS - 1 - step) * STEP_SECONDS
            yield f"{name}{{{inside}}} {_value(metric, step, weight):g} {at}"


def _combinations(metric: Metric) -> Iterator[dict[str, str]]:
    names = [prometheus_label(key) for key in metric.attributes]
    values = [
        _VALUES.get(key, (f"{key.rpartition('.')[2]}-1", f"{key.rpartition('.')[2]}-2"))
        for key in metric.attributes
    ]
    chosen = itertools.islice(itertools.product(*values), COMBINATIONS_MAX)
    return (dict(zip(names, one, strict=True)) for one in chosen)


def _value(metric: Metric, step: int, weight: int) -> float:
    if metric.kind in ("counter", "histogram"):
        return float(step * weight)
    wave = 0.5 + 0.4 * math.sin(step / 5 + weight)
    return wave if metric.unit == "1" else wave * 10 * weight + step
