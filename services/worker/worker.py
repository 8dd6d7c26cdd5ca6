"""A worker: it claims, holds, renews, and ends when it is told to or has nothing more to do.

working --SIGTERM, SIGINT, SIGHUP--> draining --again--> stopping --again--> gone
   |                                    |  nothing more      | commands are ended, their items given back
   |--so many are done, idle for long --^  is claimed        |
   `--the coordinator will not have the agent ---------------'   over when no command runs
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from coord.events.errors import CoordError, Exit, NothingThere
from coord.services import clock
from coord.services.wording import age, safe
from coord.services.worker.asking import Coordinator
from coord.services.worker.child import Outlets
from coord.services.worker.claiming import CLAIM_SECONDS, Claims, Item
from coord.services.worker.holding import Bench, Holding
from coord.services.worker.keeper import Keeper
from coord.services.worker.loop import Loop
from coord.services.worker.passing import Outlet
from coord.services.worker.plan import Plan, Surroundings
from coord.services.worker.renewing import DRAINING, Renewals
from coord.services.worker.scratch import Scratch

QUICK_SECONDS: Final = 1.0
"""Nothing to claim, said sooner than this, is not asked again before it is over."""
REST_SECONDS: Final = 0.1
REST_SECONDS_MAX: Final = 1.0
"""Between claims, at first and at most, while every item is given back: others have a moment to take what is. The
item itself rests longer and longer, so that what is behind it has its turn."""
AWAY_SECONDS: Final = 1.0
"""So long without an answer is worth a word."""
FINISH_SECONDS: Final = 2.0
STOPPING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WANTING: Final = ("failed", "open", "parked", "lost", "cancelled")
_PASSING: Final = ("wip_limit", "overloaded")
"""Refusals of a claim that pass by themselves."""
MAY_COME: Final = ("nothing_to_claim", "waiting", "taken", "blocked", "not_yet", *_PASSING)
"""Refusals after which somebody who waits for one item asks again."""


class CannotStart(CoordError):
    """The command cannot be started."""

    exit_code = Exit.USAGE


class Worker:
    """One worker, from its start to its end."""

    def __init__(self, plan: Plan, surroundings: Surroundings) -> None:
        self.counts = dict.fromkeys(("completed", "failed", "released", "lost", "unknown"), 0)
        self.fault: CoordError | None = None
        """Why it ended before it was told to."""
        self.asked_to_stop = 0
        self.signal = 0
        """The last that asked it to stop."""
        self.is_drained = False
        """Its agent is given nothing more."""
        self.is_reader_gone = False
        self.last: Holding | None = None
        """The item that ended last."""
        self.wanting: set[str] = set()
        """Items that it did not complete after all: they failed, or their claims were lost."""
        self._plan = plan
        self._ended = surroundings.ended
        self._loop = Loop()
        self._keeper = Keeper()
        self._stderr = Outlet(self._loop, _descriptor(sys.stderr), lambda _: None)
        self._stdout = Outlet(self._loop, _descriptor(sys.stdout), self._reader_gone)
        self._scratch = Scratch(surroundings.folder)
        coordinator = Coordinator(
            self._loop, surroundings.folder, plan.agent, surroundings.request_seconds, self._hear_of
        )
        self._bench = Bench(
            coordinator=coordinator,
            keeper=self._keeper,
            template=plan.template,
            outlets=Outlets(self._stderr if self._ended else self._stdout, self._stderr),
            scratch=self._scratch,
            site=surroundings.site,
            marks=plan.jobs > 1,
            say=self.say,
        )
        self._claims = Claims(coordinator, plan, self._hold, self._find_nothing)
        self._renewals = Renewals(coordinator, plan, lambda: self._holdings, self._give_up)
        self._holdings: list[Holding] = []
        self._claimed = 0
        self._rests_until = 0.0
        self._rest_seconds = REST_SECONDS
        self._idle_since = clock.monotonic()
        self._waits_until = self._idle_since + plan.wait_seconds
        self._is_finished = False
        self._away_since: float | None = None
        self._is_away = False

    def run(self) -> None:
        """Work until it is over."""
        with self._loop.signals((*STOPPING_SIGNALS, signal.SIGCHLD), self._signalled):
            self._claim()
            self._renewals.schedule()
            self._loop.run(self._is_over)
        self._renewals.close()
        self._keeper.close()
        self._scratch.close()
        for outlet in (self._stdout, self._stderr):
            outlet.finish(FINISH_SECONDS)
        self._loop.close()

    def say(self, sentence: str) -> None:
        """Say something on stderr, in order with what commands say there."""
        self._stderr.write(f"coord: {safe(sentence)}\n".encode())

    def _is_over(self) -> bool:
        under_way = self._claims.is_open or self._holdings
        return self.asked_to_stop > 2 or not (under_way or self._wants_more())

    def _wants_more(self) -> bool:
        most = self._plan.most
        enough = most is not None and self._claimed >= most
        return not (enough or self.asked_to_stop or self._is_finished or self.fault)

    def _claim(self) -> None:
        """Claim as much as there is room for, unless that is under way or not wanted."""
        free = self._plan.jobs - len(self._holdings)
        if self._plan.most is not None:
            free = min(free, self._plan.most - self._claimed)
        now = clock.monotonic()
        if free > 0 and now >= self._rests_until and self._wants_more() and not self._claims.is_open:
            self._claims.ask(free, self._wait_seconds(now), self._patience(now))

    def _patience(self, now: float) -> float:
        """Return until when a claim is asked again while nobody answers: a worker without an end waits for its house."""
        if self._plan.item_id is None and self._plan.idle_seconds is None:
            return float("inf")
        return now + self._wait_seconds(now) + self._bench.coordinator.seconds

    def _wait_seconds(self, now: float) -> float:
        if self._plan.item_id is not None:
            return min(max(self._waits_until - now, 0.0), CLAIM_SECONDS)
        idle = self._plan.idle_seconds
        if idle is None:
            return CLAIM_SECONDS
        left = idle if self._holdings else idle - (now - self._idle_since)
        return min(max(left, 0.0), CLAIM_SECONDS)

    def _hold(self, items: Sequence[Item], request_id: str, is_late: bool) -> None:
        for number, item in enumerate(items):
            own_id = request_id if len(items) == 1 else clock.derived_id(request_id, number)
            holding = Holding(self._bench, item, own_id, self._let_go)
            self._holdings.append(holding)
            self._claimed += 1
            self.say(f"{holding.id} claimed, attempt {item['attempt']}: {item['title']}")
            (holding.check if is_late else holding.begin)()
        self._renewals.schedule()
        self._claim()

    def _find_nothing(self, error: CoordError, seconds: float) -> None:
        """A claim won nothing."""
        code, idle = (error.reply or {}).get("code"), self._plan.idle_seconds
        if self._plan.item_id is not None:
            if code not in MAY_COME or clock.monotonic() >= self._waits_until:
                self.fault = error
            self._claim()
        elif isinstance(error, NothingThere):
            idles = idle is not None and not self._holdings
            self._is_finished = idles and clock.monotonic() - self._idle_since >= (idle or 0.0)
            if idle == 0 and not self._is_finished:
                self._rests_until = float("inf")
            elif seconds < QUICK_SECONDS and not self._is_finished:
                self._rest(QUICK_SECONDS - seconds)
            self._claim()
        elif code in _PASSING:
            self._rest(QUICK_SECONDS)
        else:
            self._give_up(error)

    def _rest(self, seconds: float) -> None:
        """Claim nothing for a while."""
        self._rests_until = clock.monotonic() + seconds
        self._loop.at(self._rests_until, self._claim)

    def _let_go(self, holding: Holding) -> None:
        """An item has ended, one way or another."""
        self._holdings.remove(holding)
        self.last = holding
        self.counts[holding.verdict if holding.verdict in self.counts else "failed"] += 1
        (self.wanting.add if holding.verdict in _WANTING else self.wanting.discard)(holding.id)
        self._tell(holding)
        if not self._holdings:
            self._idle_since = clock.monotonic()
        self._rests_until = 0.0
        if holding.verdict == "released":
            self._rest(self._rest_seconds)
            self._rest_seconds = min(2 * self._rest_seconds, REST_SECONDS_MAX)
        else:
            self._rest_seconds = REST_SECONDS
        if holding.stops:
            self._give_up(
                CannotStart(f"{holding.reason}.", "Nothing more is claimed; the item was given back.")
            )
        self._claim()

    def _tell(self, holding: Holding) -> None:
        if self._ended is not None:
            self._stdout.write(self._ended(holding))
        verdict = {"open": "open again", "unknown": "at an unknown end"}.get(holding.verdict, holding.verdict)
        reason = f": {holding.reason}" if holding.reason else ""
        self.say(f"{holding.id} {verdict} after {age(holding.seconds)}{reason}")

    def _give_up(self, error: CoordError) -> None:
        """Nothing more can be claimed, or shall be; what is held is still done."""
        if self._is_finished or self.fault is not None:
            return
        if (error.reply or {}).get("code") == DRAINING:
            self._is_finished = self.is_drained = True
        else:
            self.fault = error
        if self._is_finished or self._holdings:
            self.say(f"{error} Nothing more is claimed; {len(self._holdings)} running.")
        self._claims.call_off()

    def _signalled(self, number: int) -> None:
        if number == signal.SIGCHLD:
            for holding in list(self._holdings):
                holding.look()
            return
        self.asked_to_stop += 1
        self.signal = number
        self._claims.call_off()
        is_drain = self.asked_to_stop == 1 and self._plan.item_id is None
        if is_drain and self._holdings:
            self.say(f"nothing more is claimed; {len(self._holdings)} running. Once more ends them.")
        elif not is_drain:
            for holding in list(self._holdings):
                holding.stop()

    def _reader_gone(self, error: OSError) -> None:
        """Whoever read has gone, or there is no room: what is held is still done."""
        self.is_reader_gone = isinstance(error, BrokenPipeError)
        if not self.is_reader_gone:
            self._give_up(CoordError(f"the output cannot be written: {error.strerror}."))
        self.asked_to_stop = max(self.asked_to_stop, 1)
        self._claims.call_off()

    def _hear_of(self, answers: bool) -> None:
        """Say once that the coordinator does not answer for a while, and once that it does again."""
        now = clock.monotonic()
        if answers:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now
        is_away = self._away_since is not None and now - self._away_since >= AWAY_SECONDS
        if is_away != self._is_away:
            self._is_away = is_away
            self.say(
                "the coordinator does not answer; it is waited for."
                if is_away
                else "the coordinator answers again."
            )


def _descriptor(stream: TextIO | None) -> int:
    return os.open(os.devnull, os.O_WRONLY) if stream is None else stream.fileno()
