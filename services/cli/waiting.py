"""The verb wait: until items have come to something. The coordinator answers when it is so; nobody polls."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from coord.events.errors import Exit, UsageError
from coord.services import clock
from coord.services.cli.call import STDIN, Call
from coord.services.cli.lines import Ids
from coord.services.cli.patience import told_in_time
from coord.services.cli.safe import safe
from coord.services.cli.showing import STATUSES
from coord.services.cli.terminal import out, out_json, painted
from coord.services.cli.values import as_name, as_wait

WATCHED_MAX: Final = 200
"""So many are waited for in one request."""
_OVER: Final = ("completed", "failed", "cancelled", "parked")


def wait(call: Call) -> int:
    """Wait for all items, or for the first of them, and print what they came to."""
    ids = list(dict.fromkeys(_ids(call)))
    seconds, any_of_them = call.read("timeout", as_wait), call.on("any")
    if any_of_them and len(ids) > WATCHED_MAX:
        raise UsageError(f"--any is for at most {WATCHED_MAX} items; these are {len(ids)}.")
    items: list[Mapping[str, Any]] = []
    until = None if seconds is None else clock.monotonic() + seconds
    for first in range(0, len(ids), WATCHED_MAX):
        left = None if until is None else max(until - clock.monotonic(), 0.0)
        fields = {"item_ids": ids[first : first + WATCHED_MAX], "any": any_of_them}
        items += told_in_time(call, "wait", fields, left)["items"]
    return _tell(call, [item for item in items if item["status"] in _OVER])


def _ids(call: Call) -> Iterator[str]:
    given = call.many("id")
    if STDIN not in given:
        yield from (as_name(text, "the item") for text in given)
        return
    if len(given) > 1:
        raise UsageError("the ids come from stdin, or stand on the line.", "Name them one way.")
    from coord.services.cli.stdin import LIST_BYTES_MAX, line_text, lines_of_stdin

    read, found = Ids("the item"), False
    for number, line in enumerate(lines_of_stdin(LIST_BYTES_MAX), 1):
        try:
            text = line_text(line, LIST_BYTES_MAX)
            ids = read(text) if text else ()
        except UsageError as error:
            error.message = f"line {number}: {error.message}"
            raise
        found = found or bool(ids)
        yield from ids
    if not found:
        raise UsageError("stdin names no item.", "One id a line is wanted.")


def _tell(call: Call, items: Sequence[Mapping[str, Any]]) -> int:
    """Print what each came to; not all is well when one was not completed."""
    if call.json:
        out_json({"status": "done", "items": items})
    else:
        for item in items:
            why = f"  {item['reason']}" if item.get("reason") else ""
            out(f"{safe(item['id'])}  {painted(item['status'], STATUSES.get(item['status'], ''))}{safe(why)}")
    return int(Exit.DONE if all(item["status"] == "completed" for item in items) else Exit.WANTING)
