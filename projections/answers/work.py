"""Questions about work items: one in full, and the board."""

import json
from typing import Any, Final

from coord.events.commands import Refusal, refusal
from coord.events.questions import Board, BoardAnswer, BoardRow, ItemAnswer, ShowItem
from coord.events.views import ItemView
from coord.projections.answers.moment import Moment, as_of, cut
from coord.projections.store import Reader

STATUSES: Final = ("open", "claimed", "completed", "failed", "cancelled")

_ITEM: Final = """
    SELECT i.*, b.body FROM work_all i LEFT JOIN work_bodies b ON b.id = i.id WHERE i.id = $id LIMIT 1"""

_BOARD: Final = """
    SELECT id, title, status, priority, team, attempt, progress, submitted_at_ns, changed_at_ns,
           CASE WHEN status <> 'open' THEN agent END AS agent,
           CASE WHEN status <> 'open' THEN fence END AS fence,
           capabilities, lease_seconds, verify,
           left(CASE WHEN status = 'claimed' THEN progress_note WHEN status <> 'open' THEN reason END, 200) AS note
    FROM {table}
    WHERE ($status::VARCHAR IS NULL OR status = $status) AND ($team::VARCHAR IS NULL OR team = $team)
      AND ($agent::VARCHAR IS NULL OR (agent = $agent AND status <> 'open'))
    ORDER BY {order} LIMIT $limit"""
_LIVE: Final = _BOARD.format(table="work", order="priority DESC, submitted_at_ns, id")
_ENDED: Final = _BOARD.format(table="work_ended", order="changed_at_ns DESC, position DESC")

_TOLD: Final = (
    "submitted_at_ns", "changed_at_ns", "progress", "progress_note", "submitted_position", "position",
    "body_bytes", "result_bytes",
)  # fmt: skip

_COUNTS: Final = "SELECT status, count(*) AS items FROM work_all GROUP BY status"


def answer_show(reader: Reader, question: ShowItem, moment: Moment) -> ItemAnswer | Refusal:
    """Show one item as the decisions about it would; an open one shows no holder."""
    found = reader.rows(_ITEM, id=question.id)
    if not found:
        return refusal("unknown_id", f"there is no item {question.id}.", "coord board lists what there is.")
    item = found[0]
    if item["status"] == "open":
        item["agent"] = item["incarnation"] = item["fence"] = None
    view = {name: item[name] for name in ItemView.model_fields if name not in ("body", "result")}
    return ItemAnswer(
        as_of=as_of(reader, moment),
        item=ItemView(**view, body=_value(item["body"]), result=_value(item["result"])),
        **{name: item[name] for name in _TOLD},
    )


def answer_board(reader: Reader, question: Board, moment: Moment) -> BoardAnswer:
    """List what is alive, the most urgent first, and then what ended last."""
    asked = {"status": question.status, "team": question.team, "agent": question.agent}
    found = reader.rows(_LIVE, **asked, limit=question.limit + 1)
    left = question.limit + 1 - len(found)
    if left:
        found += reader.rows(_ENDED, **asked, limit=left)
    rows, truncated = cut(found, question.limit)
    counted = {row["status"]: row["items"] for row in reader.rows(_COUNTS)}
    return BoardAnswer(
        as_of=as_of(reader, moment),
        counts={status: counted.get(status, 0) for status in STATUSES},
        rows=tuple(_board_row(row, moment) for row in rows),
        truncated=truncated,
    )


def _board_row(row: dict[str, Any], moment: Moment) -> BoardRow:
    return BoardRow(
        age_seconds=moment.seconds_since(row.pop("submitted_at_ns")),
        state_seconds=moment.seconds_since(row.pop("changed_at_ns")),
        **row,
    )


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
