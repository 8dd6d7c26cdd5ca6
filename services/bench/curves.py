"""Labelled curves of real training runs, read from a folder.

    <name>.csv.gz    a header with `loss`, then one row a logged step; nan and inf are written as words
    labels.json      {name: {"use": [first, last], "events": [{"start", "end", "kind", "major"}, ...]}}

What a curve is good for is told by the first letters of its name; one without labels is clean, that is,
every alarm on it is false, unless its family says otherwise.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coord.events.errors import UsageError, visible
from coord.services.detectors.scoring import Label

SUFFIX: Final = ".csv.gz"
LABELS: Final = "labels.json"
CURVES_MAX: Final = 10_000
CURVE_BYTES_MAX: Final = 256 * 1024 * 1024
LABELS_BYTES_MAX: Final = 16 * 1024 * 1024

SPIKY: Final = "labelled runs"
HARD: Final = "one rank's loss"
BROKEN: Final = "not finite"
CLEAN: Final = "clean"
_FAMILIES: Final = {
    "meg_": "Megatron, clean",
    "meh_": "Megatron, clean",
    "bng_": "GPT-2 class, clean",
    "mng_": HARD,
    "mdd_": BROKEN,
}
_EXCERPTS: Final = ("bigscience_",)
"""Not whole: excerpts with holes between them."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One run's losses with what a person marked in them."""

    name: str
    family: str
    losses: tuple[float, ...]
    first: int
    last: int
    """Samples `first` to `last` are scored, both included."""
    labels: tuple[Label, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether every alarm on it is a false one."""
        return self.family not in (SPIKY, HARD, BROKEN)


def own_folder() -> Path:
    """Return the folder of the curves that come with the sources."""
    return Path(__file__).resolve().parents[2] / "tests" / "data" / "curves"


def read_curves(folder: Path) -> Iterator[Curve]:
    """Read the curves of a folder, in the order of their names.

    Raises:
        UsageError: there is no such folder, it holds no curves, or one of its files is none.
    """
    files = sorted(folder.glob("*" + SUFFIX))[: CURVES_MAX + 1] if folder.is_dir() else []
    names = [file for file in files if not file.name.startswith(_EXCERPTS)]
    if not names:
        raise UsageError(
            f"{visible(str(folder))} holds no curves.", f"Name a folder of *{SUFFIX} with --curves DIR."
        )
    if len(files) > CURVES_MAX:
        raise UsageError(f"{visible(str(folder))} holds more than {CURVES_MAX} curves.")
    labels = _labels(folder / LABELS)
    for file in names:
        name = file.name.removesuffix(SUFFIX)
        yield _curve(name, _losses(file), labels.get(name))


def _curve(name: str, losses: tuple[float, ...], marked: Any) -> Curve:
    last = len(losses) - 1
    if marked is None:
        return Curve(name, _FAMILIES.get(name[:4], CLEAN), losses, 0, last)
    try:
        first, used = (int(end) for end in marked["use"])
        labels = tuple(
            Label(int(one["start"]), int(one["end"]), one["major"] is True, one["kind"] == "ambiguous")
            for one in marked["events"]
        )
    except (TypeError, ValueError, KeyError) as error:
        raise UsageError(f"{LABELS}: what it says of {visible(name)} is no label: {error!r}.") from error
    return Curve(name, SPIKY, losses, first, min(used, last), labels)


def _labels(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(LABELS_BYTES_MAX))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{visible(str(file))} cannot be read: {visible(str(error))}.") from error
    if not isinstance(found, dict):
        raise UsageError(f"{visible(str(file))} is no JSON object of names.")
    return found


def _losses(file: Path) -> tuple[float, ...]:
    try:
        with gzip.open(file, "rb") as opened:
            text = opened.read(CURVE_BYTES_MAX).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"{visible(file.name)} is no gzip of text: {visible(str(error))}.") from error
    header, _, rows = text.partition("\n")
    columns = header.strip().split(",")
    if "loss" not in columns:
        raise UsageError(f"{visible(file.name)} has no column `loss`; it has {visible(header.strip())}.")
    place = columns.index("loss")
    try:
        return tuple(float(row.split(",", place + 1)[place]) for row in rows.splitlines() if row)
    except (ValueError, IndexError) as error:
        raise UsageError(
            f"{visible(file.name)} holds a row without a loss: {visible(str(error))}."
        ) from error
