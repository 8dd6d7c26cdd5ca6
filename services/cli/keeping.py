"""The verbs that keep a house: backup and restore."""

import os
from pathlib import Path
from typing import Any, Final

from coord.events.errors import Exit, UsageError
from coord.events.streams import EVENTS, MIB
from coord.services.cli.bars import Bar, bar
from coord.services.cli.call import Call, note
from coord.services.cli.safe import safe
from coord.services.wording import size

_UNIT: Final = "MiB"


def backup(call: Call) -> int:
    """Write the house into one file, while it runs or while it is down; 7 when the log was not whole."""
    from coord.services.backup.taking import back_up

    path = _path(call)
    origins = call.loaded.origins
    given = {
        name: getattr(call.settings, name)
        for name in call.settings.known
        if name == "site" or origins[name] != "default"
    }
    with bar("backing up", _UNIT, quiet=call.json) as told:
        document = back_up(call.settings, given, path, call.on("events_only"), _telling(told))
    document = {"file": str(path), "bytes": path.stat().st_size, **document}
    call.show(document, [f"{safe(str(path))}: {_of(document)}; {size(document['bytes'])}"])
    lost = document["streams"][EVENTS.name]["lost"]
    for first, last in lost:
        note(f"{EVENTS.name} has lost the positions {first} to {last}; the backup holds all the others.")
    return int(Exit.WANTING if lost else Exit.DONE)


def restore(call: Call) -> None:
    """Make a house of a backup, in a folder that is empty."""
    from coord.services.backup.restoring import restore as run

    path = _path(call)
    if not path.is_file():
        raise UsageError(f"there is no file {safe(str(path))}.", "Name the file that coord backup wrote.")
    with bar("restoring", _UNIT, quiet=call.json) as told:
        document = run(call.settings, path, _telling(told))
    root = call.folder.root
    document = {"data": str(root), **document}
    lines = [safe(f"{root}: {_of(document)}, as of {document['made_at']}")]
    settings = call.folder.path("coord.toml")
    config = f" --config {settings}" if settings.exists() else ""
    lines.append(safe(f"start it with: coord up --data {root}{config}"))
    call.show(document, lines)


def _path(call: Call) -> Path:
    text = call.text("file") or ""
    if not text or "\0" in text:
        raise UsageError("the file needs a name.", "For example: coord backup house.tar")
    return Path(os.path.abspath(text))


def _telling(told: Bar) -> Any:
    def tell(what: str, done: int, of: int) -> None:
        told.to(done / MIB, max(of, done) / MIB, words=what)

    return tell


def _of(document: Any) -> str:
    streams = document["streams"].items()
    return ", ".join(f"{name} up to position {told['state']['last_seq']}" for name, told in streams)
