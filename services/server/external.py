"""The check of a server that coord does not run: one that may lose what it acknowledged is refused.

    nobody answers, or no JetStream, or too old          NoServer
    it does not fsync on every message, or who knows     UnsafeServer, unless `allow_unsafe_server`

A server says how it fsyncs only on its monitoring port. That port must be the same server's, or one of its cluster's.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from coord.events.errors import NoServer, UnsafeServer
from coord.services.folder import Folder
from coord.services.server.embedded import Address
from coord.services.server.probe import get, greeting
from coord.services.settings import Settings, shown

VERSION_MIN: Final = (2, 12)
"""The first with atomic batches."""

_HINT: Final = "Set sync_interval: always there, or accept the loss with --allow-unsafe-server."


@dataclass(frozen=True, slots=True)
class Checked:
    """An external server that may be used."""

    address: Address
    warning: str = ""
    """What was wrong and allowed all the same; empty: nothing."""


def check_external(settings: Settings) -> Checked:
    """Check the server that `nats` names.

    Raises:
        NoServer: it cannot be used.
        UnsafeServer: it would lose acknowledged events, or nobody can tell.
    """
    assert settings.nats is not None
    greeted = greeting(settings.nats)
    if isinstance(greeted, str):
        raise NoServer(
            f"no server answers at {shown(settings.nats)}: {greeted}.",
            "Is it running? See coord config: nats.",
        )
    _check_able(greeted, shown(settings.nats))
    address = Address(settings.nats, settings.nats_monitor or "")
    fault = _fault(greeted, settings)
    if fault and not settings.allow_unsafe_server:
        raise UnsafeServer(fault, _HINT)
    return Checked(address, fault)


def write_address(folder: Folder, settings: Settings, address: Address) -> None:
    """Write server.json for an external server, without the password its URL may hold."""
    record = {
        "url": _without_password(address.url),
        "monitor": address.monitor,
        "pid": None,
        "embedded": False,
        "site": settings.site,
    }
    folder.write_json(record, "server.json")


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _check_able(greeted: dict[str, Any], where: str) -> None:
    version = str(greeted.get("version", ""))
    if _numbers(version) < VERSION_MIN:
        wanted = ".".join(map(str, VERSION_MIN))
        raise NoServer(f"the server {where} is version {version[:32]!a}; coord needs {wanted} or later.")
    if not greeted.get("jetstream"):
        raise NoServer(f"the server {where} has no JetStream.", "Switch it on in its configuration.")


def _numbers(version: str) -> tuple[int, ...]:
    numbers = version.partition("-")[0].split(".")
    return tuple(int(number) for number in numbers if number.isascii() and number.isdigit())


def _fault(greeted: dict[str, Any], settings: Settings) -> str:
    """Say why the server cannot be trusted with an acknowledged event; empty: it can."""
    where = shown(settings.nats)
    if settings.nats_monitor is None:
        return f"whether the server {where} fsyncs on every message cannot be read: nats_monitor is not set."
    answer = get(settings.nats_monitor, "/varz")
    state = _parsed(answer)
    if state is None:
        said = f"status {answer[0]}" if answer else "no answer"
        return f"how the server {where} fsyncs cannot be read at {shown(settings.nats_monitor)}: {said}."
    if not _same(greeted, state):
        return f"the monitoring URL {shown(settings.nats_monitor)} is another server's than {where}."
    if ((state.get("jetstream") or {}).get("config") or {}).get("sync_always") is not True:
        return f"the server {where} acknowledges before it fsyncs: a power cut loses acknowledged events."
    return ""


def _parsed(answer: tuple[int, bytes] | None) -> dict[str, Any] | None:
    if answer is None or answer[0] != 200:
        return None
    try:
        state = json.loads(answer[1])
    except ValueError:
        return None
    return state if isinstance(state, dict) else None


def _same(greeted: dict[str, Any], state: dict[str, Any]) -> bool:
    cluster = (state.get("cluster") or {}).get("name")
    return greeted.get("server_id") == state.get("server_id") or bool(
        cluster and cluster == greeted.get("cluster")
    )
