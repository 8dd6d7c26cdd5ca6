"""The peer: Postgres with FOR UPDATE SKIP LOCKED and an event row a transition, fsync on.

One statement claims (best priority first, then age) and writes the event; one completes under the fence
and writes the event. Statements are prepared; at 100 agents as many connections as agents do
best, with more of them a pool does.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PROGRAMS: Final = ("initdb", "pg_ctl")
_SCHEMA: Final = """
CREATE TABLE items (id bigserial PRIMARY KEY, title text, priority int, status text, agent text, fence bigint);
CREATE INDEX items_open ON items (priority DESC, id) WHERE status = 'open';
CREATE TABLE events (position bigserial PRIMARY KEY, item bigint, type text, agent text,
                     recorded_at timestamptz DEFAULT now());
CREATE SEQUENCE fences;
"""
CLAIM: Final = """
WITH best AS (SELECT id FROM items WHERE status = 'open' ORDER BY priority DESC, id
              FOR UPDATE SKIP LOCKED LIMIT 1),
     won AS (UPDATE items SET status = 'claimed', agent = $1, fence = nextval('fences')
             FROM best WHERE items.id = best.id RETURNING items.id, items.fence),
     told AS (INSERT INTO events (item, type, agent) SELECT id, 'claimed', $1 FROM won)
SELECT id, fence FROM won
"""
_COMPLETE: Final = """
WITH done AS (UPDATE items SET status = 'completed' WHERE id = $1 AND fence = $2 AND status = 'claimed'
              RETURNING id),
     told AS (INSERT INTO events (item, type, agent) SELECT id, 'completed', $3 FROM done)
SELECT id FROM done
"""


def missing() -> str | None:
    """Say what is missing for this peer; None when it can run."""
    try:
        import asyncpg  # noqa: F401
    except ImportError:
        return "asyncpg (pip install -e '.[dev]')"
    lacking = [program for program in _PROGRAMS if _program(program) is None]
    return f"{', '.join(lacking)} (apt-get install postgresql)" if lacking else None


@contextlib.contextmanager
def cluster() -> Iterator[dict[str, Any]]:
    """Run a cluster of its own on a unix socket; give its connection arguments."""
    root = Path(tempfile.mkdtemp(prefix="coord-bench-pg-"))
    user = _user()
    try:
        if user:
            os.chown(root, user.pw_uid, user.pw_gid)
        _run(user, "initdb", "-D", str(root / "data"), "-U", "bench", "--auth=trust", "-N")
        options = f"-k {root} -c listen_addresses='' -c max_connections=150 -c shared_buffers=256MB"
        _run(user, "pg_ctl", "-D", str(root / "data"), "-o", options, "-l", str(root / "log"), "-w", "start")
        yield {"host": str(root), "user": "bench", "database": "postgres"}
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            _run(user, "pg_ctl", "-D", str(root / "data"), "-m", "immediate", "stop")
        shutil.rmtree(root, ignore_errors=True)


@contextlib.asynccontextmanager
async def peer(access: dict[str, Any], connections: int) -> AsyncIterator["Postgres"]:
    """Connect so many times, on fresh tables."""
    import asyncpg

    first = await asyncpg.connect(**access)
    await first.execute("DROP TABLE IF EXISTS items, events; DROP SEQUENCE IF EXISTS fences;" + _SCHEMA)
    await first.close()
    pool = [await asyncpg.connect(**access) for _ in range(connections)]
    try:
        yield Postgres([await _Prepared.on(connection) for connection in pool])
    finally:
        await asyncio.gather(*(connection.close() for connection in pool))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One connection and its two statements."""

    connection: Any
    claim: Any
    complete: Any

    @classmethod
    async def on(cls, connection: Any) -> "_Prepared":
        return cls(connection, await connection.prepare(CLAIM), await connection.prepare(_COMPLETE))


class Postgres:
    """Agents on a pool of connections; each waits in line for one that is free."""

    def __init__(self, pool: list[_Prepared]) -> None:
        self._one = pool[0].connection
        self._free = pool[:]
        self._line: deque[asyncio.Future[_Prepared]] = deque()

    async def submit(self, count: int) -> None:
        """Fill the table with open items."""
        rows = [(f"item {number}", 5, "open") for number in range(count)]
        await self._one.copy_records_to_table("items", records=rows, columns=["title", "priority", "status"])
        await self._one.execute("ANALYZE items")

    async def claim(self, number: int) -> Any:
        """Claim the best item in one statement; None: there is none."""
        one = await self._take()
        try:
            return await one.claim.fetchrow(f"agent-{number}")
        finally:
            self._give(one)

    async def complete(self, number: int, won: Any) -> None:
        """Complete it under its fence in one statement."""
        one = await self._take()
        try:
            done = await one.complete.fetchrow(won["id"], won["fence"], f"agent-{number}")
            assert done is not None, won
        finally:
            self._give(one)

    async def _take(self) -> _Prepared:
        if self._free:
            return self._free.pop()
        turn: asyncio.Future[_Prepared] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        return await turn

    def _give(self, one: _Prepared) -> None:
        if self._line:
            self._line.popleft().set_result(one)
        else:
            self._free.append(one)


def _program(name: str) -> str | None:
    found = shutil.which(name)
    if found:
        return found
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else None


def _user() -> pwd.struct_passwd | None:
    """Postgres does not run as root: take its own user then."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _run(user: pwd.struct_passwd | None, program: str, *words: str) -> None:
    identity: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
    subprocess.run(
        [str(_program(program)), *words],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **identity,
    )
