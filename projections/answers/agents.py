"""The question about agents."""

from typing import Any, Final

from coord.events.questions import AgentRow, Agents, AgentsAnswer
from coord.projections.answers.gather import gather
from coord.projections.answers.moment import Moment, as_of, cut
from coord.projections.answers.teams import teams
from coord.projections.folds.agents import GONE
from coord.projections.health.parts import score_agent
from coord.projections.store import Reader

_AGENTS: Final = """
    SELECT a.agent, a.status, a.incarnation, a.team, a.capabilities, a.wip_limit, coalesce(h.holds, 0) AS holds,
           a.completed, a.failed, a.expired, a.released, a.serves, a.reason, greatest(a.acted_at_ns, p.heard_at_ns) AS heard_at_ns
    FROM agents a
    LEFT JOIN (SELECT agent, count(*) AS holds FROM work WHERE status = 'claimed' GROUP BY agent) h
      ON h.agent = a.agent
    LEFT JOIN presence p ON p.agent = a.agent AND p.incarnation = a.incarnation
    WHERE $team::VARCHAR IS NULL OR a.team = $team
    ORDER BY holds DESC, a.status, a.agent LIMIT $limit"""


def answer_agents(reader: Reader, question: Agents, moment: Moment) -> AgentsAnswer:
    """List agents, those who hold most first."""
    found = reader.rows(_AGENTS, team=question.team, limit=question.limit + 1)
    rows, truncated = cut(found, question.limit)
    found_teams, more_teams = cut(teams(reader, question.team, question.limit + 1), question.limit)
    facts = gather(reader, moment)
    scores = {agent.agent: score_agent(agent, facts).score for agent in facts.agents}
    return AgentsAnswer(
        as_of=as_of(reader, moment),
        rows=tuple(_agent_row(row, scores, moment) for row in rows),
        teams=tuple(found_teams),
        truncated=truncated or more_teams,
        silence_seconds=moment.agent_silence_seconds,
    )


def _agent_row(row: dict[str, Any], scores: dict[str, float], moment: Moment) -> AgentRow:
    heard_at_ns = row.pop("heard_at_ns")
    gone = row["status"] in GONE
    return AgentRow(
        **row,
        silent_seconds=None if gone else moment.seconds_since(heard_at_ns),
        score=None if gone else scores.get(row["agent"]),
    )
