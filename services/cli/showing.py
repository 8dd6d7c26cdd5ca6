"""The verbs that show items: show and board."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from coord.events.errors import CoordError, Refused, UsageError
from coord.services import client, clock
from coord.services.cli.call import Call, note_cut
from coord.services.cli.holding import as_item
from coord.services.cli.lines import Ids
from coord.services.cli.render import Cell, Column, Toned, aged, as_of, print_pairs, print_table
from coord.services.cli.safe import safe, safe_json
from coord.services.cli.terminal import out, out_json, painted, talk
from coord.services.cli.values import as_name
from coord.services.client import Reply
from coord.services.wording import age, percent

STATUSES: Final = {
    "open": "", "claimed": "accent", "blocked": "warn", "parked": "bad", "completed": "ok", "failed": "bad",
    "cancelled": "dim",
}  # fmt: skip
_GLANCE_SECONDS: Final = 1.0


def show(call: Call) -> int:
    """Show an item in full."""

    def act(item_id: str, _: str) -> None:
        answer = _shown(call, item_id)
        if call.json:
            out_json(_flat(answer))
        else:
            _print_item(answer, _waits_for(call, answer["item"]))

    return call.each("id", as_item, Ids("the item"), act)


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


def _flat(answer: Reply) -> dict[str, Any]:
    """Put the item's own fields first, with its holder while somebody holds it."""
    item = answer["item"]
    holder = item.get("agent") if item["status"] == "claimed" else None
    rest = {name: value for name, value in answer.items() if name != "item"}
    return {**item, "holder": holder, "fence": item.get("fence"), **rest}


def _print_item(answer: Reply, waits_for: Sequence[str]) -> None:
    item, now_ns = answer["item"], answer["as_of"]["time_ns"]
    held = f" by {item['agent']}, fence {item['fence']}" if item.get("agent") else ""
    stuck = painted(", stuck: its holder lives and shows no work", "warn") if item.get("stuck") else ""
    out(
        f"{safe(item['id'])}  {painted(safe(item['status']), STATUSES.get(item['status'], ''))}{safe(held)}{stuck}"
    )

    def since(name: str) -> str:
        return f"{age(max(now_ns - answer[name], 0) / 1e9)} ago"

    print_pairs([
        ("title", item["title"]),
        ("waits for", ", ".join(waits_for)),
        ("priority", item["priority"]),
        ("needs", ", ".join(item.get("capabilities", ()))),
        ("team", item.get("team")),
        *plan_rows(item, now_ns),
        ("lease", age(item["lease_seconds"])),
        ("verify", item.get("verify")),
        ("attempt", item.get("attempt") or None),
        ("chosen by", _scores(item.get("scores"))),
        ("submitted", since("submitted_at_ns")),
        ("changed", since("changed_at_ns")),
        ("progress", None if answer.get("progress") is None else percent(answer["progress"])),
        ("note", answer.get("progress_note")),
        ("reason", item.get("reason")),
        ("body", None if item.get("body") is None else safe_json(item["body"])),
        ("result", None if item.get("result") is None else safe_json(item["result"])),
    ])  # fmt: skip


def plan_rows(item: Mapping[str, Any], now_ns: int) -> list[tuple[str, Cell]]:
    """Say how an item is planned, as named values."""
    retry, concurrency = item.get("retry"), item.get("concurrency")
    tries = item.get("tries", 0)
    tried = f"{tries} of {retry['attempts']}" if retry else tries or None
    late = item.get("deadline_ns") is not None and item["deadline_ns"] < now_ns
    return [
        ("parent", item.get("parent")),
        ("after", ", ".join(item.get("depends_on", ()))),
        ("not before", _moment(item.get("not_before_ns"), now_ns)),
        ("deadline", Toned(_moment(item.get("deadline_ns"), now_ns), "warn" if late else "")),
        ("tried", tried),
        ("rests", f"{age(retry['delay_seconds'])}, then longer each time" if retry else None),
        ("at a time", f"{concurrency['limit']} of {concurrency['key']}" if concurrency else None),
        ("stuck after", _stuck(item)),
    ]


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


def _scores(scores: Mapping[str, float] | None) -> str | None:
    if not scores:
        return None
    parts = (f"{name} {value:.2f}" for name, value in scores.items() if name != "total")
    return f"{scores['total']:.2f}: {', '.join(parts)}"


def _waits_for(call: Call, item: Mapping[str, Any]) -> Sequence[str]:
    """Ask the coordinator what an open item waits for; where it is away or --at is given, nobody knows."""
    if item["status"] != "open" or call.text("at") is not None:
        return ()
    wish = {"request_id": clock.new_id(), "item_id": item["id"], "limit": 1}
    try:
        reply = client.tell(call.folder, "explain", wish, "", _GLANCE_SECONDS, 0.0)
    except CoordError:
        return ()
    return tuple((reply.get("explanation") or {}).get("item", {}).get("waits_for", ()))


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
