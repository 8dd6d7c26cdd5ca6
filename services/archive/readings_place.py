"""Where readings, their minutes and what belongs to them are in an archive, and how far they are there.

    readings/site=SITE/day=DAY/STEP-NUMBER.parquet    every reading, in one file
    rollups/site=SITE/day=DAY/STEP-NUMBER.parquet     closed minutes; what late readings left in parts adds up
    state/STEP/TABLE.parquet                          the small tables of SAMPLES, as they stand where the step ends
    readings/_position.json                           the last step that is finished: written last

A step is what one snapshot of the tables has and the steps before had not. What is of a later step than the position
names was not finished, and is taken out and made again. A day is that of the broker's clock, in UTC. Readings carry
no site: it is that of the house that archives them.
"""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from coord.events.errors import CoordError
from coord.projections.folds.samples import READINGS_HOT, ROLLUP_PARTS
from coord.services.archive.place import shown
from coord.services.folder import Folder

READINGS_FOLDER: Final = "readings"
FOLDERS: Final = {READINGS_HOT.name: READINGS_FOLDER, ROLLUP_PARTS.name: "rollups"}
"""By name of the hot table."""
TIMES_RARER: Final = 60
"""Than events: a file of few rows an hour, not a minute."""
FORMAT: Final = 1
_STATE: Final = "state"
_POSITION: Final = "_position.json"
_FILE: Final = re.compile(r"([0-9]{8,})-([0-9]{4,})\.parquet")
_DAY_SECONDS: Final = 86_400


class ReadingsStanding(NamedTuple):
    """How far the readings of an archive are."""

    step: int
    position: int
    """Every reading up to it is in the files."""
    message_id: str
    created_at: str
    """Of the stream, as the server wrote it."""
    recorded_at_ns: int
    """When the message at the position was recorded."""
    after_ns: int
    """Positions began anew after this moment: what was recorded before it is of earlier ones."""
    house: str
    """The id of the first message of EVENTS."""
    readings: int
    """How many are in the files."""
    written_at_ns: int


class ReadingsFile(NamedTuple):
    """A file of readings, or of rollups."""

    path: Path
    step: int
    number: int


def read_readings_standing(root: Path) -> ReadingsStanding | None:
    """Read how far the readings of an archive are; None: it has none.

    Raises:
        CoordError: what it says of itself cannot be read.
    """
    path = root / READINGS_FOLDER / _POSITION
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
        if told["format"] != FORMAT:
            raise CoordError(
                f"the readings of {shown(root)} are of form {told['format']}; this coord writes form {FORMAT}."
            )
        return ReadingsStanding(*(told[name] for name in ReadingsStanding._fields))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CoordError(
            f"{shown(path)} cannot be read: {error}.", "Move readings, rollups and state aside."
        ) from error


def write_readings_standing(root: Path, standing: ReadingsStanding) -> None:
    """Say how far the readings are, whole and flushed."""
    Folder(root / READINGS_FOLDER).write_json({"format": FORMAT, **standing._asdict()}, _POSITION)


def archived_until_ns(root: Path) -> int:
    """Return up to which moment of the broker's clock readings are archived; 0: none are, or nobody can tell."""
    try:
        standing = read_readings_standing(root)
    except CoordError:
        return 0
    return standing.recorded_at_ns if standing is not None else 0


def file_at(root: Path, folder: str, site: str, day: int, step: int, number: int) -> Path:
    """Name a file; the day is counted from 1970."""
    named = f"{datetime.fromtimestamp(day * _DAY_SECONDS, UTC):%Y-%m-%d}"
    return root / folder / f"site={site}" / f"day={named}" / f"{step:08}-{number:04}.parquet"


def state_folder(root: Path, step: int) -> Path:
    """Name the folder of the small tables as they stand where a step ends."""
    return root / _STATE / f"{step:08}"


def readings_files(root: Path, folder: str = READINGS_FOLDER) -> list[ReadingsFile]:
    """List files in the order in which they were written."""
    return sorted(_files(root, folder), key=lambda one: (one.step, one.number))


def clear_unfinished(root: Path, step: int) -> None:
    """Take out what is of a later step, or of the small tables of an earlier one.

    Raises:
        OSError: it cannot be.
    """
    for folder in FOLDERS.values():
        for found in _files(root, folder):
            if found.step > step:
                found.path.unlink()
        for beside in (root / folder).glob("site=*/day=*/.*.parquet.*"):
            beside.unlink()
    for state in (root / _STATE).glob("*"):
        if state != state_folder(root, step):
            shutil.rmtree(state)


def _files(root: Path, folder: str) -> Iterator[ReadingsFile]:
    for path in (root / folder).glob("site=*/day=*/*.parquet"):
        if match := _FILE.fullmatch(path.name):
            yield ReadingsFile(path, int(match[1]), int(match[2]))
