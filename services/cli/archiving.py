"""The verb archive: how the export to Parquet is going; and the archive compared with the log."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coord.events.errors import Exit, UsageError, visible
from coord.services import clock
from coord.services.archive.place import files_of, known_archive, read_standing
from coord.services.archive.readings_place import FOLDERS, read_readings_standing, readings_files
from coord.services.archive.status import READINGS_FILE, read_status
from coord.services.cli.bars import bar
from coord.services.cli.call import Call, note
from coord.services.cli.safe import safe
from coord.services.folder import is_alive
from coord.services.wording import age, size

if TYPE_CHECKING:
    from coord.services.archive.readings_verify import ReadingsVerdict
    from coord.services.archive.verifying import Verdict

_ACTIONS: Final = ("status", "verify")
_AGAIN: Final = {
    True: "Move the folder aside: it is written anew from the log.",
    False: "Move its readings, rollups and state aside: what the tables still hold is written anew.",
}


def archive(call: Call) -> int:
    """Say how the archive is doing, or compare it with the log."""
    action = call.text("action") or "status"
    if action not in _ACTIONS:
        raise UsageError(f"archive cannot '{visible(action, 64)}'.", f"It can {', '.join(_ACTIONS)}.")
    return _verify(call) if action == "verify" else _status(call)


def _status(call: Call) -> int:
    root = known_archive(call.settings)
    document = status_document(call, root)
    lines = [
        (
            f"{root}: up to position {document['position']}, {document['behind']} behind;"
            f" {document['files']} files, {size(document['bytes'])}"
        )
    ]
    if document["since_ns"]:
        waited = age((clock.now_ns() - document["since_ns"]) / 1e9)
        lines.append(f"the oldest that is in no file yet was recorded {waited} ago")
    if document["fault"]:
        since = age((clock.now_ns() - document["fault_since_ns"]) / 1e9)
        lines.append(f"for {since} it does not go on: {document['fault']}")
    lines += _of_readings(document["readings"])
    call.show(document, map(safe, lines))
    if not document["running"]:
        note("nothing archives now: coord up does where archive is set, or coord serve archive.")
    return int(Exit.DONE)


def _of_readings(told: dict[str, Any]) -> Iterator[str]:
    """Say in words how the readings are."""
    if told["until_ns"]:
        until = age((clock.now_ns() - told["until_ns"]) / 1e9)
        yield (
            f"{told['readings']} readings, up to {until} ago; with their minutes {told['files']} files, {size(told['bytes'])}"
        )
    elif not told["snapshot_ns"]:
        yield "no readings: they are taken from the projector's snapshots, and there is none in this data folder yet"
    if told["fault"]:
        since = age((clock.now_ns() - told["fault_since_ns"]) / 1e9)
        yield f"for {since} readings do not go on: {told['fault']}"


def status_document(call: Call, root: Path) -> dict[str, Any]:
    """Return what the service last said of itself, and what stands in the folder."""
    told = read_status(call.folder)
    if told.get("folder") != str(root):
        told = {}
    standing = read_standing(root)
    files = files_of(root)
    pid = int(told.get("pid", 0))
    position = standing.position if standing is not None else 0
    return {
        "readings": _readings_document(call, root),
        "last": None, "since_ns": 0, "messages_per_second": 0, "fault": "", "fault_since_ns": 0,
        **told,
        "folder": str(root),
        "running": bool(pid) and is_alive(pid),
        "position": position,
        "behind": max(0, int(told.get("last") or 0) - position),
        "files": len(files),
        "bytes": sum(_size(found.path) for found in files),
    }  # fmt: skip


def _readings_document(call: Call, root: Path) -> dict[str, Any]:
    told = read_status(call.folder, READINGS_FILE)
    if told.get("folder") != str(root):
        told = {}
    standing = read_readings_standing(root)
    files = [found.path for folder in FOLDERS.values() for found in readings_files(root, folder)]
    return {
        "last": None, "snapshot_ns": 0, "readings_per_second": 0, "fault": "", "fault_since_ns": 0,
        **told,
        "position": standing.position if standing else 0,
        "until_ns": standing.recorded_at_ns if standing else 0,
        "readings": standing.readings if standing else 0,
        "files": len(files),
        "bytes": sum(map(_size, files)),
    }  # fmt: skip


def _size(path: Path) -> int:
    """Return how large a file is; one that is just being replaced counts nothing."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _verify(call: Call) -> int:
    root = known_archive(call.settings)
    with bar("comparing", "messages", quiet=call.json) as told:
        events, readings = asyncio.run(_compared(call, root, told.to))
    verdicts = [verdict for verdict in (events, readings) if verdict is not None]
    document = {**_document(events), "readings": _document(readings) if readings is not None else None}
    lines = [line for verdict in verdicts for line in verdict.told]
    lines.append(
        f"{root}: {events.messages} messages in {events.files} files equal those of the log"
        f" up to position {events.position}; the log stands at {events.last}"
    )
    if readings is not None:
        lines.append(
            f"{readings.compared} readings of {readings.messages} messages equal those that SAMPLES still holds,"
            f" of {readings.archived} in {readings.files} files"
        )
    call.show(document, map(safe, lines))
    for what, verdict in zip(("archive is", "archived readings are"), verdicts, strict=False):
        if not verdict.equal:
            wrong = ", ".join(f"{count} {kind}" for kind, count in verdict.faults.items())
            note(f"the {what} not whole: {wrong}. {_AGAIN[verdict is events]}")
    return int(Exit.DONE if all(verdict.equal for verdict in verdicts) else Exit.WANTING)


def _document(verdict: "Verdict") -> dict[str, Any]:
    return {**asdict(verdict), "equal": verdict.equal}


async def _compared(call: Call, root: Path, tell: Any) -> "tuple[Verdict, ReadingsVerdict | None]":
    from coord.services.archive.readings_verify import verify_readings
    from coord.services.archive.verifying import verify
    from coord.services.log import Log

    log = await Log.connect(call.settings, call.folder, "core", "archive verify")
    try:
        return await verify(log, root, tell), await verify_readings(log, root, tell)
    finally:
        await log.close()
