"""From the text of a command line to a value, or one sentence that says what is allowed.

The coordinator checks everything again; here a slip of the fingers is answered at once, server or none.
"""

import json
import re
from collections.abc import Collection
from typing import Any, Final, NoReturn

from coord.events.errors import UsageError, visible
from coord.events.tokens import token
from coord.services.setting_kinds import parse_duration

TITLE_LENGTH_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 2_000
LEASE_SECONDS_MIN: Final = 1.0
LEASE_SECONDS_MAX: Final = 86_400.0
PRIORITY_MAX: Final = 9
POSITION_MAX: Final = 2**63 - 1
WIP_LIMIT_MAX: Final = 10_000
ROWS_MAX: Final = 1_000
SILENCE_SECONDS_MAX: Final = 365 * 86_400.0
BATCHES_MAX: Final = 1_000
CLAIM_MAX: Final = 100
WAIT_SECONDS_MAX: Final = 365 * 86_400.0
ATTEMPTS_MAX: Final = 100
DELAY_SECONDS_MAX: Final = 86_400.0
CONCURRENCY_MAX: Final = 10_000
SHARE_MAX: Final = 1_000
POINTS_MAX: Final = 100
KEY_LENGTH_MAX: Final = 200

_WHOLE: Final = r"[0-9]{1,19}"
_NUMBER: Final = r"([0-9]{1,12}(?:\.[0-9]{1,18})?)(%?)"
"""Compiled where they are used: most commands need neither."""


def as_name(text: str, what: str) -> str:
    """Read a name; one that looks like an option was meant as one."""
    if text.startswith("-"):
        raise UsageError(f"{what} is '{visible(text, 64)}', which looks like an option.")
    return token(text, what)


def as_text(text: str, what: str, length_max: int = TEXT_LENGTH_MAX) -> str:
    """Read words for people: not empty, not too long, and Unicode."""
    if not text or len(text) > length_max:
        raise UsageError(f"{what} has {len(text)} characters; it must have 1 to {length_max}.")
    if text.isspace():
        raise UsageError(f"{what} is blank; it must say something.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} is not UTF-8 text.") from error
    if "\0" in text:
        raise UsageError(f"{what} holds a NUL character.")
    return text


def as_whole(text: str, what: str, low: int, high: int) -> int:
    """Read a whole number of ASCII digits."""
    value = int(text) if re.fullmatch(_WHOLE, text) else -1
    if not low <= value <= high:
        raise _wrong(text, what, f"a whole number from {low} to {high}")
    return value


def as_position(text: str, what: str) -> int:
    """Read a position in the log; 0 is before the first."""
    return as_whole(text, what, 0, POSITION_MAX)


def as_ratio(text: str, what: str) -> float:
    """Read a share: 0 to 1, or so many per cent."""
    value = _share(text)
    if not 0 <= value <= 1:
        raise _wrong(text, what, "a number from 0 to 1, or from 0% to 100%")
    return value


def as_factor(text: str, what: str) -> float:
    """Read what something is made smaller by: a share, and not 0."""
    value = _share(text)
    if not 0 < value <= 1:
        raise _wrong(text, what, "a number above 0 and up to 1, or up to 100%")
    return value


def as_numbers(text: str, what: str) -> list[int]:
    """Read whole numbers with commas between them."""
    parts = text.split(",")
    if len(parts) > BATCHES_MAX or not all(re.fullmatch(_WHOLE, part) for part in parts):
        raise _wrong(text, what, f"up to {BATCHES_MAX} whole numbers with commas between them, such as 7,8,9")
    return [as_position(part, what) for part in parts]


def as_lease(text: str, what: str) -> float:
    """Read a length of time in seconds: of a claim, or of a directive."""
    return _duration(text, what, LEASE_SECONDS_MAX, "a time from 1s to 24h, such as 30s, 2m or 1h")


def as_silence(text: str, what: str) -> float:
    """Read a length of time in seconds: for how long nobody wants notice."""
    return _duration(text, what, SILENCE_SECONDS_MAX, "a time from 1s to 365d, such as 30m, 1h or 2d")


def as_delay(text: str, what: str) -> float:
    """Read a length of time in seconds that may be none at all: how long something rests."""
    allowed = "a time from 0s to 24h, such as 500ms, 30s or 2m"
    return _duration(text, what, DELAY_SECONDS_MAX, allowed, least=0.0)


def as_wait(text: str, what: str) -> float | None:
    """Read a length of time in seconds: how long somebody waits at most; nothing: for ever."""
    allowed = "a time from 0s to 365d, such as 500ms, 30s or 1h"
    return _duration(text, what, WAIT_SECONDS_MAX, allowed, least=0.0) if text else None


def as_moment(text: str, what: str) -> int:
    """Read a moment to come, in nanoseconds since 1970."""
    from coord.services import clock
    from coord.services.when import parse_ahead

    return parse_ahead(text, clock.now_ns(), what)


def as_said(text: str) -> str | None:
    """Return how a moment to come was said, if it will be another one later."""
    from coord.services.when import said_ahead

    return said_ahead(text)


def as_priority(text: str, what: str) -> int:
    """Read a priority."""
    return as_whole(text, what, 0, PRIORITY_MAX)


def as_attempts(text: str, what: str) -> int:
    """Read how often something is tried."""
    return as_whole(text, what, 1, ATTEMPTS_MAX)


def as_concurrency(text: str, what: str) -> dict[str, Any]:
    """Read KEY or KEY:N, at most N of that key at a time, as the command names it."""
    key, colon, limit = text.partition(":")
    most = as_whole(limit, f"{what}'s limit", 1, CONCURRENCY_MAX) if colon else 1
    return {"key": as_name(key, f"{what}'s key"), "limit": most}


def as_share(text: str, what: str) -> float:
    """Read a share beside other shares."""
    value = float(text) if re.fullmatch(_NUMBER, text) and not text.endswith("%") else 0.0
    if not 0 < value <= SHARE_MAX:
        raise _wrong(text, what, f"a number above 0 and up to {SHARE_MAX}, such as 2 or 0.5")
    return value


def as_points(text: str, what: str) -> float:
    """Read what a part of health may cost."""
    value = float(text) if re.fullmatch(_NUMBER, text) and not text.endswith("%") else -1.0
    if not 0 <= value <= POINTS_MAX:
        raise _wrong(text, what, f"a number from 0 to {POINTS_MAX}, such as 20")
    return value


def as_choice(text: str, what: str, among: Collection[str]) -> str:
    """Read one of a few words."""
    if text not in among:
        raise _wrong(text, what, f"one of {', '.join(among)}")
    return text


def as_json(text: str, what: str, bytes_max: int = 0) -> Any:
    """Read any JSON value, as long as an event takes unless it is said; what two readers could read differently is refused."""
    from coord.events.streams import EVENT_BYTES_MAX

    bytes_max = bytes_max or EVENT_BYTES_MAX
    if len(text) > bytes_max:
        raise UsageError(f"{what} has {len(text)} characters; at most {bytes_max} bytes are allowed.")
    try:
        text.encode()
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_unique)
    except RecursionError as error:
        raise UsageError(f"{what} is nested too deep.") from error
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} is not UTF-8 text.") from error
    except ValueError as error:
        reason = str(error).partition(":")[0].lower()
        raise UsageError(f"{what} is '{visible(text, 60)}', which is not JSON: {reason}.") from error


def _share(text: str) -> float:
    match = re.fullmatch(_NUMBER, text)
    return float(match[1]) / (100 if match[2] else 1) if match else -1.0


def _duration(
    text: str, what: str, seconds_max: float, allowed: str, least: float = LEASE_SECONDS_MIN
) -> float:
    try:
        seconds = parse_duration(text) if len(text) <= 32 else -1.0
    except ValueError:
        seconds = -1.0
    if not least <= seconds <= seconds_max:
        raise _wrong(text, what, allowed)
    return seconds


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if abs(value) == float("inf"):
        raise ValueError("it holds a number that is too large for a double")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _wrong(text: str, what: str, allowed: str) -> UsageError:
    return UsageError(f"{what} is '{visible(text, 64)}'; it must be {allowed}.")
