"""What the log tells of the training run: its pace, what went wrong, what was asked of it, and what it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coord.events.run import CANARY_LOSS, GRADIENT_NORM, LOSS, SKIPPED

NS: Final = 1_000_000_000
TOLD_SECONDS: Final = 6.0
"""Between two lines about a run that is merely getting on."""


@dataclass(slots=True)
class RunStory:
    """One run, from its events, and all alerts and directives."""

    run: str
    step: int = 0
    canaries: list[tuple[int, float]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    checkpoints: dict[int, str] = field(default_factory=dict)
    """Path by step."""
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)
    directives: dict[str, dict[str, Any]] = field(default_factory=dict)
    applied: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    outcome: str | None = None
    _told_ns: int = 0

    def tell(self, entry: dict[str, Any]) -> str | None:
        """Take in one event and return the line it is worth, if any."""
        kind, fields = entry["type"].rpartition(".v")[0], entry["fields"] or {}
        entity = entry["subject"].rpartition(".")[2]
        match kind:
            case "run.started":
                return f"a model starts to learn from {fields['name']}, as the run {entity}"
            case "run.metrics_recorded":
                return self._metrics(fields["points"], entry["recorded_at_ns"])
            case "run.checkpoint_written":
                self.checkpoints[fields["step"]] = fields["path"]
                return (
                    f"a checkpoint of step {fields['step']}, {fields['size_bytes'] / 1e6:.1f} MB, is on disk"
                )
            case "alert.raised":
                self.alerts[entity] = entry
                return f"ALERT  {fields['severity']}, {fields['rule']} of {fields['entity']}: {fields['summary']}"
            case "directive.issued":
                self.directives[fields["directive_id"]] = entry
                return (
                    f"the watchdog asks {entity}: {fields['action'].replace('_', ' ')} ({fields['reason']})"
                )
            case "run.directive_applied":
                self.applied[fields["directive_id"]] = entry
                return f"{entity} obeys between two steps: {self._obeyed(fields)}"
            case "run.directive_refused":
                self.refused[fields["directive_id"]] = fields["reason"]
                return f"{entity} refuses: {fields['reason']}"
            case "alert.resolved":
                self.resolved.add(entity)
                return f"the alert {self._rule(entity)} is resolved: {fields['reason']}"
            case "run.finished":
                self.outcome = fields["outcome"]
                return f"the run {entity} is {fields['outcome']} at step {fields['step']}"
        return None

    def _metrics(self, points: list[dict[str, Any]], at_ns: int) -> str | None:
        line = None
        for point in points:
            self.step, values = point["step"], point["values"]
            if CANARY_LOSS in values:
                self.canaries.append((point["step"], float(values[CANARY_LOSS])))
            if values.get(SKIPPED):
                self.skipped.append(point["step"])
                line = line or _left_out(point["step"], values)
        if line is None and at_ns - self._told_ns >= TOLD_SECONDS * NS:
            line = self._pace(points[-1])
        if line is not None:
            self._told_ns = at_ns
        return line

    def _pace(self, point: Mapping[str, Any]) -> str | None:
        loss = point["values"].get(LOSS)
        if loss is None:
            return None
        canary = f", canary {self.canaries[-1][1]:.3f}" if self.canaries else ""
        return f"the run is at step {point['step']}: loss {float(loss):.3f}{canary}"

    def _rule(self, alert: str) -> str:
        raised = self.alerts.get(alert)
        return f"{raised['fields']['rule']} of {raised['fields']['entity']}" if raised else alert

    def _obeyed(self, fields: Mapping[str, Any]) -> str:
        asked = self.directives.get(fields["directive_id"])
        action = asked["fields"]["action"].replace("_", " ") if asked else "what it was asked"
        note = f": {fields['note']}" if fields.get("note") else ""
        return f"{action}, at step {fields['step']}{note}"


def _left_out(step: int, values: Mapping[str, Any]) -> str:
    """Say why a step was left out, as far as its figures show it."""
    told = (("loss", LOSS), ("gradient norm", GRADIENT_NORM), ("canary", CANARY_LOSS))
    figures = ", ".join(f"{name} {float(values[metric]):.3g}" for name, metric in told if metric in values)
    return f"step {step} is not as expected, and the trainer leaves its update out: {figures}"
