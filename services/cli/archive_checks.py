"""What doctor checks of the archive: whether somebody writes it where it is wanted, and how far behind it is."""

from collections.abc import Iterator
from typing import Final

from coord.services import clock
from coord.services.archive.readings_place import TIMES_RARER
from coord.services.archive.status import READINGS_FILE, read_status
from coord.services.cli.finding import BAD, OK, WARN, Finding
from coord.services.folder import Folder, is_alive
from coord.services.settings import Settings
from coord.services.wording import age

LAG_SECONDS_WARN: Final = 300.0
"""Beyond what archive_seconds allows."""


def check_archive(folder: Folder, settings: Settings, last_position: int) -> Iterator[Finding]:
    """Check the export of EVENTS to Parquet; where none is set, and none runs, there is nothing to check."""
    told = read_status(folder)
    running = is_alive(int(told.get("pid", 0)))
    if settings.archive is None and not running:
        return
    if not running:
        words = "archive is set, and nothing archives"
        yield Finding("archive", WARN, words, "Run: coord serve archive; or coord up again.")
        return
    behind = max(last_position - int(told["position"]), 0)
    words = f"{told['folder']} is at position {told['position']}, {behind} behind"
    if told["fault"]:
        since = age((clock.now_ns() - told["fault_since_ns"]) / 1e9)
        yield Finding(
            "archive", BAD, f"{words}; for {since}, {told['fault']}", "The log is whole; mend that."
        )
        return
    waited = (clock.now_ns() - told["since_ns"]) / 1e9 if told["since_ns"] else 0.0
    late = waited > settings.archive_seconds + LAG_SECONDS_WARN
    if told["since_ns"]:
        words += f", the oldest of them for {age(waited)}"
    yield Finding("archive", WARN if late else OK, words, "It catches up, or its log says why not.")


def check_archived_readings(folder: Folder, settings: Settings) -> Iterator[Finding]:
    """Check the export of readings, which retention waits for; nothing where none runs."""
    told = read_status(folder, READINGS_FILE)
    if settings.archive is None or not is_alive(int(told.get("pid", 0))):
        return
    waits = told["last"] != told["position"]
    until_ns = told["until_ns"] or told["snapshot_ns"]
    behind = (clock.now_ns() - until_ns) / 1e9 if waits and until_ns else 0.0
    words = f"{told['readings']} readings"
    if told["until_ns"]:
        words += f", up to {age((clock.now_ns() - told['until_ns']) / 1e9)} ago"
    if not told["snapshot_ns"]:
        words += "; the projector has taken no snapshot here yet"
    if told["fault"]:
        since = age((clock.now_ns() - told["fault_since_ns"]) / 1e9)
        words += f"; for {since}, {told['fault']}"
    if behind > settings.readings_kept_seconds:
        words += "; older ones wait for it in the tables, a third longer than they are kept"
    bad = bool(told["fault"]) or behind > settings.readings_kept_seconds
    late = behind > TIMES_RARER * settings.archive_seconds + settings.snapshot_seconds + LAG_SECONDS_WARN
    remedy = "Mend that: what cannot wait longer is dropped, and is in no file."
    yield Finding("archived readings", BAD if bad else WARN if late else OK, words, remedy)
