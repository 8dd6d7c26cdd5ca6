"""What the coordinator is asked: commands, and the timekeeper's own wishes; whom each is about, and who speaks."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from coord.events import commands as wish
from coord.events.model import Command
from coord.services import clock


@dataclass(frozen=True, slots=True)
class Expire:
    """The timekeeper's wish: end a claim that ran out."""

    item_id: str
    fence: int
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class MarkLost:
    """The timekeeper's wish: an agent was silent for too long."""

    agent: str
    incarnation: int
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class WelcomeBack:
    """The timekeeper's wish: a lost agent was heard."""

    agent: str
    lost_seconds: float


Wish = Command | Expire | MarkLost | WelcomeBack


class Subject(NamedTuple):
    """What a wish is about: the aggregate whose events decide it."""

    aggregate: str
    entity: str | None
    """None: the item that a claim of the best one will find."""
    directive_id: str = ""
    """Which of an entity's directives."""


_OF_AGENTS: Final = (wish.Register, wish.Heartbeat, wish.Retire, MarkLost, WelcomeBack)
_OF_ALERTS: Final = (wish.RaiseAlert, wish.ResolveAlert, wish.Acknowledge, wish.Silence)
_OF_DIRECTIVES: Final = (wish.Direct, wish.Withdraw)
_WITHOUT_AGENT: Final = (wish.Submit, wish.Cancel, Expire, *_OF_ALERTS, *_OF_DIRECTIVES)


def subject_of(command: Wish, request_id: str) -> Subject:
    """Return what a wish is about; an id that a command leaves out is made from its request."""
    if isinstance(command, wish.Submit):
        return Subject("work", command.item_id or clock.item_id_of(request_id))
    if isinstance(command, _OF_AGENTS):
        return Subject("agent", command.agent)
    if isinstance(command, _OF_ALERTS):
        return Subject("alert", command.alert_id)
    if isinstance(command, _OF_DIRECTIVES):
        directive_id = command.directive_id or clock.directive_id_of(request_id)
        return Subject("directive", command.entity, directive_id)
    return Subject("work", command.item_id)  # type: ignore[union-attr]


def agent_of(command: Wish) -> str | None:
    """Return the agent a command is a sign of life of."""
    return None if isinstance(command, _WITHOUT_AGENT) else command.agent  # type: ignore[union-attr]


def speaker_of(command: Wish) -> str | None:
    """Return on whose behalf a command says it speaks; None when it does not say."""
    return command.by if isinstance(command, wish.Acknowledge | wish.Silence) else agent_of(command)


def incarnation_of(command: Wish) -> int | None:
    """Return the incarnation a command was sent under, where it names one."""
    if isinstance(command, wish.Claim | wish.Hold | wish.Heartbeat | wish.Retire):
        return command.incarnation
    return None
