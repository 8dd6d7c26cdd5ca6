"""The question about what one agent holds, and until when."""

from typing import Any, Final

from coord.events.commands import Refusal, refusal
from coord.events.questions import HeldRow, Mine, MineAnswer
from coord.projections.answers.moment import SECOND_NS, Moment, as_of, cut
from coord.projections.folds.agents import GONE
from coord.projections.store import Reader

_AGENT: Final = """
    SELECT a.status, a.incarnation, a.team, a.wip_limit, greatest(a.acted_at_ns, p.heard_at_ns) AS heard_at_ns
    FROM agents a LEFT JOIN presence p ON p.agent = a.agent AND p.incarnation = a.incarnation
    WHERE a.agent = $agent"""

_HELD: Final = """
    WITH held AS (
        SELECT w.id, w.title, w.priority, w.team, w.fence, w.incarnation, w.attempt, w.lease_seconds, w.stuck,
               w.progress, left(w.progress_note, 200) AS note, w.changed_at_ns AS claimed_at_ns,
               greatest(w.touched_at_ns, p.heard_at_ns) AS renewed_at_ns
        FROM work w LEFT JOIN presence p ON p.agent = w.agent AND p.incarnation = w.incarnation
        WHERE w.status = 'claimed' AND w.agent = $agent)
    SELECT h.*, n.deadline_ns, renewed_at_ns + (lease_seconds * 1e9)::BIGINT AS until_ns
    FROM held h LEFT JOIN work_plans n ON n.id = h.id ORDER BY until_ns, h.id LIMIT $limit"""

_COUNTS: Final = """
    SELECT count(*) AS holds, count(*) FILTER (stuck) AS stuck FROM work WHERE status = 'claimed' AND agent = $agent"""


def answer_mine(reader: Reader, question: Mine, moment: Moment) -> MineAnswer | Refusal:
    """List the claims of an agent, the one that ends soonest first."""
    known = reader.rows(_AGENT, agent=question.agent)
    (counts,) = reader.rows(_COUNTS, agent=question.agent)
    if not known and not counts["holds"]:
        return refusal(
            "unknown_agent", f"no agent {question.agent} is registered.", f"coord register {question.agent}"
        )
    found = reader.rows(_HELD, agent=question.agent, limit=question.limit + 1)
    rows, truncated = cut(found, question.limit)
    return MineAnswer(
        as_of=as_of(reader, moment),
        agent=question.agent,
        **(_agent(known[0], moment) if known else {}),
        **counts,
        rows=tuple(_held_row(row, moment) for row in rows),
        truncated=truncated,
    )


def _agent(row: dict[str, Any], moment: Moment) -> dict[str, Any]:
    heard_at_ns = row.pop("heard_at_ns")
    gone = row["status"] in GONE
    return {**row, "silent_seconds": None if gone else moment.seconds_since(heard_at_ns)}


def _held_row(row: dict[str, Any], moment: Moment) -> HeldRow:
    return HeldRow(
        held_seconds=moment.seconds_since(row.pop("claimed_at_ns")),
        renewed_seconds=moment.seconds_since(row.pop("renewed_at_ns")),
        left_seconds=(row["until_ns"] - moment.time_ns) / SECOND_NS,
        **row,
    )
