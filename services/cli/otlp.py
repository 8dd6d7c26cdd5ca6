"""The verb otlp: how the exporter is doing, and sending what lies in the past."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

from coord.events.errors import CoordError, UsageError, visible
from coord.services import clock
from coord.services.cli.bars import bar
from coord.services.cli.call import Call, note
from coord.services.cli.past import begin_from
from coord.services.cli.render import Column, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json
from coord.services.exporter.environment import read_environment
from coord.services.exporter.shape import Signal
from coord.services.exporter.status import read_status
from coord.services.folder import is_alive
from coord.services.wording import age

_OPTIONS: Final = {"status": (), "backfill": ("from", "traces_only")}
_COLUMNS: Final = (
    Column("SIGNAL"),
    Column("TO", flexible=True),
    Column("SENT", right=True),
    Column("REJECTED", right=True),
    Column("BEHIND", right=True),
    Column("LAST YES", right=True, rank=1),
)


def otlp(call: Call) -> int:
    """Say how the exporter is doing, or send what lies in the past."""
    action = call.text("action") or ""
    if action not in _OPTIONS:
        raise UsageError(f"otlp cannot '{visible(action, 64)}'.", f"It can {', '.join(_OPTIONS)}.")
    for option in ("from", "traces_only"):
        if (call.text(option) or call.on(option)) and option not in _OPTIONS[action]:
            raise UsageError(f"--{option.replace('_', '-')} is not for otlp {action}.")
    return _backfill(call) if action == "backfill" else _status(call)


def _status(call: Call) -> int:
    document = status_document(call)
    if call.json:
        out_json(document)
        return 0
    if not document["signals"]:
        out("nothing is exported: no exporter has run on this data folder.")
        note("to export, set OTEL_EXPORTER_OTLP_ENDPOINT, e.g. http://127.0.0.1:4318, and run coord up.")
        return 0
    print_table(_COLUMNS, [_row(name, one) for name, one in document["signals"].items()])
    for name, one in document["signals"].items():
        for sentence in troubles(name, one):
            out(safe(sentence))
    if document["dead"]:
        out(f"{document['dead']} set aside in {safe(str(call.folder.path('exporter', 'dead')))}")
    if document.get("server"):
        note(f"how far behind it is cannot be asked: {document['server']}")
    if not document["running"]:
        out("no exporter runs now; what it has not sent waits in the log.")
    return 0


def status_document(call: Call) -> dict[str, Any]:
    """Return what the exporter last said of itself, and how far behind the server says that it is."""
    told = read_status(call.folder)
    signals: dict[str, Any] = {name: dict(one) for name, one in told.get("signals", {}).items()}
    try:
        standing = asyncio.run(_standing(call))
    except CoordError as error:
        standing, told = {}, {**told, "server": error.message}
    for name, found in standing.items():
        one = signals.setdefault(name, {"receiver": None, "sent": 0, "rejected": 0, "trouble": ""})
        one["behind"], one["dealt_with"] = found.waiting + found.given, found.dealt_with
    pid = int(told.get("pid", 0))
    return {"running": bool(pid) and is_alive(pid), "dead": 0, **told, "signals": signals}


async def _standing(call: Call) -> Mapping[Signal, Any]:
    from coord.services.exporter.consumers import FOLLOWED, standing_of
    from coord.services.log import Log

    log = await Log.connect(call.settings, call.folder, "exporter", "otlp status")
    try:
        found = {signal: await standing_of(log, signal) for signal in FOLLOWED}
        return {signal: one for signal, one in found.items() if one is not None}
    finally:
        await log.close()


def troubles(signal: str, told: Mapping[str, Any]) -> Iterator[str]:
    """Say in sentences what is wrong with a signal."""
    if told.get("trouble"):
        since = age((clock.now_ns() - told.get("trouble_since_ns", 0)) / 1e9)
        yield f"{signal}: for {since}, {told['trouble']}"
    if told.get("rejected"):
        why = told.get("last_rejection") or "no reason was given"
        yield f"{signal}: {told['rejected']} rejected for good, the last: {why}"


def _row(name: str, told: Mapping[str, Any]) -> list[str | int | None]:
    at_ns = told.get("sent_at_ns")
    return [
        name,
        told.get("receiver"),
        told.get("sent"),
        told.get("rejected"),
        told.get("behind"),
        f"{age((clock.now_ns() - at_ns) / 1e9)} ago" if at_ns else None,
    ]


def _backfill(call: Call) -> int:
    text = call.text("from")
    if text is None:
        raise UsageError("otlp backfill needs to know where to begin: --from WHEN.", "See coord tail.")
    position = begin_from(call.folder, text, call.settings.request_seconds)
    signals: tuple[Signal, ...] = ("traces",) if call.on("traces_only") else ("traces", "logs")
    read_environment()
    from coord.services.exporter.backfill import backfill

    with bar("sending", "positions", quiet=call.json) as shown:

        def tell(at: int, last: int) -> None:
            shown.to(max(at - position, 0), max(last - position, 0))

        sent = backfill(call.settings, call.folder, position, signals, tell)
    document = {
        "from": sent.first,
        "to": sent.last,
        "signals": {
            signal: {"sent": tally.sent, "rejected": tally.rejected, "set_aside": tally.set_aside}
            for signal, tally in sent.tallies.items()
        },
    }
    told = (
        f"{signal}: {tally.sent} sent" + (f", {tally.rejected} rejected" if tally.rejected else "")
        for signal, tally in sent.tallies.items()
    )
    call.show(document, [f"positions {sent.first} to {sent.last}: {'; '.join(told)}"])
    return 0
