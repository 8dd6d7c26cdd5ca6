"""Moving a log to another server: every stream with every position, so that a fence or an answer given before holds.

    python -m coord.services.supervisor.moving FOLDER

FOLDER is the data folder of a house that is down; a server of its own is run on its store for as long as this takes,
and the store stays as it was. The settings (COORD_NATS ...) name where the log goes, a server or a cluster that holds
no stream of these names, and whose user may restore one: deploy/README.md says which line that takes.
A store that is copied as files into a cluster's server is thrown away by it half a minute later; this asks one
server for a snapshot, and has the other restore it, piece by piece.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from coord.events.errors import CoordError, Exit, NoServer, Refused
from coord.events.streams import STREAMS
from coord.services.folder import Folder
from coord.services.log import Log, StreamState
from coord.services.server.binary import find_binary
from coord.services.server.configuration import PAYLOAD_BYTES_MAX
from coord.services.server.credentials import quoted
from coord.services.server.embedded import READY_SECONDS
from coord.services.server.process import end_child, spawn, wait_until
from coord.services.settings import Settings, load_settings

PIECE_BYTES: Final = 128 * 1024
PIECE_SECONDS: Final = 30.0


async def move_stream(source: Log, target: Log, name: str, replicas: int) -> StreamState:
    """Copy a stream with all its positions; return where it stands on the target.

    Raises:
        Refused: the target has a stream of this name, or what it holds now is not what the source holds.
        CoordError: a server does not answer, or refuses.
    """
    before = await source.stream_state(name)
    if await _is_there(target, name):
        raise Refused(f"the target has a stream {name} already.", "Move to servers that hold none.")
    inbox = source.client.new_inbox()
    pieces = await source.client.subscribe(inbox, pending_bytes_limit=-1)
    wanted = {"deliver_subject": inbox, "no_consumers": True, "chunk_size": PIECE_BYTES}
    told = await source.ask_server(f"STREAM.SNAPSHOT.{name}", wanted)
    restoring = {"config": _spread(told["config"], replicas), "state": told["state"]}
    where = (await target.ask_server(f"STREAM.RESTORE.{name}", restoring))["deliver_subject"]
    while (piece := await pieces.next_msg(PIECE_SECONDS)).data:
        await target.request(where, piece.data, PIECE_SECONDS)
        if piece.reply:
            await piece.respond(b"")
    ended: dict[str, Any] = json.loads(await target.request(where, b"", PIECE_SECONDS))
    await pieces.unsubscribe()
    if "error" in ended:
        raise Refused(f"the target did not restore {name}: {ended['error'].get('description')}.")
    after = await target.wait_for_stream(name)
    if (after.first, after.last, after.messages) != (before.first, before.last, before.messages):
        raise Refused(f"{name} ends at {after.last} on the target, and at {before.last} on the source.")
    return after


def _spread(config: dict[str, Any], replicas: int) -> dict[str, Any]:
    """Return how a stream is kept on so many servers; what is acknowledged before it is flushed is kept on one."""
    left = {key: value for key, value in config.items() if key != "persist_mode" or replicas == 1}
    return left | {"num_replicas": replicas}


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
    house = Folder(folder)
    held = house.lock()
    try:
        with _serving(house, settings) as url:
            source = replace(settings, data=folder, nats=url, nats_monitor=None, nats_credentials=None)
            asyncio.run(_move(source, settings))
    finally:
        os.close(held)


@contextmanager
def _serving(house: Folder, settings: Settings) -> Iterator[str]:
    """Run a server on the store of a house, whose one user may do everything; yield its URL."""
    password = os.urandom(16).hex()
    configuration = house.write_text(_server_text(house, password), "nats", "moving.conf")
    said = os.open(house.path("log", "moving.out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    child = spawn([str(find_binary(settings)), "-c", str(configuration)], {}, said)
    os.close(said)
    ports = house.path("nats", "ports", f"nats-server_{child.pid}.ports")
    try:
        if (
            not wait_until(lambda: child.poll() is not None or _is_written(ports), READY_SECONDS)
            or child.poll()
        ):
            raise NoServer("no server could be run on the store.", f"See {house.path('log', 'moving.out')}.")
        address = json.loads(ports.read_text())["nats"][0].removeprefix("nats://")
        yield f"nats://~mover:m{password}@{address}"
    finally:
        end_child(child)
        for path in (Path(configuration), ports):
            path.unlink(missing_ok=True)


def _server_text(house: Folder, password: str) -> str:
    return f"""# written by coord for one move
server_name: "coord-moving"
host: "127.0.0.1"
port: -1
ports_file_dir: {quoted(str(house.path("nats", "ports")))}
max_payload: {PAYLOAD_BYTES_MAX}
jetstream {{ store_dir: {quoted(str(house.path("nats", "store")))}, sync_interval: always }}
accounts {{ COORD: {{ jetstream: enabled, users: [ {{ user: "~mover", password: "m{password}" }} ] }} }}
"""


def _is_written(ports: Path) -> bool:
    return ports.exists() and ports.read_text().endswith("}")


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
