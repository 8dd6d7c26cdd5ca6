"""Asking as of a past moment: --at read, the answer waited for while the past is folded, and which moment it is.

Where a verb begins in the log (`--from`) is read here, too: a position, or what came after a moment.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from coord.events.errors import NothingThere, Refused
from coord.services import client, clock
from coord.services.cli.terminal import talk
from coord.services.cli.values import as_position
from coord.services.client import Reply
from coord.services.folder import Folder
from coord.services.when import parse_when
from coord.services.wording import age

ANSWER_SECONDS_MIN: Final = 20.0
"""The projector says within eight seconds that a past moment is not ready yet, and folds on."""
NOT_YET: Final = "not_yet"
T = TypeVar("T")
_BEFORE_THE_LOG: Final = "no_such_moment"
_SECOND_NS: Final = 1_000_000_000
_DATE_LENGTH: Final = len("2026-11-29")
_TIME_LENGTH: Final = len("2026-11-29T14:02:11")


def read_moment(text: str) -> dict[str, int]:
    """Read --at as what a question is asked with; digits alone are a position, too.

    Raises:
        UsageError: it names no moment.
    """
    position = f"#{text}" if text.isascii() and text.isdecimal() else text
    return parse_when(position, clock.now_ns(), "--at").fields()


def ask_past(
    folder: Folder, question: str, fields: Mapping[str, Any], moment: Mapping[str, int], seconds: float
) -> Reply:
    """Ask as of a past moment; while it is not ready, say how far it is and ask again.

    Raises:
        NoServer, OutcomeUnknown, Refused, UsageError: as of any question.
    """
    wait = max(seconds, ANSWER_SECONDS_MIN)
    return until_ready(lambda: client.ask(folder, question, {**fields, **moment}, wait))


def until_ready(ask: Callable[[], T]) -> T:
    """Ask as of a past moment; while it is not ready, say how far it is and ask again.

    Raises:
        NothingThere: what is asked for is not there, and will not be.
    """
    while True:
        try:
            return ask()
        except NothingThere as error:
            if (error.reply or {}).get("code") != NOT_YET:
                raise
            talk(f"coord: {error.message} Waiting; Ctrl-C stops.")


def begin_from(folder: Folder, text: str, seconds: float) -> int:
    """Read --from: a position, or a moment; then return the position of the first event recorded after it.

    Of a moment before the log that is the first position; of one that nothing came after, the next there will be.

    Raises:
        UsageError: it names neither.
        NoServer, OutcomeUnknown: the house cannot say which position a moment is.
    """
    if text.removeprefix("#").removeprefix("-").isdecimal():
        return as_position(text.removeprefix("#"), "--from")
    moment = parse_when(text, clock.now_ns(), "--from").fields()
    try:
        answer = client.ask(folder, "events", {**moment, "limit": 1}, seconds)
    except Refused as error:
        if (error.reply or {}).get("code") != _BEFORE_THE_LOG:
            raise
        return 1
    return int(answer["as_of"]["position"]) + 1


def heading(answer: Reply) -> str:
    """Say which moment an answer is of, and how long ago that is."""
    moment = answer["as_of"]
    at_ns, now_ns = moment["time_ns"], clock.now_ns()
    when, today = clock.rfc3339(at_ns)[:_TIME_LENGTH], clock.rfc3339(now_ns)[:_DATE_LENGTH]
    shown = when[_DATE_LENGTH + 1 :] if when.startswith(today) else when.replace("T", " ")
    ago = age(max(0.0, (now_ns - at_ns) / _SECOND_NS))
    return f"as of position {moment['position']}, {shown}Z, {ago} ago"
