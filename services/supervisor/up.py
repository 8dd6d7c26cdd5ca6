"""`coord up`: take the folder, start the server and the services, watch them, stop them in order.

    start   server (or the check of an external one) -> services -> each says that it serves
    watch   what ends is started again, slower and slower while it ends quickly; nothing here gives up
    stop    services first, server last; a second Ctrl-C kills the services at once

up.json says what runs. Only before everything served for the first time is a failure the end of `up`.
"""

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Final

from coord.events.errors import CoordError, Exit, NoServer, UsageError
from coord.services import clock
from coord.services.folder import Folder
from coord.services.ready import tell_ready
from coord.services.server.embedded import EmbeddedServer
from coord.services.server.external import check_external, write_address
from coord.services.server.process import started_of
from coord.services.settings import Settings
from coord.services.supervisor.children import Child, printable, set_aside
from coord.services.supervisor.custody import POLL_SECONDS, Custody
from coord.services.supervisor.detached import down, up_detached
from coord.services.supervisor.serve import SERVICES, serve, started_here
from coord.services.supervisor.signals import Signals

START_SECONDS: Final = 60.0
"""How long `up` waits for all to serve; one that takes longer (a long rebuild) goes on starting."""

START_TRIES: Final = 3
"""How often a service may end before it served for the first time."""

STOP_SECONDS: Final = 10.0
"""How long services may take to end before they are killed."""

_SHARED: Final = ("coord.services.log", "coord.services.gateway", "coord.events.commands")
"""What the services have in common: imported once, before they are forked."""

_HOPELESS: Final = {Exit.USAGE: UsageError, Exit.NO_SERVER: NoServer}
"""Exit statuses after which the same start would end the same way."""

__all__ = ["down", "up"]


def up(settings: Settings, services: Mapping[str, str] | None = None, detach: bool = False) -> int:
    """Run everything until told to stop (Ctrl-C, SIGTERM); with `detach` return when it serves.

    Raises:
        SettingsError: what the environment says of exporting is wrong.
        FolderTaken: another `up` runs on this data folder.
        NoServer: the server cannot run, or the external one cannot be used.
        CoordError: a service does not start; the message holds its last words.
    """
    services = started_here(settings) if services is None else services
    if detach:
        return up_detached(settings, services)
    with Signals() as signals:
        supervisor = Supervisor(settings, services, signals)
        try:
            supervisor.start()
            tell_ready()
            supervisor.watch()
        finally:
            supervisor.stop()
    return int(Exit.DONE)


def import_shared() -> None:
    """Import what the services have in common, and keep the collector from touching it after they are forked."""
    for module in _SHARED:
        import_module(module)
    gc.collect()
    gc.freeze()


def say(sentence: str) -> None:
    """Say something to whoever watches; nobody has to."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"coord: {printable(sentence)}\n")
        sys.stderr.flush()


class Supervisor:
    """The server and the services of one data folder."""

    def __init__(self, settings: Settings, services: Mapping[str, str], signals: Signals) -> None:
        self._settings = settings
        self._folder = Folder(settings.data)
        self._signals = signals
        self._children = [
            Child(name, partial(serve, name, settings, services), self._folder) for name in services
        ]
        self._sharing = bool(set(services.values()) & set(SERVICES.values()))
        self._server: EmbeddedServer | None = None
        self._custody: Custody | None = None
        self._lock: int | None = None
        self._began_at = clock.monotonic()
        self._began_at_ns = clock.now_ns()
        self._look_at = 0.0

    def start(self) -> None:
        """Start everything and wait until it serves, or a stop is asked for."""
        self._start_server()
        self._folder.make("log")
        if self._sharing:
            import_shared()
        deadline = clock.monotonic() + START_SECONDS
        while not self._signals.stopping and (late := self._late()):
            if clock.monotonic() > deadline:
                say(f"{late} still does not serve after {START_SECONDS:g}s; the rest does.")
                return
            self._turn()
            self._check_start()

    def watch(self) -> None:
        """Keep everything running until a stop is asked for."""
        if not self._signals.stopping:
            say(f"up on {self._folder.root}; Ctrl-C stops it.")
        while not self._signals.stopping:
            self._turn()

    def stop(self) -> None:
        """Stop the services, then the server, and give the folder back."""
        asked = self._signals.asked
        if asked:
            say("stopping; Ctrl-C again kills what does not end.")
        for child in reversed(self._children):
            child.signal(signal.SIGTERM)
        deadline = clock.monotonic() + STOP_SECONDS
        while any(child.pid for child in self._children):
            late = clock.monotonic() > deadline
            if late or self._signals.asked > asked:
                _kill(self._children, "it did not end in time" if late else "you asked twice")
                deadline, asked = float("inf"), self._signals.asked
            self._signals.wait(0.1)
            for child in self._children:
                child.collect()
        if self._server is not None:
            self._server.stop()
        if self._lock is not None:
            self._folder.path("server.json").unlink(missing_ok=True)
            os.close(self._lock)
        if self._server is not None or self._lock is not None:
            self._folder.path("up.json").unlink(missing_ok=True)
        self._server = self._lock = None

    def _start_server(self) -> None:
        if self._settings.nats is None:
            server = EmbeddedServer(self._folder, self._settings)
            address = server.start()
            self._server, self._custody = server, Custody(server, self._folder, say)
            say(f"server serves at {address.url} after {self._age()}")
        else:
            self._lock = self._folder.lock()
            checked = check_external(self._settings)
            write_address(self._folder, self._settings, checked.address)
            say(
                checked.warning or f"the external server fsyncs on every message; checked after {self._age()}"
            )
        self._note()

    def _turn(self) -> None:
        """Wait until something happens or is due, and see to it."""
        for child in self._children:
            if child.state == "waiting" and child.start_at <= clock.monotonic():
                self._start_child(child)
        listened = [child.ready_descriptor for child in self._children if child.ready_descriptor is not None]
        self._signals.wait(self._seconds_to_next(), listened)
        for child in self._children:
            if child.hear():
                lived = clock.monotonic() - child.started_at
                again = f"again after {lived:.2f}s" if child.restarts else f"after {self._age()}"
                say(f"{child.name} serves {again}")
                self._note()
            if child.collect():
                self._tell_end(child)
                self._note()
        self._look()

    def _start_child(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:
            child.start_at = clock.monotonic() + POLL_SECONDS
            say(f"{child.name} cannot be started now: {error.strerror}.")
        self._note()

    def _look(self) -> None:
        dead = self._server is not None and not self._server.is_running()
        if not dead and clock.monotonic() < self._look_at:
            return
        self._look_at = clock.monotonic() + POLL_SECONDS
        for log in ("up", *(child.name for child in self._children)):
            set_aside(self._folder.path("log", f"{log}.log"))
        before = self._server.address if self._server else None
        address = self._custody.look() if self._custody else None
        if address is not None:
            self._note()
            if before is not None and address.url != before.url:
                say(f"the server is at another port now, {address.url}: the services start again.")
                for child in self._children:
                    child.signal(signal.SIGTERM)

    def _seconds_to_next(self) -> float:
        due = [child.start_at for child in self._children if child.state == "waiting"]
        return max(0.0, min([self._look_at, *due]) - clock.monotonic())

    def _late(self) -> str:
        return ", ".join(child.name for child in self._children if not child.served)

    def _check_start(self) -> None:
        for child in self._children:
            if child.served or not child.restarts:
                continue
            hopeless = child.status in _HOPELESS
            if hopeless or child.restarts >= START_TRIES:
                kind = _HOPELESS.get(Exit(child.status), CoordError) if hopeless else CoordError
                raise kind(f"{child.name} does not start: {child.last_line()}", f"Its log is {child.log}.")

    def _tell_end(self, child: Child) -> None:
        how = f"status {child.status}" if child.status >= 0 else signal.Signals(-child.status).name
        wait = max(0.0, child.start_at - clock.monotonic())
        row = f", {child.quick_ends} times in a row" if child.quick_ends > 1 else ""
        said = f": {child.last_line()}" if child.status > 0 else ""
        say(f"{child.name} ended with {how}{row}; started again in {wait:.1f}s{said}")

    def _note(self) -> None:
        record = {
            "pid": os.getpid(),
            "started": started_of(os.getpid()),
            "started_at_ns": self._began_at_ns,
            "services": {child.name: child.pid for child in self._children if child.pid is not None},
            "states": {child.name: child.state for child in self._children},
            "restarts": {child.name: child.restarts for child in self._children}
            | {"server": self._custody.restarts if self._custody else 0},
        }
        with contextlib.suppress(CoordError):
            self._folder.write_json(record, "up.json")

    def _age(self) -> str:
        return f"{clock.monotonic() - self._began_at:.2f}s"


def _kill(children: list[Child], why: str) -> None:
    for child in children:
        if child.pid is not None:
            say(f"{child.name} is killed: {why}.")
            child.signal(signal.SIGKILL)
