"""A question in, its answer out: the same for the socket and for NATS.

An answer is JSON, a refusal is JSON with `status`, `reason` and `exit_code`. A question may name a position
that must be folded in first: what one has just been told to have happened is then in the answer.
"""

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError

from coord.events.body import parse_object
from coord.events.commands import Invalid, Refusal
from coord.events.errors import CoordError, InvalidEvent
from coord.events.model import Question, first_fault
from coord.events.questions import (
    QUESTIONS,
    Events,
    EventsAnswer,
    Health,
    HealthAnswer,
    History,
    HistoryAnswer,
    ItemAnswer,
    PastQuestion,
)
from coord.events.streams import EVENTS
from coord.projections.answers import ANSWERS, Moment, as_of
from coord.services import clock
from coord.services.folder import Folder
from coord.services.projector.following import Follower
from coord.services.projector.keeper import Keeper
from coord.services.projector.logbook import answer_events, answer_history, in_full
from coord.services.projector.moments import find_moment
from coord.services.projector.past import Past
from coord.services.projector.scoring import Scores
from coord.services.settings import Settings

AFTER: Final = "coord-after"
"""The header with the position of EVENTS that must be folded in first, or `now`: what the log holds by then."""
NOW: Final = "now"
AFTER_SECONDS_MAX: Final = 2.0
"""How long that is waited for; then the answer is what there is: its as_of says so, or a refusal's hint."""


@dataclass(frozen=True, slots=True)
class Answered:
    """JSON, and how it ended."""

    body: bytes
    exit_code: int = 0


class Asking:
    """Answers questions."""

    def __init__(self, settings: Settings, folder: Folder, keeper: Keeper, follower: Follower) -> None:
        self.over_nats = False
        """Whether questions are answered over NATS too."""
        self._settings = settings
        self._keeper = keeper
        self._follower = follower
        self.scores = Scores(keeper, self.moment)
        self.past = Past(settings, folder)

    async def answer(self, name: str, body: bytes, after: str = "") -> Answered:
        """Answer a question.

        Raises:
            CoordError: it cannot be answered now.
        """
        question = _parsed(name, body)
        if isinstance(question, Invalid):
            return _answered(question)
        wanted = await self._end() if after == NOW else _position(after)
        if isinstance(wanted, Invalid):
            return _answered(wanted)
        late = await self._late(wanted)
        if isinstance(question, PastQuestion) and question.is_past:
            return await self._of_the_past(name, question)
        if isinstance(question, History | Events):
            return _answered(await self._from_log(question))
        moment = self.moment()
        answer = await self._keeper.read(lambda reader: ANSWERS[name](reader, question, moment))
        if late and isinstance(answer, Refusal):
            return _answered(answer.model_copy(update={"hint": late}))
        return _answered(await self._completed(question, answer))

    async def _end(self) -> int | None:
        """Return where the log ends now; None while it is away."""
        if not self._follower.connected.is_set():
            return None
        try:
            return (await (await self._follower.log()).stream_state(EVENTS.name)).last
        except CoordError:
            return None

    async def _late(self, wanted: int | None) -> str:
        """Wait until a position is folded in; returns why the answer may not hold what came last, if it may not."""
        if wanted is None:
            return "The log cannot be reached now, so what came last may be missing: coord doctor"
        if not wanted or await self._keeper.until_folded(wanted, AFTER_SECONDS_MAX):
            return ""
        folded = self._keeper.folded.get(EVENTS.name, 0)
        return f"The events up to position {folded} are folded in, not yet those up to {wanted}: ask again."

    def moment(self) -> Moment:
        """Return now, and how things stand."""
        opened = self._keeper.opened
        return Moment(
            time_ns=clock.now_ns(),
            lag=self._follower.lag,
            log_silent_seconds=self._follower.log_silent_seconds,
            opened=opened.how,
            opened_because=opened.reason,
            agent_silence_seconds=self._settings.agent_silence_seconds,
            node_silence_seconds=self._settings.node_silence_seconds,
            run_silence_seconds=self._settings.run_silence_seconds,
        )

    async def _of_the_past(self, name: str, question: PastQuestion) -> Answered:
        """Answer as of a past moment: from the log itself, or from tables folded up to there."""
        log = await self._follower.log()
        moment = await find_moment(log, self._keeper, question)
        if isinstance(moment, Refusal):
            return _answered(moment)
        if isinstance(question, Events):
            return _answered(await answer_events(log, question, moment.as_of, moment.position))
        if isinstance(question, History):
            site, until = self._settings.site, moment.position
            return _answered(await answer_history(log, site, question, moment.as_of, until))
        said = await self.past.answer(name, question, moment.position)
        return _answered(said) if isinstance(said, Refusal) else Answered(said[1:], said[0])

    async def _from_log(self, question: History | Events) -> HistoryAnswer | EventsAnswer | Refusal:
        """Answer from the log itself: always fresh, whatever is folded in."""
        log = await self._follower.log()
        moment = self.moment()
        now = await self._keeper.read(lambda reader: as_of(reader, moment))
        if isinstance(question, Events):
            return await answer_events(log, question, now, None)
        return await answer_history(log, self._settings.site, question, now, None)

    async def _completed(self, question: Question, answer: BaseModel) -> BaseModel:
        """Add what no table holds."""
        if isinstance(answer, ItemAnswer):
            return await self._in_full(answer)
        if isinstance(question, Health) and question.trend and isinstance(answer, HealthAnswer):
            return answer.model_copy(update={"trend": self.scores.told()})
        return answer

    async def _in_full(self, answer: ItemAnswer) -> ItemAnswer:
        """Add what is too large for a table, from the log; while that is away, only its size is told."""
        if not answer.body_bytes and not answer.result_bytes:
            return answer
        try:
            return await in_full(await self._follower.log(), answer)
        except CoordError:
            return answer


def _parsed(name: str, body: bytes) -> Question | Invalid:
    if name not in QUESTIONS:
        return Invalid(reason=f"there is no question {name[:64]!a}; there are {', '.join(QUESTIONS)}.")
    try:
        parse_object(body or b"{}")
        return QUESTIONS[name][0].model_validate_json(body or b"{}", strict=True)
    except InvalidEvent as error:
        return Invalid(reason=error.message)
    except ValidationError as error:
        return Invalid(reason=f"{name}: {first_fault(error)}")


def _position(text: str) -> int | Invalid:
    if not text:
        return 0
    if not text.isascii() or not text.isdecimal() or len(text) > 19:
        return Invalid(reason=f"{AFTER} is {text[:64]!a}; it must be a position of the log, or now.")
    return int(text)


def _answered(answer: BaseModel) -> Answered:
    return Answered(answer.model_dump_json(exclude_none=True).encode(), getattr(answer, "exit_code", 0))


__all__ = ["AFTER", "AFTER_SECONDS_MAX", "NOW", "Answered", "Asking"]
