"""Reads which moment somebody means: a position, a time of day, a date, or how long ago. All times are UTC.

    #121004                     the position
    -2h, 90s ago                so long before now
    14:02, 14:02:11.5           the last time it was that late
    fri 14:02, yesterday 14:02  on the last such day
    2026-11-29, 2026-11-29 14:02, 2026-11-29T14:02:11.5Z, ...+01:00

`parse_ahead` reads moments that are to come:

    in 5m, +5m, 5m              so long from now
    14:02                       the next time it is that late
    fri 14:02, tomorrow 14:02   on the next such day
    2026-11-29 ...              a date, as above; it may have passed

Standard library only, and datetime only where it is used: the light commands read `--at`, too.
"""

import re
from typing import Final, NamedTuple

from coord.events.errors import UsageError, visible
from coord.services.setting_kinds import parse_duration

WHEN_LENGTH_MAX: Final = 64
POSITION_MAX: Final = 2**63 - 1
AHEAD_SECONDS_MAX: Final = 3_653 * 86_400
"""Ten years: what is said to lie further ahead is a slip."""
_SECOND_NS: Final = 1_000_000_000
_DAY_SECONDS: Final = 86_400
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OFFSET_MAX: Final = 1_400
_EPOCH_DAY: Final = 3
"""1970 began on a Thursday."""
_POSITION: Final = re.compile(r"#([0-9]{1,19})")
_AGO: Final = re.compile(r"-\s*([0-9.]+\s*[a-z]*)|([0-9.]+\s*[a-z]+)\s+ago")
_TIME: Final = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
_CLOCK: Final = re.compile(rf"(?:(today|yesterday|[a-z]{{3,9}})\s+)?{_TIME}\s*z?")
_AHEAD: Final = re.compile(r"(?:in\s+|\+\s*)([0-9.]+\s*[a-z]*)|([0-9.]+\s*[a-z]+)")
_DATE: Final = re.compile(
    rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})(?:[t\s]\s*{_TIME}\s*(z|[+-][0-9]{{2}}:?[0-9]{{2}})?)?"
)


class When(NamedTuple):
    """A moment: one of both is given."""

    at_position: int | None = None
    at_ns: int | None = None
    """Since 1970."""

    def fields(self) -> dict[str, int]:
        """Return what a question about the past is asked with."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def parse_when(text: str, now_ns: int, what: str = "the moment") -> When:
    """Read a moment; `now_ns` is what ages are counted from.

    Raises:
        UsageError: it is none, or lies before 1970 or behind now.
    """
    words = text.strip().lower() if len(text) <= WHEN_LENGTH_MAX else ""
    if match := _POSITION.fullmatch(words):
        position = int(match[1])
        if not 1 <= position <= POSITION_MAX:
            raise UsageError(f"{what} is '{visible(text)}'; positions begin at #1.")
        return When(at_position=position)
    at_ns = _at(words, now_ns)
    if at_ns is None:
        raise UsageError(
            f"{what} is '{visible(text)}', which names no moment.",
            "Say -2h, 14:02, 'fri 14:02', 2026-11-29T14:02:11Z (all in UTC) or #121004, a position.",
        )
    if not 0 <= at_ns <= now_ns:
        raise UsageError(
            f"{what} is '{visible(text)}', which is {'to come' if at_ns > 0 else 'before 1970'}."
        )
    return When(at_ns=at_ns)


def parse_ahead(text: str, now_ns: int, what: str = "the moment") -> int:
    """Read a moment that is to come, in nanoseconds since 1970; a date may lie behind `now_ns`.

    Raises:
        UsageError: it is none, or lies before 1970 or more than ten years ahead.
    """
    words = text.strip().lower() if len(text) <= WHEN_LENGTH_MAX else ""
    at_ns = _ahead(words, now_ns)
    if at_ns is None:
        raise UsageError(
            f"{what} is '{visible(text)}', which names no moment to come.",
            "Say 'in 5m', +2h, 14:02, 'fri 14:02' or 2026-11-29T14:02:11Z (all in UTC).",
        )
    if not 0 <= at_ns <= now_ns + AHEAD_SECONDS_MAX * _SECOND_NS:
        raise UsageError(
            f"{what} is '{visible(text)}', which is {'before 1970' if at_ns < 0 else 'more than ten years ahead'}."
        )
    return at_ns


def said_ahead(text: str) -> str | None:
    """Return the words of a moment that mean another one later, such as +2h or 14:02; None for a date."""
    words = text.strip().lower()
    return None if _DATE.fullmatch(words) else words


def _ahead(words: str, now_ns: int) -> int | None:
    if words == "now":
        return now_ns
    if match := _AHEAD.fullmatch(words):
        ago_ns = _ago(match[1] or match[2], 0)
        return None if ago_ns is None else now_ns - ago_ns
    if match := _CLOCK.fullmatch(words):
        return _next(match[1], _of_day(*match.groups()[1:]), now_ns)
    if match := _DATE.fullmatch(words):
        return _dated(match)
    return None


def _next(day: str | None, of_day_ns: int | None, now_ns: int) -> int | None:
    """Return the next moment of that time, on that day of the week if one is named."""
    today = now_ns // (_DAY_SECONDS * _SECOND_NS)
    if of_day_ns is None:
        return None
    if day in ("today", "tomorrow"):
        return (today + (day == "tomorrow")) * _DAY_SECONDS * _SECOND_NS + of_day_ns
    for ahead in range(8):
        at_ns = (today + ahead) * _DAY_SECONDS * _SECOND_NS + of_day_ns
        if at_ns > now_ns and (day is None or _names(day, today + ahead)):
            return at_ns
    return None


def _at(words: str, now_ns: int) -> int | None:
    if words == "now":
        return now_ns
    if match := _AGO.fullmatch(words):
        return _ago(match[1] or match[2], now_ns)
    if match := _CLOCK.fullmatch(words):
        return _last(match[1], _of_day(*match.groups()[1:]), now_ns)
    if match := _DATE.fullmatch(words):
        return _dated(match)
    return None


def _ago(text: str, now_ns: int) -> int | None:
    try:
        return now_ns - round(parse_duration(text.replace(" ", "")) * _SECOND_NS)
    except (ValueError, OverflowError):
        return None


def _of_day(hours: str | None, minutes: str, seconds: str | None, fraction: str | None) -> int | None:
    """Return nanoseconds since midnight; None for a time that no day has."""
    if hours is None:
        return 0
    whole = (int(hours), int(minutes), int(seconds or 0))
    if whole >= (24,) or whole[1] > 59 or whole[2] > 59:
        return None
    return (whole[0] * 3_600 + whole[1] * 60 + whole[2]) * _SECOND_NS + int((fraction or "").ljust(9, "0"))


def _last(day: str | None, of_day_ns: int | None, now_ns: int) -> int | None:
    """Return the last moment of that time, on that day of the week if one is named."""
    today = now_ns // (_DAY_SECONDS * _SECOND_NS)
    if of_day_ns is None:
        return None
    if day in ("today", "yesterday"):
        return (today - (day == "yesterday")) * _DAY_SECONDS * _SECOND_NS + of_day_ns
    for back in range(8):
        at_ns = (today - back) * _DAY_SECONDS * _SECOND_NS + of_day_ns
        if at_ns <= now_ns and (day is None or _names(day, today - back)):
            return at_ns
    return None


def _names(word: str, day: int) -> bool:
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    place = (day + _EPOCH_DAY) % len(_DAYS)
    return word in (_DAYS[place], full[place])


def _dated(match: re.Match[str]) -> int | None:
    from datetime import UTC, datetime, timedelta

    of_day_ns = _of_day(match[4], match[5], match[6], match[7])
    try:
        day = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC)
    except ValueError:
        return None
    if of_day_ns is None:
        return None
    offset = match[8] or "z"
    away = timedelta()
    if offset != "z":
        digits = offset[1:].replace(":", "")
        if int(digits) > _OFFSET_MAX or int(digits[2:]) > 59:
            return None
        away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if offset[0] == "-" else 1)
    return int((day - away).timestamp()) * _SECOND_NS + of_day_ns
