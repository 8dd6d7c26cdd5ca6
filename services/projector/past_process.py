"""The process that answers of the past: started by the projector on demand, and ended by it.

    question of position N --> nearest file at or before N --fold--> N --> answer
                                                 | told four times a second how far
                                                 `-- cancelled: stands where it is

One question at a time, in the order they come. It reads EVENTS itself, at low priority and with bounded memory;
when the projector is gone it ends.
"""

import asyncio
import gc
import logging
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from pydantic import BaseModel

from coord.events.answer import ARROW_ROWS_MAX, Answer
from coord.events.commands import Unknown
from coord.events.errors import CoordError
from coord.events.questions import ItemAnswer
from coord.events.streams import EVENTS, MIB
from coord.projections.answers import ANSWERS, Moment
from coord.projections.answers.tabular import to_table, told_beside
from coord.projections.intake import Mark
from coord.projections.store import Reader, StoreBroken
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.projector.answered import read_question
from coord.services.projector.copies import policy_of
from coord.services.projector.feed import feed
from coord.services.projector.frames import (
    ANSWER,
    CANCEL,
    CANCELLED,
    COPY,
    KEEP,
    SIZE_BYTES,
    TOLD,
    Frame,
    frame_bytes,
    read_frame,
)
from coord.services.projector.logbook import in_full
from coord.services.projector.past_tables import Cancelled, PastTables
from coord.services.projector.scratch import Scratch
from coord.services.server.process import end_with
from coord.services.settings import Settings
from coord.services.tasks import end

TOLD_SECONDS: Final = 0.25
NICENESS: Final = 10
MEMORY_BESIDE_MIB: Final = 1_024
"""What the process may take beside the engine's own limit; more ends it."""
GARBAGE_OBJECTS: Final = 50_000
_WAIT_SECONDS: Final = 2.0


class PastProcess:
    """The process's work, once it has a connection to the projector and to the log."""

    def __init__(self, settings: Settings, log: Log, reader: Any, writer: Any) -> None:
        root = Folder(settings.data).make("projection", "past")
        self._tables = PastTables(Scratch(root, settings.projection_memory_mib, policy_of(settings)))
        self._settings = settings
        self._log = log
        self._reader: asyncio.StreamReader = reader
        self._writer: asyncio.StreamWriter = writer
        self._cancelled: set[int] = set()
        self._questions: asyncio.Queue[Frame] = asyncio.Queue()

    async def run(self) -> None:
        """Answer until the projector is gone."""
        task = asyncio.create_task(self._answer_all())
        task.add_done_callback(lambda _: self._reader.feed_eof())
        try:
            while frame := await read_frame(self._reader):
                if frame.kind == CANCEL:
                    self._cancelled.add(frame.number)
                else:
                    self._questions.put_nowait(frame)
        finally:
            await end(task)
            await self._tables.close()
        if not task.cancelled():
            task.result()

    async def _answer_all(self) -> None:
        while True:
            frame = await self._questions.get()
            try:
                said = await self._answer(frame)
            except Cancelled:
                said = Frame(frame.number, CANCELLED)
            except CoordError as error:
                said = _answer_frame(frame.number, _told(error))
                if isinstance(error, StoreBroken):
                    await self._tables.clear()
            self._cancelled.discard(frame.number)
            self._writer.write(frame_bytes(said))
            await self._writer.drain()

    async def _answer(self, frame: Frame) -> Frame:
        asked = msgspec.msgpack.decode(frame.body)
        name, position = asked["name"], asked["position"]
        state = await self._log.stream_state(EVENTS.name)
        await self._tables.begin(state.created_at, state.last, state.said_at_ns)
        await self._stand_at(frame.number, position)
        if name == COPY:
            file = await self._tables.copy()
            return Frame(frame.number, ANSWER, b"\0" + msgspec.json.encode({"file": str(file)}))
        if name == KEEP:
            return Frame(frame.number, ANSWER, b"\0" + msgspec.json.encode({"next": self._tables.next_copy}))
        question = read_question(name, msgspec.json.encode(asked["question"]), ARROW_ROWS_MAX)
        answer = await self._tables.ask(
            partial(self._answered, name, question, asked["time_ns"]), asked["told"]
        )
        if asked["arrow"] and isinstance(answer, Answer):
            return Frame(frame.number, ANSWER, b"\0" + await asyncio.to_thread(_table, name, answer))
        if isinstance(answer, ItemAnswer):
            answer = await in_full(self._log, answer)
        return _answer_frame(frame.number, answer)

    async def _stand_at(self, number: int, position: int) -> None:
        await self._tables.stand_at(
            position,
            lambda start, batch_max: feed(self._log, EVENTS.name, start, batch_max, _WAIT_SECONDS),
            self._telling(number, position),
            lambda: number not in self._cancelled,
        )

    def _telling(self, number: int, position: int) -> Callable[[int], None]:
        """Return what tells the projector how far a fold is, and how fast, now and then."""
        began, told_at, start = clock.monotonic(), 0.0, -1

        def tell(reached: int) -> None:
            nonlocal began, told_at, start
            now = clock.monotonic()
            if start < 0:
                start, began = reached, now
            if now - told_at >= TOLD_SECONDS:
                told_at = now
                rate = (reached - start) / max(now - began, 1e-6)
                body = msgspec.json.encode({"position": reached, "until": position, "rate": rate})
                self._writer.write(frame_bytes(Frame(number, TOLD, body)))

        return tell

    def _answered(self, name: str, question: Any, time_ns: int, reader: Reader, mark: Mark | None) -> Any:
        moment = Moment(
            time_ns=time_ns or (mark.recorded_at_ns if mark else 0),
            agent_silence_seconds=self._settings.agent_silence_seconds,
            node_silence_seconds=self._settings.node_silence_seconds,
            run_silence_seconds=self._settings.run_silence_seconds,
            past=True,
        )
        return ANSWERS[name](reader, question, moment)


def _answer_frame(number: int, answer: BaseModel) -> Frame:
    code = bytes([int(getattr(answer, "exit_code", 0))])
    return Frame(number, ANSWER, code + answer.model_dump_json(exclude_none=True).encode())


def _table(name: str, answer: Answer) -> bytes:
    beside = msgspec.json.encode(told_beside(answer))
    return len(beside).to_bytes(SIZE_BYTES) + beside + to_table(name, answer)


def _told(error: CoordError) -> Unknown:
    """Say what went wrong, as the projector would."""
    return Unknown(reason=error.message, hint=error.hint, exit_code=int(error.exit_code))


async def _main(descriptor: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor))
    first = await read_frame(reader)
    if first is None:
        return
    settings: Settings = pickle.loads(first.body)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    _bound(settings)
    log = await Log.connect(settings, Folder(settings.data), "core", "projector past")
    try:
        await PastProcess(settings, log, reader, writer).run()
    finally:
        await log.close()
        gc.unfreeze()  # what is frozen at the end is told of as leaked


def _bound(settings: Settings) -> None:
    """Stay behind whoever works on the present, and within bounds; collect garbage seldom: a fold makes little."""
    os.nice(NICENESS)
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    most = (settings.projection_memory_mib + MEMORY_BESIDE_MIB) * MIB
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


if __name__ == "__main__":
    end_with(int(sys.argv[2]), signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(_main(int(sys.argv[1])))
    except CoordError as error:
        sys.exit(f"the past cannot be folded: {error}")
