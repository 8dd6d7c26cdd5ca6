"""What an event costs the projector from its message to its rows: read, folded and written, with no server.

    python -P tests/bench/fold_cost.py [--items 5000] [--warm 1000]

It prints CPU time, which depends on what else the machine does. Instructions do not: cachegrind prints them once for the
process that is forked off when the first lives are folded, and once for the whole; the difference is that of the rest.

    PYTHONHASHSEED=0 valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \\
        python -P tests/bench/fold_cost.py --items 3000 --fork
"""

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.telemetry import lives

from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.projections.intake import take_in
from coord.projections.store import Store, begin_store
from coord.services import clock
from coord.services.log.appending import _staged
from coord.services.log.reading import Headers
from coord.services.projector.main import GARBAGE_LOOKED_FOR

MEMORY_MIB: Final = 256


def messages(items: int) -> list[Stored]:
    """Return the lives of so many items as they are pulled."""
    found: list[Stored] = []
    batches = lives("local", items)
    appends = next(batches)
    with suppress(StopIteration):
        while True:
            batch, first = clock.new_id(), len(found) + 1
            for ordinal, one in enumerate(appends, 1):
                found.append(_stored(len(found) + 1, _staged(one, batch, ordinal)))
            appends = batches.send(range(first, len(found) + 1))
    return found


def _stored(position: int, published: bytes) -> Stored:
    line, _, rest = published.partition(b"\r\n")
    _, subject, head, size = line.split()
    block, body = rest[: int(head)], rest[int(head) : int(size)]
    return Stored(EVENTS.name, position, clock.now_ns(), subject.decode(), Headers(block), body)


def fold(store: Store, some: Sequence[Stored]) -> None:
    """Fold messages in, as one batch."""
    store.apply(take_in("created", some), sum(len(one.body) for one in some))


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description="What an event costs the projector.")
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--warm", type=int, default=1_000, help="items whose lives are folded first")
    parser.add_argument(
        "--fork", action="store_true", help="once the first are folded, for counting instructions"
    )
    options = parser.parse_args()
    gc.set_threshold(*GARBAGE_LOOKED_FOR)
    every = messages(options.items)
    warm = 4 * options.warm
    with tempfile.TemporaryDirectory(prefix="coord-fold-") as root:
        store = begin_store(Path(root) / "coord.duckdb", MEMORY_MIB)
        fold(store, every[:warm])
        if options.fork and os.fork() == 0:
            os._exit(0)
        cpu_seconds = clock.cpu_seconds()
        fold(store, every[warm:])
        us = 1e6 * (clock.cpu_seconds() - cpu_seconds) / len(every[warm:])
        sys.stdout.write(f"{len(every) - warm} events: {us:.1f} us of CPU each\n")
        if options.fork:
            sys.stdout.flush()
            os._exit(0)  # as the forked process does: taking the interpreter down is no part of an event
        store.close()


if __name__ == "__main__":
    main()
