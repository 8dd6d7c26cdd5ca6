"""The verb team: say what holds for a team, or show it: its limit, its share, its agents, and what is held for it."""

from typing import Any, Final

from coord.events.errors import UsageError
from coord.services.cli.agents import STATUSES
from coord.services.cli.call import Call, note, note_cut
from coord.services.cli.render import Column, as_of, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json
from coord.services.cli.values import WIP_LIMIT_MAX, as_name, as_share, as_whole
from coord.services.client import Reply
from coord.services.wording import age


def team(call: Call) -> None:
    """Change what holds for a team where something is said, and show it where nothing is."""
    name = as_name(call.text("team") or "", "the team")
    wip = call.read("wip", lambda text, what: as_whole(text, what, 0, WIP_LIMIT_MAX))
    share = call.read("share", as_share)
    if wip is None and share is None:
        _show(call, name)
        return
    if call.text("at") is not None:
        raise UsageError(
            "what holds for a team from now on is said, and never of the past.", "Leave --at away."
        )
    fields = {"team": name, "wip_limit": wip, "share": share}
    reply = call.tell("configure-team", call.request_id(), fields, call.person())
    told = _line({"team": name, **(reply.get("team") or {})})
    call.show(reply, [safe(told + (" (already)" if reply.get("already") else ""))])


def _show(call: Call, name: str) -> None:
    if call.text("request_id") is not None:
        raise UsageError(f"what shall hold for {name} is not said.", "Say --wip, --share or both.")
    crew = call.ask("agents", team=name)
    board = call.ask("board", team=name, status="claimed")
    told = next(iter(crew.get("teams", ())), {"team": name, "wip_limit": None, "share": 1.0, "holds": 0})
    if call.json:
        items = {"counts": board["counts"], "items": board["rows"]}
        out_json({"as_of": crew["as_of"], "team": told, "agents": crew["rows"], **items})
        return
    out(safe(_line(told)) + as_of(crew))
    if crew["rows"]:
        print_table(_AGENTS, [[row["agent"], row["status"], row["holds"]] for row in crew["rows"]])
    if board["rows"]:
        print_table(_HELD, [_held(row) for row in board["rows"]])
    if not (crew.get("teams") or crew["rows"] or any(board["counts"].values())):
        note(f"nothing is known of a team {safe(name)} yet: no agent, no item, no limit.")
    note_cut({"truncated": crew.get("truncated") or board.get("truncated")})


def _line(told: Reply) -> str:
    limit = f"at most {told['wip_limit']} at once" if told.get("wip_limit") else "any number at once"
    return f"{told['team']}  share {told.get('share', 1.0):g}  {limit}  holds {told.get('holds', 0)}"


def _held(row: dict[str, Any]) -> list[Any]:
    return [row["id"], row.get("agent"), age(row["state_seconds"]), row["title"]]


_AGENTS: Final = (Column("AGENT"), Column("STATUS", paint=STATUSES), Column("HOLDS", right=True))
_HELD: Final = (
    Column("HELD"),
    Column("BY"),
    Column("FOR", right=True),
    Column("TITLE", flexible=True),
)
