"""What each kind of trouble may cost the health of the system and of a team at most, where nobody said otherwise.

Standard library only: the light commands name the parts, too.
"""

from typing import Final

POINTS_MAX: Final = 100.0
WEIGHTS: Final[dict[str, float]] = {
    "agents": 15.0,
    "agents_lost": 15.0,
    "alerts": 20.0,
    "backlog": 40.0,
    "behind": 10.0,
    "dead_letters": 8.0,
    "events_missing": 10.0,
    "failures": 15.0,
    "leases_expired": 15.0,
    "log_away": 15.0,
    "nobody_works": 25.0,
    "nodes": 20.0,
    "oddities": 5.0,
    "parked": 10.0,
    "runs": 15.0,
    "stalled": 20.0,
    "stuck": 15.0,
}
"""Points by part: the name of the deduction. They add up to more than 100: a score is never below 0."""
