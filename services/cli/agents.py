"""The verbs of agents: register, heartbeat, drain, retire, evict and agents."""

from collections.abc import Mapping
from typing import Any, Final

from coord.services.cli.call import Call, note_cut
from coord.services.cli.render import Cell, Column, Toned, as_of, print_table, scored
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, talk
from coord.services.cli.values import WIP_LIMIT_MAX, as_name, as_text, as_whole
from coord.services.client import Reply
from coord.services.wording import age

STATUSES: Final = {"active": "ok", "lost": "bad", "draining": "warn", "evicted": "bad", "retired": "dim"}


def register(call: Call) -> None:
    """Register an agent, with a credential of its own where that is asked for."""
    name = call.agent()
    if call.on("credential"):
        _check_credential(call, name)
    fields = {
        "agent": name,
        "team": call.read("team", lambda text, what: text and as_name(text, what)),
        "capabilities": _names(call, "capability"),
        "wip_limit": call.read("wip", lambda text, what: as_whole(text, what, 0, WIP_LIMIT_MAX)),
        "host": call.settings.node,
        "serves": _names(call, "serves"),
    }
    reply = call.tell("register", call.request_id(), fields)
    lines = [_outcome(reply)]
    if call.on("credential"):
        path = _issue_credential(call, name)
        reply["credential_file"] = path
        lines.append(f"{name}  credential {path}")
    call.show(reply, map(safe, lines))


def heartbeat(call: Call) -> None:
    """Show that an agent lives."""
    fields = {"agent": call.agent(), "incarnation": call.incarnation()}
    reply = call.tell("heartbeat", call.request_id(), fields)
    call.show(reply, [safe(_outcome({**reply, "already": False}))])


def retire(call: Call) -> None:
    """Leave on purpose."""
    reason = call.read("reason", as_text)
    fields = {"agent": call.agent(), "incarnation": call.incarnation(), "reason": reason}
    reply = call.tell("retire", call.request_id(), fields)
    call.show(reply, [safe(_outcome(reply))])


def drain(call: Call) -> None:
    """Have an agent end what it holds, and be given nothing new."""
    name, by = as_name(call.text("name") or "", "the agent"), call.person()
    fields = {"agent": name, "reason": call.read("reason", as_text)}
    reply = call.tell("drain", call.request_id(), fields, by)
    call.show(reply, [safe(_outcome(reply))])


def evict(call: Call) -> None:
    """Put an agent out, whatever it does."""
    name, by = as_name(call.text("name") or "", "the agent"), call.person()
    fields = {"agent": name, "reason": call.read("reason", as_text) or f"by {by}, without a reason"}
    reply = call.tell("evict", call.request_id(), fields, by)
    call.show(reply, [safe(_outcome(reply))])


def agents(call: Call) -> None:
    """List the agents."""
    team = call.read("team", as_name)
    answer = call.ask("agents", team=team, limit=call.limit())
    if call.json:
        out_json(answer)
        return
    rows = answer["rows"]
    active = sum(row["status"] == "active" for row in rows)
    out(f"{active} of {len(rows)} agents active{as_of(answer)}")
    if rows:
        print_table(_AGENTS, [_row(row) for row in rows], _SELDOM)
    elif team is not None:
        talk(f"coord: nobody is in the team {team}. All agents: coord agents")
    else:
        talk("coord: nobody yet. An agent is registered by its first: coord claim --agent NAME")
    note_cut(answer)


def _names(call: Call, option: str) -> list[str] | None:
    """Return what a repeated option names: nothing where it was not given, and no names where it is empty."""
    given = call.many(option)
    if given == [""]:
        return []
    return [as_name(one, f"--{option}") for one in given] or None


def _outcome(reply: Reply) -> str:
    agent = reply.get("agent") or {}
    words = f"{reply['id']}  incarnation {agent.get('incarnation')}  {agent.get('status')}"
    held = f"  holds {agent['holds']}" if agent.get("holds") else ""
    return words + held + (" (already)" if reply.get("already") else "")


def _check_credential(call: Call, name: str) -> None:
    """Refuse before anything is sent, where the server's users are not coord's to write."""
    from coord.services.server.agents import check_ours

    check_ours(call.folder, call.settings, name)


def _issue_credential(call: Call, name: str) -> str:
    from coord.services.server.agents import issue_agent_credential

    issue_agent_credential(call.folder, call.settings, name)
    return str(call.folder.path("agents", f"{name}.json"))


_SERVES: Final = Column("SERVES", rank=5)
_WHY: Final = Column("WHY", rank=7, flexible=True)
_SELDOM: Final = (_SERVES, _WHY)
"""Columns that are left out where they say nothing."""
_AGENTS: Final = (
    Column("AGENT"),
    Column("STATUS", paint=STATUSES),
    Column("HEALTH", right=True, rank=2),
    Column("HOLDS", right=True),
    Column("DONE", right=True, rank=1),
    Column("FAILED", right=True, rank=3),
    Column("LOST", right=True, rank=3),
    Column("SILENT", right=True),
    Column("TEAM", rank=4),
    _SERVES,
    Column("INCARNATION", right=True, rank=5),
    Column("OFFERS", rank=6, flexible=True),
    _WHY,
)


def _row(row: Mapping[str, Any]) -> list[Cell]:
    holds = f"{row['holds']}/{row['wip_limit']}" if row.get("wip_limit") else row["holds"]
    return [
        row["agent"],
        row["status"],
        scored(row.get("score")),
        holds,
        row["completed"],
        Toned(row["failed"], "bad" if row["failed"] else ""),
        Toned(row["expired"], "warn" if row["expired"] else ""),
        Toned(
            age(row.get("silent_seconds")),
            "dim" if row["status"] == "active" else STATUSES.get(row["status"], ""),
        ),
        row.get("team"),
        ", ".join(row.get("serves", ())),
        row["incarnation"],
        ", ".join(row.get("capabilities", ())),
        row.get("reason"),
    ]
