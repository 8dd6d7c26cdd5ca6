"""Tables of a small history, and snapshots of them in a data folder on which nothing runs."""

from pathlib import Path

from histories import CREATED, History

from coord.projections.intake import take_in
from coord.projections.snapshots import Snapshot, Standing, begin, finish
from coord.projections.store import FINGERPRINT, open_store
from coord.services import clock
from coord.services.folder import Folder

MEMORY_MIB = 256
ITEMS = 12


def make_tables(path: Path) -> Path:
    """Make the tables of a dozen items, every third of them claimed."""
    history = History()
    for number in range(ITEMS):
        history.submit(f"w-{number}", capabilities=("gpu", "python"))
        if number % 3 == 0:
            history.claim(f"w-{number}", "ada")
    store = open_store(path, MEMORY_MIB).store
    store.apply(take_in(CREATED, history.messages))
    store.checkpoint()
    store.close()
    return path


def take(data: Path, tables: Path, position: int) -> Snapshot:
    """Leave a snapshot in a data folder."""
    root = Folder(data).make("projection") / "snapshots"
    return finish(begin(root, tables), Standing(FINGERPRINT, {"EVENTS": position}, 0, clock.now_ns()))
