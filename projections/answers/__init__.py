"""The typed questions: named SQL with bound values in, answer models out. Each reads one snapshot.

`history` and `events` are not here: they are read from the log itself, by the projector.
"""

from collections.abc import Callable
from typing import Any, Final

from coord.events.commands import Invalid, Refusal
from coord.events.questions import Answer
from coord.projections.answers.agents import answer_agents
from coord.projections.answers.alerts import answer_alerts
from coord.projections.answers.curves import answer_curve
from coord.projections.answers.flow import answer_stats
from coord.projections.answers.health import answer_health
from coord.projections.answers.measures import answer_latest, answer_metrics, answer_readings
from coord.projections.answers.meters import answer_meters
from coord.projections.answers.mine import answer_mine
from coord.projections.answers.moment import Followed, Moment, as_of
from coord.projections.answers.nodes import answer_nodes, answer_top
from coord.projections.answers.runs import answer_runs
from coord.projections.answers.scenarios import answer_scenarios
from coord.projections.answers.state import answer_dead_letters, answer_state
from coord.projections.answers.timelines import answer_timeline
from coord.projections.answers.trends import answer_trend
from coord.projections.answers.work import answer_board, answer_show
from coord.projections.store import Reader

Answered = Answer | Refusal | Invalid

ANSWERS: Final[dict[str, Callable[[Reader, Any, Moment], Answered]]] = {
    "agents": answer_agents,
    "alerts": answer_alerts,
    "board": answer_board,
    "curve": answer_curve,
    "deadletters": answer_dead_letters,
    "health": answer_health,
    "latest": answer_latest,
    "meters": answer_meters,
    "metrics": answer_metrics,
    "mine": answer_mine,
    "nodes": answer_nodes,
    "readings": answer_readings,
    "runs": answer_runs,
    "scenarios": answer_scenarios,
    "show": answer_show,
    "state": answer_state,
    "stats": answer_stats,
    "timeline": answer_timeline,
    "top": answer_top,
    "trend": answer_trend,
}
"""By name of the question. A new question is one function and one line here."""

__all__ = ["ANSWERS", "Answered", "Followed", "Moment", "as_of"]
