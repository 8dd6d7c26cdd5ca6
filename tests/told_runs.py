"""A training run as its events tell it: steps of a falling loss, and what may go wrong with it."""

import math
from typing import Any

from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.model import Event, Number
from coord.events.run import (
    BATCH,
    CANARY_LOSS,
    GRADIENT_NORM,
    LOSS,
    SKIPPED,
    STEP_SECONDS,
    Point,
    RunDirectiveApplied,
    RunDirectiveRefused,
    RunFinished,
    RunMetricsRecorded,
    RunOutOfMemory,
    RunStarted,
)
from coord.events.tokens import event_subject
from coord.services import clock
from coord.services.log import Log

CANARY = 2.5
WARM_STEPS = 100
"""So many steps, and a spike is seen as one."""


def loss_at(step: int) -> float:
    """A falling loss with a wobble that repeats: no two machines differ."""
    return 2.0 + 2.0 * math.exp(-step / 300) + 0.02 * math.sin(step * 1.7)


class ToldRun:
    """One run that a test tells the log about."""

    def __init__(self, log: Log, run: str, node: str | None = "n-1") -> None:
        self.log = log
        self.run = run
        self.node = node
        self.step = 0
        self.position = 0
        self.writer = "w-" + clock.new_id()
        self.sequence = 0

    async def say(self, event: Event, event_id: str = "") -> int:
        """Publish an event of the run; return its position."""
        envelope = Envelope(
            id=event_id or clock.new_id(),
            type=kind_of(event).type,
            source="/training/test",
            time=clock.rfc3339(clock.now_ns()),
        )
        self.position = await self.log.publish(event_subject("local", "run", self.run), envelope, event)
        return self.position

    async def start(self, **fields: Any) -> int:
        """Begin, or begin again."""
        return await self.say(RunStarted(name=self.run, node=self.node, **fields))

    async def steps(self, count: int, seconds: float = 0.2) -> int:
        """Make steps in which nothing is wrong."""
        points = []
        for _ in range(count):
            points.append(self._point(step_seconds=seconds))
            self.step += 1
        return await self.pack(points)

    async def hard_batch(self) -> int:
        """Make a step whose loss jumps and whose canary does not."""
        return await self._bad(4 * loss_at(self.step), CANARY)

    async def damage(self) -> int:
        """Make a step after which the model is another: the canary has risen too."""
        return await self._bad(3 * loss_at(self.step), 2 * CANARY)

    async def not_finite(self, count: int = 3) -> int:
        """Make steps whose loss is no number."""
        points = []
        for _ in range(count):
            points.append(self._point(loss="nan"))
            self.step += 1
        return await self.pack(points)

    async def out_of_memory(self, micro_batch: int = 8) -> int:
        """Fail to allocate."""
        event = RunOutOfMemory(step=self.step, micro_batch=micro_batch, reason="cannot allocate 4 GiB")
        return await self.say(event)

    async def applied(self, directive_id: str, position: int) -> int:
        """Obey."""
        event = RunDirectiveApplied(directive_id=directive_id, directive_position=position, step=self.step)
        return await self.say(event)

    async def refused(self, directive_id: str, position: int, reason: str = "cannot") -> int:
        """Do not obey."""
        return await self.say(
            RunDirectiveRefused(
                directive_id=directive_id, directive_position=position, step=self.step, reason=reason
            )
        )

    async def finish(self) -> int:
        """End."""
        return await self.say(RunFinished(outcome="completed", step=self.step))

    async def pack(self, points: list[Point]) -> int:
        """Publish points as one pack."""
        return await self.say(self.packed(points))

    def packed(self, points: list[Point]) -> RunMetricsRecorded:
        """Pack points under the next number."""
        pack = RunMetricsRecorded(writer=self.writer, writer_sequence=self.sequence, points=tuple(points))
        self.sequence += 1
        return pack

    async def _bad(self, loss: float, canary: float) -> int:
        points = [self._point(loss=loss, skipped=1.0, canary_loss=canary)]
        self.step += 1
        return await self.pack(points)

    def _point(self, loss: Number | None = None, **more: float) -> Point:
        values: dict[str, Number] = {
            LOSS: loss_at(self.step) if loss is None else loss,
            GRADIENT_NORM: 1.0,
            BATCH: float(self.step),
            STEP_SECONDS: more.get("step_seconds", 0.2),
        }
        for name in (SKIPPED, CANARY_LOSS):
            if name in more:
                values[name] = more[name]
        if self.step % 25 == 0:
            values.setdefault(CANARY_LOSS, CANARY)
        return Point(step=self.step, values=values)
