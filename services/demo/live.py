"""The demo beside the dashboard: the story goes on in a process of its own, and is shown live until `q`.

player   plays, tells the story into a file, keeps the house up until its stdin ends
here     the dashboard on that house; after it the story in full, as if it had been printed all along
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, Final

from coord.services.demo.stage import Stage

STORY: Final = "story.txt"
_LOOK_SECONDS: Final = 0.1


def run_live(root: Path) -> int:
    """Play in a folder that is empty, with the dashboard in this terminal, and return the story's exit code."""
    stage, story = Stage(root), root / STORY
    with story.open("wb") as told:
        player = subprocess.Popen(
            [sys.executable, "-m", "coord.services.demo", str(root)],
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    assert player.stdin is not None
    try:
        subprocess.run(
            [*stage.coord, "tui", "--data", str(root / "data"), "--story", str(story)], check=False
        )
        player.stdin.close()
        with story.open("rb") as told:
            _follow(told, player)
    except KeyboardInterrupt:
        os.killpg(player.pid, signal.SIGINT)
        raise
    finally:
        player.stdin.close()
        player.wait()
    return player.returncode


def _follow(story: BinaryIO, player: "subprocess.Popen[bytes]") -> None:
    """Print what the player tells until it has ended."""
    ended = False
    while not ended:
        try:
            player.wait(_LOOK_SECONDS)
            ended = True
        except subprocess.TimeoutExpired:
            pass
        sys.stdout.write(story.read().decode(errors="backslashreplace"))
        sys.stdout.flush()
