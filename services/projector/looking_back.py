"""Answering as of a past moment: each question from where that moment is known.

    events, history                          the log itself, up to the position
    readings, trend                          the live tables, cut by the broker's time of the moment
    all about machines, and who was heard    tables that were folded up to there, with what machines had told by then
    all else                                 those tables alone

Older readings than are kept are not answered with nothing: it is said what is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import msgspec
from pydantic import BaseModel

from coord.events.commands import Refusal, refusal
from coord.events.questions import Events, Health, History, PastQuestion, PastScore
from coord.events.samples import HARDWARE, PRESENCE, PROCESSES
from coord.events.streams import SAMPLES
from coord.projections.answers import ANSWERS, Moment
from coord.projections.folds.samples import READINGS_HOT
from coord.projections.told import Kept, Told, kept_since, told_by
from coord.services import clock
from coord.services.clock import rfc3339
from coord.services.log import Log
from coord.services.log.pages import read_newest_by
from coord.services.projector.answered import Answered, answered, as_table
from coord.services.projector.frames import SIZE_BYTES
from coord.services.projector.keeper import Keeper
from coord.services.projector.logbook import answer_events, answer_history
from coord.services.projector.moments import PastMoment, find_moment
from coord.services.projector.past import Past

LIVE: Final = ("readings", "trend")
WITH_MACHINES: Final = ("agents", "deadletters", "health", "latest", "meters", "metrics", "nodes", "top")
_ABOUT_READINGS: Final = ("health", "latest", "metrics", "nodes", "top")
"""Without the readings of then, their answers would be wrong, or empty."""
FOLDED_SECONDS_MAX: Final = 4.0
"""How long it is waited until what was recorded by then is folded in."""
_POLL_SECONDS: Final = 0.02
_TO_THE_SECOND: Final = len("2026-11-29T14:02:11")


class LookingBack:
    """Answers of past moments, for one projector."""

    def __init__(
        self,
        keeper: Keeper,
        past: Past,
        log: Callable[[], Awaitable[Log]],
        now: Callable[[], Moment],
        site: str,
    ) -> None:
        self._keeper = keeper
        self._past = past
        self._log = log
        self._now = now
        self._site = site

    async def answer(
        self, name: str, question: PastQuestion, *, arrow: bool, scores: tuple[PastScore, ...] = ()
    ) -> Answered:
        """Answer as of the past moment that a question names.

        Raises:
            CoordError: it cannot be answered now, or not in this form.
        """
        log = await self._log()
        moment = await find_moment(log, self._keeper, question)
        if isinstance(moment, Refusal):
            return answered(moment)
        if isinstance(question, Events | History):
            return await self._from_log(log, name, question, moment, arrow)
        too_old = await self._too_old(log, name, question, moment)
        if too_old is not None:
            return answered(too_old)
        if name in LIVE:
            return await self._from_live(name, question, moment, arrow)
        told = await self._told(log, moment) if name in WITH_MACHINES else {}
        said = await self._past.answer(
            name, question, moment.position, time_ns=moment.time_ns, told=told, arrow=arrow
        )
        if isinstance(said, Refusal):
            return answered(said)
        if arrow and not said[0]:
            return Answered(*_apart(said[1:]))
        if isinstance(question, Health) and question.trend and not said[0]:
            return Answered(_with_scores(said[1:], [one for one in scores if one.at_ns <= moment.time_ns]))
        return Answered(said[1:], said[0])

    async def _from_log(
        self, log: Log, name: str, question: Events | History, moment: PastMoment, arrow: bool
    ) -> Answered:
        if isinstance(question, Events):
            answer: Any = await answer_events(log, question, moment.as_of, moment.position)
        else:
            answer = await answer_history(log, self._site, question, moment.as_of, moment.position)
        return await asyncio.to_thread(as_table, name, answer) if arrow else answered(answer)

    async def _from_live(
        self, name: str, question: PastQuestion, moment: PastMoment, arrow: bool
    ) -> Answered:
        now = self._now()
        then = replace(now, time_ns=moment.time_ns, stands=moment.as_of, past=True, now_ns=now.time_ns)
        give = as_table if arrow else _as_json
        return await self._keeper.read(lambda reader: give(name, ANSWERS[name](reader, question, then)))

    async def _told(self, log: Log, moment: PastMoment) -> Told:
        """Return what machines had told by a moment: from the live tables, and the newest messages by then."""
        subjects = [f"sample.{self._site}.*.{kind}" for kind in (HARDWARE, PROCESSES, PRESENCE)]
        newest = [
            stored
            for subject in subjects
            for stored in await read_newest_by(log, SAMPLES.name, [subject], moment.time_ns)
        ]
        return await self._keeper.read(lambda reader: told_by(reader, moment.time_ns, newest))

    async def _too_old(
        self, log: Log, name: str, question: PastQuestion, moment: PastMoment
    ) -> Refusal | None:
        """Say what is kept, where a moment lies before it; and wait until what came by then is folded in."""
        if name not in LIVE and name not in WITH_MACHINES:
            return None
        samples = await log.stream_state(SAMPLES.name)
        behind = await self._behind(samples.last, moment.time_ns)
        if behind:
            return refusal("not_yet", f"{behind:,} messages of readings are not folded in yet.", "Ask again.")
        if name not in LIVE and name not in _ABOUT_READINGS:
            return None
        kept = await self._keeper.read(kept_since)
        since_ns = kept.minutes_ns if name == "trend" else kept.readings_ns
        until_ns = min(moment.time_ns, getattr(question, "until_ns", None) or moment.time_ns)
        if kept.minutes_ns is None or (since_ns is not None and until_ns >= since_ns):
            return None
        if samples.first <= 1 and await self._is_whole(log, kept):
            return None
        what = "readings" if name != "trend" else "readings, nor minutes of them,"
        return refusal(
            "not_kept",
            f"no {what} are kept of {_told(until_ns)}: single readings are kept"
            f" {f'since {_told(kept.readings_ns)}' if kept.readings_ns else 'no longer'}, their minutes since"
            f" {_told(kept.minutes_ns)}.",
            "Ask for a later moment." if name == "trend" else "coord metrics NAME --at shows minutes.",
        )

    async def _is_whole(self, log: Log, kept: Kept) -> bool:
        """Tell whether no reading was ever dropped, of a log that holds all of SAMPLES: for its age, or as one too many."""
        first = await log.read_at(SAMPLES.name, 1)
        aged = first is not None and first.recorded_at_ns < self._now().readings_since_ns
        return not aged and 2 * kept.readings < self._keeper.keeping[READINGS_HOT.name].rows_max

    async def _behind(self, last: int, time_ns: int) -> int:
        """Wait until all that was recorded by a moment is folded in; returns how much is missing, at most, if it is not."""
        until = clock.monotonic() + FOLDED_SECONDS_MAX
        while (behind := last - self._keeper.folded.get(SAMPLES.name, 0)) > 0:
            mark = await self._keeper.mark(SAMPLES.name)
            if mark is not None and mark.recorded_at_ns > time_ns:
                return 0
            if clock.monotonic() >= until:
                return behind
            await asyncio.sleep(_POLL_SECONDS)
        return 0


def _as_json(_: str, answer: BaseModel) -> Answered:
    return answered(answer)


def _apart(said: bytes) -> tuple[bytes, int, dict[str, str]]:
    """Take a table and what is said beside it apart."""
    size = int.from_bytes(said[:SIZE_BYTES])
    beside: dict[str, str] = msgspec.json.decode(said[SIZE_BYTES : SIZE_BYTES + size])
    return said[SIZE_BYTES + size :], 0, beside


def _with_scores(said: bytes, scores: list[PastScore]) -> bytes:
    """Add the scores up to a moment to an answer about health."""
    answer = msgspec.json.decode(said)
    answer["trend"] = [one.model_dump(mode="json") for one in scores]
    return msgspec.json.encode(answer)


def _told(at_ns: int | None) -> str:
    return "never" if at_ns is None else f"{rfc3339(at_ns)[:_TO_THE_SECOND]}Z"
