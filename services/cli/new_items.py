"""What an item is submitted with: from options, or from a line of stdin, to the words of the command.

Both say the same under the same names; only what may be said several times has a plural in JSON.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from coord.events.errors import UsageError, visible
from coord.events.tokens import scenario_id
from coord.services.cli.call import Call
from coord.services.cli.safe import safe
from coord.services.cli.values import (
    CONCURRENCY_MAX,
    KEY_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    as_attempts,
    as_choice,
    as_concurrency,
    as_delay,
    as_json,
    as_lease,
    as_moment,
    as_name,
    as_priority,
    as_said,
    as_text,
    as_whole,
)

ON_STUCK: Final = ("tell", "reassign")
_RETRY: Final = {"attempts": "attempts", "backoff": "delay_seconds", "backoff_max": "delay_seconds_max"}


class _Field(NamedTuple):
    """One thing that can be said of an item."""

    to: str
    """How the command calls it."""
    read: Callable[[str, str], Any]
    option: str = ""
    """What it is called as an option, where that is another word; there it may be repeated."""
    said: str = ""
    """What the words themselves are called, where they mean another thing later."""


def _as_scenario(text: str, what: str) -> str:
    """Read a scenario by its title or its id."""
    return scenario_id(as_text(text, what, TITLE_LENGTH_MAX))


def as_title(text: str, what: str = "the title") -> str:
    """Read a title."""
    return as_text(text, what, TITLE_LENGTH_MAX)


def _as_key(text: str, what: str) -> str:
    return as_text(text, what, KEY_LENGTH_MAX)


def _as_policy(text: str, what: str) -> str:
    return as_choice(text, what, ON_STUCK)


FIELDS: Final[Mapping[str, _Field]] = {
    "title": _Field("title", as_title),
    "id": _Field("item_id", as_name),
    "priority": _Field("priority", as_priority),
    "capabilities": _Field("capabilities", as_name, "capability"),
    "team": _Field("team", as_name),
    "parent": _Field("parent", as_name),
    "after": _Field("depends_on", as_name, "after"),
    "not_before": _Field("not_before_ns", as_moment, said="not_before_said"),
    "deadline": _Field("deadline_ns", as_moment, said="deadline_said"),
    "lease": _Field("lease_seconds", as_lease),
    "attempts": _Field("attempts", as_attempts),
    "backoff": _Field("backoff", as_delay),
    "backoff_max": _Field("backoff_max", as_delay),
    "idempotency_key": _Field("idempotency_key", _as_key),
    "concurrency": _Field("concurrency", as_concurrency),
    "stuck_after": _Field("stuck_seconds", as_lease),
    "on_stuck": _Field("on_stuck", _as_policy),
    "body": _Field("body", as_json),
    "verify": _Field("verify", _as_scenario),
}
"""By key of a line of JSON."""
_NAMED: Final = frozenset({"idempotency_key", "item_id"})
"""Only what has a name can be submitted twice: else nobody needs to know how its moments were said."""
_SAID: Final = frozenset(field.said for field in FIELDS.values() if field.said)


def from_options(call: Call) -> dict[str, Any]:
    """Read what the options say; what they do not say is not there."""
    said: dict[str, Any] = {}
    for key, field in FIELDS.items():
        if field.option:
            value: Any = [field.read(text, f"--{field.option}") for text in call.many(field.option)] or None
        else:
            value = None if key == "title" else call.read(key, field.read)
        if value is not None:
            said |= {field.to: value, **_words_of(field, call.text(key) if field.said else None)}
    return said


def from_line(text: str) -> dict[str, Any]:
    """Read a line of stdin: a title, or a JSON object; null is "not so", whatever the options say.

    Raises:
        UsageError: it is neither, or says something that is not known.
    """
    if not text.startswith("{"):
        return {"title": as_title(text)}
    line = as_json(text, "the line")
    unknown = sorted(set(line) - set(FIELDS))
    if unknown:
        raise UsageError(f"the line has the key '{safe(unknown[0])[:64]}'.", f"Known: {', '.join(FIELDS)}.")
    if line.get("title") is None:
        raise UsageError("the line has no title.")
    said: dict[str, Any] = {}
    for key, value in line.items():
        field = FIELDS[key]
        said |= {field.to: None if value is None else _value(key, value), **_words_of(field, value)}
    return said


def as_command(said: Mapping[str, Any]) -> dict[str, Any]:
    """Put together what an item is submitted with.

    Raises:
        UsageError: what was said does not go together.
    """
    fields = {name: value for name, value in said.items() if value is not None}
    if not _NAMED & fields.keys():
        fields = {name: value for name, value in fields.items() if name not in _SAID}
    retry = {to: fields.pop(name) for name, to in _RETRY.items() if name in fields}
    if retry and "attempts" not in retry:
        raise UsageError("a rest before the next try is said, and no number of tries.", "Add --attempts.")
    if retry.get("delay_seconds_max", 0.0) < retry.get("delay_seconds", 0.0) and "delay_seconds_max" in retry:
        raise UsageError("the longest rest is shorter than the first.", "See --backoff and --backoff-max.")
    if "item_id" in fields and "idempotency_key" in fields:
        raise UsageError("an item has an id, or one made of its idempotency key.", "Leave one of them out.")
    if "on_stuck" in fields and "stuck_seconds" not in fields:
        raise UsageError(
            "what happens to a stuck item is said, and not when it is stuck.", "Add --stuck-after."
        )
    return {**fields, "retry": retry} if retry else fields


def _words_of(field: _Field, text: str | None) -> dict[str, str | None]:
    """Return how a moment was said; null takes back what the options say."""
    return {field.said: None if text is None else as_said(_text(text))} if field.said else {}


def _value(key: str, value: Any) -> Any:
    field = FIELDS[key]
    if key == "body":
        return value
    if key == "concurrency" and isinstance(value, dict):
        return _limited(value)
    if field.option:
        names = value if isinstance(value, list) else [value]
        return [field.read(_text(name), key) for name in names]
    return field.read(_text(value), key)


def _limited(value: Mapping[str, Any]) -> dict[str, Any]:
    """Read a concurrency key as it is printed with an item."""
    if not {"key"} <= value.keys() <= {"key", "limit"}:
        allowed = 'KEY, KEY:N or {"key": KEY, "limit": N}'
        raise UsageError(f"concurrency is {visible(_text(value), 64)}; it must be {allowed}.")
    return {
        "key": as_name(_text(value["key"]), "concurrency's key"),
        "limit": as_whole(_text(value.get("limit", 1)), "concurrency's limit", 1, CONCURRENCY_MAX),
    }


def _text(value: Any) -> str:
    """Return what a line says as it was written there."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
