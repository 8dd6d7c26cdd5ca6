"""What a command of coord's is measured beside: the smallest programs that do as much, each as one process.

The typer application is the measure: two commands, one request to the same coordinator over the same socket,
written as one would write it with typer and the standard library alone.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop
from bench.claim_peers import CLAIM, redis_server

from coord.services.bench import postgres
from coord.services.folder import COORDINATOR_SOCKET, Folder

TYPER: Final = """
import http.client
import json
import os
import socket
import sys

import typer

app = typer.Typer(add_completion=False)


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["PEER_SOCKET"])


def post(verb, **fields):
    connection = Connection("coord")
    body = json.dumps({"request_id": os.urandom(16).hex(), **fields})
    connection.request("POST", f"/v1/commands/{verb}", body, {"coord-actor": fields["agent"]})
    reply = json.loads(connection.getresponse().read())
    print(reply["item"]["id"] if reply["status"] == "done" else reply["reason"])
    raise typer.Exit(reply.get("exit_code", 0))


@app.command()
def claim(agent: str = "a1"):
    post("claim", agent=agent)


@app.command()
def complete(item: str, agent: str = "a1", fence: int = 0):
    post("complete", agent=agent, item_id=item, fence=fence)


app()
"""
_FLOCK: Final = """
cd "$1" && exec 9>lock && flock 9
item=$(ls open | head -n 1)
[ -n "$item" ] || exit 3
mv "open/$item" "claimed/$item"
echo "$2 $item" >>log && sync log
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A command line, and what its environment holds besides."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


def bare_python() -> Program:
    """Return the least that anything in Python costs."""
    return Program((sys.executable, "-c", "pass"))


def typer_claim(root: Path, folder: Folder) -> Program:
    """Write the typer application; return its claim, without the name of an agent."""
    file = root / "peer.py"
    file.write_text(TYPER)
    socket = str(folder.path(COORDINATOR_SOCKET))
    return Program((sys.executable, str(file), "claim", "--agent"), (("PEER_SOCKET", socket),))


def flock_claim(root: Path, items: int) -> Program:
    """Fill a folder with items that a script takes one by one under a lock."""
    (root / "claimed").mkdir(parents=True)
    (root / "open").mkdir()
    for number in range(items):
        (root / "open" / f"{number:06d}").touch()
    return Program(("/bin/sh", "-c", _FLOCK, "claim", str(root), "a1"))


@contextlib.contextmanager
def redis_claim(items: int) -> Iterator[Program | None]:
    """Run a Redis that holds items; give its claim. None: there is no Redis here."""
    if not (shutil.which("redis-server") and shutil.which("redis-cli")):
        yield None
        return
    with redis_server() as socket:
        words = ("redis-cli", "-s", socket)
        fill = f"for i = 1, {items} do redis.call('ZADD', 'open', i, 'r-' .. i) end"
        os.spawnlp(os.P_WAIT, "redis-cli", *words, "EVAL", fill, "0")
        yield Program((*words, "EVAL", CLAIM, "3", "open", "fences", "events", "a1"))


@contextlib.contextmanager
def psql_claim(items: int) -> Iterator[Program | None]:
    """Run a Postgres that holds items; give its claim. None: there is no Postgres here."""
    if postgres.missing() or not shutil.which("psql"):
        yield None
        return
    with postgres.cluster() as access:
        uvloop.run(_filled(access, items))
        statement = postgres.CLAIM.replace("$1", "'a1'")
        where = ("-h", access["host"], "-U", access["user"], access["database"])
        yield Program(("psql", "-X", *where, "-Atc", statement))


async def _filled(access: dict[str, str], items: int) -> None:
    async with postgres.peer(access, 1) as peer:
        await peer.submit(items)
