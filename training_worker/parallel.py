"""One rank, or several under torchrun: what they agree about, and how.

Gradients are summed by hand, after every rank has said that it has some: so an allocation that fails on one
rank keeps nobody waiting in half a collective, as it would within `DistributedDataParallel`. The batch is one
and the same for any number of ranks; each takes its share of the rows. What is not finite on one rank is not
finite in the sum, and every rank sees the same sum: they judge alike without asking.

    each step    agree (MAX of a small row: out of memory, directives there, told to stop), then the sum
    seldom       rank 0 tells the others a value as JSON: directives, a checkpoint's name, the name of the run

Shapes: F flags, N any.
"""

import importlib
import json
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE: Final = timedelta(days=7)
"""How long a rank waits for the others: rank 0 may be told to pause for long."""

HOLDS_THE_GROUP: Final = "torch.distributed.nn"
"""Its functions take the group that is there when it is imported as a default, and keep it: torch does so by itself
in the first step. Imported before there is a group, it has none to keep. A group that outlives `end` has threads
that may want the interpreter while it is being taken down, and abort the process."""


class Ranks:
    """The ranks of one training; this process is `rank`."""

    def __init__(self) -> None:
        self.world_size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.world_size > 1:
            importlib.import_module(HOLDS_THE_GROUP)
            dist.init_process_group("gloo", timeout=PATIENCE)

    @property
    def first(self) -> bool:
        """Whether this rank speaks for all."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """Return the rows of a batch that are this rank's."""
        return slice(self.rank * batch // self.world_size, (self.rank + 1) * batch // self.world_size)

    def agree(self, flags: Sequence[int]) -> list[int]:
        """Return of each flag the highest value that a rank has."""
        if self.world_size == 1:
            return list(flags)
        flags_F = torch.tensor(flags, dtype=torch.int64)
        dist.all_reduce(flags_F, op=dist.ReduceOp.MAX)
        return [int(flag) for flag in flags_F.tolist()]

    def add(self, row_N: Tensor) -> None:
        """Put the sum over all ranks into this row."""
        if self.world_size > 1:
            dist.all_reduce(row_N)

    def tell(self, value: Any) -> Any:
        """Return the JSON value that rank 0 has; the others wait for it."""
        if self.world_size == 1:
            return value
        row_N = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        length = torch.tensor([len(row_N)])
        dist.broadcast(length, src=0)
        if not self.first:
            row_N = torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(row_N, src=0)
        return json.loads(bytes(row_N.tolist()))

    def end(self) -> None:
        """Leave the group; its threads have ended then."""
        if self.world_size > 1:
            dist.destroy_process_group()
