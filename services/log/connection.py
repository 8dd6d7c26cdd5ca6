"""Connecting: where the server is, who we are there, and what its errors mean in ours."""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client
from nats.errors import AuthorizationError, ConnectionClosedError, NoServersError
from nats.errors import Error as NatsError

from coord.events.errors import CoordError, NoServer, SettingsError
from coord.services.folder import Folder
from coord.services.log.reading import ReadingClient
from coord.services.settings import Settings, shown

CONNECT_SECONDS: Final = 2
RECONNECT_SECONDS: Final = 0.1
PENDING_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is and who we are there. Replies come to `_INBOX.<user>.>` and nowhere else."""

    url: str
    user: str
    password: str

    @property
    def inbox(self) -> str:
        """The prefix of this user's inboxes."""
        return f"_INBOX.{self.user}" if self.user else "_INBOX"


def find_access(settings: Settings, folder: Folder, role: str) -> Access:
    """Find the server and this role's credential: the configured server, else the folder's.

    Raises:
        NoServer: no server is configured and none runs on the folder.
        SettingsError: the credentials file of an external server does not serve.
    """
    if settings.nats:
        return _external(settings, settings.nats)
    server = folder.read_json("server.json")
    if server is None:
        raise NoServer(f"no server runs on the data folder {folder.root}.", "Start one with: coord up")
    credential = (folder.read_json("credentials.json") or {}).get(role)
    if credential is None:
        raise NoServer(f"the data folder {folder.root} holds no credential for the role {role}.")
    return Access(server["url"], credential["user"], credential["password"])


def _external(settings: Settings, url: str) -> Access:
    parts = urlsplit(url)
    if settings.nats_credentials is None:
        return Access(url, parts.username or "", parts.password or "")
    place, name = os.path.split(settings.nats_credentials)
    found = Folder(place).read_json(name)
    if not isinstance(found, dict) or not {"user", "password"} <= found.keys():
        raise SettingsError(
            f"nats_credentials: {settings.nats_credentials} holds no JSON object with user and password."
        )
    return Access(url, str(found["user"]), str(found["password"]))


async def open_connection(access: Access, name: str, callbacks: dict[str, Any]) -> ReadingClient:
    """Connect and stay connected: a lost server is looked for until `close`.

    nats-py waits by `asyncio.wait_for`, which loses a cancellation that comes as it ends (see `tasks`): whoever called
    it off takes no connection, so it is closed here, and called off after all.

    Raises:
        NoServer: nobody listens, or the credential is refused.
    """
    options: dict[str, Any] = {"user": access.user, "password": access.password} if access.user else {}
    client = ReadingClient()
    called_off = _callings_off()
    try:
        await client.connect(
            servers=[access.url],
            name=name,
            inbox_prefix=access.inbox,
            connect_timeout=CONNECT_SECONDS,
            reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]
            max_reconnect_attempts=1,
            pending_size=PENDING_BYTES_MAX,
            allow_reconnect=False,
            **options,
            **callbacks,
        )
        # The first connection is tried twice; one that was lost is looked for without end.
        client.options |= {"allow_reconnect": True, "max_reconnect_attempts": -1}
    except (TimeoutError, OSError, NatsError) as error:
        await _abandon(client)
        if _callings_off() > called_off:
            raise asyncio.CancelledError from error
        raise no_server(access.url, error) from error
    except asyncio.CancelledError:
        await _abandon(client)
        raise
    if _callings_off() > called_off:
        await _abandon(client)
        raise asyncio.CancelledError
    return client


def _callings_off() -> int:
    """Return how often the present task was cancelled, heard or not."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def no_server(url: str, error: BaseException) -> NoServer:
    """Say why a server could not be used."""
    if isinstance(error, AuthorizationError) or "authorization" in str(error).lower():
        return NoServer(
            f"the server {shown(url)} refused the credential.", "See coord config: nats_credentials."
        )
    return NoServer(f"no server answers at {shown(url)}.", "Is it running? coord doctor tells more.")


def is_gone(error: BaseException) -> bool:
    """Tell whether an error means that nothing was sent because the connection is closed for good."""
    return isinstance(error, ConnectionClosedError | NoServersError)


async def _abandon(client: Client) -> None:
    """Close whatever there is of a connection, to the end, though this be called off meanwhile."""
    closing = asyncio.ensure_future(client.close())
    while not closing.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([closing])
    if not isinstance(closing.exception(), OSError | NatsError | CoordError):
        closing.result()


__all__ = ["Access", "Client", "NatsError", "find_access", "is_gone", "nats", "no_server", "open_connection"]
