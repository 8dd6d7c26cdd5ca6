"""The checkpoints of one run: which there are, which counts, which is kept.

The newest that verifies is gone on from; one that does not is passed over, and said. Kept are the last two,
the newest that is a hundred steps older than the last (else the oldest), and the last good one; the others go
when a newer one has verified, never before. What a roll-back left behind goes at once: it is the past of nothing any more.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from coord.events.errors import CoordError
from coord.services import clock
from coord.training_worker.checkpoint import PARTIAL, Checkpoint, Damaged, remove, verified

KEPT: Final = 2
OLDER_STEPS: Final = 100
_NAME: Final = re.compile(r"step-(0|[1-9][0-9]{0,9})")


class Shelf:
    """The folder of a run's checkpoints; `say` is told what was passed over."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say

    def newest(self) -> Checkpoint | None:
        """Return the newest that verifies."""
        return next(self._verified(), None)

    def newest_good(self, step_max: int) -> Checkpoint | None:
        """Return the newest good one that verifies, of this step at most."""
        return next((one for one in self._verified(step_max) if one.good), None)

    def at(self, step: int) -> Checkpoint | None:
        """Return the one of a step, if it is there and verifies."""
        return next(self._verified(step, step), None)

    def tidy(self) -> None:
        """Remove what was not finished when a process ended."""
        for path in self.folder.glob(f"step-*{PARTIAL}"):
            shutil.rmtree(path, ignore_errors=True)

    def prune(self, newest: Checkpoint) -> None:
        """Remove what need not be kept, now that `newest` has verified."""
        steps = self._steps()
        kept = {*steps[:KEPT], newest.step}
        older = [step for step in steps if step <= newest.step - OLDER_STEPS]
        kept.update(older[:1] or steps[-1:])
        if not newest.good:
            good = self.newest_good(newest.step)
            kept.update(() if good is None else (good.step,))
        for step in steps:
            if step not in kept and step < newest.step:
                self._remove(step)

    def leave(self, after_step: int) -> None:
        """Remove those of the steps that were rolled back over; the latest go first."""
        for step in self._steps():
            if step > after_step:
                self._remove(step)

    def set_aside(self) -> None:
        """Put all of them where nobody goes on from."""
        if self._steps():
            try:
                self.folder.rename(self.folder.with_name(f"before-{clock.new_id()}"))
            except OSError as error:
                raise CoordError(f"{self.folder} cannot be set aside: {error.strerror}.") from error

    def _verified(self, step_max: int | None = None, step_min: int = 0) -> Iterator[Checkpoint]:
        for step in self._steps():
            if step >= step_min and (step_max is None or step <= step_max):
                try:
                    yield verified(self.folder / f"step-{step}")
                except Damaged as error:
                    self._say(f"passed over: {error}")

    def _steps(self) -> list[int]:
        """Return the steps there are folders of, the latest first."""
        matches = (_NAME.fullmatch(path.name) for path in self.folder.glob("step-*"))
        return sorted((int(match[1]) for match in matches if match), reverse=True)

    def _remove(self, step: int) -> None:
        path = self.folder / f"step-{step}"
        try:
            remove(path)
        except OSError as error:
            self._say(f"{path} cannot be removed: {error.strerror}.")
