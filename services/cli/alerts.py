"""The verbs of alerts: alerts, ack and silence."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from coord.events.errors import UsageError
from coord.services import clock
from coord.services.cli.call import Call, note_cut
from coord.services.cli.directing import became, outlook
from coord.services.cli.lines import Ids
from coord.services.cli.render import Cell, Column, Toned, aged, as_of, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, talk
from coord.services.cli.values import as_name, as_silence, as_text
from coord.services.client import Reply
from coord.services.wording import age

STATUSES: Final = {"active": "warn", "acknowledged": "accent", "resolved": "dim"}
_ASKED: Final = ("open", *STATUSES)
_SEVERITIES: Final = {"critical": "bad", "warning": "warn", "info": "accent"}
_SECOND_NS: Final = 1_000_000_000


def alerts(call: Call) -> None:
    """List the alerts."""
    status = call.text("status")
    if status is not None and status not in _ASKED:
        raise UsageError(f"--status is '{safe(status)[:64]}'; it must be one of {', '.join(_ASKED)}.")
    answer = call.ask("alerts", status=status, entity=call.read("entity", as_name), limit=call.limit())
    if call.json:
        out_json(answer)
        return
    counts = answer["counts"]
    told = " · ".join(f"{counts[name]} {name}" for name in STATUSES if counts.get(name))
    out(safe(told or "no alerts") + as_of(answer))
    if answer["rows"]:
        print_alerts(answer["rows"])
    else:
        talk(f"coord: {_nothing(call, told)}")
    note_cut(answer)


def ack(call: Call) -> int:
    """Take notice of an alert, or of one for every line of stdin."""
    return _each(call, "acknowledge", lambda: {"note": call.read("note", as_text)})


def silence(call: Call) -> int:
    """Want no notice of an alert for a time."""
    if call.text("for") is None:
        raise UsageError("for how long is not said.", "Say it with --for, such as --for 1h.")
    seconds = call.read("for", as_silence)

    def fields() -> dict[str, Any]:
        until_ns = clock.now_ns() + round(seconds * _SECOND_NS)
        return {"until_ns": until_ns, "reason": call.read("reason", as_text)}

    return _each(call, "silence", fields, f"silenced for {call.text('for')}")


def print_alerts(rows: Sequence[Mapping[str, Any]], *, about: bool = True) -> None:
    """Print alerts as a table; `about`: with the entity each is about."""
    shown = [place for place, column in enumerate(_ALERTS) if about or column is not _ABOUT]
    table = [[cells[place] for place in shown] for cells in map(_row, rows)]
    print_table([_ALERTS[place] for place in shown], table)


def _each(call: Call, verb: str, fields: Callable[[], dict[str, Any]], more: str = "") -> int:
    by = call.person()

    def act(alert_id: str, request_id: str) -> None:
        reply = call.tell(verb, request_id, {"alert_id": alert_id, "by": by, **fields()}, by)
        call.show(reply, [_outcome(reply, more)])

    return call.each("alert", _as_alert, Ids("the alert"), act)


def _as_alert(text: str) -> str:
    return as_name(text, "the alert")


def _outcome(reply: Reply, more: str) -> str:
    words = [reply["id"], (reply.get("alert") or {}).get("status", "done"), more]
    return safe("  ".join(word for word in words if word) + (" (already)" if reply.get("already") else ""))


def _nothing(call: Call, told: str) -> str:
    if not told:
        return "nobody has raised an alert yet."
    status, entity = call.text("status"), call.text("entity")
    about = f" about {entity}" if entity else ""
    return f"no alert{about} is {status}." if status else f"there is no alert{about}."


_ABOUT: Final = Column("ABOUT")
_ALERTS: Final = (
    Column("ALERT"),
    Column("SEVERITY"),
    Column("STATUS", rank=4),
    Column("AGE", right=True),
    _ABOUT,
    Column("RULE", rank=3),
    Column("DIRECTED", rank=1, flexible=True, least=20),
    Column("SUMMARY", flexible=True, least=24),
)


def _row(row: Mapping[str, Any]) -> list[Cell]:
    silenced, over = row.get("silenced_seconds"), row["status"] == "resolved"
    return [
        row["id"],
        Toned(row["severity"], "dim" if over else _SEVERITIES.get(row["severity"], "")),
        Toned(
            row["status"] + (f", silent {age(silenced)}" if silenced else ""), STATUSES.get(row["status"], "")
        ),
        aged(row["age_seconds"]),
        f"{row['entity_kind']}:{row['entity']}",
        row["rule"],
        _directed(row.get("directives", ())),
        row["summary"],
    ]


def _directed(directives: Sequence[Mapping[str, Any]]) -> Toned | None:
    """Say what was directed last and what came of it, and how much there was before."""
    if not directives:
        return None
    more = f" (+{len(directives) - 1})" if len(directives) > 1 else ""
    return Toned(f"{directives[0]['action']} {became(directives[0])}{more}", outlook(directives[0]))
