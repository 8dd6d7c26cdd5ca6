"""The demo's training run: a real small model on real text, two real faults, and work made of its checkpoints."""

import json
from pathlib import Path
from typing import Any, Final

from coord.services.demo.run_story import RunStory

RUN: Final = "tiny-gpt"
STEPS: Final = 500
CORRUPT_BATCH: Final = 170
"""The bytes of this batch are noise, each time it is read."""
GLITCH_STEP: Final = 330
GLITCH_FACTOR: Final = 200
"""At this step the learning rate is so many times what it should be, once."""
WORDS: Final = (
    "train", "--run", RUN, "--steps", str(STEPS), "--seed", "7", "--threads", "1",
    "--drill", f"corrupt-batch@{CORRUPT_BATCH}", "--drill", f"learning-rate@{GLITCH_STEP}x{GLITCH_FACTOR}",
)  # fmt: skip
BECOME_WORK: Final = (200, STEPS)
"""The first checkpoint at or after each of these steps is work for the agents."""
TASKS: Final = ("evaluate", "checksum", "sample")
LOOKING: Final = "coord.training_worker.looking"
"""What the agents run for it."""


def step_of(entry: dict[str, Any]) -> int | None:
    """Return the step of a checkpoint that was just written; None for any other event."""
    if entry["type"].rpartition(".v")[0] != "run.checkpoint_written":
        return None
    return int(entry["fields"]["step"])


def is_wanted(step: int, taken: list[int]) -> bool:
    """Tell whether the checkpoint of a step is to become work, beside those that did."""
    return len(taken) < len(BECOME_WORK) and step >= BECOME_WORK[len(taken)]


def items_of(entry: dict[str, Any], kept: Path) -> list[dict[str, Any]]:
    """Return the work that a checkpoint is worth: evaluate it, check its sums, let it write something."""
    step = step_of(entry)
    return [
        {
            "id": f"{task}-step-{step}",
            "title": f"{task} {kept}",
            "priority": 8,
            "lease": "30s",
            "body": {"run": RUN, "step": step, "sha256": entry["fields"]["sha256"]},
        }
        for task in TASKS
    ]


def lines(items: list[dict[str, Any]]) -> str:
    """Return items as `coord submit -` reads them."""
    return "\n".join(json.dumps(item) for item in items)


def faults_of(story: RunStory) -> list[str]:
    """Say what did not go as it must have: the faults found, answered, and overcome."""
    found = []
    if story.outcome != "completed":
        found.append(f"the run {RUN} is {story.outcome or 'not finished'}")
    if CORRUPT_BATCH not in story.skipped:
        found.append(f"the corrupted batch of step {CORRUPT_BATCH} was not left out")
    actions = {entry["fields"]["action"] for key, entry in story.directives.items() if key in story.applied}
    for action in ("skip_batch", "roll_back"):
        if action not in actions:
            found.append(f"no directive to {action.replace('_', ' ')} was obeyed")
    return found
