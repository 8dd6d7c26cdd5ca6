"""A history before three judges: the search, the named faults, and the log."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.history import Operation, by_item
from chaos.invariants import broken
from chaos.model import Rules
from chaos.search import explain
from chaos.witness import Logged, contradicted, resolved

TOLD_MAX = 12
"""Faults that are shown; all are counted."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a history."""

    operations: int
    items: int
    looked_at: int
    faults: tuple[str, ...]
    undecided: tuple[str, ...]
    """Items whose history was too tangled to be decided within the limit."""

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong and everything was decided."""
        return not self.faults and not self.undecided

    def words(self) -> str:
        """Say it in a few lines."""
        head = f"{self.operations} operations on {self.items} items, {self.looked_at} states looked at"
        if self.clean:
            return f"{head}: every one has its place, and the log agrees"
        kinds = Counter(fault.partition(":")[0] for fault in self.faults)
        told = [f"  {count} x {kind}" for kind, count in kinds.most_common()]
        told += [f"  {fault}" for fault in self.faults[:TOLD_MAX]]
        told += [f"  undecided: {', '.join(self.undecided)}"] if self.undecided else []
        return "\n".join([f"{head}: {len(self.faults)} faults", *told])


def judge(
    operations: Iterable[Operation], log: Sequence[Logged] | None = None, rules: Rules | None = None
) -> Judgement:
    """Judge a history, with the log that it left if there is one."""
    every = list(operations)
    settled = resolved(every, log) if log is not None else every
    items = by_item(settled)
    found = {item: explain(about, rules) for item, about in items.items()}
    faults = [
        f"impossible: {item}: no place for {', '.join(one.left[:4])} behind {len(one.explained)} others"
        for item, one in found.items()
        if one.verdict == "impossible"
    ]
    faults += broken(settled, rules)
    if log is not None:
        faults += contradicted(every, log)
    undecided = tuple(item for item, one in found.items() if one.verdict == "undecided")
    looked_at = sum(one.looked_at for one in found.values())
    return Judgement(len(every), len(items), looked_at, tuple(faults), undecided)
