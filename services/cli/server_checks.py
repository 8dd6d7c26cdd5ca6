"""What doctor checks of the server and its streams."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from coord.events.errors import CoordError, NoServer
from coord.events.streams import BRAKE_SHARE, STREAMS, StreamDefinition
from coord.services import clock
from coord.services.cli.finding import BAD, OK, WARN, Finding
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.log.streams import read_differences, stream_config
from coord.services.server.external import VERSION_MIN
from coord.services.server.probe import get, greeting
from coord.services.settings import Settings, shown
from coord.services.wording import percent, size

CLOCK_SECONDS_WARN: Final = 1.0


class ServerFacts(NamedTuple):
    """The server as it was found."""

    url: str
    monitor: str
    version: str


_LOGS: Final = "The services' logs say more."


class StreamFacts(NamedTuple):
    """A stream as it was found."""

    different: list[str]
    """Settings that differ from its definition."""
    last: int
    messages: int
    bytes: int


def find_server(settings: Settings, folder: Folder) -> ServerFacts:
    """Find the server and hear its greeting.

    Raises:
        NoServer: there is none, or it does not answer.
    """
    told = folder.read_json("server.json") or {}
    url = settings.nats or told.get("url")
    if not url:
        raise NoServer(f"no server runs on the data folder {folder.root}.", "Start one with: coord up")
    greeted = greeting(url)
    if isinstance(greeted, str):
        raise NoServer(f"no server answers at {shown(url)}: {greeted}.", "Start one with: coord up")
    return ServerFacts(url, settings.nats_monitor or told.get("monitor") or "", str(greeted.get("version")))


def check_server(server: ServerFacts, settings: Settings) -> Iterator[Finding]:
    """Check the server: its age, whether it can write, whether it fsyncs, and its clock."""
    verdict = OK if _numbers(server.version) >= VERSION_MIN else BAD
    words = f"version {server.version} at {shown(server.url)}"
    yield Finding("server", verdict, words, f"coord needs {'.'.join(map(str, VERSION_MIN))} or later.")  # type: ignore[arg-type]
    state = _json(get(server.monitor, "/varz")) if server.monitor else None
    if state is None:
        words = f"cannot be read: {shown(server.monitor) or 'no monitoring URL is known'}"
        yield Finding("fsync", BAD, words, "Name the server's monitoring URL with --nats-monitor.")
        return
    yield _health(get(server.monitor, "/healthz"))
    yield _fsync(state, settings)
    yield _clock(state)


def read_streams(settings: Settings, folder: Folder) -> dict[str, StreamFacts | None] | CoordError:
    """Return the state of every stream by name, None for one that is not there; or why it cannot be read."""
    if settings.nats is None and (folder.read_json("server.json") or {}).get("embedded") is False:
        return NoServer(
            "are not looked at: the server is not coord's own.", "Name it as for coord up: --nats URL"
        )
    try:
        return asyncio.run(_states(settings, folder))
    except CoordError as error:
        return error
    except TimeoutError:
        return NoServer(
            "are kept from this credential, or the server is too slow.", "Use that of the services."
        )


def check_streams(
    present: dict[str, StreamFacts | None] | CoordError, settings: Settings
) -> Iterator[Finding]:
    """Compare the streams with their definitions, and with their brakes."""
    if isinstance(present, CoordError):
        looked_at = not present.message.startswith("are not looked at")
        yield Finding("streams", BAD if looked_at else WARN, present.message, present.hint or _LOGS)
        return
    for definition in STREAMS:
        yield _stream(definition, present.get(definition.name), settings)


async def _states(settings: Settings, folder: Folder) -> dict[str, StreamFacts | None]:
    log = await Log.connect(settings, folder, "core", "doctor")
    try:
        return {stream.name: await _facts(log, stream, settings) for stream in STREAMS}
    finally:
        await log.close()


async def _facts(log: Log, definition: StreamDefinition, settings: Settings) -> StreamFacts | None:
    different = await read_differences(log, definition, settings)
    if different is None:
        return None
    state = await log.stream_state(definition.name)
    return StreamFacts(different, state.last, state.messages, state.bytes)


def _stream(definition: StreamDefinition, found: StreamFacts | None, settings: Settings) -> Finding:
    name = definition.name
    if found is None:
        return Finding(name, BAD, "is not there", "The coordinator declares it: coord serve coordinator")
    if found.different:
        hint = "The coordinator sets it right when it starts."
        return Finding(name, BAD, f"differs from its definition in {', '.join(found.different)}", hint)
    brake = stream_config(definition, settings).max_bytes or 1
    share = found.bytes / brake
    words = f"{found.messages} messages, {size(found.bytes)}, {percent(share)} of its brake"
    full = share >= BRAKE_SHARE and not definition.evicts
    return Finding(name, WARN if full else OK, words, "Raise events_gib_max before it refuses new events.")


def _health(answer: tuple[int, bytes] | None) -> Finding:
    status = (_json(answer) or {}).get("status", "no answer") if answer else "no answer"
    if answer and answer[0] == 200:
        return Finding("writes", OK, "the server says that it can write")
    words = f"the server says: {status}; claims are paused until it can write"
    return Finding("writes", BAD, words, "A full disk, a failed fsync, or a cluster without a leader.")


def _fsync(state: dict[str, Any], settings: Settings) -> Finding:
    if ((state.get("jetstream") or {}).get("config") or {}).get("sync_always") is True:
        return Finding("fsync", OK, "on every message: what was acknowledged survives a power cut")
    allowed = " (allowed by allow_unsafe_server)" if settings.allow_unsafe_server else ""
    words = f"not on every message: a power cut loses acknowledged events{allowed}"
    return Finding("fsync", BAD, words, "Set sync_interval: always in the server's configuration.")


def _clock(state: dict[str, Any]) -> Finding:
    try:
        theirs = datetime.fromisoformat(state["now"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return Finding("clock", WARN, "the server does not tell its time")
    apart = abs(clock.now_ns() / 1e9 - theirs)
    words = f"{apart:.2f} s between this machine's and the server's"
    late = apart >= CLOCK_SECONDS_WARN
    return Finding("clock", WARN if late else OK, words, "Ages look wrong; no decision rests on it.")


def _json(answer: tuple[int, bytes] | None) -> dict[str, Any] | None:
    try:
        value = json.loads(answer[1]) if answer else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _numbers(version: str) -> tuple[int, ...]:
    numbers = version.partition("-")[0].split(".")
    return tuple(int(number) for number in numbers if number.isascii() and number.isdigit())
