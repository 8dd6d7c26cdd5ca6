"""Every rule by name: what it watches, with which settings, and where its thresholds come from.

A rule is added by one line in `RULES`. Its settings are a frozen dataclass of numbers and switches with a
sentence under each field; the sentences are what `coord watchdog rules` prints.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeVar

from coord.events.alert import EntityKind
from coord.events.errors import SettingsError, UsageError, visible
from coord.services.detectors import gpu_presence, incident, memory, out_of_memory, silence, thermal
from coord.services.detectors.finding import RECOVERY_EXHAUSTED
from coord.services.detectors.loss import LossSettings

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the watchdog."""

    name: str
    entity_kind: EntityKind
    family: Literal["loss", "heat", "memory", "policy", "presence", "silence"]
    """Which fold finds it. Rules of `loss` can be replayed over a run."""
    what: str
    """When it is found, as a sentence."""
    settings: type | None
    """None: it has no threshold of its own."""
    source: str
    """Where its thresholds come from."""


_OF_LOSS: Final = (
    "spikes marked by eye in real runs (coord watchdog bench), corrupt batches and learning-rate glitches in a "
    "small model, and real runs whose loss was not finite once, or for good"
)
_OF_HEAT: Final = (
    "each GPU's own limits, the throttle bits of NVML that mean heat or a power brake, and a real load that "
    "begins with +16 C in 5 s and is no alert"
)
_OF_MEMORY: Final = "the kernel's pressure stall figures, and the slope of what is available"
_OF_PRESENCE: Final = "how long a driver that hangs keeps silent, and a monitor that reads every second"

RULES: Final = (
    Rule(
        incident.SPIKE, "run", "loss",
        "The loss stood far above its trend, and the canary did not rise: a hard batch.",
        LossSettings, _OF_LOSS,
    ),
    Rule(
        incident.DAMAGED, "run", "loss",
        "The loss stood far above its trend, and the canary rose or, without one, the loss stayed there.",
        LossSettings, _OF_LOSS,
    ),
    Rule(
        incident.NOT_FINITE, "run", "loss",
        "Several losses running were no finite numbers; a lone one is no alert.",
        LossSettings, _OF_LOSS,
    ),
    Rule(
        out_of_memory.RULE, "run", "memory",
        "An allocation failed in a step; over after some steps without another.",
        None, "a failed allocation is a fact",
    ),
    Rule(
        RECOVERY_EXHAUSTED, "run", "policy",
        "Rolled back again and again, or nothing that was asked could be done: a person is called.",
        None, "the policy raises it: three roll-backs in 5,000 steps did not help, or were refused",
    ),
    Rule(
        thermal.THROTTLED, "node", "heat",
        "Heat or a power brake holds a GPU's clocks down; a power limit is normal.",
        thermal.ThermalSettings, _OF_HEAT,
    ),
    Rule(
        thermal.TOO_HOT, "node", "heat",
        "A GPU is too near to where it slows down or shuts down, by its own limits.",
        thermal.ThermalSettings, _OF_HEAT,
    ),
    Rule(
        gpu_presence.LOST, "node", "presence",
        "The driver says that a GPU is lost.",
        gpu_presence.PresenceSettings, _OF_PRESENCE,
    ),
    Rule(
        gpu_presence.UNRESPONSIVE, "node", "presence",
        "The driver does not answer, or no GPU is read although the node speaks.",
        gpu_presence.PresenceSettings, _OF_PRESENCE,
    ),
    Rule(
        memory.PRESSURE, "node", "memory",
        "Tasks stall for want of memory.",
        memory.MemorySettings, _OF_MEMORY,
    ),
    Rule(
        memory.EXHAUSTION, "node", "memory",
        "By its slope, the memory will be used up within a minute, or it is.",
        memory.MemorySettings, _OF_MEMORY,
    ),
    Rule(
        memory.DEVICE, "node", "memory",
        "A GPU's memory is nearly full.",
        memory.MemorySettings, _OF_MEMORY,
    ),
    Rule(
        silence.AGENT_LOST, "agent", "silence",
        "An agent was declared lost, and was not heard since.",
        None, "the setting agent_silence_seconds says how long",
    ),
    Rule(
        silence.NODE_LOST, "node", "silence",
        "A machine was declared lost, and was not heard since.",
        None, "the setting node_silence_seconds says how long",
    ),
    Rule(
        silence.RUN_LOST, "run", "silence",
        "A run was declared lost, and was not heard since.",
        None, "the setting run_silence_seconds says how long",
    ),
)  # fmt: skip


def find_rule(name: str) -> Rule:
    """Return a rule by its name.

    Raises:
        UsageError: there is none; the hint names those that there are.
    """
    for rule in RULES:
        if rule.name == name:
            return rule
    raise UsageError(
        f"there is no rule '{visible(name, 64)}'.", f"There are {', '.join(rule.name for rule in RULES)}."
    )


def read_settings(kind: type[S], given: Sequence[str]) -> S:
    """Make settings from texts such as `k=6`; what is not given has its default.

    Raises:
        SettingsError: a text is no such pair, there is no such setting, or its value does not serve.
    """
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"'{visible(text, 64)}' is no setting.", "Write it as NAME=VALUE, e.g. k=6.")
        if name not in known:
            raise SettingsError(
                f"there is no setting '{visible(name, 64)}'.", f"There are {', '.join(known)}."
            )
        values[name] = _value(name, value, known[name].default)
    return kind(**values)


def _value(name: str, text: str, default: Any) -> int | float | bool | str:
    kind = type(default)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text]
        if kind is float and len(text) <= 32:
            return float(text)
        if kind is int and len(text) <= 18 and text.isascii():
            return int(text)
    except (ValueError, KeyError):
        pass
    if kind is str:
        return text
    wanted = {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "something else")
    raise SettingsError(f"{name} is '{visible(text, 64)}'; it must be {wanted}.")


class Setting(NamedTuple):
    """One threshold of a rule."""

    name: str
    default: Any
    what: str
    """Its meaning, with its unit."""


@cache
def described(kind: type | None) -> tuple[Setting, ...]:
    """Return every setting of a class, in their order; none of no class."""
    if kind is None:
        return ()
    meanings = _meanings(kind)
    return tuple(
        Setting(one.name, None if one.default is MISSING else one.default, meanings.get(one.name, ""))
        for one in fields(kind)
    )


def _meanings(kind: type) -> Mapping[str, str]:
    """Read the sentence that stands under each field."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        assert isinstance(body, ast.ClassDef)
        name = None
        for statement in body.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                name = statement.target.id
                continue
            if (
                name is not None
                and isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
            ):
                found[name] = " ".join(str(statement.value.value).split())
            name = None
    return found
