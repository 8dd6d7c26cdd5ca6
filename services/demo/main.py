"""The demo: one house, five shell agents, sixty real jobs, one agent killed in the middle of its work.

Everything is done through the public command line, as a user would; nothing is prepared or pretended.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from coord.events.errors import CoordError, FoundWanting
from coord.services import clock
from coord.services.demo.items import Item, check, make_items
from coord.services.demo.story import Story, events, say

AGENTS: Final = ("ada", "ben", "cyd", "dan", "eve")
VICTIM: Final = "eve"
KILL_AFTER_COMPLETED: Final = 8
STORY_SECONDS_MAX: Final = 120


@dataclass(slots=True)
class Stage:
    """Where the demo plays, and which processes take part."""

    root: Path
    coord: list[str]
    agents: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    killed_item: str | None = None

    @property
    def made(self) -> Path:
        """The folder for what the agents make."""
        return self.root / "made"

    def run(self, *words: str, given: str | None = None) -> str:
        """Run one `coord` command and return what it printed.

        Raises:
            FoundWanting: it did not exit with 0.
        """
        done = subprocess.run([*self.coord, *words], input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FoundWanting(f"coord {words[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def ask(self, *words: str) -> Any:
        """Run one `coord` command and return its JSON."""
        return json.loads(self.run(*words, "--json"))


def run(root: Path) -> int:
    """Play the demo in a folder, which is made anew, and return the exit code."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "made").mkdir(parents=True)
    environment = _environment(root)
    os.environ.update(environment)
    stage = Stage(root, [str(Path(sys.executable).with_name("coord"))])
    began = clock.monotonic()
    with _house(stage, began):
        _show_machine(stage)
        items = make_items(root / "files")
        stage.run("submit", "-", given="\n".join(item.line for item in items))
        say(
            f"{len(items)} items are submitted: {', '.join(sorted({item.task for item in items}))} on real files."
        )
        say(
            f"Five agents start, each a shell loop around coord claim and coord complete: {', '.join(AGENTS)}.\n"
        )
        story = _work(stage, items)
        faults = _verdict(stage, items, story)
    say(f"\nThe house is stopped. {clock.monotonic() - began:.1f} s in all.")
    return 1 if faults else 0


def _environment(root: Path) -> dict[str, str]:
    scripts = str(Path(sys.executable).parent)
    return {
        "COORD_DATA": str(root / "data"),
        "PATH": f"{scripts}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "PYTHON": sys.executable,
    }


@contextlib.contextmanager
def _house(stage: Stage, began: float) -> Iterator[None]:
    """Start everything with `coord up`, and stop it whatever happens."""
    stage.run("up", "--detach")
    say(f"coord up: the server and its services are ready after {clock.monotonic() - began:.2f} s.")
    try:
        yield
    finally:
        for agent in stage.agents.values():
            _end(agent, signal.SIGTERM)
        stage.run("down")


def _show_machine(stage: Stage) -> None:
    until = clock.monotonic() + 10
    while not any(row["readings"] for row in stage.ask("nodes")["rows"]) and clock.monotonic() < until:
        continue
    say(f"\nThis machine, as the monitor reads it:\n{_indented(stage.run('nodes'))}")


def _work(stage: Stage, items: list[Item]) -> Story:
    """Let the agents work, kill one, and tell the story until every item is completed."""
    story = Story()
    watch = threading.Timer(STORY_SECONDS_MAX, lambda: _stop_all(stage))
    watch.daemon = True
    watch.start()
    script = str(files("coord.services.demo") / "agent.sh")
    with (stage.root / "agents.log").open("wb") as talk:
        for name in AGENTS:
            command = ["sh", script, name, str(stage.made)]
            stage.agents[name] = subprocess.Popen(command, start_new_session=True, stderr=talk)
    for entry in events(stage.coord):
        line = story.tell(entry)
        if line:
            say(line)
        _perhaps_kill(stage, story, entry)
        if len(story.completed) == len(items):
            break
    watch.cancel()
    if len(story.completed) < len(items):
        raise FoundWanting(
            f"only {len(story.completed)} of {len(items)} items were done in {STORY_SECONDS_MAX} s."
        )
    return story


def _perhaps_kill(stage: Stage, story: Story, entry: dict[str, Any]) -> None:
    """Kill -9 the victim and its children right after it claimed something, once some work is done."""
    fields = entry["fields"] or {}
    late_enough = len(story.completed) >= KILL_AFTER_COMPLETED
    if stage.killed_item or not late_enough or not entry["type"].startswith("work.claimed"):
        return
    if fields["agent"] == VICTIM:
        stage.killed_item = entry["subject"].rpartition(".")[2]
        _end(stage.agents.pop(VICTIM), signal.SIGKILL)
        say(f"          kill -9 {VICTIM}, who has just claimed {story.titles[stage.killed_item]}")


def _stop_all(stage: Stage) -> None:
    """End a story that does not end: without agents and server, the tail ends too."""
    for agent in list(stage.agents.values()):
        _end(agent, signal.SIGKILL)
    with contextlib.suppress(CoordError):
        stage.run("down")


def _end(process: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    process.wait()


def _verdict(stage: Stage, items: list[Item], story: Story) -> list[str]:
    """Check every result again, and ask the house what it has to say."""
    faults = [
        fault
        for item in items
        if (fault := check(item, story.completed[item.id]["fields"].get("result"), stage.made))
    ]
    say(
        f"\n{len(items) - len(faults)} of {len(items)} results are right: each file hashed, each job done again."
    )
    faults += _one_completion_each(story, stage)
    for fault in faults:
        say(f"  WRONG: {fault}")
    say(f"\ncoord health\n{_indented(stage.run('health'))}")
    say(f"coord board --limit 5\n{_indented(stage.run('board', '--limit', '5'))}")
    if stage.killed_item:
        say(f"coord history {stage.killed_item}\n{_indented(stage.run('history', stage.killed_item))}")
    return faults


def _one_completion_each(story: Story, stage: Stage) -> list[str]:
    if stage.killed_item is None:
        return [f"{VICTIM} was never killed"]
    types = [entry["type"] for entry in stage.ask("history", stage.killed_item)["events"]]
    if types.count("work.completed.v1") != 1:
        return [f"{stage.killed_item} was completed {types.count('work.completed.v1')} times"]
    finisher = story.completed[stage.killed_item]["fields"]["agent"]
    if finisher == VICTIM:
        return [f"{stage.killed_item} was completed by the agent that was killed"]
    say(f"{stage.killed_item}, claimed by {VICTIM} who was killed, was finished by {finisher}.")
    return []


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines()) + "\n"
