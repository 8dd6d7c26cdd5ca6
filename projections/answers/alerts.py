"""The question about alerts, and directives with what became of them: alerts and runs carry those along."""

import json
from collections.abc import Iterable
from typing import Any, Final

from coord.events.alert import Evidence
from coord.events.questions import ROWS_MAX, AlertRow, Alerts, AlertsAnswer, DirectiveRow
from coord.projections.answers.moment import SECOND_NS, Moment, as_of, cut
from coord.projections.store import Reader

STATUSES: Final = ("active", "acknowledged", "resolved")

_ALERTS: Final = """
    SELECT alert AS id, rule, severity, status, entity_kind, entity, summary, evidence, raised_at_ns, changed_at_ns,
           silenced_until_ns, "by", reason
    FROM alerts
    WHERE {which} AND ($status::VARCHAR IS NULL OR status = $status)
      AND ($entity::VARCHAR IS NULL OR entity = $entity)
    ORDER BY {order} LIMIT $limit"""
_OPEN: Final = _ALERTS.format(
    which="status <> 'resolved'",
    order="list_position(['critical', 'warning', 'info'], severity), raised_at_ns DESC, position DESC",
)
_RESOLVED: Final = _ALERTS.format(which="status = 'resolved'", order="changed_at_ns DESC, position DESC")
_COUNTS: Final = "SELECT status, count(*) AS alerts FROM alerts GROUP BY status"

_DIRECTIVES: Final = """
    SELECT directive AS id, entity_kind, entity, action, parameters, status, reason, answer, step, alert,
           live_seconds, issued_at_ns, issued_position AS position, changed_at_ns
    FROM directives WHERE list_contains($names::VARCHAR[], {of}) {of_runs}
    QUALIFY row_number() OVER (PARTITION BY {of} ORDER BY issued_position DESC) <= $limit
    ORDER BY issued_position DESC"""
_OF_ALERTS: Final = _DIRECTIVES.format(of="alert", of_runs="")
_OF_RUNS: Final = _DIRECTIVES.format(of="entity", of_runs="AND entity_kind = 'run'")


def answer_alerts(reader: Reader, question: Alerts, moment: Moment) -> AlertsAnswer:
    """List what is open, the worst and newest first, and then what was resolved last."""
    rows, truncated = cut(_found(reader, question), question.limit)
    directives = directives_of(reader, "alert", (row["id"] for row in rows), moment)
    counted = {row["status"]: row["alerts"] for row in reader.rows(_COUNTS)}
    return AlertsAnswer(
        as_of=as_of(reader, moment),
        counts={status: counted.get(status, 0) for status in STATUSES},
        rows=tuple(_alert_row(row, directives.get(row["id"], []), moment) for row in rows),
        truncated=truncated,
    )


def directives_of(
    reader: Reader, of: str, names: Iterable[str], moment: Moment, limit: int = ROWS_MAX
) -> dict[str, list[DirectiveRow]]:
    """Return the directives of alerts (`of` is "alert") or of runs ("entity") by name, the newest first.

    Args:
        reader: the snapshot.
        of: whose they are.
        names: of which alerts or runs.
        moment: ages are measured against it.
        limit: at most so many for each.
    """
    found: dict[str, list[DirectiveRow]] = {}
    sql = _OF_ALERTS if of == "alert" else _OF_RUNS
    for row in reader.rows(sql, names=list(names), limit=limit):
        found.setdefault(row[of], []).append(_directive_row(row, moment))
    return found


def evidence(text: str | None) -> tuple[Evidence, ...]:
    """Read the evidence that a table keeps."""
    return tuple(Evidence(**one) for one in json.loads(text or "[]"))


def _found(reader: Reader, question: Alerts) -> list[dict[str, Any]]:
    status = None if question.status == "open" else question.status
    asked = {"status": status, "entity": question.entity}
    found = reader.rows(_OPEN, **asked, limit=question.limit + 1)
    left = question.limit + 1 - len(found)
    if question.status in (None, "resolved") and left:
        found += reader.rows(_RESOLVED, **asked, limit=left)
    return found


def _alert_row(row: dict[str, Any], directives: list[DirectiveRow], moment: Moment) -> AlertRow:
    until_ns = row.pop("silenced_until_ns") or 0
    return AlertRow(
        evidence=evidence(row.pop("evidence")),
        age_seconds=moment.seconds_since(row.pop("raised_at_ns")),
        state_seconds=moment.seconds_since(row.pop("changed_at_ns")),
        silenced_seconds=(until_ns - moment.time_ns) / SECOND_NS if until_ns > moment.time_ns else None,
        directives=tuple(directives),
        **row,
    )


def _directive_row(row: dict[str, Any], moment: Moment) -> DirectiveRow:
    issued_at_ns, changed_at_ns = row.pop("issued_at_ns"), row.pop("changed_at_ns")
    answered = row["status"] in ("applied", "refused")
    return DirectiveRow(
        parameters=json.loads(row.pop("parameters")),
        age_seconds=moment.seconds_since(issued_at_ns),
        answered_seconds=max(0.0, (changed_at_ns - issued_at_ns) / SECOND_NS) if answered else None,
        **row,
    )
