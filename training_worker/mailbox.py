"""The mailbox: what is asked of this run, heard from the log, and answered once.

    heard --> open --applied / refused--> answered
      |        |`--stale, or its life is over--> refused by the mailbox itself
      |        `--withdrawn--> dropped
      `--for an agent or a node of the same name--> ignored

`listen` runs on the emitter's connection and puts what it hears into a row; everything else happens in the
run's own thread, at a step. A directive is held back until the log has acknowledged the run's own start (or the
roll-back it last applied), because only then is it known which directives are stale: those whose epoch lies
before that position.

A directive lives `live_seconds` from the moment it was stored: its age when it is heard is told by the broker's
clock, what follows is counted on the monotonic clock of this process.

What is answered is kept in `answered.json`: the position up to which nothing is open, and the ids behind it that
are answered. It is written after the answer is in the spool, and before the answer is sent; so a life that ends
in between leaves the answer in the spool, where the next finds it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, Protocol

from coord.events.directive import DirectiveIssued, DirectiveWithdrawn
from coord.events.errors import CoordError, InvalidEvent, UsageError, visible
from coord.events.model import NOTE_LENGTH_MAX, Event
from coord.events.run import RunDirectiveApplied, RunDirectiveRefused
from coord.events.streams import EVENTS
from coord.events.tokens import event_subject
from coord.events.wire import Stored, read_event
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log

LISTEN_SECONDS: Final = 0.5
"""How soon a consumer that is gone is missed: the server told nothing of its end."""
BATCH_MAX: Final = 100
ANSWERED: Final = "answered.json"
_NS: Final = 1_000_000_000
_log: Final = logging.getLogger("coord.training")

Answer = RunDirectiveApplied | RunDirectiveRefused


class Tell(Protocol):
    """Says an event in the run's name (`Emitter.tell`)."""

    def __call__(
        self,
        event: Event,
        on_stored: Callable[[int], None] | None = None,
        on_spooled: Callable[[], None] | None = None,
        event_id: str | None = None,
    ) -> None:
        """Say it, and return when it is in the spool."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is asked of the run."""

    directive_id: str
    position: int
    action: str
    parameters: dict[str, Any]
    reason: str
    epoch: int
    ends_at: float
    """When its life is over, on the monotonic clock."""
    live_seconds: float


@dataclass(frozen=True, slots=True)
class _Withdrawn:
    directive_id: str
    position: int


def answer_id(run: str, directive_id: str) -> str:
    """Return the id of the event that answers a directive: there is one answer, whichever life gives it."""
    return clock.derived_id(f"answer-{run}-{directive_id}", 0)


class Mailbox:
    """The directives of one run."""

    def __init__(self, folder: Folder, site: str, run: str, tell: Tell, spooled: Collection[str]) -> None:
        """Begin where the last life left off; `spooled` are the ids of events that it left in the spool."""
        self.heard = threading.Event()
        """Set when there may be something new."""
        self._folder = folder
        self._run = run
        self._subject = event_subject(site, "directive", run)
        self._tell = tell
        self._row: deque[Asked | _Withdrawn] = deque()
        self._open: dict[str, Asked] = {}
        self._epoch: int | None = None
        kept = folder.read_json("runs", run, ANSWERED)
        kept = kept if isinstance(kept, dict) else {}
        self._settled = int(kept.get("position", 0))
        self._answered: dict[str, int] = dict(kept.get("answered", {}))
        self._spooled = frozenset(spooled)
        self._listened = self._settled
        self._last = self._settled

    async def listen(self, log: Log) -> None:
        """Hear directives for as long as the connection lasts."""
        state = await log.stream_state(EVENTS.name)
        ahead = state.said_at_ns / _NS - clock.monotonic()
        async for batch in log.pull(
            EVENTS.name, self._listened + 1, BATCH_MAX, LISTEN_SECONDS, subjects=(self._subject,)
        ):
            for stored in batch:
                self._hear(stored, clock.monotonic() + ahead)
                self._listened = stored.position
            if batch:
                self.heard.set()

    def _hear(self, stored: Stored, broker_seconds: float) -> None:
        try:
            event = read_event(stored).event
        except InvalidEvent as fault:
            _log.warning("what stands at position %d is no directive: %s", stored.position, fault.message)
            return
        if isinstance(event, DirectiveWithdrawn):
            self._row.append(_Withdrawn(event.directive_id, stored.position))
        elif isinstance(event, DirectiveIssued) and event.entity_kind == "run":
            age = max(0.0, broker_seconds - stored.recorded_at_ns / _NS)
            self._row.append(_asked(event, stored.position, clock.monotonic() - age))

    def begin(self, position: int) -> None:
        """Say where the run began (or rolled back) in the log: what was asked before is stale."""
        self._epoch = position
        self.heard.set()

    def directives(self, step: int) -> list[Asked]:
        """Return what is asked and not answered, oldest first; what is stale or dead is refused at this step."""
        if not self._row and not self._open:
            return []
        self._sort_in()
        if self._epoch is None:
            return []
        now = clock.monotonic()
        for asked in list(self._open.values()):
            reason = self._why_not(asked, self._epoch, now)
            if reason:
                self.refused(asked, step, reason)
        return list(self._open.values())

    def applied(self, asked: Asked, step: int, note: str | None) -> None:
        """Answer that a directive was obeyed; one that was a roll-back makes all older ones stale."""
        said = None if note is None else visible(note, NOTE_LENGTH_MAX)
        event = RunDirectiveApplied(
            directive_id=asked.directive_id, directive_position=asked.position, step=step, note=said
        )
        on_stored = None
        if asked.action == "roll_back":
            self._epoch, on_stored = None, self.begin
        self._answer(asked, event, on_stored)

    def refused(self, asked: Asked, step: int, reason: str) -> None:
        """Answer that a directive is not obeyed, and why."""
        said = visible(reason, NOTE_LENGTH_MAX)
        event = RunDirectiveRefused(
            directive_id=asked.directive_id, directive_position=asked.position, step=step, reason=said
        )
        self._answer(asked, event, None)

    def _answer(self, asked: Asked, event: Answer, on_stored: Callable[[int], None] | None) -> None:
        if self._open.pop(asked.directive_id, None) is None:
            raise UsageError(f"the directive {asked.directive_id} is answered already.")
        self._answered[asked.directive_id] = asked.position
        kept = self._kept()
        self._tell(event, on_stored, lambda: self._keep(kept), answer_id(self._run, asked.directive_id))

    def _kept(self) -> dict[str, Any]:
        settled = min((one.position for one in self._open.values()), default=self._last + 1) - 1
        self._answered = {name: position for name, position in self._answered.items() if position > settled}
        return {"position": settled, "answered": self._answered.copy()}

    def _keep(self, kept: dict[str, Any]) -> None:
        """Write down what is answered; by the emitter's thread, between spooling the answer and sending it."""
        try:
            self._folder.write_json(kept, "runs", self._run, ANSWERED)
        except CoordError as error:
            _log.warning("%s", error)

    def _sort_in(self) -> None:
        while self._row:
            one = self._row.popleft()
            self._last = max(self._last, one.position)
            if isinstance(one, _Withdrawn):
                self._open.pop(one.directive_id, None)
            elif not self._is_answered(one.directive_id):
                self._open[one.directive_id] = one

    def _is_answered(self, directive_id: str) -> bool:
        return directive_id in self._answered or answer_id(self._run, directive_id) in self._spooled

    def _why_not(self, asked: Asked, epoch: int, now: float) -> str:
        if asked.epoch < epoch:
            return (
                f"it is stale: it was decided on what was known up to position {asked.epoch}, "
                f"and the run began anew at {epoch}"
            )
        if now >= asked.ends_at:
            return f"its life of {asked.live_seconds:g} s was over before the run could obey"
        return ""


def _asked(event: DirectiveIssued, position: int, since: float) -> Asked:
    return Asked(
        event.directive_id,
        position,
        event.action,
        dict(event.parameters),
        event.reason,
        event.epoch,
        since + event.live_seconds,
        event.live_seconds,
    )
