"""Directives: what each does to a training, between two steps, and when it is refused.

Every rank does the same with the same directive; rank 0 answers it, with the step that comes next. What is so
already is done. A roll-back goes to the newest good checkpoint of the wanted step or an earlier one; the orders
given since stay, and the batches it names are passed over when they come again.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from coord.events.errors import visible
from coord.training_worker.orders import FACTOR_MIN, QUARANTINE_MAX

if TYPE_CHECKING:
    from coord.training_worker.trainer import Trainer

BATCHES_NAMED_MAX: Final = 10
STEP_MAX: Final = 2**62


class Declined(Exception):
    """The directive is not obeyed; the message says why."""


def obey(trainer: "Trainer", action: str, parameters: Mapping[str, Any]) -> str:
    """Do what a directive asks, and return what was done.

    Raises:
        Declined: it was not; nothing was changed.
    """
    act = ACTIONS.get(action)
    if act is None:
        raise Declined(f"a training run does not {visible(action, 40)}.")
    unknown = set(parameters) - _PARAMETERS.get(action, frozenset())
    if unknown:
        raise Declined(f"{action} takes no {visible(min(unknown), 40)}.")
    return act(trainer, parameters)


def _skip_batch(trainer: "Trainer", parameters: Mapping[str, Any]) -> str:
    batches = _batches(trainer, parameters, "batches")
    if not batches:
        raise Declined("skip_batch names no batches.")
    trainer.orders.skip(batches)
    read = sum(number < trainer.cursor for number in batches)
    already = f", of which {read} had been read already" if read else ""
    return f"{_named(batches)} in quarantine{already}"


def _lower_learning_rate(trainer: "Trainer", parameters: Mapping[str, Any]) -> str:
    factor, steps = parameters.get("factor"), parameters.get("steps", 0)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 1:
        raise Declined("lower_learning_rate needs a factor above 0 and up to 1.")
    if not _is_count(steps):
        raise Declined("lower_learning_rate needs steps as a whole number, 0 for until it is restored.")
    if trainer.orders.factor * factor < FACTOR_MIN:
        raise Declined(f"the learning rate would be less than {FACTOR_MIN:g} of its schedule.")
    trainer.orders.lower(float(factor), int(steps))
    trainer.sanitiser.rearm()
    until = f"for {steps} steps" if steps else "until it is restored"
    return f"the learning rate is {trainer.orders.factor:g} of its schedule, {until}"


def _restore_learning_rate(trainer: "Trainer", _parameters: Mapping[str, Any]) -> str:
    if math.isclose(trainer.orders.factor, 1.0):
        return "the learning rate follows its schedule already"
    trainer.orders.restore()
    trainer.sanitiser.rearm()
    return "the learning rate follows its schedule again"


def _halve_micro_batch(trainer: "Trainer", _parameters: Mapping[str, Any]) -> str:
    if trainer.shrinking.take_halving():
        return f"halved to {trainer.orders.micro_batch} already, when memory ran out"
    if trainer.orders.micro_batch == 1:
        raise Declined("the micro-batch is 1: there is nothing to halve.")
    before = trainer.orders.micro_batch
    trainer.orders.micro_batch = before // 2
    return f"the micro-batch is {before // 2} instead of {before}; the batch is still {trainer.configuration.batch}"


def _roll_back(trainer: "Trainer", parameters: Mapping[str, Any]) -> str:
    before_step = parameters.get("before_step")
    if not _is_count(before_step):
        raise Declined("roll_back needs before_step, a whole number from 0.")
    skipped = _batches(trainer, parameters, "skip_batches")
    came_from = trainer.step
    checkpoint = trainer.go_back(int(before_step))  # type: ignore[arg-type]
    if checkpoint is None:
        raise Declined(f"there is no good checkpoint of step {before_step} or before.")
    trainer.orders.skip(skipped)
    passed = f"; {_named(skipped)} in quarantine" if skipped else ""
    return f"rolled back from step {came_from} to the checkpoint of step {checkpoint.step}{passed}"


def _checkpoint_now(trainer: "Trainer", _parameters: Mapping[str, Any]) -> str:
    fault = trainer.keep()
    if fault is not None:
        raise Declined(fault)
    return f"the checkpoint of step {trainer.step} is written"


def _pause(trainer: "Trainer", _parameters: Mapping[str, Any]) -> str:
    if trainer.paused:
        return "paused already"
    trainer.paused = True
    return f"paused before step {trainer.step}"


def _resume(trainer: "Trainer", _parameters: Mapping[str, Any]) -> str:
    if not trainer.paused:
        return "it is not paused"
    trainer.paused = False
    return f"goes on with step {trainer.step}"


def _stop(trainer: "Trainer", _parameters: Mapping[str, Any]) -> str:
    trainer.end("stopped", "a directive")
    return f"stops before step {trainer.step}"


ACTIONS: Final[Mapping[str, Callable[["Trainer", Mapping[str, Any]], str]]] = {
    "checkpoint_now": _checkpoint_now,
    "halve_micro_batch": _halve_micro_batch,
    "lower_learning_rate": _lower_learning_rate,
    "pause": _pause,
    "restore_learning_rate": _restore_learning_rate,
    "resume": _resume,
    "roll_back": _roll_back,
    "skip_batch": _skip_batch,
    "stop": _stop,
}
_PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "lower_learning_rate": frozenset(("factor", "steps")),
    "roll_back": frozenset(("before_step", "skip_batches")),
    "skip_batch": frozenset(("batches",)),
}


def _batches(trainer: "Trainer", parameters: Mapping[str, Any], name: str) -> list[int]:
    numbers = parameters.get(name, [])
    if not isinstance(numbers, list) or not all(map(_is_count, numbers)):
        raise Declined(f"{name} must be a list of batch numbers.")
    if len(trainer.orders.quarantine) + len(numbers) > QUARANTINE_MAX:
        raise Declined(f"no more than {QUARANTINE_MAX} batches can be in quarantine.")
    return numbers


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= STEP_MAX


def _named(batches: list[int]) -> str:
    shown = ", ".join(map(str, batches[:BATCHES_NAMED_MAX]))
    more = f" and {len(batches) - BATCHES_NAMED_MAX} more" if len(batches) > BATCHES_NAMED_MAX else ""
    return f"batch {shown}" if len(batches) == 1 else f"batches {shown}{more}"
