"""Moving a log to another server: every stream with every position, so that a fence or an answer given before holds.

    python -m coord.services.supervisor.moving FOLDER

FOLDER is the data folder of a house that is down; a server of its own is run on its store for as long as this takes,
and the store stays as it was. The settings (COORD_NATS ...) name where the log goes, a server or a cluster that holds
no stream of these names, and whose user may restore one: deploy/README.md says which line that takes.
A store that is copied as files into a cluster's server is thrown away by it half a minute later; this asks one
server for a snapshot, and has the other restore it, piece by piece.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from coord.events.errors import CoordError, Exit, Refused
from coord.events.streams import STREAMS
from coord.services.folder import Folder
from coord.services.log import Log, StreamState
from coord.services.log.snapshots import restore, spread, taking
from coord.services.server.alone import serving_alone
from coord.services.settings import Settings, load_settings


async def move_stream(source: Log, target: Log, name: str, replicas: int) -> StreamState:
    """Copy a stream with all its positions; return where it stands on the target.

    Raises:
        Refused: the target has a stream of this name, or what it holds now is not what the source holds.
        CoordError: a server does not answer, or refuses.
    """
    before = await source.stream_state(name)
    if await _is_there(target, name):
        raise Refused(f"the target has a stream {name} already.", "Move to servers that hold none.")
    async with taking(source, name) as taken:
        await restore(target, name, spread(taken.config, replicas), taken.state, taken.pieces)
    after = await target.wait_for_stream(name)
    if (after.first, after.last, after.messages) != (before.first, before.last, before.messages):
        raise Refused(f"{name} ends at {after.last} on the target, and at {before.last} on the source.")
    return after


async def _is_there(log: Log, name: str) -> bool:
    try:
        await log.stream_state(name)
    except CoordError:
        return False
    return True


async def _move(source_settings: Settings, settings: Settings) -> None:
    source = await Log.connect(source_settings, Folder(source_settings.data))
    try:
        target = await Log.connect(settings, Folder(settings.data))
        try:
            for definition in STREAMS:
                state = await move_stream(source, target, definition.name, settings.replicas)
                _say(f"{definition.name}: {state.messages} messages, up to position {state.last}")
        finally:
            await target.close()
    finally:
        await source.close()


def move(folder: Path, settings: Settings) -> None:
    """Move the streams of a house that is down to where the settings lead.

    Raises:
        FolderTaken: the house is up.
        CoordError: a server cannot be used; what had been moved stays on the target.
    """
    if settings.nats is None:
        raise Refused("it is not said where to.", "Set COORD_NATS and COORD_NATS_CREDENTIALS.")
    with serving_alone(Folder(folder), settings) as source:
        asyncio.run(_move(source, settings))


def main(words: Sequence[str]) -> int:
    """Move, and say what was moved."""
    if len(words) != 1 or not Path(words[0]).is_dir():
        sys.stderr.write("usage: python -m coord.services.supervisor.moving FOLDER\n")
        return int(Exit.USAGE)
    try:
        move(Path(words[0]).absolute(), load_settings().settings)
    except CoordError as error:
        sys.stderr.write(f"coord: {error}\n")
        return int(error.exit_code)
    return int(Exit.DONE)


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
