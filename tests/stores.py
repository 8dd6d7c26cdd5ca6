"""A store's file, and what is in it: for tests of the store and of its recovery."""

from pathlib import Path
from typing import Any

from histories import CREATED, History, folded

from coord.events.examples import EVENTS
from coord.events.wire import Stored
from coord.projections.intake import take_in
from coord.projections.store import Opened, Store, open_store
from coord.projections.store.schema import ALL_TABLES

MEMORY_MIB = 256


def open_file(path: Path) -> Opened:
    """Open a file, or recover."""
    return open_store(path, MEMORY_MIB)


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return what every table holds."""
    with store.reader() as reader:
        return {
            table.name: sorted(
                tuple(repr(tuple(value) if isinstance(value, list) else value) for value in row.values())
                for row in reader.rows(f'SELECT * FROM "{table.name}"')
            )
            for table in ALL_TABLES
        }


def history() -> History:
    """Return a history with every kind of event in it."""
    said = History()
    for event in EVENTS.values():
        said.say("x", event)
    for number in range(20):
        said.submit(f"w-{number}", capabilities=("python", "gpu"))
        said.claim(f"w-{number}", "ada")
    return said


def wal_of(path: Path) -> Path:
    """Return where a file's log of writes is."""
    return path.with_name(path.name + ".wal")


def caught_up(store: Store, messages: list[Stored]) -> bool:
    """Fold what a store has not seen of a history; tell whether it then holds what a fold of all of it gives."""
    mark = store.mark("EVENTS")
    left = messages[mark.position if mark else 0 :]
    if left:
        store.apply(take_in(CREATED, left))
    return contents(store) == folded(messages).contents()
