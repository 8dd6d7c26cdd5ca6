"""The life of a directive as its issuer sees it: its state, its fold, and every decision about it.

    issue --> issued --withdraw--> withdrawn

All directives of an entity stand on one subject; each is folded and decided for itself. Whether it was
obeyed is said by the entity, on a subject of its own, and decides nothing here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from coord.events import directive as facts
from coord.events.commands import Direct, Refusal, Withdraw, refusal
from coord.events.envelope import Recorded
from coord.events.model import POSITION_MAX, Event
from coord.events.views import DirectiveView

Decision = Sequence[Event] | Refusal

BATCHES_MAX: Final = 1_000
"""Batches that one directive may name."""
_OBEY: Final = ("run", "agent", "node")
_FOR_RUNS: Final = frozenset({
    "skip_batch", "lower_learning_rate", "restore_learning_rate", "halve_micro_batch", "roll_back",
    "checkpoint_now",
})  # fmt: skip
"""Actions that only a training run can obey."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive as its events tell it."""

    entity: str
    issued: facts.DirectiveIssued
    status: Literal["issued", "withdrawn"] = "issued"


class Parameter(NamedTuple):
    """What one parameter of an action must be."""

    name: str
    fits: Callable[[Any], bool]
    allowed: str
    required: bool = True


def evolve(directive: Directive | None, recorded: Recorded) -> Directive | None:
    """Apply one event that names this directive; what does not fit the state changes nothing."""
    event = recorded.event
    if directive is None:
        return Directive(recorded.entity, event) if isinstance(event, facts.DirectiveIssued) else None
    if isinstance(event, facts.DirectiveWithdrawn):
        return replace(directive, status="withdrawn")
    return directive


def view(directive: Directive) -> DirectiveView:
    """Show a directive as replies do."""
    issued = directive.issued
    return DirectiveView(
        id=issued.directive_id,
        entity_kind=issued.entity_kind,
        entity=directive.entity,
        action=issued.action,
        parameters=issued.parameters,
        epoch=issued.epoch,
        live_seconds=issued.live_seconds,
        alert=issued.alert,
        reason=issued.reason,
        status=directive.status,
    )


def decide_issue(
    directive: Directive | None, command: Direct, directive_id: str, last_position: int | None
) -> Decision:
    """Issue a directive; the same content under the same id is already so, another is refused.

    `last_position` is that of the entity's last event, None when it has none; it is the epoch where the
    command names none.
    """
    fault = fault_of(command)
    if fault:
        return fault
    epoch = command.epoch if command.epoch is not None else last_position
    if directive is not None:
        known = directive.issued
        same = known == _issued(
            command, directive_id, known.epoch if command.epoch is None else command.epoch
        )
        return [] if same else _exists(command, directive_id)
    if epoch is None:
        return refusal(
            "unknown_id",
            f"there is no {command.entity_kind} {command.entity}: it has no event yet.",
            f"coord history {command.entity} shows what an entity has said.",
        )
    return [_issued(command, directive_id, epoch)]


def decide_withdraw(directive: Directive | None, command: Withdraw) -> Decision:
    """Take a directive back; again is already so."""
    if directive is None:
        return refusal("unknown_id", f"{command.entity} was given no directive {command.directive_id}.")
    if directive.status == "withdrawn":
        return []
    return [facts.DirectiveWithdrawn(directive_id=command.directive_id, reason=command.reason)]


def fault_of(command: Direct) -> Refusal | None:
    """Say why nobody could obey a directive: for whom it is, or what its action is given."""
    whom = f"which the {command.entity_kind} {command.entity} is not"
    if command.entity_kind not in _OBEY:
        return _bad(f"a directive is for a run, an agent or a node, {whom}")
    if command.action in _FOR_RUNS and command.entity_kind != "run":
        return _bad(f"{command.action} is for a run, {whom}")
    if command.action == "drain" and command.entity_kind == "run":
        return _bad(f"drain is for an agent or a node, {whom}", "A run is ended with: stop")
    return _parameter_fault(command.action, command.parameters)


def _parameter_fault(action: str, given: Mapping[str, Any]) -> Refusal | None:
    known = PARAMETERS.get(action, ())
    names = [parameter.name for parameter in known]
    unknown = sorted(set(given) - set(names))
    if unknown:
        takes = f"It takes {', '.join(names)}." if names else "It takes none."
        return _bad(f"{action} has no parameter {unknown[0][:64]!a}", takes)
    for name, fits, allowed, required in known:
        if name not in given and required:
            return _bad(f"{action} needs {name}", f"It must be {allowed}.")
        if name in given and not fits(given[name]):
            return _bad(f"{name} of {action} is {_shown(given[name])}", f"It must be {allowed}.")
    return None


def _issued(command: Direct, directive_id: str, epoch: int) -> facts.DirectiveIssued:
    return facts.DirectiveIssued(
        directive_id=directive_id,
        entity_kind=command.entity_kind,
        action=command.action,
        parameters=command.parameters,
        epoch=epoch,
        live_seconds=command.live_seconds,
        alert=command.alert,
        reason=command.reason,
    )


def _exists(command: Direct, directive_id: str) -> Refusal:
    return refusal(
        "already_exists",
        f"{command.entity} was given a directive {directive_id} with other content.",
        "Leave the directive's id out, or choose another.",
    )


def _bad(what: str, hint: str = "") -> Refusal:
    return refusal("bad_parameters", f"{what}.", hint)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 64 else text[:61] + "..."


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= POSITION_MAX


def _are_batches(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= BATCHES_MAX and all(map(_is_count, value))


def _is_factor(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


PARAMETERS: Final[dict[str, tuple[Parameter, ...]]] = {
    "skip_batch": (
        Parameter("batches", lambda value: bool(value) and _are_batches(value), f"a list of 1 to {BATCHES_MAX} numbers of batches"),
    ),
    "lower_learning_rate": (
        Parameter("factor", _is_factor, "a number above 0 and up to 1"),
        Parameter("steps", _is_count, "a number of steps, 0 for until it is restored", required=False),
    ),
    "roll_back": (
        Parameter("before_step", _is_count, "a step, 0 or more"),
        Parameter("skip_batches", _are_batches, f"a list of up to {BATCHES_MAX} numbers of batches", required=False),
    ),
}  # fmt: skip
"""What each action takes; those that are not named take nothing."""
