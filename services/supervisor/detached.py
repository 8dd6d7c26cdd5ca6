"""`coord up` in the background, and `coord down`."""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Mapping
from typing import Final

from coord.events.errors import CoordError, Exit, NoServer, UsageError
from coord.services.folder import Folder
from coord.services.ready import READY_VARIABLE
from coord.services.server.process import identity_from, wait_until
from coord.services.settings import Settings

START_SECONDS: Final = 90.0
"""Longer than `up` itself waits, so that it is `up` that says what was late."""

DOWN_SECONDS: Final = 30.0
_KINDS: Final[Mapping[int, type[CoordError]]] = {Exit.USAGE: UsageError, Exit.NO_SERVER: NoServer}


def up_detached(settings: Settings, services: Mapping[str, str]) -> int:
    """Start `up` in a session of its own and return when it serves. It talks to log/up.log.

    Raises:
        CoordError: it did not start; as it would have been raised here.
    """
    folder = Folder(settings.data)
    folder.make()
    log = folder.make("log").joinpath("up.log")
    heard, told = os.pipe()
    try:
        pid = _spawn(settings, services, str(log), told)
    finally:
        os.close(told)
    try:
        said = select.select([heard], [], [], START_SECONDS)[0] and os.read(heard, 64)
    finally:
        os.close(heard)
    if said:
        return int(Exit.DONE)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    last_line = log.read_text(errors="replace").strip().rpartition("\n")[2]
    raise _KINDS.get(status, CoordError)(last_line, f"Its log is {log}.")


def down(settings: Settings) -> int:
    """Stop what `up` started on the data folder, and return when it has ended.

    Raises:
        NoServer: nothing runs there.
        CoordError: it does not end.
    """
    folder = Folder(settings.data)
    running = identity_from(folder.read_json("up.json"))
    if running is None or not running.is_alive():
        raise NoServer(f"nothing runs on the data folder {folder.root}.", "Start it with: coord up")
    os.kill(running.pid, signal.SIGTERM)
    if not wait_until(lambda: not running.is_alive(), DOWN_SECONDS):
        raise CoordError(
            f"process {running.pid} did not end within {DOWN_SECONDS:g}s.",
            f"See {folder.path('log')}; kill -9 loses nothing that was acknowledged.",
        )
    return int(Exit.DONE)


def _spawn(settings: Settings, services: Mapping[str, str], log: str, told: int) -> int:
    os.set_inheritable(told, True)
    command = [sys.executable, "-m", "coord.services.supervisor"]
    command += [f"{name}={module}" for name, module in services.items()]
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, appending, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    environment = environment_of(settings) | {READY_VARIABLE: str(told)}
    return os.posix_spawn(sys.executable, command, environment, file_actions=actions, setsid=True)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return this process's environment with exactly these settings in it."""
    names = {name: f"COORD_{name.upper()}" for name in Settings.known}
    rest = {key: value for key, value in os.environ.items() if key not in names.values()}
    given = {variable: getattr(settings, name) for name, variable in names.items()}
    return rest | {variable: _written(value) for variable, value in given.items() if value is not None}


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
