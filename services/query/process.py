"""The process that runs one statement, and nothing else; started by the command, and killed by it when it must be.

    wanted, pickled, on stdin --> lines of JSON on stdout: columns, rows, rows ... done | no
                              `-> Parquet on a pipe of its own

It may write no file at all (RLIMIT_FSIZE 0: pipes are none; see read_only), leave no core, take `query_memory_mib` and what the
interpreter needs beside, and compute for `query_seconds` on each of its threads. It ends with whoever started it.
"""

import os
import pickle
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from coord.events.errors import CoordError, Refused, UsageError
from coord.events.streams import MIB
from coord.projections.store.engine import THREADS
from coord.projections.store.gate import Gate
from coord.projections.store.sandbox import Damaged, Sandbox
from coord.services.query import archived, log_events
from coord.services.query.read_only import write_no_files
from coord.services.query.wanted import Wanted
from coord.services.query.wording import meaning
from coord.services.server.process import end_with
from coord.services.settings import Settings

NICENESS: Final = 5
MEMORY_BESIDE_MIB: Final = 1_536
"""Of addresses, beside the engine's own limit: its library, the interpreter, stacks of threads."""
START_CPU_SECONDS: Final = 60
"""What reading the log into `events` may take beside the statement."""

Line = dict[str, Any]


def answer(wanted: Wanted) -> Iterator[Line]:
    """Yield what there is to say.

    Raises:
        CoordError: the statement is not taken, or was ended.
    """
    with closing(Sandbox(Path(wanted.file), wanted.settings.query_memory_mib)) as sandbox:
        yield from _rows(sandbox, wanted) if wanted.sql else _tables(sandbox)


def _tables(sandbox: Sandbox) -> Iterator[Line]:
    events = (log_events.NAME, True, log_events.COLUMNS)
    archive = [(name, True, table.columns) for name, table in archived.TABLES.items()]
    held = [(one.name, one.view, one.columns) for one in sandbox.held()]
    for name, view, columns in sorted([events, *archive, *held]):
        yield {"kind": "table", "name": name, "view": view, "columns": columns, "what": meaning(name)}
    yield {"kind": "done"}


def _rows(sandbox: Sandbox, wanted: Wanted) -> Iterator[Line]:
    names = [*(one.name for one in sandbox.held()), log_events.NAME, *archived.TABLES]
    with closing(Gate(names)) as gate:
        admitted = gate.admit(wanted.sql)
    if wanted.parquet >= 0 and not admitted.selects:
        raise UsageError("only what a SELECT gives can be written as Parquet.")
    first = 1
    if log_events.NAME in admitted.tables:
        first = log_events.add_events(sandbox, wanted.settings, wanted.position)
    added = archived.Added([], "")
    if not admitted.tables.isdisjoint(archived.TABLES):
        added = archived.add_archived(sandbox, wanted, admitted.tables)
    output = Path(f"/dev/fd/{wanted.parquet}") if wanted.parquet >= 0 else None
    sandbox.lock(output, added.folders)
    yield {"kind": "running", "events_from": first, "archive": added.told}
    if output is not None:
        count, truncated = sandbox.write_parquet(admitted, wanted.limit, output)
        yield {"kind": "done", "rows": count, "truncated": truncated}
        return
    asked = sandbox.ask(admitted, wanted.limit)
    yield {"kind": "columns", "columns": [column._asdict() for column in asked.columns]}
    for rows in asked.rows():
        yield {"kind": "rows", "rows": rows}
    yield {"kind": "done", "rows": asked.count, "truncated": asked.truncated}


def bound(settings: Settings) -> None:
    """Have the operating system hold this process within its bounds, for good."""
    os.nice(NICENESS)
    cpu = round(settings.query_seconds * THREADS) + START_CPU_SECONDS
    for kind, most in (
        (resource.RLIMIT_AS, (settings.query_memory_mib + MEMORY_BESIDE_MIB) * MIB),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))
    write_no_files()


def _no(error: CoordError) -> Line:
    return {
        "kind": "no",
        "reason": error.message,
        "hint": error.hint,
        "exit_code": int(error.exit_code),
        "damaged": isinstance(error, Damaged),
    }


def _main(parent: int) -> None:
    end_with(parent, signal.SIGKILL)
    wanted: Wanted = pickle.load(sys.stdin.buffer)
    bound(wanted.settings)
    lines = answer(wanted)
    while True:
        try:
            line = next(lines)
        except StopIteration:
            return
        except (MemoryError, RecursionError):
            line = _no(Refused("the statement was ended: it takes more memory than it may."))
        except CoordError as error:
            line = _no(error)
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _main(int(sys.argv[1]))
