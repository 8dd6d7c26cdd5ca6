"""What the coordinator is asked: commands, and the timekeeper's own wishes; whom each is about, and who speaks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

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
_NAMES_INCARNATION: Final = (wish.Claim, wish.Hold, wish.Heartbeat, wish.Retire)
_BY_SOMEBODY: Final = (wish.Acknowledge, wish.Silence)
LOOKS: Final = (wish.Wait, wish.Explain)
"""Commands that change nothing."""


@cache
def _is_sign_of_life(kind: type) -> bool:
    """Tell of a command's type: looked at once, as each command is asked many times."""
    return issubclass(kind, _SIGNS_OF_LIFE)


@cache
def _names_incarnation(kind: type) -> bool:
    return issubclass(kind, _NAMES_INCARNATION)


@cache
def _about(kind: type) -> str:
    """Return what a type of wish is about: the aggregate, and of items how they are named."""
    families = {
        "submit": (wish.Submit,), "agent": _OF_AGENTS, "alert": _OF_ALERTS, "directive": _OF_DIRECTIVES,
        "team": (wish.ConfigureTeam,), "health": (wish.Weigh,), "several": _OF_SEVERAL,
    }  # fmt: skip
    return next((name for name, kinds in families.items() if issubclass(kind, kinds)), "work")


def subject_of(command: Any, request_id: str) -> Subject:
    """Return what a wish is about; an id that a command leaves out is made from its request."""
    match _about(command.__class__):
        case "work":
            return Subject("work", command.item_id)
        case "submit":
            return Subject("work", id_of(command, request_id, 0))
        case "agent":
            return Subject("agent", command.agent)
        case "alert":
            return Subject("alert", command.alert_id)
        case "directive":
            directive_id = command.directive_id or clock.directive_id_of(request_id)
            return Subject("directive", command.entity, directive_id)
        case "team":
            return Subject("team", command.team)
        case "health":
            return Subject("health", command.part)
    return Subject("work", None)


def id_of(item: wish.NewItem, request_id: str, ordinal: int) -> str:
    """Return the id an item is submitted under: its own, its idempotency key's, or its request's."""
    if item.item_id is not None:
        return item.item_id
    if item.idempotency_key is not None:
        return clock.item_id_of(f"key/{item.idempotency_key}")
    return clock.item_id_of(f"{request_id}/{ordinal}" if ordinal else request_id)


def ids_of(items: Sequence[wish.NewItem], request_id: str) -> list[str]:
    """Return the ids that several are submitted under together."""
    return [id_of(item, request_id, ordinal) for ordinal, item in enumerate(items)]


def items_beside(command: Any) -> tuple[str, ...]:
    """Return the items a decision looks at beside its own subject."""
    kind = command.__class__
    if kind is wish.Submit:
        return _named_by(command)
    if kind is wish.Depend:
        return command.depends_on  # type: ignore[no-any-return]
    if kind is wish.SubmitMany:
        own = {item.item_id for item in command.items}
        named = dict.fromkeys(one for item in command.items for one in _named_by(item))
        return tuple(one for one in named if one not in own)
    return command.item_ids if kind is wish.Wait else ()


def _named_by(item: wish.NewItem) -> tuple[str, ...]:
    return item.depends_on if item.parent is None else (*item.depends_on, item.parent)


def agent_of(command: Any) -> str | None:
    """Return the agent a command is a sign of life of."""
    return command.agent if _is_sign_of_life(command.__class__) else None


def speaker_of(command: Any) -> str | None:
    """Return on whose behalf a command says it speaks; None when it does not say."""
    kind = command.__class__
    if kind is wish.Drain:
        return None
    return command.by if kind in _BY_SOMEBODY else agent_of(command)


def incarnation_of(command: Any) -> int | None:
    """Return the incarnation a command was sent under, where it names one."""
    return command.incarnation if _names_incarnation(command.__class__) else None
