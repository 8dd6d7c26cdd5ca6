"""Where the demo plays: its folder, its house, and the processes that take part."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coord.events.errors import CoordError, FoundWanting
from coord.services import clock
from coord.services.demo.story import say


@dataclass(slots=True)
class Stage:
    """The demo's folder and cast."""

    root: Path
    coord: list[str] = field(default_factory=lambda: [str(Path(sys.executable).with_name("coord"))])
    cast: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    """The agents and the trainer, by name."""
    stopped: bool = False
    """The house was taken down before its time."""

    @property
    def made(self) -> Path:
        """The folder for what the agents make."""
        return self.root / "made"

    @property
    def runs(self) -> Path:
        """The folder of the training runs."""
        return self.root / "data" / "runs"

    def environment(self) -> dict[str, str]:
        """Return what the cast finds in its environment."""
        scripts = str(Path(sys.executable).parent)
        return {
            "COORD_DATA": str(self.root / "data"),
            "PATH": f"{scripts}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "PYTHON": sys.executable,
        }

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

    def enter(self, name: str, words: list[str], log: Path) -> None:
        """Start one of the cast, in a process group of its own; what it says goes to a log."""
        with log.open("ab") as talk:
            self.cast[name] = subprocess.Popen(
                words, start_new_session=True, stdin=subprocess.DEVNULL, stdout=talk, stderr=talk
            )

    def end(self, name: str, how: signal.Signals) -> None:
        """End one of the cast and its children."""
        process = self.cast.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        process.wait()

    def stop_all(self) -> None:
        """End a story that does not end: without cast and server, the tail ends too."""
        self.stopped = True
        for name in list(self.cast):
            self.end(name, signal.SIGKILL)
        with contextlib.suppress(CoordError):
            self.run("down")


@contextlib.contextmanager
def house(stage: Stage, began: float) -> Iterator[None]:
    """Start everything with `coord up`, and stop it whatever happens."""
    stage.run("up", "--detach")
    say(f"coord up: the server and its services are ready after {clock.monotonic() - began:.2f} s.")
    try:
        yield
    finally:
        for name in list(stage.cast):
            stage.end(name, signal.SIGTERM)
        if not stage.stopped:
            stage.run("down")


def indented(text: str) -> str:
    """Return lines as the demo shows what a command printed."""
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines()) + "\n"
