"""What doctor checks of exporting: whether somebody does it where it is wanted, is behind, or is turned away."""

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services import clock
from coord.services.cli.finding import BAD, OK, WARN, Finding
from coord.services.exporter.environment import is_wanted
from coord.services.exporter.status import read_status
from coord.services.folder import Folder, is_alive
from coord.services.wording import age

BEHIND_WARN: Final = 1_000
LAG_BAD_SECONDS: Final = 3_600.0
"""A receiver may be away for so long; the log keeps what it has not taken."""


def check_exporter(folder: Folder) -> Iterator[Finding]:
    """Check the exporter; where none ran, and none is wanted, there is nothing to check."""
    told = read_status(folder)
    try:
        wanted = is_wanted(os.environ)
    except CoordError as error:
        yield Finding("exporter", BAD, str(error), "Set it right, and start: coord up")
        return
    if not is_alive(int(told.get("pid", 0))):
        if wanted:
            words = "OTEL_* says where to send, and no exporter runs"
            yield Finding("exporter", WARN, words, "Run: coord serve exporter; or coord up again.")
        return
    for signal, one in told.get("signals", {}).items():
        yield _signal(signal, one)
    dead, unkept = int(told.get("dead", 0)), int(told.get("unkept", 0))
    if dead or unkept:
        words = f"{dead} items that no receiver takes are set aside, {unkept} more were not kept"
        yield Finding("set aside", WARN, words, f"Look at them in {folder.path('exporter', 'dead')}.")


def _signal(signal: str, told: Mapping[str, Any]) -> Finding:
    name = f"{signal} to"
    behind = told.get("behind") or 0
    words = f"{told['receiver']}: {told['sent']} sent, {behind} events behind"
    if told["trouble"]:
        since = (clock.now_ns() - told["trouble_since_ns"]) / 1e9
        words += f"; for {age(since)}, {told['trouble']}"
        if told["turned_away"]:
            return Finding(name, BAD, words, "It refuses coord itself: check its address, path and headers.")
        if since >= LAG_BAD_SECONDS:
            return Finding(name, BAD, words, "Start the receiver; what it has not taken waits in the log.")
        remedy = "Start the receiver, or set OTEL_EXPORTER_OTLP_ENDPOINT right; what it has not taken waits."
        return Finding(name, WARN, words, remedy)
    if behind >= BEHIND_WARN:
        return Finding(name, WARN, words, "It catches up, or coord otlp status says why not.")
    return Finding(name, OK, words)
