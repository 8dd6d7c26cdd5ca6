"""The verb doctor: every check, one line each, and what to do about what is wrong."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from coord.events.errors import CoordError, Exit
from coord.events.streams import EVENTS
from coord.services.cli.call import Call
from coord.services.cli.finding import BAD, OK, WARN, Finding
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, painted

if TYPE_CHECKING:
    from coord.services.cli.server_checks import StreamFacts

_MARKS: Final = {OK: "●", WARN: "▲", BAD: "✖"}


def doctor(call: Call) -> int:
    """Check everything; 7 when something is bad."""
    found = [finding if finding.verdict != OK else finding._replace(remedy="") for finding in _findings(call)]
    wanting = [finding for finding in found if finding.verdict == BAD]
    if call.json:
        out_json({"ok": not wanting, "checks": [finding._asdict() for finding in found]})
    else:
        _print(found)
    return int(Exit.WANTING if wanting else Exit.DONE)


def _findings(call: Call) -> Iterator[Finding]:
    settings, folder = call.settings, call.folder
    from coord.services.cli import archive_checks, checks, export_checks, http_checks, server_checks

    server = server_checks.find_server(settings, folder)
    yield from server_checks.check_server(server, settings)
    streams = server_checks.read_streams(settings, folder)
    yield from server_checks.check_streams(streams, settings)
    yield from checks.check_supervisor(folder)
    yield checks.check_coordinator(folder)
    yield from checks.check_projector(folder, _last_position(streams))
    yield checks.check_snapshots(folder, settings, _last_position(streams))
    yield checks.check_monitor(folder, settings)
    yield from checks.check_watchdog(folder)
    yield from checks.check_routes(folder)
    yield from export_checks.check_exporter(folder)
    yield from archive_checks.check_archive(folder, settings, _last_position(streams))
    yield from archive_checks.check_archived_readings(folder, settings)
    yield from http_checks.check_http(folder, settings)
    yield checks.check_folder(folder)
    yield checks.check_disk(folder)
    yield checks.check_versions(server)


def _last_position(streams: "dict[str, StreamFacts | None] | CoordError") -> int:
    events = None if isinstance(streams, CoordError) else streams.get(EVENTS.name)
    return events.last if events is not None else 0


def _print(found: Sequence[Finding]) -> None:
    wide = max(len(finding.name) for finding in found)
    for finding in found:
        out(
            f"{painted(_MARKS[finding.verdict], finding.verdict)} {finding.name:{wide}}  {safe(finding.words)}"
        )
        if finding.remedy:
            out(f"  {'':{wide}}  -> {safe(finding.remedy)}")
    bad = sum(finding.verdict == BAD for finding in found)
    watched = sum(finding.verdict == WARN for finding in found)
    out(f"{len(found)} checks: {bad} bad, {watched} to watch")
