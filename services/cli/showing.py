"""The verbs that show items: show and board."""

from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import Refused, UsageError
from coord.services import client, clock
from coord.services.cli.call import Call, note, note_cut
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
_ENDED: Final = ("completed", "failed", "cancelled")
_TOLD_WHY: Final = ("blocked", "parked", "failed", "cancelled")
ASKED: Final = (*STATUSES, "waiting", "stuck")
"""What the board is asked for: also the open ones that wait, and the claimed ones that are stuck."""


def show(call: Call) -> int:
    """Show an item in full."""

    def act(item_id: str, _: str) -> None:
        answer = _shown(call, item_id)
        if call.json:
            out_json(_flat(answer))
        else:
            _print_item(answer)

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
    if status is not None and status not in ASKED:
        raise UsageError(f"--status is '{safe(status)[:64]}'; it must be one of {', '.join(ASKED)}.")
    team, agent = call.read("team", as_name), call.read("agent", as_name)
    answer = call.ask("board", status=status, team=team, agent=agent, limit=call.limit())
    if call.json:
        out_json(answer)
        return
    out(safe(_counted(answer) or "no items yet") + as_of(answer))
    if answer["rows"]:
        now_ns = answer["as_of"]["time_ns"]
        print_table(_BOARD, [_board_row(row, now_ns) for row in answer["rows"]], _SELDOM)
    elif not any(answer["counts"].values()):
        talk('coord: the board is empty. Fill it with: coord submit "A title"')
    else:
        about = f" for {team}" * bool(team) + f" with {agent}" * bool(agent)
        note(f"no item{about} is {status}." if status else f"there is no item{about}.")
    note_cut(answer)


def _counted(answer: Reply) -> str:
    """Say how many items there are, by status, and how many of them wait or are stuck."""
    beside = {"open": (answer.get("waiting"), "waiting"), "claimed": (answer.get("stuck"), "stuck")}
    words = []
    for status in STATUSES:
        count, (more, word) = answer["counts"].get(status), beside.get(status, (0, ""))
        if count:
            words.append(f"{count} {status}" + (f" ({more} {word})" if more else ""))
    return " · ".join(words)


def _flat(answer: Reply) -> dict[str, Any]:
    """Put the item's own fields first, with its holder while somebody holds it."""
    item = answer["item"]
    holder = item.get("agent") if item["status"] == "claimed" else None
    rest = {name: value for name, value in answer.items() if name != "item"}
    return {**item, "holder": holder, "fence": item.get("fence"), **rest}


def _print_item(answer: Reply) -> None:
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
        ("waits for", Toned(waits_for(answer.get("waits"), now_ns), "warn")),
        ("priority", item["priority"]),
        ("needs", ", ".join(item.get("capabilities", ()))),
        ("team", item.get("team")),
        *plan_rows(answer, now_ns),
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


def plan_rows(answer: Mapping[str, Any], now_ns: int) -> list[tuple[str, Cell]]:
    """Say how an item is planned, as named values."""
    item, more = answer["item"], " ..." if answer.get("truncated") else ""
    retry, concurrency = item.get("retry"), item.get("concurrency")
    tries = item.get("tries", 0)
    tried = f"{tries} of {retry['attempts']}" if retry else tries or None
    late = item.get("deadline_ns") is not None and item["deadline_ns"] < now_ns
    return [
        ("parent", item.get("parent")),
        ("parts", ", ".join(answer.get("children", ())) + more if answer.get("children") else None),
        ("after", ", ".join(item.get("depends_on", ()))),
        ("before", ", ".join(answer.get("dependents", ())) + more if answer.get("dependents") else None),
        ("not before", _moment(item.get("not_before_ns"), now_ns)),
        ("deadline", Toned(_moment(item.get("deadline_ns"), now_ns), "warn" if late else "")),
        ("tried", tried),
        ("rests", f"{age(retry['delay_seconds'])}, then longer each time" if retry else None),
        ("at once", f"{concurrency['limit']} of {concurrency['key']}" if concurrency else None),
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


_DUE: Final = Column("DUE", right=True, rank=3)
_WHY: Final = Column("WHY", flexible=True, rank=1)
_SELDOM: Final = (_DUE, _WHY)
"""Columns that are left out where they say nothing."""
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
    _DUE,
    _WHY,
    Column("TITLE", flexible=True),
)


def _board_row(row: Mapping[str, Any], now_ns: int) -> list[Cell]:
    return [
        row["id"],
        Toned("stuck", "warn") if row.get("stuck") else row["status"],
        row["priority"],
        row.get("agent"),
        row.get("team"),
        row.get("attempt") or None,
        None if row.get("progress") is None else percent(row["progress"]),
        aged(row["age_seconds"]),
        aged(row["state_seconds"]),
        _due(row, now_ns),
        _why(row, now_ns),
        row["title"],
    ]


def _due(row: Mapping[str, Any], now_ns: int) -> Toned | None:
    """Say in how long an item is due that has not ended, or how late it is."""
    if row.get("deadline_ns") is None or row["status"] in _ENDED:
        return None
    late = row["deadline_ns"] < now_ns
    away = age(abs(row["deadline_ns"] - now_ns) / 1e9)
    return Toned(f"{away} late" if late else f"in {away}", "bad" if late else "")


def _why(row: Mapping[str, Any], now_ns: int) -> Toned | None:
    """Say why an item is not being worked on: what it waits for, or what was said when it was stopped."""
    waits = waits_for(row.get("waits"), now_ns)
    if waits:
        return Toned(f"waits for {waits}", "warn" if row["waits"].get("in_vain") else "dim")
    return Toned(row["note"], "dim") if row["status"] in _TOLD_WHY and row.get("note") else None
