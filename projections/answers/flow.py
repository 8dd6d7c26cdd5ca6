"""The question about the flow of work: how much gets done, how long it takes, who has work in hand.

Everything is counted from the claims that are over (`attempts`) and those that hold (`work`), so that an item that
is reopened and done again counts twice, as it was.
"""

from dataclasses import dataclass
from typing import Any, Final, get_args

from coord.events.flow import WINDOW_SECONDS_DEFAULT
from coord.events.planning import ReclaimCause
from coord.events.questions import Rate, Spread, Stats, StatsAnswer, Utilisation
from coord.events.streams import EVENTS
from coord.projections.answers.moment import SECOND_NS, Moment, as_of, cut
from coord.projections.answers.work import STATUSES
from coord.projections.store import Reader

HAPPENED: Final = ("claimed", "completed", "failed", "released", "expired", "cancelled")
CAUSES: Final = get_args(ReclaimCause)

_BEGAN: Final = "SELECT min(second_ns) FROM pace"
_OF: Final = "($team::VARCHAR IS NULL OR team = $team) AND ($agent::VARCHAR IS NULL OR agent = $agent)"
_WHOLE: Final = "$agent::VARCHAR IS NULL AND ($team::VARCHAR IS NULL OR team = $team)"
"""Of what happens to items and not to claims: no agent's own."""
_WITHIN: Final = "BETWEEN $since_ns AND $until_ns"

_CLAIMS: Final = f"""
    (SELECT item, opened_at_ns, claimed_at_ns FROM attempts WHERE claimed_at_ns {_WITHIN} AND {_OF}
     UNION ALL
     SELECT id AS item, opened_at_ns, changed_at_ns AS claimed_at_ns FROM work
     WHERE status = 'claimed' AND changed_at_ns {_WITHIN} AND {_OF})"""
_ENDS: Final = f"(SELECT * FROM attempts WHERE ended_at_ns {_WITHIN} AND {_OF})"

_SERIES: Final = f"""
    SELECT what, least((at_ns - $since_ns) // $width_ns, $bins - 1) AS bin, count(*) AS count
    FROM (SELECT 'submitted' AS what, submitted_at_ns AS at_ns FROM work_all
          WHERE submitted_at_ns {_WITHIN} AND {_WHOLE}
          UNION ALL SELECT 'claimed', claimed_at_ns FROM {_CLAIMS}
          UNION ALL SELECT outcome, ended_at_ns FROM {_ENDS} WHERE outcome <> 'cancelled' OR $agent::VARCHAR IS NOT NULL
          UNION ALL SELECT 'cancelled', changed_at_ns FROM work_ended
          WHERE status = 'cancelled' AND changed_at_ns {_WITHIN} AND {_WHOLE}
          UNION ALL SELECT 'cancelled', ended_at_ns FROM work_reopened
          WHERE status = 'cancelled' AND ended_at_ns {_WITHIN} AND {_WHOLE})
    GROUP BY ALL"""

_SPREAD: Final = """
    SELECT count(*) AS count, avg(seconds) AS mean, quantile_cont(seconds, [0.5, 0.9, 0.99]) AS quantiles,
           max(seconds) AS max
    FROM (SELECT greatest({ended} - {began}, 0) / 1e9 AS seconds FROM {claims})"""
_WAIT: Final = _SPREAD.format(
    ended="claimed_at_ns",
    began="greatest(opened_at_ns, met_at_ns)",
    claims=f"""
        {_CLAIMS} c LEFT JOIN (
            SELECT d.id, max(e.changed_at_ns) AS met_at_ns
            FROM (SELECT id, unnest(depends_on) AS needed FROM work_dependencies) d
            JOIN work_ended e ON e.id = d.needed AND e.status = 'completed' GROUP BY d.id) m
        ON m.id = c.item AND m.met_at_ns <= c.claimed_at_ns""",
)
_CYCLE: Final = _SPREAD.format(ended="ended_at_ns", began="claimed_at_ns", claims=_ENDS)
_LEAD: Final = _SPREAD.format(
    ended="ended_at_ns",
    began="submitted_at_ns",
    claims=f"(SELECT * FROM {_ENDS} WHERE outcome = 'completed')",
)

_CAUSES: Final = f"SELECT cause, count(*) AS count FROM {_ENDS} WHERE cause IS NOT NULL GROUP BY cause"
_ITEMS: Final = """
    SELECT status, count(*) AS count, count(*) FILTER (stuck) AS stuck FROM work_all
    WHERE ($team::VARCHAR IS NULL OR team = $team)
      AND ($agent::VARCHAR IS NULL OR (agent = $agent AND status NOT IN ('open', 'blocked')))
    GROUP BY status"""

_IS_TEAM: Final = """
    SELECT EXISTS (FROM teams WHERE team = $name) OR EXISTS (FROM work_all WHERE team = $name)
        OR EXISTS (FROM agents WHERE team = $name OR list_contains(serves, $name))"""
_IS_AGENT: Final = "SELECT EXISTS (FROM agents WHERE agent = $name)"

_AGENTS: Final = f"""
    WITH here AS (
        SELECT agent, team, greatest(present_since_ns, $since_ns) AS since_ns,
               CASE WHEN status IN ('active', 'draining') THEN $until_ns ELSE least(changed_at_ns, $until_ns) END AS until_ns
        FROM agents WHERE {_OF}),
    present AS (SELECT * FROM here WHERE until_ns > since_ns),
    claims AS (
        SELECT agent, claimed_at_ns AS began_ns, ended_at_ns AS ended_ns FROM attempts
        WHERE ended_at_ns > $since_ns AND claimed_at_ns < $until_ns
        UNION ALL SELECT agent, changed_at_ns, $until_ns FROM work WHERE status = 'claimed'),
    held AS (
        SELECT agent, greatest(c.began_ns, p.since_ns) AS began_ns, least(c.ended_ns, p.until_ns) AS ended_ns
        FROM claims c JOIN present p USING (agent)
        WHERE c.ended_ns > p.since_ns AND c.began_ns < p.until_ns AND c.ended_ns > c.began_ns),
    ordered AS (
        SELECT *, max(ended_ns) OVER (PARTITION BY agent ORDER BY began_ns, ended_ns
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_ns FROM held),
    busy AS (
        SELECT agent, sum(greatest(ended_ns - greatest(began_ns, before_ns), 0))::BIGINT AS busy_ns,
               sum(ended_ns - began_ns)::DOUBLE AS held_ns
        FROM ordered GROUP BY agent),
    rows AS (
        SELECT agent, team, until_ns - since_ns AS present_ns, coalesce(busy_ns, 0) AS busy_ns,
               coalesce(held_ns, 0) AS held_ns FROM present LEFT JOIN busy USING (agent))
    SELECT agent, team, present_ns / 1e9 AS present_seconds, busy_ns / 1e9 AS busy_seconds,
           held_ns / 1e9 AS held_seconds, busy_ns / present_ns AS utilisation,
           (sum(busy_ns) OVER ())::DOUBLE / (sum(present_ns) OVER ())::DOUBLE AS of_all
    FROM rows ORDER BY utilisation DESC, held_ns DESC, agent LIMIT $limit"""


@dataclass(frozen=True, slots=True)
class _Window:
    """The span asked about, and whose claims."""

    since_ns: int
    until_ns: int
    bins: int
    of: dict[str, Any]

    @property
    def asked(self) -> dict[str, Any]:
        return {"since_ns": self.since_ns, "until_ns": self.until_ns, **self.of}

    @property
    def seconds(self) -> float:
        return (self.until_ns - self.since_ns) / SECOND_NS

    @property
    def width_ns(self) -> int:
        return max(1, -(-(self.until_ns - self.since_ns) // self.bins))


def answer_stats(reader: Reader, question: Stats, moment: Moment) -> StatsAnswer:
    """Say how work flowed in a window that ends now, or with the newest event if that is ahead of our clock."""
    window = _window(reader, question, moment)
    items = reader.rows(_ITEMS, **window.of)
    causes = {row["cause"]: row["count"] for row in reader.rows(_CAUSES, **window.asked)}
    agents, truncated = cut(reader.rows(_AGENTS, **window.asked, limit=question.limit + 1), question.limit)
    of_all = [row.pop("of_all") for row in agents]
    return StatsAnswer(
        as_of=as_of(reader, moment),
        since_ns=window.since_ns,
        until_ns=window.until_ns,
        **window.of,
        throughput=_throughput(reader, window),
        wait=_spread(reader, _WAIT, window),
        cycle=_spread(reader, _CYCLE, window),
        lead=_spread(reader, _LEAD, window),
        causes={cause: causes.get(cause, 0) for cause in CAUSES},
        items={**dict.fromkeys(STATUSES, 0), **{row["status"]: row["count"] for row in items}},
        stuck=sum(row["stuck"] for row in items),
        utilisation=of_all[0] if of_all else None,
        agents=tuple(Utilisation(**row) for row in agents),
        unknown=_unknown(reader, question),
        truncated=truncated,
    )


def _unknown(reader: Reader, question: Stats) -> tuple[str, ...]:
    asked = ((question.team, _IS_TEAM), (question.agent, _IS_AGENT))
    return tuple(name for name, sql in asked if name is not None and not reader.value(sql, name=name))


def _window(reader: Reader, question: Stats, moment: Moment) -> _Window:
    mark = reader.mark(EVENTS.name)
    until_ns = max(moment.time_ns, mark.recorded_at_ns if mark else 0)
    last_ns = round((question.last_seconds or WINDOW_SECONDS_DEFAULT) * SECOND_NS)
    since_ns = until_ns - last_ns if question.since_ns is None else question.since_ns
    began_ns = reader.value(_BEGAN)
    since_ns = max(since_ns, until_ns if began_ns is None else began_ns)
    of = {"team": question.team, "agent": question.agent}
    return _Window(min(since_ns, until_ns), until_ns, question.bins, of)


def _throughput(reader: Reader, window: _Window) -> dict[str, Rate]:
    """Return how often each thing happened; of an agent nothing is submitted."""
    whats = HAPPENED if window.of["agent"] else ("submitted", *HAPPENED)
    bins = {what: [0] * window.bins for what in whats}
    for row in reader.rows(_SERIES, **window.asked, width_ns=window.width_ns, bins=window.bins):
        bins[row["what"]][row["bin"]] = row["count"]
    minutes = window.seconds / 60
    return {
        what: Rate(
            count=sum(counts), per_minute=sum(counts) / minutes if minutes else 0.0, bins=tuple(counts)
        )
        for what, counts in bins.items()
    }


def _spread(reader: Reader, sql: str, window: _Window) -> Spread:
    (row,) = reader.rows(sql, **window.asked)
    p50, p90, p99 = row.pop("quantiles") or (None, None, None)
    return Spread(**row, p50=p50, p90=p90, p99=p99)
