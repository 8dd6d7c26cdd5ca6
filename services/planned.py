"""How an item of work is planned and what it waits for, in words: the same for the shell and the dashboard."""

from collections.abc import Mapping
from typing import Any

from coord.services import clock
from coord.services.wording import age


def waits_for(waits: Mapping[str, Any] | None, now_ns: int) -> str:
    """Say what an open item waits for; nothing when it can be claimed."""
    if not waits:
        return ""
    in_vain = waits.get("in_vain", ())
    words = [f"{name} in vain" if name in in_vain else name for name in waits.get("items", ())]
    if waits.get("until_ns") is not None:
        words.append(f"its time, in {age(max(waits['until_ns'] - now_ns, 0) / 1e9)}")
    if waits.get("key"):
        words.append(f"its turn at {waits['key']}")
    return ", ".join(words)


def plan_of(answer: Mapping[str, Any], now_ns: int) -> list[tuple[str, str | None]]:
    """Say how an item is planned, in named words; what is not planned has none. `answer` is that to `show`."""
    item, more = answer["item"], " ..." if answer.get("truncated") else ""
    retry, concurrency = item.get("retry"), item.get("concurrency")
    tries = item.get("tries", 0)
    tried = f"{tries} of {retry['attempts']}" if retry else str(tries) if tries else None
    return [
        ("parent", item.get("parent")),
        ("parts", ", ".join(answer.get("children", ())) + more if answer.get("children") else None),
        ("after", ", ".join(item.get("depends_on", ()))),
        ("before", ", ".join(answer.get("dependents", ())) + more if answer.get("dependents") else None),
        ("not before", _moment(item.get("not_before_ns"), now_ns)),
        ("deadline", _moment(item.get("deadline_ns"), now_ns)),
        ("tried", tried),
        ("rests", _rest(retry) if retry else None),
        ("at once", f"{concurrency['limit']} of {concurrency['key']}" if concurrency else None),
        ("stuck after", _stuck(item)),
    ]


def _rest(retry: Mapping[str, Any]) -> str:
    """Say how long an item rests after a try that failed."""
    first, longest = retry["delay_seconds"], retry["delay_seconds_max"]
    return f"{age(first)}, then longer each time, up to {age(longest)}" if first < longest else age(longest)


def _moment(at_ns: int | None, now_ns: int) -> str | None:
    """Write a moment, with how far away it is."""
    if at_ns is None:
        return None
    away = age(abs(at_ns - now_ns) / 1e9)
    when = clock.rfc3339(at_ns)
    return f"{when[:10]} {when[11:19]}Z, {f'in {away}' if at_ns > now_ns else f'{away} ago'}"


def _stuck(item: Mapping[str, Any]) -> str | None:
    if item.get("stuck_seconds") is None:
        return None
    then = "taken from its holder" if item.get("on_stuck") == "reassign" else "told"
    return f"{age(item['stuck_seconds'])} without work, and then {then}"
