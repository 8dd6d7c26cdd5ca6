"""One held item, from its claim to its report.

    running --the command ends--> reporting --answered--> over: completed, failed, released ...
       |                              |  `--the claim is over--> over: lost
       |--the claim is over, or its lease ran out unrenewed--> ending (lost) --the command is gone--> over: lost
       `--stop--> ending (stopped) --the command is gone--> reporting (release)

The coordinator tells that a claim is over; should it be silent for a whole lease, that is assumed. A claim that the
command ended itself (`coord complete`, `coord fail`) is not lost: the command goes on to its end.
"""

import errno
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from coord.events.errors import CoordError, NothingThere, OutcomeUnknown, Refused, UsageError
from coord.services import clock
from coord.services.client import Reply
from coord.services.worker import tracing
from coord.services.worker.asking import Answer, Asking, Coordinator
from coord.services.worker.child import Child, Outlets, written_result
from coord.services.worker.keeper import Keeper
from coord.services.worker.loop import Timer
from coord.services.worker.outcome import Outcome, ending, failed, outcome_of, released
from coord.services.worker.scratch import Scratch
from coord.services.worker.template import CannotBegin, Template

REPORT_SECONDS: Final = 30.0
"""How long an end is reported again at least, while no answer comes."""
WATCH_AFTER_SECONDS: Final = 0.25
"""A command that ends sooner is not worth another request."""
WATCH_SECONDS: Final = 60.0
WATCH_AGAIN_SECONDS: Final = 1.0
_SHARE_RENEWED: Final = 6
"""A lease is not renewed alone before this share of it has passed."""
_OVER: Final = ("stale_fence", "wrong_holder", "illegal_transition", "unknown_id")
_NOT_THERE: Final = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.EISDIR, errno.EPERM)

State = Literal["running", "ending", "reporting", "over"]


@dataclass(frozen=True, slots=True)
class Bench:
    """What all commands of a worker share."""

    coordinator: Coordinator
    keeper: Keeper
    template: Template
    outlets: Outlets
    scratch: Scratch
    site: str
    marks: bool
    """Whether each line of output begins with its item's id."""
    say: Callable[[str], object]


class Holding:
    """One claim, and the command it is held for."""

    def __init__(
        self, bench: Bench, item: Mapping[str, Any], request_id: str, over: Callable[["Holding"], object]
    ) -> None:
        self.id: str = item["id"]
        self.fence: int = item["fence"]
        self.incarnation: int = item["incarnation"]
        self.lease_seconds: float = item["lease_seconds"]
        self.stuck_seconds: float | None = item.get("stuck_seconds")
        self.item = item
        self.state: State = "running"
        self.verdict = ""
        """At the end: the item's status, or `released`, `lost`, `unknown`."""
        self.reason = ""
        self.code: int | None = None
        """The command's exit code, or minus the signal that ended it."""
        self.stops = False
        """The command cannot be started: nothing more is worth claiming."""
        self.result: Reply | None = None
        """The last answer about it."""
        self.claimed_at = clock.monotonic()
        self._renewed_at = self.claimed_at
        self._bench = bench
        self._loop = bench.coordinator.loop
        self._request_id = request_id
        self._over = over
        self._child: Child | None = None
        self._watching: Asking | None = None
        self._timer: Timer | None = None
        self._reported: Outcome | None = None
        self._why = ""
        self._settled = ""

    @property
    def group(self) -> int | None:
        """The process group of its command, while it runs."""
        return self._child.group if self._child and self.state in ("running", "ending") else None

    @property
    def seconds(self) -> float:
        """Since it was claimed."""
        return clock.monotonic() - self.claimed_at

    def begin(self) -> None:
        """Start its command."""
        try:
            started = self._bench.template.filled(self.item, self._request_id)
            self._start(started.words, {**self._environment(), **started.variables})
        except CannotBegin as error:
            self._report(released(error.message))
        except OSError as error:
            reason = f"{self._bench.template.name} cannot be started: {error.strerror or error}"
            stops = error.errno in _NOT_THERE
            self._report(released(reason, stops) if stops or error.errno != errno.E2BIG else failed(reason))
        else:
            self._timer = self._loop.at(self._ends_at, self._look_at_lease)
            self._loop.after(WATCH_AFTER_SECONDS, self._watch)

    def check(self) -> None:
        """Start its command if the claim still holds: it was told late of it."""
        fields = {"item_ids": [self.id], "fence": self.fence, "wait_seconds": 0.0}
        Asking(self._bench.coordinator, "wait", fields, self._checked, self._ends_at)

    def renewed(self, at: float) -> None:
        """Its lease runs anew since a moment."""
        self._renewed_at = max(self._renewed_at, at)
        if self.group is not None:
            self._bench.keeper.guard(self.group, self._ends_at)

    def is_due(self) -> bool:
        """Tell whether enough of its lease has passed for a renewal of its own, which is an event."""
        return clock.monotonic() - self._renewed_at >= self.lease_seconds / _SHARE_RENEWED

    def look(self) -> None:
        """See whether its command has ended."""
        if self._child is not None and self.group is not None:
            self._child.look()

    def stop(self) -> None:
        """End its command, and give it back."""
        self._end("stopped", "the worker was stopped")

    @property
    def _ends_at(self) -> float:
        return self._renewed_at + self.lease_seconds

    def _environment(self) -> dict[str, str]:
        item = self.item
        told = {
            "COORD_DATA": str(self._bench.coordinator.folder.root),
            "COORD_AGENT": item["agent"],
            "COORD_INCARNATION": item["incarnation"],
            "COORD_ITEM": self.id,
            "COORD_FENCE": self.fence,
            "COORD_ATTEMPT": item["attempt"],
            "COORD_TITLE": item["title"],
            "COORD_REQUEST": self._request_id,
            "COORD_RESULT": self._bench.scratch.result_of(self.id),
        }
        trace = tracing.variables(self._bench.coordinator.folder, self._bench.site, self.id, self.fence)
        return {**os.environ, **{name: str(value) for name, value in told.items()}, **trace}

    def _start(self, words: tuple[str, ...], environment: Mapping[str, str]) -> None:
        bench = self._bench
        stdin = bench.scratch.opened(json.dumps(self.item, ensure_ascii=False).encode() + b"\n")
        try:
            self._child = Child(
                self._loop, bench.keeper, words, environment, stdin, bench.outlets,
                f"{self.id} | ".encode() if bench.marks else b"", self._ends_at, self._ended,
            )  # fmt: skip
        finally:
            os.close(stdin)

    def _checked(self, _: Asking, answer: Answer) -> None:
        if not isinstance(answer, NothingThere):
            self._finish("lost", "the claim was over before it was heard of")
        elif self._why:
            self._report(released(self.reason))
        else:
            self.begin()

    def _watch(self) -> None:
        if self.state == "running" and self._watching is None and not self._settled:
            fields = {"item_ids": [self.id], "fence": self.fence, "wait_seconds": WATCH_SECONDS}
            self._watching = Asking(self._bench.coordinator, "wait", fields, self._told, float("inf"))

    def _told(self, _: Asking, answer: Answer) -> None:
        self._watching = None
        if isinstance(answer, NothingThere):
            self._watch()
        elif isinstance(answer, CoordError):
            self._loop.after(WATCH_AGAIN_SECONDS, self._watch)
        else:
            self._is_over(answer.get("item") or (answer.get("items") or [{}])[0])

    def _is_over(self, item: Mapping[str, Any]) -> None:
        status, ours = item.get("status"), item.get("fence") == self.fence
        if ours and status in ("completed", "failed"):
            self._settled = str(status)
        elif ours and status == "claimed":
            self._loop.after(WATCH_AGAIN_SECONDS, self._watch)
        else:
            self._end("lost", _whereabouts(item))

    def _look_at_lease(self) -> None:
        if self.state != "running" or self._settled:
            return
        if clock.monotonic() >= self._ends_at:
            self._end("lost", f"no renewal was answered for {self.lease_seconds:g} s")
        else:
            self._timer = self._loop.at(self._ends_at, self._look_at_lease)

    def _end(self, why: str, reason: str) -> None:
        if self.state not in ("running", "ending") or self._why == "lost":
            return
        self.state, self._why, self.reason = "ending", why, reason
        if self._child is not None:
            if why == "lost":
                self._bench.say(f"{self.id} is lost: {reason}; its command is ended.")
            self._child.end()

    def _ended(self, code: int) -> None:
        self.code = code
        assert self._child is not None
        file = written_result(self._bench.scratch.result_of(self.id))
        self._bench.scratch.forget(self.id)
        killed_late = code == -signal.SIGKILL and clock.monotonic() >= self._ends_at
        if self._why == "lost" or (killed_late and not self._settled):
            self._finish("lost", self.reason or f"no renewal was answered for {self.lease_seconds:g} s")
        elif self._settled:
            self._finish(self._settled, "")
        elif self._why == "stopped":
            self._report(released(f"the worker was stopped, and its command ended: {ending(code)}"))
        else:
            last, said = self._child.stdout.kept, self._child.stderr.kept
            self._report(outcome_of(code, last, file, said))

    def _report(self, outcome: Outcome) -> None:
        self.state, self._reported = "reporting", outcome
        self.stops = self.stops or outcome.stops
        self.reason = str(outcome.fields.get("reason", ""))
        holder = {
            "agent": self.item["agent"],
            "incarnation": self.incarnation,
            "item_id": self.id,
            "fence": self.fence,
        }
        until = clock.monotonic() + max(self.lease_seconds, REPORT_SECONDS)
        Asking(self._bench.coordinator, outcome.verb, {**holder, **outcome.fields}, self._answered, until)

    def _answered(self, _: Asking, answer: Answer) -> None:
        assert self._reported is not None
        if not isinstance(answer, CoordError):
            self.result = answer
            status = str((answer.get("item") or {}).get("status", "done"))
            self._finish("released" if self._reported.verb == "release" else status, self.reason)
        elif isinstance(answer, OutcomeUnknown):
            self._finish("unknown", str(answer))
        elif isinstance(answer, Refused) and (answer.reply or {}).get("code") in _OVER:
            self.reason = answer.message
            fields = {"item_ids": [self.id], "fence": self.fence, "wait_seconds": 0.0}
            Asking(self._bench.coordinator, "wait", fields, self._looked, clock.monotonic() + REPORT_SECONDS)
        elif self._reported.verb == "complete":
            self._complete_otherwise(self._reported, answer)
        else:
            self._finish("unknown", answer.message)

    def _looked(self, _: Asking, answer: Answer) -> None:
        """The claim is over: its command may have ended it, and nobody had looked meanwhile."""
        item = (
            {} if isinstance(answer, CoordError) else answer.get("item") or (answer.get("items") or [{}])[0]
        )
        if item.get("fence") == self.fence and item.get("status") in ("completed", "failed"):
            self._finish(item["status"], "")
        else:
            self._finish("lost", self.reason)

    def _complete_otherwise(self, outcome: Outcome, error: CoordError) -> None:
        """The end is not taken as it is: leave out a result that nobody meant as one, or give the item up."""
        if isinstance(error, UsageError) and outcome.is_guessed:
            self._report(Outcome("complete"))
        else:
            self._report(failed(f"it ended well, and was not taken as completed: {error.message}"))

    def _finish(self, verdict: str, reason: str) -> None:
        self.state, self.verdict, self.reason = "over", verdict, reason
        if self._watching is not None:
            self._watching.drop()
        if self._timer is not None:
            self._timer.cancel()
        self._over(self)


def _whereabouts(item: Mapping[str, Any]) -> str:
    """Say where an item is that is not held under the claim any more, and why as far as it says."""
    status = item.get("status", "gone")
    if status == "claimed":
        return f"{item.get('agent')} holds it"
    return f"it is {status}: {item['reason']}" if item.get("reason") else f"it is {status}"
