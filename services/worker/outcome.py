"""What the end of a command means for its item; pure.

    exit code 0           complete, with the result
    75 (EX_TEMPFAIL)      release: not now, or not here
    any other, a signal   fail, with the end of stderr as the reason

The result is what the command wrote into the file COORD_RESULT names; else its last line on stdout, if that is JSON.
"""

import json
import signal
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NoReturn

from coord.events.streams import BODY_BYTES_MAX

AGAIN_LATER: Final = 75
"""EX_TEMPFAIL of sysexits.h: the item is given back."""
RESULT_BYTES_MAX: Final = BODY_BYTES_MAX - 1_024
"""As large as an event may be, without its other fields."""
REASON_LENGTH_MAX: Final = 2_000
TAIL_BYTES: Final = 1_500
"""How much of the end of stderr is kept for a reason."""

Verb = Literal["complete", "fail", "release"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is asked of the coordinator at the end."""

    verb: Verb
    fields: dict[str, Any] = field(default_factory=dict)
    stops: bool = False
    """Nothing more is worth claiming: the command cannot be started."""
    is_guessed: bool = False
    """The result is only what stdout happened to end with."""


def failed(reason: str) -> Outcome:
    """Give the item up; its retry policy says what comes then."""
    return Outcome("fail", {"reason": _clean(reason)})


def released(reason: str, stops: bool = False) -> Outcome:
    """Give the item back."""
    return Outcome("release", {"reason": _clean(reason)}, stops)


def outcome_of(code: int, last_line: bytes, file: bytes, stderr: bytes) -> Outcome:
    """Say what an end means.

    Args:
        code: the exit code, or minus the signal that ended it.
        last_line: of stdout.
        file: what the command wrote into its result file, or the beginning of more than is taken.
        stderr: its last bytes.
    """
    if code == 0:
        return _completed(last_line, file)
    said = stderr[-TAIL_BYTES:].decode("utf-8", "replace").strip()
    reason = f"{ending(code)}: {said}" if said else ending(code)
    if code == AGAIN_LATER:
        return released(reason)
    return failed(reason)


def ending(code: int) -> str:
    """Say how a command ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _completed(last_line: bytes, file: bytes) -> Outcome:
    if len(file) > RESULT_BYTES_MAX:
        return failed(
            f"its result has more than {RESULT_BYTES_MAX} bytes: keep it elsewhere, and return where."
        )
    if file.strip():
        try:
            return Outcome("complete", {"result": _json(file)})
        except (ValueError, RecursionError) as error:
            return failed(f"its result file is not JSON: {str(error).partition(':')[0].lower()}.")
    try:
        return Outcome("complete", {"result": _json(last_line)}, is_guessed=True)
    except (ValueError, RecursionError):
        return Outcome("complete")


def _json(raw: bytes) -> Any:
    if len(raw) > RESULT_BYTES_MAX:
        raise ValueError("too large")
    return json.loads(raw.decode(), parse_constant=_no_number, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _clean(reason: str) -> str:
    """Cut a reason in its middle: how it began and how it ended are what tells."""
    text = reason.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(text) <= REASON_LENGTH_MAX:
        return text
    half = REASON_LENGTH_MAX // 2 - 2
    return f"{text[:half]} … {text[-half:]}"
