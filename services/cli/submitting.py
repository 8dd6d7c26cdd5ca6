"""The verb submit: one item, or the lines of stdin in batches, each of which is submitted whole or not at all.

After one that was not, no other is tried: what is left is one piece at the end, which can be mended and sent again.
"""

import gc
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from coord.events.errors import CoordError, Exit, NoServer, OutcomeUnknown, UsageError
from coord.services import clock
from coord.services.cli.awaited import note_vain
from coord.services.cli.call import STDIN, Call, note, report
from coord.services.cli.new_items import as_command, as_title, from_line, from_options
from coord.services.cli.safe import safe
from coord.services.cli.scenarios import Known
from coord.services.cli.terminal import out, out_json

BATCH_MAX: Final = 1_000
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024 - 1024
"""As much as one request takes, beside its own words."""
_OF_ONE: Final = {"item_id": "--id", "idempotency_key": "--idempotency-key"}


def submit(call: Call) -> int:
    """Submit an item, or one for every line of stdin."""
    said = from_options(call)
    title, known = call.text("title") or "", Known(call)
    if title == STDIN:
        return _submit_lines(call, said, known)
    wanted = as_command({**said, "title": as_title(title)})
    known.check(wanted.get("verify"))
    reply = call.tell("submit", call.request_id(), wanted, call.person())
    call.show(reply, [safe(reply["id"])])
    note_vain(call, [reply["item"]] if "item" in reply else ())
    return 0


class Batch(NamedTuple):
    """Lines that are submitted together, or not at all when one of them is wrong."""

    first: int
    last: int
    items: tuple[dict[str, Any], ...]
    faults: tuple[tuple[int, CoordError], ...]
    """Lines that are no item, by number."""

    @property
    def told(self) -> str:
        """Name the lines."""
        return f"line {self.first}" if self.first == self.last else f"lines {self.first} to {self.last}"


def _submit_lines(call: Call, said: dict[str, Any], known: Known) -> int:
    for name, flag in _OF_ONE.items():
        if name in said:
            raise UsageError(f"{flag} is for one item.", "Give each line of stdin its own.")
    as_command({**said, "title": "any"})
    gc.enable()
    from coord.services.cli.bars import bar
    from coord.services.cli.stdin import stdin_count

    sent, request_id = 0, call.request_id()
    with bar(call.parsed.verb.name, "lines", stdin_count(), quiet=call.json) as told:
        for ordinal, batch in enumerate(_batches(said), 1):
            with told.aside():
                code = _submit_batch(call, batch, known, request_id, ordinal)
            if code:
                note(_left(sent, batch.first, named=call.text("request_id") is not None))
                return code
            sent += len(batch.items)
            told.to(batch.last)
    return int(Exit.DONE)


def _left(sent: int, first: int, *, named: bool) -> str:
    """Say what was submitted, and what to send again; `named`: the requests were, and their names are used up."""
    if not sent:
        return "nothing was submitted; mend this, and send all lines again."
    items = "1 item was" if sent == 1 else f"{sent} items were"
    how = ", with another --request-id" if named else ""
    return (
        f"{items} submitted, up to line {first - 1}, and nothing from line {first} on;"
        f" mend this, and send the lines from {first} on again{how}."
    )


def _batches(said: dict[str, Any]) -> Iterator[Batch]:
    """Read the lines, as many at a time as one request takes."""
    from coord.services.cli.stdin import lines_of_stdin

    first, last, size = 1, 0, 0
    items: list[dict[str, Any]] = []
    faults: list[tuple[int, CoordError]] = []
    for number, line in enumerate(lines_of_stdin(), 1):
        read = _read(line, said)
        more = len(json.dumps(read, separators=(",", ":"))) + 1 if isinstance(read, dict) else 0
        if len(items) + len(faults) >= BATCH_MAX or (items and size + more > BATCH_BYTES_MAX):
            yield Batch(first, last, tuple(items), tuple(faults))
            first, size, items, faults = number, 0, [], []
        if isinstance(read, dict):
            items.append(read)
        elif read is not None:
            faults.append((number, read))
        size, last = size + more, number
    if items or faults:
        yield Batch(first, last, tuple(items), tuple(faults))


def _read(line: bytes, said: dict[str, Any]) -> dict[str, Any] | CoordError | None:
    """Read one line, or say what is wrong with it; None where it is blank."""
    from coord.services.cli.stdin import line_text

    try:
        text = line_text(line)
        return as_command({**said, **from_line(text)}) if text else None
    except CoordError as error:
        return error


def _submit_batch(call: Call, batch: Batch, known: Known, request_id: str, ordinal: int) -> int:
    worst = [report(error, call.json, f"line {number}: ") for number, error in batch.faults]
    if worst:
        return max(worst)
    try:
        for item in batch.items:
            known.check(item.get("verify"))
        again = clock.derived_id(request_id, ordinal)
        reply = call.tell("submit-many", again, {"items": batch.items}, call.person())
    except NoServer as error:
        error.message = f"from line {batch.first} on, nothing was submitted: {error.message}"
        raise
    except OutcomeUnknown as error:
        error.message = f"{batch.told}: {error.message}"
        error.hint = f"Ask again with the same lines and: --request-id {request_id}"
        raise
    except KeyboardInterrupt as stop:
        again = f"ask again with the same lines and: --request-id {request_id}"
        raise KeyboardInterrupt(f"{batch.told} may or may not have been submitted; {again}") from stop
    except CoordError as error:
        return report(error, call.json, f"{batch.told}: ")
    _show(call, reply)
    note_vain(call, reply["items"])
    return int(Exit.DONE)


def _show(call: Call, reply: dict[str, Any]) -> None:
    """Print every item of a batch as if it had been submitted alone."""
    for item in reply["items"]:
        if call.json:
            out_json({"status": "done", "id": item["id"], "already": reply["already"], "item": item})
        else:
            out(safe(item["id"]))
