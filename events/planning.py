"""How an item of work is planned: when it may be begun, how often it is tried, beside how many of its kind.

These are fields of facts and of commands alike, and what a decision was weighed by.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from coord.events.model import Ratio, Token, Words

DEPENDENCIES_MAX: Final = 64
ATTEMPTS_MAX: Final = 100
DELAY_SECONDS_MAX: Final = 86_400.0
CONCURRENCY_MAX: Final = 10_000
IDEMPOTENCY_KEY_LENGTH_MAX: Final = 200
SAID_LENGTH_MAX: Final = 64

Dependencies = Annotated[tuple[Token, ...], Field(max_length=DEPENDENCIES_MAX)]
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=IDEMPOTENCY_KEY_LENGTH_MAX)]
Said = Annotated[str, Field(min_length=1, max_length=SAID_LENGTH_MAX)]
"""Words about a moment that mean another one later, such as +1h."""
StuckSeconds = Annotated[float, Field(ge=1, le=86_400)]
OnStuck = Literal["tell", "reassign"]
ReclaimCause = Literal["silence", "agent_lost", "node_lost", "evicted", "stuck"]
"""Why a claim was ended by the coordinator."""
BLAMELESS: Final[frozenset[ReclaimCause]] = frozenset({"evicted", "node_lost"})
"""Causes that do not count as a try of the item."""


class Retry(Words):
    """How often an item is tried: a failure and a lease that ran out count, a release and a blameless end do not.

    Before the n-th try again it rests `delay_seconds * factor ** (n - 1)`, at most `delay_seconds_max`, spread by
    `jitter` to both sides. After the last attempt it is parked.
    """

    attempts: int = Field(default=1, ge=1, le=ATTEMPTS_MAX)
    delay_seconds: float = Field(default=1.0, ge=0, le=DELAY_SECONDS_MAX)
    factor: float = Field(default=2.0, ge=1, le=10)
    delay_seconds_max: float = Field(default=300.0, ge=0, le=DELAY_SECONDS_MAX)
    jitter: Ratio = 0.1


class Concurrency(Words):
    """At most `limit` items of one key are held at a time; the limit is that of the item to be claimed."""

    key: Token
    limit: int = Field(default=1, ge=1, le=CONCURRENCY_MAX)


class Scores(Words):
    """Why this item was the best for its holder: five scores from 0 to 1, and their weighted sum."""

    priority: Ratio
    """Priority / 9."""
    age: Ratio
    """Since it was submitted, in days, at most 1."""
    deadline: Ratio
    """1 when it is due or late, 0 a day before, and without a deadline."""
    match: Ratio
    """How much of what the agent offers the item needs: a specialist is given special work."""
    fairness: Ratio
    """1 for the team that holds least for its share, 0 for the one that holds most."""
    total: Ratio
