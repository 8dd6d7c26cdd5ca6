"""The verbs of the log itself: events, history, tail and deadletters."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from coord.events.errors import NoServer, OutcomeUnknown, UsageError, visible
from coord.services import client, clock
from coord.services.cli.call import Call, note, note_cut
from coord.services.cli.lines import Ids
from coord.services.cli.render import Column, as_of, print_table
from coord.services.cli.safe import safe, safe_json
from coord.services.cli.terminal import flush, out, out_json
from coord.services.cli.values import as_name, as_text
from coord.services.client import Reply
from coord.services.folder import PROJECTOR_SOCKET

_TAIL_DEFAULT: Final = 10
_SHORT_LENGTH: Final = 60
_FILTER_LENGTH_MAX: Final = 80
_SEARCHED_LENGTH_MAX: Final = 200
"""What is exported as a trace of its own."""
_AGAIN_MAX: Final = 5
"""How often in a row a tail may break off without an event before it is given up."""


def events(call: Call) -> None:
    """Print the newest events that match, the newest last."""
    kind, entity = call.read("entity", _as_entity) or (None, None)
    aggregate, wanted = call.read("aggregate", as_name), call.read("type", _as_filter)
    if kind is not None and aggregate not in (None, kind):
        raise UsageError(f"--entity is of kind {kind}, and --aggregate is {aggregate}.", "Name one kind.")
    answer = call.ask(
        "events",
        aggregate=aggregate or kind,
        entity=entity,
        type=wanted,
        actor=call.read("actor", _as_filter),
        text=call.read("text", lambda text, what: as_text(text, what, _SEARCHED_LENGTH_MAX)),
        limit=call.limit(),
    )
    found = answer["events"]
    if wanted is not None and not found:
        _note_unknown_type(wanted)
    if call.json:
        out_json(answer)
        return
    out(f"{len(found)} event{'' if len(found) == 1 else 's'}{as_of(answer)}")
    if found:
        print_table(_EVENTS, [_row(entry, subject=True) for entry in found])
    _note_older(answer)


def history(call: Call) -> int:
    """Print every event of one entity."""
    aggregate, limit = call.read("aggregate", as_name), call.limit()

    def act(name: str, _: str) -> None:
        answer = call.ask("history", id=name, aggregate=aggregate, limit=limit)
        found = answer["events"]
        trace = _trace_of(found) if found else ""
        if call.json:
            out_json({**answer, "trace_id": trace} if trace else answer)
            return
        told = safe(f", trace {trace}" if trace else "")
        out(f"{safe(name)}: {len(found)} event{'' if len(found) == 1 else 's'}{told}{as_of(answer)}")
        if found:
            traced = any(entry.get("traceparent") for entry in found)
            print_table(_history(traced), [_row(entry, traced=traced) for entry in found])
        note_cut(answer)

    return call.each("id", lambda text: as_name(text, "the id"), Ids("the id"), act)


def _trace_of(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the trace as which an item is exported: its id is made of the event it began with."""
    _, site, kind, name = str(found[0]["subject"]).split(".")
    if kind != "work":
        return ""
    from coord.services.exporter.identity import root_of

    return f"{root_of(kind, site, name, found[0]['id']).trace_id:032x}"


def _as_filter(text: str, what: str) -> str:
    return as_text(text, what, _FILTER_LENGTH_MAX)


def _history(traced: bool) -> tuple[Column, ...]:
    return (*_HISTORY[:-1], _TRACE, _HISTORY[-1]) if traced else _HISTORY


def _as_entity(text: str, what: str) -> tuple[str | None, str]:
    """Read ID, or KIND:ID as health prints it."""
    kind, colon, name = text.rpartition(":")
    return (as_name(kind, f"{what}'s kind") if colon else None), as_name(name, what)


def _note_unknown_type(wanted: str) -> None:
    """Say which types it could be, where there is none such."""
    from difflib import get_close_matches

    from coord.events.catalog import AGGREGATES, EVENT_TYPES

    names = [kind.name for kind in EVENT_TYPES]
    if any(
        name.startswith(wanted) if wanted.endswith(".") else f"{wanted}.v".startswith(f"{name}.v")
        for name in names
    ):
        return
    parts = {name.partition(".")[2]: name for name in names}
    near = [parts.get(one, one) for one in get_close_matches(wanted[:64], [*names, *parts], 3, 0.7)]
    could = ", ".join(dict.fromkeys(near)) or ", ".join(f"{aggregate}." for aggregate in AGGREGATES)
    words = "it could be" if near else "types begin with"
    note(f"there is no type '{visible(wanted, 64)}'; {words}: {could}")


def _note_older(answer: Reply) -> None:
    """Say where to go on, when older events may match."""
    if answer.get("truncated"):
        before = answer["searched_from"] - 1
        note(f"older ones may match: go on with --at {before}, or see --limit.")


def deadletters(call: Call) -> None:
    """List what was set aside, the newest first."""
    answer = call.ask("deadletters", limit=call.limit())
    if call.json:
        out_json(answer)
        return
    out(f"{answer['total']} dead letters{as_of(answer)}")
    if answer["rows"]:
        print_table(_DEAD, [_dead(row) for row in answer["rows"]])
    note_cut(answer)


def tail(call: Call) -> None:
    """Print the log from a position on, to its present end or for ever."""
    until = call.text("until")
    if until not in (None, "now"):
        raise UsageError(f"--until is '{safe(until)[:64]}'; it must be now.")
    call.only_this_house()
    for line in _entries(call, _begin(call), until == "now"):
        if call.json:
            text = line.decode("utf-8", "replace")
            out(text if text.isprintable() else safe_json(json.loads(line)))
        else:
            out(_line(json.loads(line)))
        if until is None:
            flush()


def _begin(call: Call) -> int:
    """Return the first position to print: what --from says, or that of the last ten."""
    text = call.text("from")
    if text is not None:
        from coord.services.cli.past import begin_from

        return begin_from(call.folder, text, call.settings.request_seconds)
    moment = call.ask("state")["as_of"]
    return max(int(moment["position"]) + int(moment.get("lag", 0)) - _TAIL_DEFAULT + 1, 0)


def _entries(call: Call, position: int, to_now: bool) -> Iterator[bytes]:
    """Yield entries in order; a tail that breaks off goes on behind the last one it saw."""
    broken = 0
    while True:
        path = f"/v1/tail?from={position}{'&until=now' if to_now else ''}"
        try:
            for line in client.lines(call.folder, PROJECTOR_SOCKET, "GET", path, None):
                yield line
                position, broken = _position(line, position) + 1, 0
        except OutcomeUnknown:
            broken += 1
            if broken > _AGAIN_MAX:
                raise
            continue
        if to_now:
            return
        broken += 1
        if broken > _AGAIN_MAX:
            raise NoServer("the projector ends every tail at once.", "See: coord doctor")


def _position(line: bytes, before: int) -> int:
    try:
        return int(json.loads(line)["position"])
    except (ValueError, KeyError, TypeError):
        return before


def _line(entry: Mapping[str, Any]) -> str:
    position, time, subject, kind, actor, what = (safe(cell or "-") for cell in _row(entry, subject=True))
    return f"{position:>8}  {time}  {subject}  {kind}  {actor}  {what}"


def _row(entry: Mapping[str, Any], subject: bool = False, traced: bool = False) -> list[str | int | None]:
    when = clock.rfc3339(entry["recorded_at_ns"])
    row: list[str | int | None] = [
        entry["position"],
        f"{when[:10]} {when[11:23]}Z",
        entry["type"] or "?",
        entry.get("actor"),
        _told(entry),
    ]
    if subject:
        row.insert(2, ".".join(str(entry["subject"]).split(".")[2:]))
    if traced:
        row.insert(-1, str(entry.get("traceparent") or "--").split("-")[1])
    return row


def _dead(row: Mapping[str, Any]) -> list[str | int | None]:
    when = clock.rfc3339(row["recorded_at_ns"])
    return [row["stream"], row["position"], f"{when[:10]} {when[11:23]}Z", row["subject"], row["reason"]]


def _told(entry: Mapping[str, Any]) -> str:
    """Say what an event says, in few words."""
    if entry.get("fault"):
        return f"no event of ours: {entry['fault']}"
    told = entry.get("fields")
    if not isinstance(told, dict):
        return ""
    actor = entry.get("actor")
    return "  ".join(
        f"{name} {_short(value)}"
        for name, value in told.items()
        if value not in (None, [], {}) and not (name == "agent" and value == actor)
    )


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHORT_LENGTH else text[: _SHORT_LENGTH - 1] + "…"


_EVENTS: Final = (
    Column("POSITION", right=True),
    Column("RECORDED (UTC)"),
    Column("SUBJECT"),
    Column("EVENT"),
    Column("ACTOR", rank=1),
    Column("WHAT", flexible=True),
)
_HISTORY: Final = (
    Column("POSITION", right=True),
    Column("RECORDED (UTC)"),
    Column("EVENT"),
    Column("ACTOR", rank=1),
    Column("WHAT", flexible=True),
)
_TRACE: Final = Column("CAUSED BY TRACE", rank=2)
_DEAD: Final = (
    Column("STREAM"),
    Column("POSITION", right=True),
    Column("RECORDED (UTC)"),
    Column("SUBJECT", rank=1),
    Column("WHY", flexible=True),
)
