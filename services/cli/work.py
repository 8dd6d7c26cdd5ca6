"""The verbs of work: submit, claim, progress, complete, fail, release, cancel, show, board."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from coord.events.errors import Refused, UsageError
from coord.events.tokens import scenario_id
from coord.services import client
from coord.services.cli import fences
from coord.services.cli.call import STDIN, Call, note_cut
from coord.services.cli.lines import Ids
from coord.services.cli.render import Cell, Column, aged, print_pairs, print_table
from coord.services.cli.safe import safe, safe_json
from coord.services.cli.scenarios import Known
from coord.services.cli.terminal import out, out_json, painted, talk
from coord.services.cli.values import (
    PRIORITY_MAX,
    TITLE_LENGTH_MAX,
    as_json,
    as_lease,
    as_name,
    as_position,
    as_ratio,
    as_text,
    as_whole,
)
from coord.services.client import Reply
from coord.services.wording import age, percent

STATUSES: Final = {"open": "", "claimed": "accent", "completed": "ok", "failed": "bad", "cancelled": "dim"}
_ENDING: Final = ("complete", "fail", "release")
_OVER: Final = ("stale_fence", "wrong_holder", "illegal_transition", "unknown_id")
"""Refusals that say that the claim behind a fence is over."""
_LINE_KEYS: Final = ("title", "id", "priority", "capabilities", "team", "lease", "body", "verify")


def submit(call: Call) -> int:
    """Submit an item, or one for every line of stdin."""
    options = {
        "item_id": call.read("id", as_name),
        "priority": call.read("priority", _as_priority),
        "capabilities": [as_name(name, "--capability") for name in call.many("capability")] or None,
        "team": call.read("team", as_name),
        "lease_seconds": call.read("lease", as_lease),
        "body": call.read("body", as_json),
        "verify": call.read("verify", _as_scenario),
    }
    known = Known(call)
    if call.text("title") == STDIN and options["item_id"]:
        raise UsageError("--id is for one item.", "Give each line of stdin its own id.")

    def act(fields: dict[str, Any], request_id: str) -> None:
        wanted = {**options, **fields}
        known.check(wanted.get("verify"))
        reply = call.tell("submit", request_id, wanted)
        call.show(reply, [safe(reply["id"])])

    return call.each("title", lambda text: {"title": _as_title(text)}, _item_from_line, act)


def claim(call: Call) -> None:
    """Claim the best item, or a given one, and remember the fence."""
    item_id = call.text("id")
    if item_id == STDIN:
        raise UsageError("claim takes one id, or none.", "The best item is claimed without an id.")
    agent = call.agent()
    fields = {
        "agent": agent,
        "incarnation": call.incarnation(),
        "item_id": None if item_id is None else as_name(item_id, "the item"),
        "lease_seconds": call.read("lease", as_lease),
    }
    reply = call.tell("claim", call.request_id(), fields)
    item = reply["item"]
    fences.remember(call.folder, agent, item["incarnation"], item["id"], item["fence"])
    line = f"{item['id']}  fence {item['fence']}  lease {age(item['lease_seconds'])}  {item['title']}"
    call.show({**reply, "fence": item["fence"]}, [safe(line)])


def progress(call: Call) -> int:
    """Say how far the work is."""
    fraction = call.read("fraction", as_ratio)
    return _held(call, "progress", {"fraction": fraction, "note": call.read("note", as_text)})


def complete(call: Call) -> int:
    """Finish an item."""
    return _held(call, "complete", {"result": call.read("result", as_json)})


def fail(call: Call) -> int:
    """Give an item up for good."""
    return _held(call, "fail", {"reason": call.read("reason", as_text) or "no reason was given"})


def release(call: Call) -> int:
    """Give an item back."""
    return _held(call, "release", {"reason": call.read("reason", as_text)})


def cancel(call: Call) -> int:
    """End an item that nobody shall do any more."""
    reason = call.read("reason", as_text)

    def act(item_id: str, request_id: str) -> None:
        reply = call.tell("cancel", request_id, {"item_id": item_id, "reason": reason})
        call.show(reply, [_outcome(reply)])

    return call.each("id", _as_item, Ids("the item"), act)


def show(call: Call) -> int:
    """Show an item in full."""

    def act(item_id: str, _: str) -> None:
        answer = _shown(call, item_id)
        if call.json:
            out_json(_flat(answer))
        else:
            _print_item(answer)

    return call.each("id", _as_item, Ids("the item"), act)


def _shown(call: Call, item_id: str) -> Reply:
    """Ask for an item; where --at names a moment before it was submitted, say that."""
    try:
        return call.ask("show", id=item_id)
    except Refused as error:
        at = call.text("at")
        if at is None or (error.reply or {}).get("code") != "unknown_id":
            raise
        known = client.ask(call.folder, "show", {"id": item_id}, call.settings.request_seconds)
        digits = at.removeprefix("#")
        when = f"position {digits}" if digits.isdecimal() else at
        told = f"{item_id} is not there yet at {when}."
        not_yet = Refused(told, f"It was submitted at position {known['submitted_position']}.")
        not_yet.reply = {**(error.reply or {}), "reason": told, "hint": not_yet.hint}
        raise not_yet from error


def board(call: Call) -> None:
    """List the items."""
    status = call.text("status")
    if status is not None and status not in STATUSES:
        raise UsageError(f"--status is '{safe(status)[:64]}'; it must be one of {', '.join(STATUSES)}.")
    team, agent = call.read("team", as_name), call.read("agent", as_name)
    answer = call.ask("board", status=status, team=team, agent=agent, limit=call.limit())
    if call.json:
        out_json(answer)
        return
    counts = answer["counts"]
    told = " · ".join(f"{counts.get(name, 0)} {name}" for name in STATUSES if counts.get(name))
    out(safe(told or "no items yet") + as_of(answer))
    if answer["rows"]:
        print_table(_BOARD, [_board_row(row) for row in answer["rows"]])
    elif not any(counts.values()):
        talk('coord: the board is empty. Fill it with: coord submit "A title"')
    note_cut(answer)


def as_of(answer: Mapping[str, Any]) -> str:
    """Say at which moment of the log an answer speaks."""
    moment = answer["as_of"]
    late = f", {moment['lag']} events behind" if moment.get("lag") else ""
    return painted(f"   as of position {moment['position']}{late}", "dim")


def _held(call: Call, verb: str, fields: Mapping[str, Any]) -> int:
    agent, incarnation = call.agent(), call.incarnation()
    given = call.read("fence", as_position)

    def act(item_id: str, request_id: str) -> None:
        fence = fences.recall(call.folder, agent, incarnation, item_id) if given is None else given
        holder = {"agent": agent, "incarnation": incarnation, "item_id": item_id, "fence": fence}
        try:
            reply = call.tell(verb, request_id, {**holder, **fields})
        except Refused as error:
            if error.reply and error.reply.get("code") in _OVER:
                fences.forget(call.folder, agent, item_id, fence)
            raise
        if verb in _ENDING:
            fences.forget(call.folder, agent, item_id, fence)
        call.show(reply, [_outcome(reply, fields.get("fraction"))])

    return call.each("id", _as_item, Ids("the item"), act)


def _outcome(reply: Reply, fraction: float | None = None) -> str:
    status = (reply.get("item") or {}).get("status", "done")
    words = [reply["id"], status, percent(fraction) if fraction is not None else ""]
    return safe("  ".join(word for word in words if word) + (" (already)" if reply.get("already") else ""))


def _as_item(text: str) -> str:
    return as_name(text, "the item")


def _as_title(value: object) -> str:
    return as_text(str(value), "the title", TITLE_LENGTH_MAX)


def _as_priority(text: str, what: str) -> int:
    return as_whole(text, what, 0, PRIORITY_MAX)


def _as_scenario(text: str, what: str) -> str:
    """Read a scenario by its title or its id."""
    return scenario_id(as_text(text, what, TITLE_LENGTH_MAX))


def _flat(answer: Reply) -> dict[str, Any]:
    """Put the item's own fields first, with its holder while somebody holds it."""
    item = answer["item"]
    holder = item.get("agent") if item["status"] == "claimed" else None
    rest = {name: value for name, value in answer.items() if name != "item"}
    return {**item, "holder": holder, "fence": item.get("fence"), **rest}


def _print_item(answer: Reply) -> None:
    item, now_ns = answer["item"], answer["as_of"]["time_ns"]
    held = f" by {item['agent']}, fence {item['fence']}" if item.get("agent") else ""
    out(f"{safe(item['id'])}  {painted(safe(item['status']), STATUSES.get(item['status'], ''))}{safe(held)}")

    def since(name: str) -> str:
        return f"{age(max(now_ns - answer[name], 0) / 1e9)} ago"

    print_pairs([
        ("title", item["title"]),
        ("priority", item["priority"]),
        ("needs", ", ".join(item.get("capabilities", ()))),
        ("team", item.get("team")),
        ("lease", age(item["lease_seconds"])),
        ("verify", item.get("verify")),
        ("attempt", item.get("attempt") or None),
        ("submitted", since("submitted_at_ns")),
        ("changed", since("changed_at_ns")),
        ("progress", None if answer.get("progress") is None else percent(answer["progress"])),
        ("note", answer.get("progress_note")),
        ("reason", item.get("reason")),
        ("body", None if item.get("body") is None else safe_json(item["body"])),
        ("result", None if item.get("result") is None else safe_json(item["result"])),
    ])  # fmt: skip


_BOARD: Final = (
    Column("ID"),
    Column("STATUS", paint=STATUSES),
    Column("PRIO", right=True, rank=3),
    Column("HOLDER", rank=1),
    Column("TEAM", rank=5),
    Column("TRY", right=True, rank=6),
    Column("DONE", right=True, rank=2),
    Column("AGE", right=True, rank=4),
    Column("IN STATE", right=True, rank=4),
    Column("TITLE", flexible=True),
)


def _board_row(row: Mapping[str, Any]) -> list[Cell]:
    return [
        row["id"],
        row["status"],
        row["priority"],
        row.get("agent"),
        row.get("team"),
        row.get("attempt") or None,
        None if row.get("progress") is None else percent(row["progress"]),
        aged(row["age_seconds"]),
        aged(row["state_seconds"]),
        row["title"],
    ]


def _item_from_line(text: str) -> dict[str, Any]:
    """Read an item from a line of stdin: a title, or a JSON object."""
    if not text.startswith("{"):
        return {"title": _as_title(text)}
    value = as_json(text, "the line")
    unknown = sorted(set(value) - set(_LINE_KEYS))
    if unknown:
        raise UsageError(
            f"the line has the key '{safe(unknown[0])[:64]}'.", f"Known: {', '.join(_LINE_KEYS)}."
        )
    readers: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "title": ("title", _as_title),
        "id": ("item_id", lambda given: _as_item(str(given))),
        "lease": ("lease_seconds", lambda given: as_lease(str(given), "lease")),
        "verify": ("verify", lambda given: None if given is None else _as_scenario(str(given), "verify")),
    }
    fields = {}
    for name, given in value.items():
        to, reader = readers.get(name, (name, lambda given: given))
        fields[to] = reader(given)
    if "title" not in fields:
        raise UsageError("the line has no title.")
    return fields
