"""From the projector's figures to points: the whole, and runs. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from coord.services.exporter.names import ANY_TEAM, METRICS
from coord.services.exporter.records import Attribute, HistogramPoint, Point

Figure = Mapping[str, Any]
RESULTS: Final = {"completed": "success", "failed": "failure", "cancelled": "cancellation"}
OUTCOMES: Final = {**RESULTS, "released": "released", "expired": "lease_expired"}
_STATES: Final = {"open": "pending", "claimed": "executing", "blocked": "blocked", "parked": "parked"}
"""The last two are ours: the conventions know no run that is held back or given up for now."""


def _team(labels: Mapping[str, str]) -> dict[str, Attribute]:
    return {"cicd.pipeline.name": labels.get("team", ANY_TEAM)}


def _items(labels: Mapping[str, str]) -> dict[str, Attribute]:
    return {**_team(labels), "cicd.pipeline.run.state": _STATES[labels["status"]]}


def _ended(labels: Mapping[str, str]) -> dict[str, Attribute]:
    return {**_team(labels), "cicd.pipeline.result": RESULTS[labels["status"]]}


def _attempts(labels: Mapping[str, str]) -> dict[str, Attribute]:
    return {**_team(labels), "coord.attempt.outcome": OUTCOMES[labels["outcome"]]}


def _renamed(**names: str) -> Callable[[Mapping[str, str]], dict[str, Attribute]]:
    keys = {label: key.replace("__", ".") for label, key in names.items()}
    return lambda labels: {keys[label]: value for label, value in labels.items() if label in keys}


_WHOLE: Final[dict[str, tuple[str, Callable[[Mapping[str, str]], dict[str, Attribute]]]]] = {
    "items": ("cicd.pipeline.run.active", _items),
    "items_ended": ("coord.work.ended", _ended),
    "items_stalled": ("coord.work.stalled", _team),
    "oldest_open_seconds": ("coord.work.oldest_open.age", _team),
    "agents": ("cicd.worker.count", _renamed(state="cicd.worker.state")),
    "runs": ("coord.run.count", _renamed(status="coord.run.status")),
    "alerts_raised": (
        "coord.alert.raised",
        _renamed(rule="coord.alert.rule", severity="coord.alert.severity"),
    ),
    "alerts_open": (
        "coord.alert.open",
        _renamed(rule="coord.alert.rule", severity="coord.alert.severity", status="coord.alert.state"),
    ),
    "directives": (
        "coord.directive.count",
        _renamed(action="coord.directive.action", status="coord.directive.status"),
    ),
    "scenarios": ("coord.verification.scenarios", _renamed(outcome="coord.verification.outcome")),
    "nodes": ("coord.node.count", _renamed(status="coord.node.status")),
    "dead_letters": ("coord.stream.dead_letters", _renamed()),
    "gaps": ("coord.stream.gaps", _renamed()),
    "oddities": ("coord.projector.oddities", _renamed()),
    "file_bytes": ("coord.projector.size", _renamed()),
    "log_silent_seconds": ("coord.projector.lag", _renamed()),
    "stream_behind": ("coord.projector.stream.behind", _renamed(stream="coord.stream")),
    "stream_rate": ("coord.projector.stream.rate", _renamed(stream="coord.stream")),
}
_RUN: Final[dict[str, tuple[str, Callable[[Mapping[str, str]], dict[str, Attribute]]]]] = {
    "step": ("coord.run.step", _renamed(run="coord.run.id")),
    "tokens": ("coord.run.tokens", _renamed(run="coord.run.id")),
    "silent_seconds": ("coord.run.silence", _renamed(run="coord.run.id")),
    "anomalies": ("coord.run.anomalies", _renamed(run="coord.run.id", kind="coord.anomaly.kind")),
    "metric": ("coord.run.metric", _renamed(run="coord.run.id", metric="coord.run.metric.name")),
}
_TIMED: Final = {
    "item_seconds": ("cicd.pipeline.run.duration", _ended),
    "attempt_seconds": ("coord.work.attempt.duration", _attempts),
}
_ALWAYS: Final[tuple[tuple[str, Mapping[str, Attribute]], ...]] = (
    *(("cicd.worker.count", {"cicd.worker.state": state}) for state in ("available", "busy", "offline")),
    *(("coord.node.count", {"coord.node.status": status}) for status in ("active", "stale", "lost")),
    ("coord.run.count", {"coord.run.status": "running"}),
)
"""Shown as 0 when there are none: a series that is missing looks like a broken exporter."""


def whole_points(answer: Figure, now_ns: int) -> list[Point | HistogramPoint]:
    """Return what is said of the whole."""
    points: list[Point | HistogramPoint] = [*_points(answer["figures"], _WHOLE, now_ns)]
    points += _zeroes(points, now_ns)
    points += _errors(answer, now_ns)
    for one in answer.get("distributions", ()):
        name, read = _TIMED[one["name"]]
        told = read(one["labels"])
        points.append(
            HistogramPoint(
                METRICS[name], told, one["count"], one["total"],
                tuple(one["bounds"]), tuple(one["counts"]), now_ns,
            )
        )  # fmt: skip
        if one["name"] == "attempt_seconds":
            points.append(Point(METRICS["coord.work.attempts"], told, one["count"], now_ns))
    moment = answer["as_of"]
    points.append(Point(METRICS["coord.projector.position"], {}, moment["position"], now_ns))
    points.append(Point(METRICS["coord.projector.behind"], {}, moment.get("lag", 0), now_ns))
    return points


def run_points(figures: Iterable[Figure], now_ns: int) -> list[Point]:
    """Return what is said of runs."""
    return _points(figures, _RUN, now_ns)


def health_points(answer: Figure, now_ns: int) -> list[Point]:
    """Return the scores: of the whole, of the worst of each kind, of each run, and what the whole lacks."""
    points = [Point(METRICS["coord.health.score"], {}, answer["score"] / 100, now_ns)]
    worst: dict[str, float] = {}
    for part in answer.get("parts", ()):
        kind, _, name = part["entity"].partition(":")
        worst[kind] = min(part["score"], worst.get(kind, 100.0))
        if kind == "run":
            told = {"coord.run.id": name}
            points.append(Point(METRICS["coord.run.health"], told, part["score"] / 100, now_ns))
    for kind, score in worst.items():
        points.append(Point(METRICS["coord.health.part"], {"coord.health.part": kind}, score / 100, now_ns))
    for one in answer.get("deductions", ()):
        told = {"coord.health.reason": one["name"]}
        points.append(Point(METRICS["coord.health.deduction"], told, one["points"] / 100, now_ns))
    return points


def stream_points(stream: str, last: int, bytes_held: int, bytes_max: int, now_ns: int) -> list[Point]:
    """Return how a stream of the log stands; it may hold anything where `bytes_max` is not above 0."""
    told = {"coord.stream": stream}
    points = [
        Point(METRICS["coord.stream.position"], told, last, now_ns),
        Point(METRICS["coord.stream.size"], told, bytes_held, now_ns),
    ]
    if bytes_max > 0:
        points.append(Point(METRICS["coord.stream.utilization"], told, bytes_held / bytes_max, now_ns))
    return points


def _points(
    figures: Iterable[Figure],
    table: Mapping[str, tuple[str, Callable[[Mapping[str, str]], dict[str, Attribute]]]],
    now_ns: int,
) -> list[Point]:
    points = []
    for figure in figures:
        name, read = table[figure["name"]]
        points.append(
            Point(METRICS[name], read(figure["labels"]), figure["value"], figure.get("at_ns") or now_ns)
        )
    return points


def _zeroes(points: Iterable[Point | HistogramPoint], now_ns: int) -> list[Point]:
    there = {(point.metric.name, *point.attributes.values()) for point in points}
    missing = ((name, told) for name, told in _ALWAYS if (name, *told.values()) not in there)
    return [Point(METRICS[name], told, 0, now_ns) for name, told in missing]


def _errors(answer: Figure, now_ns: int) -> list[Point]:
    """Count what went wrong with items; and what was asked of runs, whatever became of it."""
    metric = METRICS["cicd.pipeline.run.errors"]
    points = [
        Point(metric, {**_team(one["labels"]), "error.type": "work_failed"}, one["value"], now_ns)
        for one in answer["figures"]
        if one["name"] == "items_ended" and one["labels"]["status"] == "failed"
    ]
    points += [
        Point(metric, {**_team(one["labels"]), "error.type": "lease_expired"}, one["count"], now_ns)
        for one in answer.get("distributions", ())
        if one["name"] == "attempt_seconds" and one["labels"]["outcome"] == "expired"
    ]
    asked: dict[str, float] = {}
    for one in answer["figures"]:
        if one["name"] == "directives":
            asked[one["labels"]["action"]] = asked.get(one["labels"]["action"], 0) + one["value"]
    actions = METRICS["coord.watchdog.actions"]
    return points + [
        Point(actions, {"coord.directive.action": action}, count, now_ns) for action, count in asked.items()
    ]
