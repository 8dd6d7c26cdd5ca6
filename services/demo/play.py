"""The play itself: agents work, a model learns, one agent is killed, and the log is told as it is written."""

import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from coord.events.errors import FoundWanting
from coord.services import clock
from coord.services.demo import training
from coord.services.demo.items import Item
from coord.services.demo.run_story import RunStory
from coord.services.demo.stage import Stage
from coord.services.demo.story import Story, events, say

AGENTS: Final = ("ada", "ben", "cyd", "dan", "eve")
VICTIM: Final = "eve"
KILL_AFTER_COMPLETED: Final = 8
STORY_SECONDS_MAX: Final = 1_200
STALL_SECONDS_MAX: Final = 120
"""So long nothing may get on: no item done, no step further. How long all takes is the machine's business."""
_RIVERS: Final = {"run", "alert", "directive"}


@dataclass(slots=True)
class Play:
    """What has happened so far."""

    stage: Stage
    items: int
    """Submitted so far."""
    story: Story = field(default_factory=Story)
    run: RunStory = field(default_factory=lambda: RunStory(training.RUN))
    killed_item: str | None = None
    checkpoints: list[int] = field(default_factory=list)
    """Steps whose checkpoints became work."""

    @property
    def over(self) -> bool:
        """Everything is done, and everything that was wrong is put right."""
        done = len(self.story.completed) >= self.items and self.run.outcome is not None
        return done and set(self.run.alerts) <= self.run.resolved


class Patience:
    """Ends a story that does not get on."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        self._give_up = give_up
        self._seen: object = None
        self._until = clock.monotonic() + STORY_SECONDS_MAX
        self._timer: threading.Timer | None = None
        self.see(())

    def see(self, progress: object) -> None:
        """Take notice of how far it is; what is further than before gets more time, up to the whole story's."""
        if progress == self._seen:
            return
        self._seen = progress
        self.end()
        seconds = min(STALL_SECONDS_MAX, max(self._until - clock.monotonic(), 0.0))
        self._timer = threading.Timer(seconds, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Give nothing up any more."""
        if self._timer is not None:
            self._timer.cancel()


def play(stage: Stage, items: list[Item]) -> Play:
    """Let everybody work, and tell the story until it is over.

    Raises:
        FoundWanting: it was not over in time.
    """
    played = Play(stage, len(items))
    patience = Patience(stage.stop_all)
    stage.enter("trainer", [*stage.coord, *training.WORDS], stage.root / "trainer.log")
    script = str(files("coord.services.demo") / "agent.sh")
    for name in AGENTS:
        stage.enter(name, ["sh", script, name, str(stage.made)], stage.root / "agents.log")
    for entry in events(stage.coord):
        _take_in(played, entry)
        patience.see((len(played.story.completed), played.run.step, played.run.outcome))
        if played.over:
            break
    patience.end()
    if not played.over:
        raise FoundWanting(_unfinished(played), f"See {stage.root}/trainer.log and agents.log there.")
    return played


def _take_in(played: Play, entry: dict[str, Any]) -> None:
    aggregate = entry["type"].partition(".")[0]
    line: str | None
    if aggregate in _RIVERS:
        told = played.run.tell(entry)
        line = played.story.line(entry, told) if told else None
    else:
        line = played.story.tell(entry)
    if line:
        say(line)
    for act in _ACTS:
        act(played, entry)


def _perhaps_kill(played: Play, entry: dict[str, Any]) -> None:
    """Kill -9 the victim and its children right after it claimed something, once some work is done."""
    late_enough = len(played.story.completed) >= KILL_AFTER_COMPLETED
    if played.killed_item or not late_enough or not entry["type"].startswith("work.claimed"):
        return
    if entry["fields"]["agent"] == VICTIM:
        played.killed_item = entry["subject"].rpartition(".")[2]
        played.stage.end(VICTIM, signal.SIGKILL)
        say(f"          kill -9 {VICTIM}, who has just claimed {played.story.titles[played.killed_item]}")


def _perhaps_retire(played: Play, entry: dict[str, Any]) -> None:
    """Retire the victim when she is missed: nobody will come back under her name."""
    fields = entry["fields"] or {}
    if entry["type"].startswith("alert.raised") and fields["entity"] == VICTIM:
        played.stage.run("retire", VICTIM, "--reason", "killed for the demo")


def _perhaps_submit(played: Play, entry: dict[str, Any]) -> None:
    """Make work of a checkpoint: the trainer keeps only its newest, so the agents get a copy."""
    step = training.step_of(entry)
    if step is None or step in played.checkpoints or not training.is_wanted(step, played.checkpoints):
        return
    kept = played.stage.root / "checkpoints" / f"step-{step}"
    shutil.copytree(played.stage.runs / training.RUN / entry["fields"]["path"], kept)
    made = training.items_of(entry, kept)
    played.stage.run("submit", "-", given=training.lines(made))
    played.checkpoints.append(step)
    played.items += len(made)


_ACTS: Final[tuple[Callable[[Play, dict[str, Any]], None], ...]] = (
    _perhaps_kill,
    _perhaps_retire,
    _perhaps_submit,
)


def _unfinished(played: Play) -> str:
    left = f"{len(played.story.completed)} of {played.items} items were done"
    alerts = len(set(played.run.alerts) - played.run.resolved)
    run = f"the run is {played.run.outcome or f'at step {played.run.step}'}"
    return f"nothing got on for {STALL_SECONDS_MAX} s: {left}, {run}, and {alerts} alerts were open."
