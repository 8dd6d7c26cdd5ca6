"""`Run`: what a training loop says of itself, and what is asked of it.

    with Run("my-run") as run:                     run.started
        for step, batch in enumerate(batches):
            run.log(step, loss=train(batch))       run.metrics_recorded, packed
            for asked in run.directives(step):     what watchdogs and people ask
                run.applied(asked, step)           run.directive_applied
                                                   run.finished: completed, failed (raised) or stopped (Ctrl-C)

A Run belongs to the process that made it, and its methods to one thread. Nothing here waits for a server: what
is said goes through the emitter to the spool and from there to the log, now or when there is one again.
"""

import atexit
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from pydantic import ValidationError

from coord.events.errors import NoServer, UsageError, visible
from coord.events.model import NOTE_LENGTH_MAX, Event, first_fault
from coord.events.run import (
    RunCheckpointWritten,
    RunEvaluated,
    RunFinished,
    RunOutOfMemory,
    RunStarted,
)
from coord.events.tokens import TOKEN_LENGTH_MAX, event_subject, token
from coord.services import clock
from coord.services.folder import Folder
from coord.services.settings import Settings, load_settings
from coord.training_worker.emitter import CLOSE_SECONDS, Emitter
from coord.training_worker.mailbox import Asked, Mailbox
from coord.training_worker.outbox import plain
from coord.training_worker.packing import number_of
from coord.training_worker.sender import Sender
from coord.training_worker.spool import Spool

Outcome = Literal["completed", "failed", "stopped"]
_SUFFIX_LENGTH: Final = 8
__all__ = ["Asked", "Outcome", "Run"]
_log: Final = logging.getLogger("coord.training")


class Run:
    """One life of one training run."""

    def __init__(
        self,
        name: str,
        *,
        run_id: str | None = None,
        configuration: Mapping[str, Any] | None = None,
        settings: Settings | None = None,
        resumed_from_step: int | None = None,
        world_size: int = 1,
        work_item: str | None = None,
        rank: int = 0,
    ) -> None:
        """Begin a run, or a new life of it where `run_id` is known here: what that left unsent goes first.

        Without `run_id` one is made of the name. A rank above 0 records metrics and nothing else.

        Raises:
            UsageError: a name or value is none, or another process speaks for this run.
            NoServer: no house ever ran on the data folder, so that nothing could ever be sent.
        """
        self.settings = load_settings().settings if settings is None else settings
        self.run_id = token(_id_from(name) if run_id is None else run_id, "the run")
        self._rank = rank
        started = _made(
            RunStarted,
            name=name,
            node=self.settings.node,
            work_item=work_item,
            world_size=world_size,
            configuration=dict(configuration or {}),
            resumed_from_step=resumed_from_step,
        )
        folder = Folder(self.settings.data)
        need_house(self.settings, folder)
        self.folder: Path = folder.make("runs", self.run_id)
        self._spool_path = self.folder / ("spool" if rank == 0 else f"spool-{rank}")
        spool = Spool(self._spool_path)
        spooled = spool.waiting_ids()
        subject = event_subject(self.settings.site, "run", self.run_id)
        self._sender = Sender(
            self.settings,
            folder,
            subject,
            spool,
            beside=None if rank else lambda log: self._mailbox.listen(log),
        )
        self._emitter = Emitter(
            spool, self._sender, self.settings.run_silence_seconds, rank, resumed_from_step or 0
        )
        self._mailbox = Mailbox(folder, self.settings.site, self.run_id, self._emitter.tell, spooled)
        self._emitter.start()
        if rank == 0:
            self._emitter.tell(started, on_stored=self._mailbox.begin)
        atexit.register(self._close)

    @property
    def position(self) -> int:
        """The highest position that the log has acknowledged to this run; 0: none yet."""
        return self._sender.position

    @property
    def step(self) -> int:
        """The last step that was logged."""
        return self._emitter.outbox.step

    def log(self, step: int, **values: Any) -> None:
        """Record the metrics of a step: numbers, or what makes one. It takes microseconds and never waits.

        They are sent within a second, at once if one of them is not finite.
        """
        self._emitter.log(step, values)

    def log_now(self, step: int, **values: Any) -> None:
        """Record the metrics of a step, and send them at once."""
        self._emitter.log(step, values)
        self._emitter.call()

    def evaluated(self, step: int, **values: Any) -> None:
        """Say what an evaluation gave."""
        numbers = {name: number_of(plain(name, value)) for name, value in values.items()}
        self._tell(_made(RunEvaluated, step=step, values=numbers))

    def checkpoint_written(
        self, step: int, path: str, sha256: str, size_bytes: int, write_seconds: float
    ) -> None:
        """Say that a checkpoint is complete on disk; `path` is that of its folder, in the run's own."""
        self._tell(
            _made(
                RunCheckpointWritten,
                step=step,
                path=path,
                sha256=sha256,
                size_bytes=size_bytes,
                write_seconds=write_seconds,
            )
        )

    def out_of_memory(self, step: int, micro_batch: int, reason: str) -> None:
        """Say that an allocation failed in a step."""
        self._tell(_made(RunOutOfMemory, step=step, micro_batch=micro_batch, reason=_note(reason)))

    def directives(self, step: int) -> list[Asked]:
        """Return what is asked of this run and not answered yet, oldest first.

        What is stale or has outlived its life is refused here, at this step. It takes no time when nothing is asked.
        """
        return self._mailbox.directives(step)

    def wait_for_directive(self, step: int, seconds: float) -> list[Asked]:
        """Wait until something is asked, for at most so long; for a paused run, which says that it lives."""
        until = clock.monotonic() + seconds
        while True:
            self._mailbox.heard.clear()
            asked = self.directives(step)
            left = until - clock.monotonic()
            if asked or left <= 0:
                return asked
            self._mailbox.heard.wait(left)

    def applied(self, asked: Asked, step: int, note: str | None = None) -> None:
        """Answer that a directive was obeyed, between this step and the next."""
        self._mailbox.applied(asked, step, note)

    def refused(self, asked: Asked, step: int, reason: str) -> None:
        """Answer that a directive is not obeyed."""
        self._mailbox.refused(asked, step, reason)

    def finish(self, outcome: Outcome, step: int, reason: str | None = None) -> int:
        """Say that the run is over, send what is left for some seconds, and end.

        Returns how many records stay in the spool; the next life of the run sends them.
        """
        if self._rank == 0 and self._emitter.open:
            said = None if reason is None else _note(reason)
            self._tell(_made(RunFinished, outcome=outcome, step=step, reason=said))
        return self._close()

    def _close(self) -> int:
        atexit.unregister(self._close)
        if not self._emitter.open:
            return 0
        left = self._emitter.close(CLOSE_SECONDS)
        if left:
            _log.warning(
                "%d records of the run %s stay in %s: no server took them. The next Run with run_id=%r sends them.",
                left, self.run_id, self._spool_path, self.run_id,
            )  # fmt: skip
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run as the block ended."""
        if not self._emitter.open:
            return
        outcome, reason = _outcome_of(error)
        self.finish(outcome, self.step, reason)

    def _tell(self, event: Event) -> None:
        self._emitter.tell(event)


def _id_from(name: str) -> str:
    if not isinstance(name, str) or not name:
        raise UsageError(f"the name of the run is {visible(repr(name), 64)}; it must be a text.")
    words = "-".join(re.findall(r"[A-Za-z0-9_]+", name)) or "run"
    suffix = clock.new_id().replace("-", "")
    return f"{words[: TOKEN_LENGTH_MAX - _SUFFIX_LENGTH - 1]}-{suffix[4:8]}{suffix[-4:]}"


def _made(kind: type[Event], **values: Any) -> Any:
    try:
        return kind(**values)
    except ValidationError as error:
        raise UsageError(f"{kind.__name__}: {first_fault(error)}") from error


def _note(text: str) -> str:
    return visible(text, NOTE_LENGTH_MAX)


def _outcome_of(error: BaseException | None) -> tuple[Outcome, str | None]:
    match error:
        case None:
            return "completed", None
        case KeyboardInterrupt():
            return "stopped", "it was interrupted"
        case SystemExit(code=None | 0):
            return "completed", None
        case _:
            return "failed", f"{type(error).__name__}: {error}"


def need_house(settings: Settings, folder: Folder) -> None:
    """Refuse where nothing that is said could ever be heard.

    Raises:
        NoServer: no house ever ran on the data folder, and none is named.
    """
    if settings.nats is None and folder.read_json("credentials.json") is None:
        raise NoServer(
            f"no coord ever ran on the data folder {folder.root}, so nothing could hear this run.",
            "Start it with: coord up",
        )
