"""The connection to the house. Nothing here blocks a picture: one thread asks, one follows the log, one looks whether
claims are paused, one tells.

    connecting --an answer--> live --no answer, the tail breaks off--> lost --1 s, 1.6 s ... 10 s, R--> live

What they learn stands in one snapshot that is replaced, never changed.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from coord.events.errors import CoordError, NoServer, OutcomeUnknown
from coord.services import client, clock
from coord.services.folder import PROJECTOR_SOCKET, Folder
from coord.services.pausing import ask_coordinator
from coord.tui.known import EVENTS_MAX, Known, Told, asked_of
from coord.tui.pace import Ask, Pace, ask_of
from coord.tui.scene import Act, Link, Past, Wish

TAIL_FIRST: Final = 200
"""So many events from before are read at the start."""
RATE_SECONDS: Final = 10
RETRY_SECONDS_MIN: Final = 1.0
RETRY_SECONDS_MAX: Final = 10.0
LOOK_SECONDS: Final = 1.0
"""Between two questions whether claims are paused."""
_RETRY_GROWTH: Final = 1.6
_SIGNED: Final = ("acknowledge", "silence")
"""Commands that say themselves whose they are."""
_KEPT: Final = 48
"""Answers that are kept for a view that is come back to."""


class Ended(NamedTuple):
    """How an action ended."""

    how: str
    position: int = 0
    """Of the event that it became; 0: of none."""


def is_not_yet(error: CoordError) -> bool:
    """Tell whether a past moment was asked for that the projector is folding up to: it is asked again soon."""
    return (error.reply or {}).get("code") == "not_yet"


class Feed:
    """What one dashboard knows of one house, kept up to date until it is closed."""

    def __init__(self, folder: Folder, actor: str, request_seconds: float) -> None:
        self._folder, self._actor, self._seconds = folder, actor, request_seconds
        self._changed = threading.Condition()
        self._pace = Pace()
        self._kept: OrderedDict[str, Told] = OrderedDict()
        self._faults: dict[str, str] = {}
        self._events: deque[dict[str, Any]] = deque(maxlen=EVENTS_MAX)
        self._heard: deque[tuple[int, int]] = deque()
        """How many events came in each second of the last ten."""
        self._position = self._tail_from = self._first_new = 0
        self._link = Link("connecting", clock.now_ns(), folder=str(folder.root))
        self._retry_at = 0.0
        self._past: Past | None = None
        """The moment that is asked about."""
        self._paused: str | None = None
        """Why claims are paused; None: the coordinator was not asked yet."""
        self._began_ns = 0
        self._closed = False
        self.on_news: Callable[[], object] | None = None
        """Called in a thread of ours when something that was wanted anew has come."""
        self._version, self._known = 1, (0, Known())

    def start(self) -> None:
        """Begin to ask and to follow."""
        for work in (self._ask_for_ever, self._follow_for_ever, self._look_for_ever):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def close(self) -> None:
        """End; what is on its way is left behind."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def want(self, wishes: Sequence[Wish], past: Past | None) -> None:
        """Say what is to be asked from now on, and of which moment.

        While somebody drags through the past, or plays it, the next moment is asked for when all of the last one
        was answered: so each of them is whole, and the projector is asked no faster than it answers.
        """
        with self._changed:
            if past is not None and self._past is not None and self._waiting():
                past = self._past
            self._past = past
            asks = [
                ask_of(wish.key, wish.question, asked_of(past, wish), wish.every_seconds) for wish in wishes
            ]
            if self._pace.want(asks, clock.monotonic()):
                self._version += 1
                self._changed.notify_all()

    def retry(self) -> None:
        """Try a lost connection now."""
        with self._changed:
            self._retry_at = 0.0
            self._changed.notify_all()

    def known(self) -> Known:
        """Return what is known now: the same object while nothing is new."""
        with self._changed:
            if self._known[0] != self._version:
                self._known = (self._version, self._snapshot())
            return self._known[1]

    def wait(self, seconds: float) -> bool:
        """Wait until all that is wanted was answered, or the house is lost; tells whether it was in time."""
        with self._changed:
            return self._changed.wait_for(self._is_settled, seconds)

    def tell(self, act: Act, done: Callable[[Ended], object]) -> None:
        """Tell the coordinator, in a thread of its own; `done` gets how it ended, in that thread."""
        threading.Thread(target=lambda: done(self._told(act)), name="tell", daemon=True).start()

    def _waiting(self) -> list[Ask]:
        """Return what is wanted and was not answered yet."""
        return [
            ask for ask in self._pace.asks if ask.key not in self._faults and ask.identity not in self._kept
        ]

    def _is_settled(self) -> bool:
        if self._link.state == "lost":
            return True
        behind = not self._events or self._events[-1]["position"] < self._first_new - 1
        told = bool(self._pace.asks) and not self._waiting() and self._paused is not None
        return told and not (behind and self._first_new > 1)

    def _snapshot(self) -> Known:
        told: dict[str, Told] = {}
        for ask in self._pace.asks:
            found = self._kept.get(ask.identity) or self._kept.get(ask.like)
            if found is not None:
                told[ask.key] = found
        return Known(
            told, dict(self._faults), tuple(self._events), self._position, self._rate(), self._link,
            self._retry_at, self._paused or "", self._began_ns,
        )  # fmt: skip

    def _rate(self) -> float:
        now = int(clock.monotonic())
        while self._heard and self._heard[0][0] < now - RATE_SECONDS:
            self._heard.popleft()
        return sum(count for second, count in self._heard if second < now) / RATE_SECONDS

    def _ask_for_ever(self) -> None:
        while True:
            with self._changed:
                ask = self._next()
            if ask is None:
                return
            self._ask(ask)

    def _next(self) -> Ask | None:
        """Wait for what is to be asked next; None: closed."""
        while not self._closed:
            now = clock.monotonic()
            if self._link.state == "lost" and now < self._retry_at:
                self._changed.wait(self._retry_at - now)
                continue
            ask, wait = self._pace.next(now)
            if ask is not None:
                return ask
            self._changed.wait(wait)
        return None

    def _ask(self, ask: Ask) -> None:
        began = clock.monotonic()
        try:
            answer = client.ask(self._folder, ask.question, ask.fields, self._seconds, 0.0)
        except CoordError as error:
            if isinstance(error, NoServer | OutcomeUnknown) and error.reply is None:
                self._lose(str(error))
                return
            self._answered(ask, None, str(error), began, is_not_yet(error))
            return
        self._answered(ask, answer, "", began)

    def _answered(
        self, ask: Ask, answer: dict[str, Any] | None, fault: str, began: float, soon: bool = False
    ) -> None:
        with self._changed:
            now = clock.monotonic()
            is_news = self._pace.answered(ask, now, now - began, bool(fault) and not soon)
            self._faults.pop(ask.key, None)
            if answer is None:
                self._faults[ask.key] = fault
            else:
                self._keep(ask, Told(answer, now))
            if self._link.state != "live":
                self._link = Link("live", clock.now_ns(), folder=str(self._folder.root))
                self._pace.hurry()
                self._pace.answered(ask, now, 0.0, bool(fault) and not soon)
            self._version += 1
            self._changed.notify_all()
        if is_news and self.on_news is not None:
            self.on_news()

    def _keep(self, ask: Ask, told: Told) -> None:
        for name in (ask.like, ask.identity):
            self._kept[name] = told
            self._kept.move_to_end(name)
        self._drop_old()
        moment = told.answer.get("as_of", {})
        if not moment.get("past"):
            self._position = max(self._position, moment.get("position", 0) + moment.get("lag", 0))
        if not self._tail_from and not moment.get("past"):
            self._first_new = self._position + 1
            self._tail_from = max(self._position - TAIL_FIRST + 1, 1)
        if ask.question == "timeline" and "since_ns" not in ask.fields:
            self._began_ns = told.answer["since_ns"]

    def _drop_old(self) -> None:
        """Let go of the oldest answers that nobody wants now."""
        wanted = {name for ask in self._pace.asks for name in (ask.identity, ask.like)}
        for name in [one for one in self._kept if one not in wanted][: max(len(self._kept) - _KEPT, 0)]:
            del self._kept[name]

    def _lose(self, reason: str) -> None:
        with self._changed:
            lost, tries = self._link.state == "lost", self._link.tries + 1
            since_ns = self._link.since_ns if lost else clock.now_ns()
            wait = min(RETRY_SECONDS_MIN * _RETRY_GROWTH ** (tries - 1), RETRY_SECONDS_MAX)
            self._retry_at = clock.monotonic() + wait
            self._link = Link("lost", since_ns, reason, wait, tries, str(self._folder.root))
            self._version += 1
            self._changed.notify_all()

    def _follow_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._can_follow())
                if self._closed:
                    return
                path = f"/v1/tail?from={self._tail_from}"
            self._follow(path)
            with self._changed:
                self._pace.hurry()
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closed, RETRY_SECONDS_MIN / 2)

    def _can_follow(self) -> bool:
        return self._link.state == "live" and self._tail_from > 0

    def _follow(self, path: str) -> None:
        """Follow the log until it breaks off."""
        from msgspec import DecodeError, json

        decode = json.Decoder().decode
        try:
            for line in client.lines(self._folder, PROJECTOR_SOCKET, "GET", path, None, 0.0):
                if self._closed:
                    return
                self._hear(decode(line))
        except (CoordError, DecodeError, KeyError, TypeError):
            return

    def _hear(self, event: dict[str, Any]) -> None:
        with self._changed:
            position = int(event["position"])
            self._events.append(event)
            self._tail_from = position + 1
            self._position = max(self._position, position)
            self._version += 1
            if position < self._first_new:
                return
            second = int(clock.monotonic())
            if self._heard and self._heard[-1][0] == second:
                self._heard[-1] = (second, self._heard[-1][1] + 1)
            else:
                self._heard.append((second, 1))
                self._pace.stir(clock.monotonic())
                self._changed.notify_all()

    def _look_for_ever(self) -> None:
        """Ask the coordinator whether claims are paused, beside all else: one that hangs holds up no picture."""
        while True:
            paused = ask_coordinator(self._folder)[1]
            with self._changed:
                if paused != self._paused:
                    self._paused = paused
                    self._version += 1
                    self._changed.notify_all()
                if self._changed.wait_for(lambda: self._closed, LOOK_SECONDS):
                    return

    def _told(self, act: Act) -> Ended:
        ended = self._told_one(act)
        return self._told(act.then) if act.then is not None and ended.how == "done" else ended

    def _told_one(self, act: Act) -> Ended:
        signed = {"by": self._actor} if act.verb in _SIGNED else {}
        command = {"request_id": clock.new_id(), **signed, **act.fields}
        try:
            reply = client.tell(self._folder, act.verb, command, self._actor, self._seconds, 1.0)
        except OutcomeUnknown as error:
            return Ended(f"unknown: {error}")
        except CoordError as error:
            return Ended(f"refused: {error}")
        return Ended("done", reply.get("position") or 0)
