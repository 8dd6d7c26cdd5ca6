"""What the coordinator is asked: commands, and the timekeeper's own wishes; whom each is about, and who speaks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from coord.events import commands as wish
from coord.events.model import Command
from coord.events.planning import ReclaimCause
from coord.services import clock


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Reclaim:
    """The coordinator's own wish: end a claim that ran out, or whose holder was put out."""

    item_id: str
    fence: int
    silent_seconds: float
    cause: ReclaimCause = "silence"
    reason: str | None = None
    is_still_so: Callable[[], bool] = _always
    """Asked when it is decided: while it waited, the agent may have been heard."""


@dataclass(frozen=True, slots=True)
class MarkStuck:
    """The timekeeper's wish: a holder lives and showed no work for too long."""

    item_id: str
    fence: int
    idle_seconds: float
    is_still_so: Callable[[], bool] = _always
    """Asked when it is decided: while it waited, the agent may have shown work."""


@dataclass(frozen=True, slots=True)
class MarkMovedOn:
    """The timekeeper's wish: a stuck claim shows work again."""

    item_id: str
    fence: int


@dataclass(frozen=True, slots=True)
class MarkLost:
    """The timekeeper's wish: an agent was silent for too long."""

    agent: str
    incarnation: int
    silent_seconds: float
    is_still_so: Callable[[], bool] = _always
    """Asked when it is decided: while it waited, the agent may have been heard."""


@dataclass(frozen=True, slots=True)
class WelcomeBack:
    """The timekeeper's wish: a lost agent was heard."""

    agent: str
    lost_seconds: float


Wish = Command | Reclaim | MarkStuck | MarkMovedOn | MarkLost | WelcomeBack


class Subject(NamedTuple):
    """What a wish is about: the aggregate whose events decide it."""

    aggregate: str
    entity: str | None
    """None: the items that a claim of the best will find, or several."""
    directive_id: str = ""
    """Which of an entity's directives."""


_OF_AGENTS: Final = (
    wish.Register, wish.Heartbeat, wish.Retire, wish.Drain, wish.Evict, MarkLost, WelcomeBack,
)  # fmt: skip
_OF_ALERTS: Final = (wish.RaiseAlert, wish.ResolveAlert, wish.Acknowledge, wish.Silence)
_OF_DIRECTIVES: Final = (wish.Direct, wish.Withdraw)
_OF_SEVERAL: Final = (wish.SubmitMany, wish.Wait)
_SIGNS_OF_LIFE: Final = (
    wish.Claim,
    wish.Hold,
    wish.Register,
    wish.Heartbeat,
    wish.Retire,
    MarkLost,
    WelcomeBack,
)
LOOKS: Final = (wish.Wait, wish.Explain)
"""Commands that change nothing."""


def subject_of(command: Wish, request_id: str) -> Subject:
    """Return what a wish is about; an id that a command leaves out is made from its request."""
    if isinstance(command, wish.Submit):
        return Subject("work", id_of(command, request_id, 0))
    if isinstance(command, _OF_AGENTS):
        return Subject("agent", command.agent)
    if isinstance(command, _OF_ALERTS):
        return Subject("alert", command.alert_id)
    if isinstance(command, _OF_DIRECTIVES):
        directive_id = command.directive_id or clock.directive_id_of(request_id)
        return Subject("directive", command.entity, directive_id)
    if isinstance(command, wish.ConfigureTeam):
        return Subject("team", command.team)
    if isinstance(command, _OF_SEVERAL):
        return Subject("work", None)
    return Subject("work", command.item_id)  # type: ignore[union-attr]


def id_of(item: wish.NewItem, request_id: str, ordinal: int) -> str:
    """Return the id an item is submitted under: its own, its idempotency key's, or its request's."""
    if item.item_id is not None:
        return item.item_id
    if item.idempotency_key is not None:
        return clock.item_id_of(f"key/{item.idempotency_key}")
    return clock.item_id_of(f"{request_id}/{ordinal}" if ordinal else request_id)


def items_beside(command: Wish) -> tuple[str, ...]:
    """Return the items a decision looks at beside its own subject."""
    if isinstance(command, wish.Submit | wish.Depend):
        return command.depends_on
    if isinstance(command, wish.SubmitMany):
        own = {item.item_id for item in command.items}
        named = dict.fromkeys(one for item in command.items for one in item.depends_on)
        return tuple(one for one in named if one not in own)
    return command.item_ids if isinstance(command, wish.Wait) else ()


def agent_of(command: Wish) -> str | None:
    """Return the agent a command is a sign of life of."""
    return command.agent if isinstance(command, _SIGNS_OF_LIFE) else None


def speaker_of(command: Wish) -> str | None:
    """Return on whose behalf a command says it speaks; None when it does not say."""
    if isinstance(command, wish.Drain):
        return None
    return command.by if isinstance(command, wish.Acknowledge | wish.Silence) else agent_of(command)


def incarnation_of(command: Wish) -> int | None:
    """Return the incarnation a command was sent under, where it names one."""
    if isinstance(command, wish.Claim | wish.Hold | wish.Heartbeat | wish.Retire):
        return command.incarnation
    return None
