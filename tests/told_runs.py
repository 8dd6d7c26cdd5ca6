"""A training run as its events tell it to a log."""

from typing import Any

from told_steps import CANARY, bad_step, not_finite, steps

from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.model import Event
from coord.events.run import (
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
        self.step += count
        return await self.pack(steps(self.step - count, count, seconds))

    async def hard_batch(self) -> int:
        """Make a step whose loss jumps and whose canary does not."""
        self.step += 1
        return await self.pack([bad_step(self.step - 1, CANARY)])

    async def damage(self) -> int:
        """Make a step after which the model is another: the canary has risen too."""
        self.step += 1
        return await self.pack([bad_step(self.step - 1, 2 * CANARY)])

    async def not_finite(self, count: int = 3) -> int:
        """Make steps whose loss is no number."""
        self.step += count
        return await self.pack(not_finite(self.step - count, count))

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
