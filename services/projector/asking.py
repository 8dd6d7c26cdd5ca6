"""A question in, its answer out: the same for the socket and for NATS.

An answer is JSON, a refusal is JSON with `status`, `reason` and `exit_code`. A question may name a position
that must be folded in first: what one has just been told to have happened is then in the answer.
"""

import asyncio
from typing import Final

from pydantic import BaseModel

from coord.events.answer import AFTER, ARROW_ROWS_MAX, ROWS_MAX
from coord.events.commands import Invalid, Refusal
from coord.events.errors import CoordError
from coord.events.model import Question
from coord.events.questions import (
    Events,
    EventsAnswer,
    Health,
    HealthAnswer,
    History,
    HistoryAnswer,
    ItemAnswer,
    PastQuestion,
    StateAnswer,
)
from coord.events.streams import EVENTS
from coord.projections.answers import ANSWERS, Moment, as_of
from coord.projections.answers.tabular import list_of
from coord.services import clock
from coord.services.folder import Folder
from coord.services.projector.answered import Answered, answered, as_table, read_question
from coord.services.projector.following import Follower
from coord.services.projector.keeper import Keeper
from coord.services.projector.keeping import PastCopies
from coord.services.projector.logbook import answer_events, answer_history, in_full
from coord.services.projector.looking_back import LookingBack
from coord.services.projector.past import Past
from coord.services.projector.scoring import Scores
from coord.services.settings import Settings

NOW: Final = "now"
AFTER_SECONDS_MAX: Final = 2.0
"""How long each of them, the end of the log and what is folded in, is waited for; then the answer is what there is: its as_of says so, or a refusal's hint."""


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
        self.copies = PastCopies(settings, folder, keeper, self.past, lambda: follower.lag)
        self._back = LookingBack(keeper, self.past, follower.log, self.moment, settings.site)

    async def answer(self, name: str, body: bytes, after: str = "", *, arrow: bool = False) -> Answered:
        """Answer a question; with `arrow` the rows of what is no refusal are a stream of Arrow.

        Raises:
            CoordError: it cannot be answered now, or not in this form.
        """
        question = read_question(name, body, ARROW_ROWS_MAX if arrow else ROWS_MAX)
        if isinstance(question, Invalid):
            return answered(question)
        wanted = await self._end() if after == NOW else _position(after)
        if isinstance(wanted, Invalid):
            return answered(wanted)
        late = await self._late(wanted)
        if arrow:
            list_of(name)
        if isinstance(question, PastQuestion) and question.is_past:
            return await self._back.answer(name, question, arrow=arrow, scores=self.scores.told())
        if arrow:
            return await self._as_table(name, question)
        if isinstance(question, History | Events):
            return answered(await self._from_log(question))
        moment = self.moment()
        answer = await self._keeper.read(lambda reader: ANSWERS[name](reader, question, moment))
        if late and isinstance(answer, Refusal):
            return answered(answer.model_copy(update={"hint": late}))
        return answered(await self._completed(question, answer))

    async def _as_table(self, name: str, question: Question) -> Answered:
        """Answer with a stream of Arrow, written in the thread that reads."""
        if isinstance(question, History | Events):
            told = await self._from_log(question)
            return await asyncio.to_thread(as_table, name, told)
        moment = self.moment()
        return await self._keeper.read(lambda reader: as_table(name, ANSWERS[name](reader, question, moment)))

    async def _end(self) -> int | None:
        """Return where the log ends now; None while it is away."""
        if not self._follower.connected.is_set():
            return None
        try:
            return (await (await self._follower.log()).stream_state(EVENTS.name, AFTER_SECONDS_MAX)).last
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
            followed=self._follower.followed(),
            keeping=self._keeper.keeping,
        )

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
        if isinstance(answer, StateAnswer):
            return answer.model_copy(update={"past": await asyncio.to_thread(self.copies.state)})
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


def _position(text: str) -> int | Invalid:
    if not text:
        return 0
    if not text.isascii() or not text.isdecimal() or len(text) > 19:
        return Invalid(reason=f"{AFTER} is {text[:64]!a}; it must be a position of the log, or now.")
    return int(text)


__all__ = ["AFTER", "AFTER_SECONDS_MAX", "NOW", "Answered", "Asking"]
