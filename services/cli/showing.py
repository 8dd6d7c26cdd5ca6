"""The verbs that show items: show and board."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from coord.events.errors import Refused, UsageError
from coord.services import client
from coord.services.cli.call import Call, note, note_cut, note_pause
from coord.services.cli.holding import as_item
from coord.services.cli.lines import Ids
from coord.services.cli.render import Cell, Column, Toned, aged, as_of, print_pairs, print_table
from coord.services.cli.safe import safe, safe_json
from coord.services.cli.terminal import out, out_json, painted, talk
from coord.services.cli.values import as_name
from coord.services.client import Reply
from coord.services.planned import plan_of, waits_for
from coord.services.wording import age, full_team, percent

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
    linked = True if call.on("linked") else None
    answer = call.ask_now("board", status=status, team=team, agent=agent, linked=linked, limit=call.limit())
    if call.json:
        out_json(answer)
        return
    note_pause(answer)
    kind = " with dependencies" * bool(linked)
    about = f" for {team}" * bool(team) + f" with {agent}" * bool(agent) + kind
    out(safe((_counted(answer) or "no items" + " yet" * (not about)) + about) + as_of(answer))
    full = {one["team"]: one for one in answer.get("full", ())}
    for one in full.values():
        out(painted(safe(full_team(one)), "warn"))
    if answer["rows"]:
        now_ns = answer["as_of"]["time_ns"]
        print_table(_BOARD, [_board_row(row, now_ns, full) for row in answer["rows"]], _SELDOM)
    elif not about and not any(answer["counts"].values()):
        talk('coord: the board is empty. Fill it with: coord submit "A title"')
    else:
        nothing = (
            f"{agent} holds nothing{f' for {team}' if team else ''}{kind} now."
            if agent
            else f"there is no item{about}."
        )
        note(f"no item{about} is {status}." if status else nothing)
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
        *_plan_rows(answer, now_ns),
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


def _plan_rows(answer: Mapping[str, Any], now_ns: int) -> list[tuple[str, Cell]]:
    """Say how an item is planned, as named values."""
    due = answer["item"].get("deadline_ns")
    late = "warn" if due is not None and due < now_ns else ""
    return [
        (name, Toned(words, late) if name == "deadline" else words) for name, words in plan_of(answer, now_ns)
    ]


def _scores(scores: Mapping[str, float] | None) -> str | None:
    if not scores:
        return None
    parts = (f"{name} {value:.2f}" for name, value in scores.items() if name != "total")
    return f"{scores['total']:.2f}: {', '.join(parts)}"


_AFTER_SHOWN: Final = 3
_DUE: Final = Column("DUE", right=True, rank=3)
_WHY: Final = Column("WHY", flexible=True, rank=1)
_AFTER: Final = Column("AFTER", rank=1)
_SELDOM: Final = (_DUE, _AFTER, _WHY)
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
    _AFTER,
    _WHY,
    Column("TITLE", flexible=True),
)


def _board_row(row: Mapping[str, Any], now_ns: int, full: Collection[str]) -> list[Cell]:
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
        _after(row),
        _why(row, now_ns, full),
        row["title"],
    ]


def _after(row: Mapping[str, Any]) -> str:
    """Name what an item depends on, where that was asked for: the first few."""
    names = row.get("depends_on", ())
    more = f" and {len(names) - _AFTER_SHOWN} more" if len(names) > _AFTER_SHOWN else ""
    return ", ".join(names[:_AFTER_SHOWN]) + more


def _due(row: Mapping[str, Any], now_ns: int) -> Toned | None:
    """Say in how long an item is due that has not ended, or how late it is."""
    if row.get("deadline_ns") is None or row["status"] in _ENDED:
        return None
    late = row["deadline_ns"] < now_ns
    away = age(abs(row["deadline_ns"] - now_ns) / 1e9)
    return Toned(f"{away} late" if late else f"in {away}", "bad" if late else "")


def _why(row: Mapping[str, Any], now_ns: int, full: Collection[str]) -> Toned | None:
    """Say why an item is not being worked on: what it waits for, or what was said when it was stopped."""
    waits = waits_for(row.get("waits"), now_ns)
    if waits:
        return Toned(f"waits for {waits}", "warn" if row["waits"].get("in_vain") else "dim")
    if row["status"] == "open" and row.get("team") in full:
        return Toned(f"{row['team']} is full", "warn")
    return Toned(row["note"], "dim") if row["status"] in _TOLD_WHY and row.get("note") else None
