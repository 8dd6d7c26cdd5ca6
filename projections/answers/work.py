"""Questions about work items: one in full, and the board."""

import json
from typing import Any, Final

from coord.events.board import LISTED_MAX
from coord.events.commands import Refusal, refusal
from coord.events.planning import Concurrency
from coord.events.questions import Board, BoardAnswer, BoardRow, ItemAnswer, ShowItem
from coord.events.views import ItemView
from coord.projections.answers.moment import Moment, as_of, cut
from coord.projections.answers.teams import teams
from coord.projections.answers.waits import WAITING, WAITS_COLUMNS, take_waits
from coord.projections.store import Reader

STATUSES: Final = ("open", "claimed", "blocked", "parked", "completed", "failed", "cancelled")
_NOBODYS: Final = ("open", "blocked", "parked")
"""Of such an item the table remembers who held it last; nobody holds it."""

_ITEM: Final = f"""
    SELECT i.*, b.body, p.parent, p.not_before_ns, p.deadline_ns, p.retry, p.concurrency_key, p.concurrency_limit,
           p.stuck_seconds, coalesce(p.on_stuck, 'tell') AS on_stuck, coalesce(d.depends_on, []) AS depends_on,
           {WAITS_COLUMNS}
    FROM work_all i
    LEFT JOIN work_bodies b ON b.id = i.id
    LEFT JOIN work_plans p ON p.id = i.id
    LEFT JOIN work_dependencies d ON d.id = i.id
    LEFT JOIN work_waits x ON x.id = i.id
    WHERE i.id = $id LIMIT 1"""
_CHILDREN: Final = "SELECT id FROM work_plans WHERE parent = $id ORDER BY position LIMIT $limit"
_DEPENDENTS: Final = """
    SELECT i.id FROM work_all i
    SEMI JOIN (SELECT id FROM work_dependencies WHERE list_contains(depends_on, $id)) USING (id)
    ORDER BY i.submitted_position LIMIT $limit"""

_SHOWN: Final = f"""
    i.id, i.title, i.status, i.priority, i.team, i.attempt, i.progress, i.submitted_at_ns, i.changed_at_ns,
    CASE WHEN i.status NOT IN {_NOBODYS} THEN i.agent END AS agent,
    CASE WHEN i.status NOT IN {_NOBODYS} THEN i.fence END AS fence,
    i.capabilities, i.lease_seconds, i.verify, i.tries, i.stuck,
    left(CASE WHEN i.status = 'claimed' THEN i.progress_note WHEN i.status <> 'open' THEN i.reason END, 200) AS note"""
_OF: Final = f"""
    ($team::VARCHAR IS NULL OR i.team = $team)
    AND ($agent::VARCHAR IS NULL OR (i.agent = $agent AND i.status NOT IN {_NOBODYS})) {{linked}}"""
_LINKED: Final = """
    AND i.id IN (SELECT id FROM work_dependencies UNION ALL SELECT unnest(depends_on) FROM work_dependencies)"""
"""Items that depend on others, or that others depend on."""
_NEEDS: Final = """
    SELECT id, depends_on FROM work_dependencies SEMI JOIN (SELECT unnest($ids::VARCHAR[]) AS id) USING (id)"""
_ASKED: Final = f"($status::VARCHAR IS NULL OR i.status = $status) AND {_OF}"
_LIVE: Final = f"""
    WITH found AS (
        SELECT {_SHOWN}, {WAITS_COLUMNS} FROM work i LEFT JOIN work_waits x ON x.id = i.id
        WHERE {_ASKED} AND ($which = 'any' OR ($which = 'waiting' AND {WAITING}) OR ($which = 'stuck' AND i.stuck))
        ORDER BY i.priority DESC, i.submitted_at_ns, i.id LIMIT $limit)
    SELECT f.*, p.deadline_ns FROM found f LEFT JOIN work_plans p ON p.id = f.id
    ORDER BY f.priority DESC, f.submitted_at_ns, f.id"""
_ENDED: Final = f"""
    SELECT {_SHOWN}, i.opened_at_ns, NULL AS waits_for, NULL AS in_vain, NULL AS waits_key FROM work_ended i
    WHERE {_ASKED} ORDER BY i.changed_at_ns DESC, i.position DESC LIMIT $limit"""

_TOLD: Final = (
    "submitted_at_ns", "changed_at_ns", "progress", "progress_note", "submitted_position", "position",
    "body_bytes", "result_bytes",
)  # fmt: skip

_COUNTS: Final = f"""
    SELECT i.status, count(*) AS items, count(*) FILTER (i.stuck) AS stuck FROM work_all i WHERE {_OF} GROUP BY i.status"""
_WAITING: Final = (
    f"SELECT count(*) FROM work i LEFT JOIN work_waits x ON x.id = i.id WHERE {WAITING} AND {_OF}"
)


def answer_show(reader: Reader, question: ShowItem, moment: Moment) -> ItemAnswer | Refusal:
    """Show one item as the decisions about it would; one that nobody holds or ended shows no holder."""
    found = reader.rows(_ITEM, id=question.id)
    if not found:
        return refusal("unknown_id", f"there is no item {question.id}.", "coord board lists what there is.")
    item = found[0]
    children, more_children = _names(reader, _CHILDREN, question.id)
    dependents, more_dependents = _names(reader, _DEPENDENTS, question.id)
    return ItemAnswer(
        as_of=as_of(reader, moment),
        **{name: item[name] for name in _TOLD},
        waits=take_waits(item, moment),
        item=_view(item),
        children=children,
        dependents=dependents,
        truncated=more_children or more_dependents,
    )


def answer_board(reader: Reader, question: Board, moment: Moment) -> BoardAnswer:
    """List what is alive, the most urgent first, and then what ended last; of an agent without a status, what it holds."""
    rows, truncated = cut(_found(reader, question, moment), question.limit)
    needs = _needs(reader, rows) if question.linked else {}
    of = {"team": question.team, "agent": question.agent}
    counts = reader.rows(_among(_COUNTS, question), **of)
    counted = {row["status"]: row["items"] for row in counts}
    return BoardAnswer(
        as_of=as_of(reader, moment),
        counts={status: counted.get(status, 0) for status in STATUSES},
        waiting=reader.value(_among(_WAITING, question), now_ns=moment.time_ns, **of),
        stuck=sum(row["stuck"] for row in counts),
        full=tuple(teams(reader, question.team, LISTED_MAX, full=True)),
        rows=tuple(_board_row(row, moment, needs.get(row["id"])) for row in rows),
        truncated=truncated,
    )


def _found(reader: Reader, question: Board, moment: Moment) -> list[dict[str, Any]]:
    """Return one row more than is asked for, if there is one."""
    which = question.status if question.status in ("waiting", "stuck") else "any"
    status = question.status if which == "any" else None
    asked = {"status": status, "team": question.team, "agent": question.agent}
    found = reader.rows(
        _among(_LIVE, question), **asked, which=which, now_ns=moment.time_ns, limit=question.limit + 1
    )
    left = question.limit + 1 - len(found)
    if left and which == "any" and (question.agent is None or status is not None):
        found += reader.rows(_among(_ENDED, question), **asked, limit=left)
    return found


def _among(sql: str, question: Board) -> str:
    """Say of all items, or only of those that others depend on or that depend on others."""
    return sql.format(linked=_LINKED if question.linked else "")


def _needs(reader: Reader, rows: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return what each of the items depends on, of those that depend on something."""
    found = reader.rows(_NEEDS, ids=[row["id"] for row in rows])
    return {row["id"]: tuple(row["depends_on"]) for row in found}


def _board_row(row: dict[str, Any], moment: Moment, depends_on: tuple[str, ...] | None) -> BoardRow:
    return BoardRow(
        depends_on=depends_on,
        waits=take_waits(row, moment),
        age_seconds=moment.seconds_since(row.pop("submitted_at_ns")),
        state_seconds=moment.seconds_since(row.pop("changed_at_ns")),
        **row,
    )


def _view(item: dict[str, Any]) -> ItemView:
    key, limit = item["concurrency_key"], item["concurrency_limit"]
    if item["status"] in _NOBODYS:
        item["agent"] = item["incarnation"] = item["fence"] = item["scores"] = None
    item["concurrency"] = None if key is None else Concurrency(key=key, limit=limit)
    for name in ("body", "result", "retry", "scores"):
        item[name] = None if item[name] is None else json.loads(item[name])
    return ItemView(**{name: item[name] for name in ItemView.model_fields})


def _names(reader: Reader, sql: str, item: str) -> tuple[tuple[str, ...], bool]:
    names, truncated = cut([row["id"] for row in reader.rows(sql, id=item, limit=LISTED_MAX + 1)], LISTED_MAX)
    return tuple(names), truncated
