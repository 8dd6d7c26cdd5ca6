"""Processes that start quickly: houses and commands, forked from one that has imported coord already.

Importing it anew for each of some thousand of them took a third of the tests' time. What is forked is the real thing,
in a process of its own with its own environment, folder and streams; that `coord` starts from nothing as well is
tested by itself, and `coord verify` starts everything so.

    tests --wish, descriptors--> incubator --fork--> coord ...
          <--pid--                                      | its end is waited for here
          --end of pid--> <--exit status--              v
                                     `--fork, fork--> coord up      a daemon: nobody waits for its end

A wish and its answer are a line of JSON each. What trains has an incubator of its own, which has imported torch.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from select import select
from threading import Lock
from typing import Any, Final

START_SECONDS: Final = 90.0
_WISH_BYTES_MAX: Final = 1 << 20
_ALWAYS: Final = ("coord.services.supervisor.__main__", "coord.services.cli.main", "coord.services.cli.app")
_lock = Lock()


@cache
def _incubator(*modules: str) -> "tuple[subprocess.Popen[bytes], socket.socket]":
    """Start a process that others are forked from; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-P", str(Path(__file__).resolve()), str(theirs.fileno()), *modules]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True
        )
    return process, ours


def wish(do: str, *words: Any, descriptors: Sequence[int] = (), modules: Sequence[str] = ()) -> Any:
    """Have an incubator that has imported these modules as well do something; return its answer."""
    with _lock:
        _, ours = _incubator(*modules)
        socket.send_fds(ours, [json.dumps([do, *words]).encode()], descriptors)
        return json.loads(ours.recv(_WISH_BYTES_MAX))


def start_house(environment: dict[str, str], home: Path) -> str:
    """Start a house and return when it serves: nothing, or why it does not."""
    answer: str = wish("house", environment, str(home))
    return answer


def serve(asked: socket.socket, modules: Sequence[str]) -> None:
    """Do what is wished until nobody wishes any more."""
    _import_all(modules)
    does: dict[str, Callable[..., Any]] = {"house": _house, "command": _command, "end": _end}
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, _WISH_BYTES_MAX, 3)
        if not message:
            return
        do, *words = json.loads(message)
        asked.send(json.dumps(does[do](asked.fileno(), descriptors, *words)).encode())
        for descriptor in descriptors:
            os.close(descriptor)


def _import_all(modules: Sequence[str]) -> None:
    from coord.services.cli.surface import VERBS
    from coord.services.supervisor.serve import SERVICES
    from coord.services.supervisor.up import import_shared

    verbs = {f"coord.services.cli.{verb.run.partition(':')[0]}" for verb in VERBS.values()}
    for module in (*_ALWAYS, *SERVICES.values(), *sorted(verbs), *modules):
        import_module(module)
    import_shared()


def _command(
    _: int, descriptors: Sequence[int], words: list[str], environment: dict[str, str], home: str, alone: bool
) -> int:
    pid = os.fork()
    if pid == 0:
        _become(partial(_be_coord, words), environment, home, descriptors, alone)
    return pid


def _be_coord(words: list[str]) -> int:
    """Become the console script."""
    sys.argv[:] = words
    main = import_module("coord.services.cli.main").main
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _end(_: int, __: Sequence[int], pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _house(asked: int, _: Sequence[int], environment: dict[str, str], home: str) -> str:
    log = Path(environment["COORD_DATA"], "log", "up.log")
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.parent.parent.chmod(0o700)
    heard, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        if os.fork():
            os._exit(0)
        os.close(heard)
        os.close(asked)
        _be_up(environment, home, log, told)
    os.waitpid(pid, 0)
    os.close(told)
    said = select([heard], [], [], START_SECONDS)[0] and os.read(heard, 64)
    os.close(heard)
    return "" if said else log.read_text(errors="replace") or f"it does not serve after {START_SECONDS:g} s"


def _be_up(environment: dict[str, str], home: str, log: Path, told: int) -> None:
    """Become `coord up`."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.set_inheritable(told, True)
    main: Any = import_module("coord.services.supervisor.__main__")
    environment = environment | {"READY_FD_OF_COORD": str(told)}
    _become(partial(main.main, []), environment, home, (nothing, output, output), True, told)


def _become(
    act: Callable[[], int],
    environment: dict[str, str],
    home: str,
    streams: Sequence[int],
    alone: bool,
    kept: int = 255,
) -> None:
    """Be another process: with its own environment, folder and streams, in a session of its own if it is `alone`."""
    code = 1
    try:
        if alone:
            os.setsid()
        os.chdir(home)
        os.environ.clear()
        os.environ.update(environment)
        for place, descriptor in enumerate(streams):
            os.dup2(descriptor, place)
        os.closerange(3, kept)
        os.closerange(kept + 1, 256)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
        code = act()
        atexit._run_exitfuncs()
        sys.stdout.flush()
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        os._exit(code)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
