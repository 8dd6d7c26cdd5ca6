"""The archive compared with the log, message by message: what is missing, altered, there twice, or cannot be read.

Both are read side by side in the order of positions, up to where the archive says that it is; what the log itself has
lost is told, and whether the archive still has it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coord.events.errors import NothingThere
from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.projections.archive import difference
from coord.services.archive.place import check_identity, read_standing, shown
from coord.services.archive.reading import Rows
from coord.services.log import Log
from coord.services.log.whole import read_whole

BATCH_MAX: Final = 5_000
TOLD_MAX: Final = 100
"""Of each kind of fault: more are counted, and not listed."""

Tell = Callable[[int, int], None]


@dataclass
class Verdict:
    """What a comparison found."""

    folder: str
    position: int
    """Up to where the archive says that it is."""
    last: int
    """Where the log stands."""
    messages: int = 0
    """Compared, and equal."""
    files: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    """How many positions, or files, by what is wrong with them."""
    told: list[str] = field(default_factory=list)
    """Sentences, at most TOLD_MAX of a kind."""

    def add(self, kind: str, count: int, sentence: str) -> None:
        """Note what is wrong with so many."""
        before = self.faults.get(kind, 0)
        self.faults[kind] = before + count
        if sum(one.startswith(f"{kind}: ") for one in self.told) < TOLD_MAX:
            self.told.append(f"{kind}: {sentence}")

    @property
    def equal(self) -> bool:
        """Whether nothing is wrong with the archive; what the log has lost is no fault of it."""
        return not set(self.faults) - {LOST}


MISSING: Final = "missing"
ALTERED: Final = "altered"
TWICE: Final = "twice"
ODD: Final = "not of the log"
UNREADABLE: Final = "unreadable"
LOST: Final = "lost by the log"


async def verify(log: Log, root: Path, tell: Tell) -> Verdict:
    """Compare an archive with the log; `tell` hears the position that was reached, and the last one.

    Raises:
        NothingThere: there is no archive in this folder.
        CoordError: it is of another log, or the log cannot be read.
    """
    standing = read_standing(root)
    if standing is None:
        raise NothingThere(f"there is no archive in {shown(root)} yet.")
    await check_identity(log, root, standing)
    verdict = Verdict(str(root), standing.position, (await log.stream_state(EVENTS.name)).last)
    archived = Rows(root, standing.position, lambda fault: verdict.add(UNREADABLE, 1, fault.message))
    verdict.files = archived.files
    try:
        async for stretch in read_whole(log, EVENTS.name, 1, standing.position, BATCH_MAX):
            lost = [position for gap in stretch.lost for position in gap]
            last = max([one.position for one in stretch.messages] + lost)
            _compare(verdict, stretch.messages, lost, archived.up_to(last))
            tell(last, standing.position)
    finally:
        archived.close()
    return verdict


def _compare(
    verdict: Verdict, messages: Sequence[Stored], lost: Sequence[int], rows: Sequence[tuple[Any, ...]]
) -> None:
    known = {stored.position: stored for stored in messages}
    gone = set(lost)
    seen: set[int] = set()
    for row in rows:
        position = row[0]
        if position in seen:
            verdict.add(TWICE, 1, f"position {position} is there again")
        elif position in known:
            if columns := difference(known[position], row):
                verdict.add(ALTERED, 1, f"position {position} differs from the log in {columns}")
            else:
                verdict.messages += 1
        elif position not in gone:
            verdict.add(ODD, 1, f"position {position} is where the log has none")
        seen.add(position)
    for first, last in _runs(sorted(known.keys() - seen)):
        verdict.add(MISSING, last - first + 1, f"positions {first} to {last} are in no file")
    for first, last in _runs(sorted(gone)):
        kept = "and the archive has them" if gone <= seen else "and the archive has not all of them"
        verdict.add(LOST, last - first + 1, f"positions {first} to {last}, {kept}")


def _runs(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give out first and last of every run of numbers that follow each other."""
    first = previous = 0
    for position in positions:
        if position != previous + 1 or not first:
            if first:
                yield first, previous
            first = position
        previous = position
    if first:
        yield first, previous
