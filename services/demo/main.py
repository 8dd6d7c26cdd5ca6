"""The demo: one house, five shell agents, sixty real jobs, a model that learns, and what goes wrong.

One agent is killed in the middle of its work, one batch of the training is truly corrupted, and one step has
a learning rate two hundred times too high. Everything is done through the public command line, as a user
would; nothing is prepared or pretended.
"""

import os
from collections.abc import Callable
from pathlib import Path

from coord.services import clock
from coord.services.demo.items import make_items
from coord.services.demo.play import AGENTS, play
from coord.services.demo.stage import Stage, house, indented
from coord.services.demo.story import say
from coord.services.demo.verdict import verdict


def run(root: Path, linger: Callable[[], None] = lambda: None) -> int:
    """Play the demo in a folder without an earlier one, and return the exit code.

    Args:
        root: the folder.
        linger: called when the story is over and the house is still up.
    """
    stage = Stage(root)
    for folder in (stage.made, root / "checkpoints"):
        folder.mkdir(parents=True)
    os.environ.update(stage.environment())
    began = clock.monotonic()
    with house(stage, began):
        _show_machine(stage)
        items = make_items(root / "files")
        stage.run("submit", "-", given="\n".join(item.line for item in items))
        tasks = ", ".join(sorted({item.task for item in items}))
        say(f"{len(items)} items are submitted: {tasks} on real files.")
        say(
            f"Five agents start, each a shell loop around coord claim and coord complete: {', '.join(AGENTS)}."
        )
        say("Beside them a trainer starts: coord train, on the sources of Python's own library.\n")
        played = play(stage, items)
        faults = verdict(played, items)
        linger()
    say(f"\nThe house is stopped. {clock.monotonic() - began:.1f} s in all.")
    return 1 if faults else 0


def _show_machine(stage: Stage) -> None:
    until = clock.monotonic() + 10
    while not any(row["readings"] for row in stage.ask("nodes")["rows"]) and clock.monotonic() < until:
        continue
    say(f"\nThis machine, as the monitor reads it:\n{indented(stage.run('nodes'))}")
