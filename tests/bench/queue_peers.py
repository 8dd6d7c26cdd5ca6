"""Which job queues and claim stores coord is measured beside, and how each is brought here.

Each has an environment of its own, made on demand with pinned versions, as their needs contradict one another.
What cannot be installed or started is named with the reason, and the others go on.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from bench.peers.talk import BEGUN, STORE

from coord.events.errors import FoundWanting, visible

TESTS: Final = Path(__file__).resolve().parent.parent
CACHE: Final = TESTS.parent / ".bench" / "peers"
INSTALL_SECONDS: Final = 300
ANSWER_SECONDS: Final = 120
ENDS_SECONDS: Final = 5
ALL_SIZES: Final = (16, 100)


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them."""

    name: str
    """With its version, as the table has it."""
    module: str
    """Its driver in bench/peers."""
    needs: tuple[str, ...]
    """What is installed, each pinned."""
    store: Literal["postgres", "redis", "folder"]
    rate: int
    """Jobs a second that a round is filled for: more than it does."""
    keeps: str
    waits: bool = True
    """Whether it has a worker that waits for what is submitted."""
    default_differs: bool = False
    """Whether a worker with the settings it comes with starts later."""
    sizes: tuple[int, ...] = ALL_SIZES
    programs: tuple[str, ...] = ()


POSTGRES_DRIVER: Final = "psycopg[binary,pool]==3.3.9"
HIREDIS: Final = "hiredis==3.5.0"
UVLOOP: Final = "uvloop==0.23.0"
PEERS: Final[Sequence[Peer]] = (
    Peer(
        "procrastinate 3.10, Postgres",
        "procrastinate",
        ("procrastinate==3.10.0", POSTGRES_DRIVER, UVLOOP),
        "postgres",
        1_500,
        "a row a job, an event a transition; no fence; a killed worker's job stays until somebody sweeps",
    ),
    Peer(
        "arq 0.28, Redis",
        "arq",
        ("arq==0.28.0", "redis==5.3.1", HIREDIS, UVLOOP),
        "redis",
        4_000,
        "results for an hour; no history, no fence; a killed worker's job again after its time-out (300 s)",
        default_differs=True,
    ),
    Peer(
        "RQ 2.12, Redis",
        "rq",
        ("rq==2.12.0", "redis==8.1.0", HIREDIS),
        "redis",
        3_000,
        "jobs for 500 s; no history, no fence; a killed worker's job counts as failed later",
        sizes=(16,),
    ),
    Peer(
        "Celery 5.7, Redis",
        "celery",
        ("celery==5.7.0", "redis==8.1.0", "packaging==26.4", HIREDIS),
        "redis",
        3_000,
        "nothing; no fence; a killed worker's job again after an hour (acknowledged late)",
    ),
    Peer(
        "taskiq 0.13, Redis streams",
        "taskiq",
        ("taskiq==0.13.0", "taskiq-redis==1.2.4", "redis==8.1.0", HIREDIS, UVLOOP),
        "redis",
        12_000,
        "the stream of jobs; no history, no fence; a killed worker's job again with new messages, after 10 min",
    ),
    Peer(
        "DBOS 3.4, Postgres",
        "dbos",
        ("dbos==3.4.0", POSTGRES_DRIVER),
        "postgres",
        1_200,
        "a row a workflow, with its result; a killed worker's job again when an executor of its name starts",
        default_differs=True,
    ),
    Peer(
        "eventsourcing 9.5, Postgres",
        "eventsourcing",
        ("eventsourcing[postgres]==9.5.6", POSTGRES_DRIVER),
        "postgres",
        1_500,
        "every event; one winner by version; no lease",
        waits=False,
    ),
    Peer(
        "fleetwright 0.25, SQLite",
        "fleetwright",
        ("fleetwright==0.25.0",),
        "folder",
        3_000,
        "a row a unit, its last state; one winner, a token as fence, a lease",
        waits=False,
    ),
    Peer(
        "flock, jq and a JSON file",
        "flock",
        (),
        "folder",
        50,
        "the last state; one winner while the lock is held; no lease",
        waits=False,
        programs=("flock", "jq", "sync"),
    ),
)


@dataclass(frozen=True, slots=True)
class Store:
    """Where a peer keeps its jobs."""

    where: str
    process: int | None = None
    """The server's; None: there is none."""


def environment(peer: Peer, cache: Path) -> Path:
    """Return the Python of a peer's environment; make that at the first time.

    Raises:
        FoundWanting: it cannot be had here; the message says why.
    """
    for program in peer.programs:
        if shutil.which(program) is None:
            raise FoundWanting(f"there is no {program} here")
    pins = hashlib.sha256(" ".join(peer.needs).encode()).hexdigest()[:8]
    place = cache / f"{peer.module}-{pins}"
    if not (place / ".ready").exists():
        _run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(place))
        if peer.needs:
            pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(place))
            _run(*pip, "install", "--quiet", *peer.needs)
        (place / ".ready").touch()
    return place / "bin" / "python"


def _run(*words: str) -> None:
    try:
        subprocess.run(words, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise FoundWanting(f"it was not installed within {INSTALL_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        raise FoundWanting(f"it cannot be installed: {_last(error.stderr)}") from None


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()] or ["no word why"]
    return visible(lines[-1].strip(), 160)


class Driven:
    """A driver that runs, asked by lines of JSON."""

    def __init__(self, process: "subprocess.Popen[str]", told: Path) -> None:
        self._process = process
        self._told = told

    def ask(self, **asked: Any) -> dict[str, Any]:
        """Ask it and wait for its answer; one that hangs is interrupted, and ends its workers.

        Raises:
            FoundWanting: it has ended, or something went wrong; the message says what.
        """
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Wait for what it says next."""
        assert self._process.stdout
        killer = threading.Timer(ANSWER_SECONDS, self._process.send_signal, (signal.SIGINT,))
        killer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            killer.cancel()
        if not line:
            raise FoundWanting(f"its driver ended: {_last(self._told.read_text())}")
        answer: dict[str, Any] = json.loads(line)
        if wrong := answer.get("wrong"):
            raise FoundWanting(str(wrong))
        return answer


@contextlib.contextmanager
def driven(peer: Peer, python: Path, store: Store, root: Path, *words: str) -> Iterator[Driven]:
    """Run the driver of a peer on its store."""
    told = root / f"{peer.module}{''.join(words)}.log"
    variables = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "PYTHONWARNINGS": "ignore",
        BEGUN: str(told.with_suffix(".begun")),
        STORE: str(store.process or ""),
    }
    run = [str(python), "-P", "-m", f"bench.peers.{peer.module}", "drive", store.where, *words]
    with (
        told.open("w") as file,
        subprocess.Popen(
            run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, env=variables, text=True
        ) as process,
    ):
        found = Driven(process, told)
        try:
            found.answer()
            yield found
        finally:
            assert process.stdin
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDS_SECONDS)
            process.kill()
