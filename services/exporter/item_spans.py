"""A work item as a trace: one root, a span for each wait (`Queued`, `Blocked`, `Parked`), a span for each claim.

    submitted ..Queued.. claimed ..invoke_agent.. lease_expired ..Queued.. claimed ..invoke_agent.. completed
    `------------------------------------ RUN <team> ---------------------------------------------------'

An item that is reopened after its end begins another trace, linked to the one before: what was sent stays as it was.

Pure: the item's events up to a position, and the spans that the event at that position ends. Like the tables, it
believes facts: an end is an end even where the claim before it is missing, and what speaks of another claim than the
present one ends nothing.
"""

from collections.abc import Sequence
from typing import Any, Final

from coord.events import work as facts
from coord.events.envelope import Recorded
from coord.services.exporter.identity import caused_by, child_of, root_of
from coord.services.exporter.names import ANY_TEAM
from coord.services.exporter.records import Attribute, EndedSpan, Link, SpanName

_ENDS: Final[dict[type, tuple[str, str]]] = {
    facts.WorkCompleted: ("success", "success"),
    facts.WorkFailed: ("failure", "failure"),
    facts.WorkCancelled: ("cancellation", "cancellation"),
    facts.WorkReleased: ("released", "cancellation"),
    facts.WorkLeaseExpired: ("lease_expired", "error"),
}
"""By event: how a claim ended in our words, and in those of OpenTelemetry's pipelines."""
_TERMINAL: Final = (facts.WorkCompleted, facts.WorkFailed, facts.WorkCancelled)
_WAITS: Final[dict[type, str]] = {
    facts.WorkBlocked: "Blocked", facts.WorkUnblocked: "Queued", facts.WorkRequeued: "Queued",
}  # fmt: skip
"""By event that ends no claim: the wait that begins with it."""
ENDING: Final = frozenset(("work.claimed", "work.completed", "work.failed", "work.cancelled", "work.released",
                           "work.lease_expired", "work.blocked", "work.unblocked", "work.requeued"))  # fmt: skip
"""Types, without versions, of the events that may end a span."""


def spans_of_item(history: Sequence[Recorded], position: int) -> tuple[EndedSpan, ...]:
    """Return the spans that the event at a position ends; none when the item's beginning is not in the history."""
    if not history or not isinstance(history[0].event, facts.WorkSubmitted):
        return ()
    walk = _Walk(history[0])
    for recorded in history[1:]:
        ended = walk.step(recorded)
        if recorded.position >= position:
            return tuple(ended) if recorded.position == position else ()
    return ()


class _Walk:
    """An item, event by event."""

    def __init__(self, first: Recorded) -> None:
        submitted: Any = first.event
        self._first = first
        self._submitted: facts.WorkSubmitted = submitted
        self._root = root_of("work", first.site, first.entity, first.envelope.id)
        self._queue = submitted.team or ANY_TEAM
        self._waits: Recorded | None = first
        self._wait = "Queued"
        self._life_before: SpanName | None = None
        self._claim: Recorded | None = None
        self._before: SpanName | None = None
        self._attempts = 0
        self._over = False

    def step(self, recorded: Recorded) -> list[EndedSpan]:
        """Take an event; return the spans that it ends, the root last."""
        event = recorded.event
        if self._over:
            return self._begin_again(recorded) if isinstance(event, facts.WorkReopened) else []
        if isinstance(event, facts.WorkClaimed):
            ended = self._end_wait(recorded)
            self._claim, self._attempts = recorded, event.attempt
            return ended
        if type(event) in _WAITS and self._claim is None:
            return self._wait_on(recorded, _WAITS[type(event)])
        if type(event) not in _ENDS or not self._is_of_claim(event):
            return []
        ended = [*self._end_wait(recorded), *self._end_claim(recorded)]
        if _is_terminal(event):
            self._over = True
            return [*ended, self._end_item(recorded)]
        self._waits = recorded
        self._wait = "Parked" if getattr(event, "then", "") == "parked" else "Queued"
        return ended

    def _begin_again(self, recorded: Recorded) -> list[EndedSpan]:
        """The item has another life, and a trace of its own for it."""
        self._life_before = self._root
        self._root = root_of("work", recorded.site, recorded.entity, recorded.envelope.id)
        self._first, self._over = recorded, False
        return self._wait_on(recorded, "Queued")

    def _wait_on(self, recorded: Recorded, wait: str) -> list[EndedSpan]:
        ended = self._end_wait(recorded)
        self._waits, self._wait = recorded, wait
        return ended

    def _is_of_claim(self, event: Any) -> bool:
        """Tell whether an end counts: giving back and running out do only for the present claim."""
        if _is_terminal(event):
            return True
        return self._claim is not None and self._claim.position == event.fence

    def _end_wait(self, recorded: Recorded) -> list[EndedSpan]:
        began, self._waits = self._waits, None
        if began is None:
            return []
        at = child_of(self._root, self._wait.lower(), began.position)
        return [self._span(self._wait, at, began, recorded, {})]

    def _end_claim(self, recorded: Recorded) -> list[EndedSpan]:
        began, self._claim = self._claim, None
        if began is None:
            return []
        at = child_of(self._root, "attempt", began.position)
        links = caused_by(began.envelope.traceparent, recorded.envelope.traceparent)
        if self._before is not None:
            links = (Link(self._before, "retry_of"), *links)
        self._before = at
        outcome, result = _ENDS[type(recorded.event)]
        claim: Any = began.event
        told: dict[str, Attribute] = {
            "cicd.pipeline.task.name": self._submitted.title,
            "cicd.pipeline.task.run.id": f"{began.entity}/{claim.attempt}",
            "cicd.pipeline.task.run.result": result,
            "cicd.worker.id": claim.agent,
            "cicd.worker.name": claim.agent,
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": claim.agent,
            "gen_ai.agent.name": claim.agent,
            "coord.attempt.outcome": outcome,
            "coord.lease.fence": began.position,
            "coord.lease.seconds": claim.lease_seconds,
            "coord.agent.incarnation": claim.incarnation,
        }
        name = f"invoke_agent {claim.agent}"
        return [self._span(name, at, began, recorded, told, links, _fault(recorded.event))]

    def _end_item(self, recorded: Recorded) -> EndedSpan:
        _, result = _ENDS[type(recorded.event)]
        told: dict[str, Attribute] = {
            "cicd.pipeline.action.name": "RUN",
            "cicd.pipeline.result": result,
            "coord.work.title": self._submitted.title,
            "coord.work.priority": self._submitted.priority,
            "coord.work.attempts": self._attempts,
        }
        if self._submitted.capabilities:
            told["coord.work.capabilities"] = self._submitted.capabilities
        links = caused_by(self._first.envelope.traceparent)
        if self._life_before is not None:
            links = (Link(self._life_before, "reopened_after"), *links)
        fault = None if result == "cancellation" else _fault(recorded.event)
        return self._span(f"RUN {self._queue}", self._root, self._first, recorded, told, links, fault)

    def _span(
        self,
        name: str,
        at: SpanName,
        began: Recorded,
        ended: Recorded,
        told: dict[str, Attribute],
        links: tuple[Link, ...] = (),
        fault: str | None = None,
    ) -> EndedSpan:
        attributes: dict[str, Attribute] = {
            "cicd.pipeline.name": self._queue,
            "cicd.pipeline.run.id": ended.entity,
            "coord.event.id": ended.envelope.id,
            "coord.position": ended.position,
            **({"error.type": _error_type(ended.event)} if fault is not None else {}),
            **told,
        }
        return EndedSpan(
            name=name,
            kind="server" if at == self._root else "internal",
            at=at,
            parent=None if at == self._root else self._root,
            began_ns=began.recorded_at_ns,
            ended_ns=max(began.recorded_at_ns, ended.recorded_at_ns),
            attributes=attributes,
            position=ended.position,
            links=links,
            fault=fault,
            clamped=ended.recorded_at_ns < began.recorded_at_ns,
        )


def _fault(event: object) -> str | None:
    if isinstance(event, facts.WorkFailed):
        return event.reason
    if isinstance(event, facts.WorkLeaseExpired):
        if event.reason is not None:
            return event.reason
        return f"no sign of life for {event.silent_seconds:.1f} s, of the lease's {event.lease_seconds:g} s"
    return None


def _error_type(event: object) -> str:
    if isinstance(event, facts.WorkLeaseExpired):
        return "lease_expired" if event.cause == "silence" else event.cause
    return "work_failed"


def _is_terminal(event: object) -> bool:
    """Tell whether an event ends the item, and not only a claim."""
    return isinstance(event, _TERMINAL) and getattr(event, "then", "failed") == "failed"
