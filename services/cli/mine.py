"""The verb mine: one short line for each claim of an agent."""

from collections.abc import Mapping
from typing import Any

from coord.events.errors import Exit, Refused
from coord.services import clock
from coord.services.cli.call import Call, note, note_cut
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, painted
from coord.services.client import Reply
from coord.services.wording import age, percent


def mine(call: Call) -> int:
    """Say what an agent holds, until when, and under which fence; what ends soonest stands first."""
    agent = call.agent()
    answer = _asked(call, agent)
    if call.json:
        out_json(answer)
    else:
        for row in answer["rows"]:
            out(_line(row))
        if not answer["rows"]:
            note(f"{agent} holds nothing.")
        note_cut(answer)
    return int(Exit.DONE if answer["rows"] else Exit.NOTHING)


def _asked(call: Call, agent: str) -> Reply:
    """Ask; an agent that nobody knows holds nothing."""
    try:
        return call.ask("mine", agent=agent, limit=call.limit())
    except Refused as error:
        if (error.reply or {}).get("code") != "unknown_agent":
            raise
        error.exit_code = Exit.NOTHING
        raise


def _line(row: Mapping[str, Any]) -> str:
    left = row["left_seconds"]
    until = f"until {clock.rfc3339(row['until_ns'])[11:19]}Z ({age(left)})" if left > 0 else "run out"
    meaning = "bad" if left <= 0 else "warn" if left < row["lease_seconds"] / 3 else ""
    done = f"  {percent(row['progress'])}" if row.get("progress") is not None else ""
    stuck = painted("  stuck", "warn") if row.get("stuck") else ""
    head = safe(f"{row['id']}  fence {row['fence']}  ")
    return f"{head}{painted(until, meaning)}{done}{stuck}  {safe(row['title'])}"
