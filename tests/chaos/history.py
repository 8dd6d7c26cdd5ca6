"""What callers saw: one operation a request, from its first try to its last answer, on one monotonic clock.

    done      it was acknowledged: it has taken effect, between its beginning and its end
    refused   it was answered no: it never took effect, and never will
    unknown   it was not answered: it took effect at any time since its beginning, or will, or never does

A request that is sent again under its id is one operation still. Times are seconds of CLOCK_MONOTONIC, which all
processes of a machine share and which no change of the wall clock moves.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from coord.services import clock

Verb = Literal["submit", "claim", "renew", "complete", "fail", "release", "cancel", "read"]
Outcome = Literal["done", "refused", "unknown"]
NEVER: Final = math.inf
ANY: Final = ""
"""The item of a claim that names none and was not answered."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request and what its caller was told."""

    id: str
    verb: Verb
    agent: str
    item: str
    began: float
    ended: float = NEVER
    outcome: Outcome = "unknown"
    fence: int | None = None
    """The claim it rests on; of a claim that was won, its own."""
    lease_seconds: float | None = None
    reason: str = ""
    """Of a refusal, its code; one that says nothing about the item has none here."""
    phase: str = ""
    """Of a read, what was seen."""
    position: int | None = None
    """Of the event that the answer names."""
    already: bool = False
    """It was so before: nothing was appended."""


@dataclass
class History:
    """Operations as they begin and end."""

    operations: dict[str, Operation] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations.values())

    def begin(self, verb: Verb, agent: str, item: str = ANY, **known: Any) -> Operation:
        """Note that a request is about to be sent for the first time."""
        operation = Operation(
            known.pop("id", "") or clock.new_id(), verb, agent, item, clock.monotonic(), **known
        )
        assert operation.id not in self.operations, f"the request id {operation.id} was used before"
        self.operations[operation.id] = operation
        return operation

    def end(self, operation: Operation, outcome: Outcome, **known: Any) -> Operation:
        """Note the answer to a request."""
        assert self.operations[operation.id].outcome == "unknown", f"{operation.id} was answered before"
        ended = replace(operation, outcome=outcome, ended=clock.monotonic(), **known)
        self.operations[operation.id] = ended
        return ended

    def counts(self) -> dict[str, int]:
        """Count operations by verb and outcome."""
        return dict(sorted(Counter(f"{one.verb} {one.outcome}" for one in self).items()))

    def outcomes(self) -> dict[str, int]:
        """Count operations by outcome."""
        return dict(sorted(Counter(one.outcome for one in self).items()))


def by_item(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """Sort operations by the item they are about; those that name none are about none."""
    found: dict[str, list[Operation]] = {}
    for one in operations:
        if one.item != ANY:
            found.setdefault(one.item, []).append(one)
    return found


def written(operations: Iterable[Operation]) -> str:
    """Write a history as JSON lines, to look at or to check again."""
    return "".join(json.dumps(asdict(one) | {"ended": _finite(one.ended)}) + "\n" for one in operations)


def read(text: str) -> list[Operation]:
    """Read a history back."""
    return [_operation(json.loads(line)) for line in text.splitlines()]


def _finite(moment: float) -> float | None:
    return None if moment == NEVER else moment


def _operation(fields: dict[str, Any]) -> Operation:
    return Operation(**fields | {"ended": NEVER if fields["ended"] is None else fields["ended"]})
