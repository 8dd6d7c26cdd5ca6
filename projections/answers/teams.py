"""Teams that were configured, and what is held for each: an item that names no team is held for its holder's."""

from typing import Final

from coord.events.views import TeamView
from coord.projections.store import Reader

_TEAMS: Final = """
    SELECT t.team, t.wip_limit, t.share, coalesce(h.holds, 0) AS holds
    FROM teams t
    LEFT JOIN (SELECT coalesce(w.team, a.team) AS team, count(*) AS holds
               FROM work w LEFT JOIN agents a ON a.agent = w.agent WHERE w.status = 'claimed' GROUP BY ALL) h
      ON h.team = t.team
    WHERE ($team::VARCHAR IS NULL OR t.team = $team) AND (NOT $full OR coalesce(h.holds, 0) >= t.wip_limit)
    ORDER BY t.team LIMIT $limit"""


def teams(reader: Reader, team: str | None, limit: int, *, full: bool = False) -> list[TeamView]:
    """Return teams, all or one, by name; `full`: those for which as many items are held as may be."""
    return [TeamView(**row) for row in reader.rows(_TEAMS, team=team, full=full, limit=limit)]
