"""The past, as the projector sees it: a process of its own, started on demand, one question at a time.

    resting --question--> started --a minute without a question--> resting

A question waits for its turn and for the fold, `WAIT_SECONDS` together. Then it is refused as `not_yet`, and
the fold goes on: the same question again finds it further, or done. A fold that nobody waits for any more
gives way to a question of another moment. Live questions and folding go on beside, in this process.
"""

import asyncio
import logging
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from coord.events.commands import Refusal, refusal
from coord.events.errors import NoServer
from coord.events.questions import PastQuestion
from coord.services import clock
from coord.services.folder import Folder
from coord.services.projector.frames import (
    ANSWER,
    CANCEL,
    KEEP,
    QUESTION,
    SETTINGS,
    TOLD,
    Frame,
    frame_bytes,
    read_frame,
)
from coord.services.settings import Settings
from coord.services.tasks import end

WAIT_SECONDS: Final = 8.0
"""Less than the command line waits for any answer, by default."""
IDLE_SECONDS: Final = 60.0
STOP_SECONDS: Final = 2.0
_MODULE: Final = "coord.services.projector.past_process"

_log: Final = logging.getLogger("coord.projector")


@dataclass(slots=True)
class _Fold:
    """A question that the process was sent and has not answered."""

    number: int
    position: int
    answered: "asyncio.Future[bytes]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    reached: int = 0
    rate: float = 0.0


class Past:
    """Answers of past moments."""

    def __init__(self, settings: Settings, folder: Folder) -> None:
        self._settings = settings
        self._folder = folder
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._starting: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._fold: _Fold | None = None
        self._number = 0
        self._asked_at = 0.0
        self._resting: asyncio.Task[None] | None = None
        self._copies = folder.path("projection", "past")
        self._remove_files()

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._process is None else self._process.pid

    async def answer(
        self,
        name: str,
        question: PastQuestion,
        position: int,
        *,
        time_ns: int = 0,
        told: Mapping[str, Any] | None = None,
        arrow: bool = False,
    ) -> bytes | Refusal:
        """Return the exit code, as one byte, and the answer as of a position that the log holds.

        Args:
            name: of the question.
            question: the same for any moment.
            position: of the moment.
            time_ns: what ages are measured against; 0: the time of the position.
            told: rows of tables that EVENTS does not fill, by table and column.
            arrow: whether the answer, if it is no refusal, is to be a table: the size of what is said beside it
                (4 bytes), that, and a stream of Arrow.

        Raises:
            NoServer: the process ended before it answered.
        """
        asked = question.model_dump(mode="json", exclude={"at_position", "at_ns"}, exclude_none=True)
        body = _asked(name, asked, position, time_ns=time_ns, told=told or {}, arrow=arrow)
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._turn:
                return await self._ask(position, body)
        except TimeoutError:
            return self._not_yet(position)

    async def close(self) -> None:
        """End the process, and remove what it made."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
        if self._resting is not None:
            await end(self._resting)
        await self._stop()
        self._remove_files()

    async def keep_copies(self, position: int) -> int:
        """Fold up to a position, for the copies on the way, while nobody asks; returns where the next one is left.

        0: somebody asked meanwhile, and it is gone on with another time.

        Raises:
            NoServer: the process ended, or no copy can be made.
        """
        async with self._turn:
            if self._is_folding():
                return 0
            fold = await self._say_question(position, _asked(KEEP, {}, position))
        said = await asyncio.shield(fold.answered)
        if not said:
            return 0
        told = msgspec.json.decode(said[1:])
        if said[0]:
            raise NoServer(told["reason"], told.get("hint", ""))
        return int(told["next"])

    async def _ask(self, position: int, body: bytes) -> bytes:
        await self._give_way(position)
        rested = self._process is None
        try:
            return await self._sent(position, body)
        except NoServer:
            if rested:
                raise
            return await self._sent(position, body)

    async def _sent(self, position: int, body: bytes) -> bytes:
        fold = await self._say_question(position, body)
        try:
            return await asyncio.shield(fold.answered)
        finally:
            self._asked_at = clock.monotonic()

    async def _say_question(self, position: int, body: bytes) -> _Fold:
        await self._run()
        self._number += 1
        fold = self._fold = _Fold(self._number, position)
        self._asked_at = clock.monotonic()
        self._say(Frame(fold.number, QUESTION, body))
        return fold

    async def _give_way(self, position: int) -> None:
        """Wait for a fold that was left behind, or end it when it is on its way to another moment."""
        fold = self._fold
        if fold is None or fold.answered.done():
            return
        if fold.position != position:
            self._say(Frame(fold.number, CANCEL))
        await asyncio.wait([fold.answered])

    def _not_yet(self, position: int) -> Refusal:
        fold = self._fold
        if fold is None or not fold.reached:
            return refusal("not_yet", f"the past of position {position} is not ready yet.", "Ask again.")
        of = "" if fold.position == position else f" for position {fold.position}"
        left = (fold.position - fold.reached) / max(fold.rate, 1.0)
        return refusal(
            "not_yet",
            f"the past of position {position} is not ready yet: {fold.reached:,} of {fold.position:,} events"
            f" are folded{of}, at {fold.rate:,.0f}/s.",
            f"Ask again in {max(1, round(left))} s.",
        )

    async def _run(self) -> None:
        """Have the process run; who stops waiting for it does not stop its start."""
        if self._process is None:
            if self._starting is None or self._starting.done():
                self._starting = asyncio.create_task(self._start())
            await asyncio.shield(self._starting)

    async def _start(self) -> None:
        process, ours = _spawned()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        self._process = process
        self._say(Frame(0, SETTINGS, pickle.dumps(self._settings)))
        self._asked_at = clock.monotonic()
        self._listening = asyncio.create_task(self._listen(reader))
        if self._resting is None or self._resting.done():
            self._resting = asyncio.create_task(self._rest())

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while frame := await read_frame(reader):
            fold = self._fold
            if fold is None or fold.number != frame.number:
                continue
            if frame.kind == TOLD:
                told: dict[str, Any] = msgspec.json.decode(frame.body)
                fold.reached, fold.rate = told["position"], told["rate"]
            elif not fold.answered.done():
                fold.answered.set_result(frame.body if frame.kind == ANSWER else b"")
        await self._ended()

    async def _ended(self) -> None:
        """Note that the process has gone; whoever waits for it is told. Another may be started meanwhile."""
        process, self._process = self._process, None
        fold, self._fold = self._fold, None
        is_awaited = fold is not None and not fold.answered.done()
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        if process is not None:
            status = await asyncio.to_thread(_collect, process)
            if is_awaited:
                _log.error("the process that folds the past ended with %d", status)
        if fold is not None and not fold.answered.done():
            fault = NoServer(
                "the process that folds the past ended.", "Ask again; the projector's log says more."
            )
            fold.answered.set_exception(fault)
            fold.answered.exception()

    async def _rest(self) -> None:
        """End the process when nobody has asked for a while."""
        while self._process is not None:
            await asyncio.sleep(max(0.01, self._asked_at + IDLE_SECONDS - clock.monotonic()))
            idle = clock.monotonic() - self._asked_at >= IDLE_SECONDS
            if idle and (self._turn.locked() or self._is_folding()):
                self._asked_at = clock.monotonic()
            elif idle:
                async with self._turn:
                    await self._stop()

    def _is_folding(self) -> bool:
        return self._fold is not None and not self._fold.answered.done()

    async def _stop(self) -> None:
        """Let the process end by itself, which it does when it is left alone; kill it when it does not."""
        process, listening = self._process, self._listening
        if process is None:
            return
        if self._writer is not None:
            self._writer.write_eof()
        until = clock.monotonic() + STOP_SECONDS
        while process.poll() is None and clock.monotonic() < until:
            await asyncio.sleep(0.01)
        if process.poll() is None:
            process.kill()
        if listening is not None:
            await asyncio.wait([listening])

    def _say(self, frame: Frame) -> None:
        if self._writer is None:
            raise NoServer("the process that folds the past ended.", "Ask again.")
        self._writer.write(frame_bytes(frame))

    def _remove_files(self) -> None:
        """Remove what is of no use to another process; the copies stay."""
        for pattern in ("scratch*", "asked-*", "*.new"):
            for file in self._copies.glob(pattern):
                file.unlink(missing_ok=True)


def _asked(name: str, question: Mapping[str, Any], position: int, **more: Any) -> bytes:
    fields = {"time_ns": 0, "told": {}, "arrow": False, **more}
    return msgspec.msgpack.encode({"name": name, "question": question, "position": position, **fields})


def _spawned() -> "tuple[subprocess.Popen[bytes], socket.socket]":
    """Start the process from this thread, with which it ends, in a group of its own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    descriptor = theirs.fileno()
    command = [sys.executable, "-P", "-m", _MODULE, str(descriptor), str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(descriptor,), process_group=0)
    theirs.close()
    return process, ours


def _collect(process: "subprocess.Popen[bytes]") -> int:
    """Take the status of a process that has closed its end of the connection."""
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
