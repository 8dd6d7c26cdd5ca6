"""Issue an agent's credential while the server runs: it can act as that agent and as nobody else.

The users are written anew, the server rereads them, and the credential is given out only after it really
logged in. Connections that stand stay. The same agent again gets the same credential.
"""

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from coord.events.errors import NoServer, Refused
from coord.events.tokens import token
from coord.services.folder import Folder
from coord.services.server.binary import find_binary
from coord.services.server.configuration import write_users
from coord.services.server.credentials import agent_allowed, new_agent_credential, permissions_text
from coord.services.server.probe import log_in
from coord.services.server.process import Identity, identity_from, wait_until
from coord.services.settings import Settings

_TURN_SECONDS: Final = 30.0
"""How long to wait for others who issue credentials on this folder."""

_RELOAD_SECONDS: Final = 5.0
_CHECK_SECONDS: Final = 10.0


def check_ours(folder: Folder, settings: Settings, name: str) -> None:
    """Check that the server of the folder is the embedded one, whose users are coord's to write.

    Raises:
        TokenError: the name is none.
        Refused: the server is not ours; the hint holds the permissions to add there.
    """
    token(name, "agent")
    server = folder.read_json("server.json") or {}
    if settings.nats is not None or server.get("embedded") is False:
        raise _not_ours(name, settings)


def issue_agent_credential(folder: Folder, settings: Settings, name: str) -> dict[str, str]:
    """Return the agent's credential - user, password, url, inbox, pool - once the server accepts it.

    Raises:
        TokenError: the name is none.
        Refused: the server is not ours; the hint holds the permissions to add there.
        NoServer: none runs on the folder, or it did not take the credential.
    """
    check_ours(folder, settings, name)
    with _turn(folder):
        server, process = _running(folder)
        known = folder.read_json("agents", f"{name}.json")
        credential: dict[str, str] = {
            **(known or new_agent_credential(name)),
            "url": server["url"],
            "pool": settings.pool,
        }
        if credential != known:
            folder.write_json(credential, "agents", f"{name}.json")
        elif _accepted(credential):
            return credential
        try:
            _reload(folder, settings.changed(site=server["site"]), process, credential)
        except NoServer:
            if known is None:
                folder.path("agents", f"{name}.json").unlink(missing_ok=True)
            raise
    return credential


def _not_ours(name: str, settings: Settings) -> Refused:
    block = permissions_text(name, agent_allowed(name, settings.pool))
    return Refused(
        f"the server is not run by coord, so its users are its operator's: {name} must be added there.",
        f'Add to its configuration: {{ user: "{name}", password: "...", permissions: {block} }}',
    )


def _running(folder: Folder) -> tuple[dict[str, str], Identity]:
    server = folder.read_json("server.json")
    process = identity_from(folder.read_json("nats", "child.json"))
    if server is None or process is None or not process.is_alive():
        raise NoServer(f"no server runs on the data folder {folder.root}.", "Start one with: coord up")
    return server, process


def _reload(folder: Folder, settings: Settings, process: Identity, credential: dict[str, str]) -> None:
    write_users(folder, settings)
    _check(folder, settings)
    os.kill(process.pid, signal.SIGHUP)
    wait_until(lambda: not process.is_alive() or _accepted(credential), _RELOAD_SECONDS)
    if not _accepted(credential):
        raise NoServer(
            f"the server did not take the credential of {credential['user']} within {_RELOAD_SECONDS:g}s.",
            f"Its log is {folder.path('log', 'server.log')}.",
        )


def _check(folder: Folder, settings: Settings) -> None:
    command = [str(find_binary(settings)), "-t", "-c", str(folder.path("nats", "server.conf"))]
    try:
        checked = subprocess.run(command, capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoServer(f"the server's configuration cannot be checked: {error}.") from error
    if checked.returncode:
        raise NoServer(f"the server's configuration is wrong: {checked.stderr.strip()[-500:].rstrip('.')}.")


def _accepted(credential: dict[str, str]) -> bool:
    return log_in(credential["url"], credential["user"], credential["password"]).accepted


@contextmanager
def _turn(folder: Folder) -> Iterator[None]:
    descriptor = os.open(folder.make("agents"), os.O_RDONLY | os.O_DIRECTORY)

    def taken() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        if not wait_until(taken, _TURN_SECONDS):
            raise NoServer(f"others have been issuing credentials for {_TURN_SECONDS:g}s.", "Try again.")
        yield
    finally:
        os.close(descriptor)
