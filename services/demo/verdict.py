"""The verdict: every result is checked again, and the house is asked what it has to say."""

import json
import subprocess
import sys
from itertools import zip_longest
from typing import Any

from coord.services.demo import training
from coord.services.demo.items import Item, check
from coord.services.demo.play import VICTIM, Play
from coord.services.demo.stage import indented
from coord.services.demo.story import say


def verdict(played: Play, items: list[Item]) -> list[str]:
    """Print what came of everything and return what is wrong."""
    faults = [
        fault for item in items if (fault := check(item, _result(played, item.id), played.stage.made))
    ] + _training_faults(played)
    right = played.items - len(faults)
    say(f"\n{right} of {played.items} results are right: each file hashed, each job done again.")
    faults += _one_completion_each(played)
    faults += training.faults_of(played.run)
    _tell_run(played)
    for fault in faults:
        say(f"  WRONG: {fault}")
    _ask_the_house(played)
    return faults


def _result(played: Play, item_id: str) -> Any:
    return played.story.completed[item_id]["fields"].get("result")


def _training_faults(played: Play) -> list[str]:
    """Evaluate, check and sample each checkpoint again; the same must come out."""
    found = []
    for step in played.checkpoints:
        kept = played.stage.root / "checkpoints" / f"step-{step}"
        command = [sys.executable, "-m", training.LOOKING, ",".join(training.TASKS), str(kept)]
        again = subprocess.run(command, capture_output=True, check=False).stdout.splitlines(keepends=True)
        for task, line in zip_longest(training.TASKS, again):
            made = played.stage.made / _result(played, f"{task}-step-{step}")["made"]
            if line != made.read_bytes():
                found.append(f"{task} of step {step}: doing it again gives something else")
    return found


def _tell_run(played: Play) -> None:
    run, made = played.run, played.stage.made
    say(
        f"The run {run.run}: {len(run.skipped)} update{'s' * (len(run.skipped) != 1)} left out, {len(run.applied)} directives obeyed,"
        f" {len(run.alerts)} alerts, all resolved: {set(run.alerts) <= run.resolved}."
    )
    for step in sorted(played.checkpoints):
        said = json.loads((made / _result(played, f"evaluate-step-{step}")["made"]).read_text())
        say(f"  step {step:>6}: an agent measured a loss of {said['loss']:.3f} on text the model never saw")
    text = json.loads((made / _result(played, f"sample-step-{max(played.checkpoints)}")["made"]).read_text())
    say("  and this is what the model writes by now:")
    say(indented(indented(text["text"])))


def _one_completion_each(played: Play) -> list[str]:
    if played.killed_item is None:
        return [f"{VICTIM} was never killed"]
    types = [entry["type"] for entry in played.stage.ask("history", played.killed_item)["events"]]
    if types.count("work.completed.v1") != 1:
        return [f"{played.killed_item} was completed {types.count('work.completed.v1')} times"]
    finisher = played.story.completed[played.killed_item]["fields"]["agent"]
    if finisher == VICTIM:
        return [f"{played.killed_item} was completed by the agent that was killed"]
    say(f"{played.killed_item}, claimed by {VICTIM} who was killed, was finished by {finisher}.")
    return []


def _ask_the_house(played: Play) -> None:
    asked = [("runs", training.RUN), ("alerts",), ("health",), ("board", "--limit", "5")]
    if played.killed_item:
        asked.append(("history", played.killed_item))
    for words in asked:
        say(f"coord {' '.join(words)}\n{indented(played.stage.run(*words))}")
