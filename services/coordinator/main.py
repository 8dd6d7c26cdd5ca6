"""The coordinator as a process: wins the election, then answers over NATS and over its socket.

A process that does not lead holds no socket and no subscription: requests reach the leader, or nobody,
and then the caller is told so at once.
"""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from pydantic import ValidationError

from coord.events.body import parse_object
from coord.events.commands import COMMANDS, Invalid, Unknown
from coord.events.documents import openapi
from coord.events.errors import CoordError, Exit, InvalidEvent
from coord.events.model import Command, first_fault, written
from coord.events.streams import EVENT_BYTES_MAX
from coord.events.tokens import is_token, is_traceparent
from coord.events.work_commands import SUBMIT_BYTES_MAX
from coord.services.coordinator.coordinator import Coordinator, Reply
from coord.services.coordinator.election import Election
from coord.services.coordinator.wishes import speaker_of
from coord.services.folder import COORDINATOR_SOCKET, Folder
from coord.services.gateway import Lines, Request, Response, Route, json_response, serve
from coord.services.log import Log, declare_streams
from coord.services.log.answering import Asked, answer_requests
from coord.services.ready import tell_ready
from coord.services.settings import Settings
from coord.services.tasks import end

GARBAGE_LOOKED_FOR: Final = (50_000, 20, 100)
"""How many new objects, and how many younger searches, a search for cycles waits for. What the coordinator holds has
none, and with the usual figures a fifth of its time goes into finding that out again."""
LOCAL_ACTOR = "local"
"""On whose behalf a command comes that names nobody: the user of this machine's socket."""

_log = logging.getLogger("coord.coordinator")


def run(settings: Settings) -> None:
    """Run until told to stop."""
    import uvloop

    gc.set_threshold(*GARBAGE_LOOKED_FOR)
    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = Folder(settings.data)
    log = await Log.connect(settings, folder, "core", "coordinator")
    try:
        await declare_streams(log, settings)
        while not stop.is_set():
            await _candidacy(log, folder, settings, stop)
    finally:
        await log.close()


async def _candidacy(log: Log, folder: Folder, settings: Settings, stop: asyncio.Event) -> None:
    """Win, lead until another leads or told to stop."""
    coordinator = Coordinator(log, settings)
    election = Election(log, settings, coordinator.source)
    if not await _unless(stop, election.win()):
        return
    _log.info("leading the pool %s as %s", settings.pool, coordinator.source)
    coordinator.certainty.rest_on(election)
    lost = asyncio.create_task(election.until_lost())
    try:
        await _lead(coordinator, folder, log, lambda: _unless(stop, asyncio.shield(lost)))
        if not election.is_lost:
            await coordinator.shortcut.write_last()
    finally:
        await end(lost)
    if not election.is_lost:
        await election.resign()
    _log.info("no longer leading the pool %s", settings.pool)


async def _lead(
    coordinator: Coordinator, folder: Folder, log: Log, until_over: Callable[[], Awaitable[object]]
) -> None:
    """Answer until it is over. The key is renewed meanwhile, also while the log is read, however long that takes.

    The socket comes last: whoever finds it is answered over NATS, too.
    """
    await coordinator.catch_up()
    if coordinator.position:
        coordinator.certainty.succeed()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(_running(coordinator))
        pattern = f"cmd.{coordinator.pool}.*.*"
        await stack.enter_async_context(
            answer_requests(log, pattern, partial(_over_nats, coordinator), partial(_at_once, coordinator))
        )
        await stack.enter_async_context(serve(folder, COORDINATOR_SOCKET, _routes(coordinator)))
        tell_ready()
        await until_over()
        coordinator.close()


async def _unless(stop: asyncio.Event, wanted: object) -> bool:
    """Wait for something, or for the order to stop; tell whether it came."""
    waiting = [asyncio.ensure_future(wanted), asyncio.create_task(stop.wait())]  # type: ignore[call-overload]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if waiting[0].done():
            waiting[0].result()
        return not stop.is_set()
    finally:
        await end(*waiting)


@contextlib.asynccontextmanager
async def _running(coordinator: Coordinator):  # type: ignore[no-untyped-def]
    task = asyncio.create_task(coordinator.run())
    task.add_done_callback(_die_loudly)
    try:
        yield
    finally:
        await end(task)


def _die_loudly(task: "asyncio.Task[None]") -> None:
    """A coordinator without its loops must not go on listening: end the process, and be started anew."""
    if not task.cancelled() and task.exception() is not None:
        _log.error("the coordinator's loops ended", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


def _routes(coordinator: Coordinator) -> list[Route]:
    async def command(request: Request) -> Response | Lines:
        reply = await _answer(
            coordinator, request.name, request.body, request.headers.get("coord-actor", ""),
            request.headers.get("traceparent", ""),
        )  # fmt: skip
        return _response(reply)

    async def healthz(_: Request) -> Response | Lines:
        return json_response(
            {
                "status": "leading",
                "source": coordinator.source,
                "position": coordinator.position,
                "paused_seconds": round(coordinator.paused_seconds, 1),
                "waiting": coordinator.waiting,
                "patient": coordinator.patient,
                "leases": len(coordinator.timekeeper),
                "refused": dict(coordinator.refused),
            }
        )

    async def document(_: Request) -> Response | Lines:
        return json_response(openapi("commands"))

    return [
        Route("POST", "/v1/commands/{verb}", command, may_take_long=_waits, bytes_max=SUBMIT_BYTES_MAX),
        Route("GET", "/healthz", healthz),
        Route("GET", "/openapi.json", document),
    ]


def _waits(request: Request) -> bool:
    """Tell whether a command may wait for what it asks for."""
    return request.name == "wait" or (request.name == "claim" and b'"wait_seconds"' in request.body)


def _response(reply: Reply) -> Response:
    status = json_response({}, getattr(reply, "exit_code", int(Exit.DONE))).status
    return Response(written(reply), status)


def _at_once(coordinator: Coordinator, asked: Asked, send: Callable[[bytes], object]) -> bool:
    """Answer what needs no task of its own, as most do not; tell whether it is."""
    _, _, actor, verb = asked.subject.split(".")
    traceparent = asked.headers.get("traceparent", "")
    command = _read(verb, asked.body, actor, traceparent, only=actor)
    if isinstance(command, Invalid):
        send(written(command))
        return True
    return coordinator.take(actor, command, traceparent, lambda told: send(written(told)))


async def _over_nats(coordinator: Coordinator, asked: Asked) -> bytes:
    """The server enforces the actor in the subject; an agent's command must speak for that agent."""
    _, _, actor, verb = asked.subject.split(".")
    reply = await _answer(
        coordinator, verb, asked.body, actor, asked.headers.get("traceparent", ""), only=actor
    )
    return written(reply)


async def _answer(
    coordinator: Coordinator, verb: str, body: bytes, actor: str, traceparent: str, only: str = ""
) -> Reply:
    command = _read(verb, body, actor, traceparent, only)
    if isinstance(command, Invalid):
        return command
    try:
        who = actor or speaker_of(command) or LOCAL_ACTOR
        return await coordinator.execute(who, command, traceparent, stays=bool(only))
    except CoordError as error:
        return Unknown(reason=error.message)


def _read(verb: str, body: bytes, actor: str, traceparent: str, only: str = "") -> Command | Invalid:
    """Read a command that `only` may give, where that is somebody, or say what is wrong with it."""
    model = COMMANDS.get(verb)
    if model is None:
        return Invalid(reason=f"there is no command {verb[:64]!a}; there are {', '.join(COMMANDS)}.")
    try:
        parse_object(body, SUBMIT_BYTES_MAX if verb == "submit-many" else EVENT_BYTES_MAX)
        command: Command = model.model_validate_json(body, strict=True)
    except InvalidEvent as error:
        return Invalid(reason=error.message)
    except ValidationError as error:
        return Invalid(reason=f"{verb}: {first_fault(error)}")
    speaker = speaker_of(command)
    if only and speaker not in (None, only):
        return Invalid(reason=f"{only} may not speak for {speaker}.")
    if actor and not is_token(actor):
        return Invalid(reason=f"the actor {actor[:64]!a} is not a name.")
    if traceparent and not is_traceparent(traceparent):
        return Invalid(reason=f"the header traceparent is {traceparent[:64]!a}, not a W3C trace context.")
    return command
