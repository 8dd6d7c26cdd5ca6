"""What the steps of one scenario share: the house, who did what to which item, and what was answered."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from command_line import RUN_SECONDS, Cli, Ran
from houses import House, running_house, until
from incubator import start_house

from coord.events.errors import Exit
from coord.events.verification import scenario_id
from coord.services import clock
from coord.services.verification.transcript import Transcript

SHORT_LEASE: Final = "1s"
"""Runs out soon, where it shall."""
KEPT_LEASE_SECONDS: Final = 4
"""Longer than a command takes on a busy machine, where signs of life shall keep it."""
LONGER_SECONDS: Final = 5.0

assert KEPT_LEASE_SECONDS < LONGER_SECONDS


@dataclass
class TellingCli(Cli):
    """`coord`, with a transcript of what was run."""

    transcript: Transcript

    def run(self, *words: str | bytes, stdin: bytes = b"", **options: Any) -> Ran:
        """Run a process to its end, and tell."""
        ran = super().run(*words, stdin=stdin, **options)
        return self.tell(words, ran, options.get("environment", {}))

    def tell(self, words: Sequence[str | bytes], ran: Ran, environment: dict[str, str]) -> Ran:
        """Write a command that has ended into the transcript."""
        shown = [f"{name}={value}" for name, value in environment.items() if name.startswith("COORD_")]
        self.transcript.command([*shown, "coord", *words], ran.code, ran.out, ran.err)
        return ran


@dataclass
class Scene:
    """One scenario: `it` is the item that was named last."""

    house: House
    root: Path
    it: str = ""
    last: Ran = field(default_factory=lambda: Ran(0, "", ""))
    """What the last command came to; steps that begin with Then look at it."""
    answers: list[Ran] = field(default_factory=list)
    """Of commands that were given more than once."""
    incarnations: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    """What a step leaves for a later one."""
    ending: ExitStack = field(default_factory=ExitStack)
    """What has to be ended after the scenario."""

    def item(self, title: str) -> str:
        """Return the id of an item by its title."""
        return scenario_id(title)

    def submit(self, title: str, *words: str) -> None:
        """Submit an item, which is `it` from now on."""
        self.it = self.item(title)
        self.house.ask("submit", title, "--id", self.it, *words)

    def restart(self, **settings: str) -> None:
        """Take everything down and start it again with settings of its environment."""
        self.house.ask("down")
        self.house.cli.environment.update(
            {f"COORD_{name.upper()}": value for name, value in settings.items()}
        )
        failed = start_house(self.house.cli.environment, self.house.cli.home)
        assert not failed, failed

    def act(self, agent: str, verb: str, *words: str) -> Ran:
        """Do something as an agent, as its present incarnation if it registered."""
        mine = self.incarnations.get(agent)
        environment = {"COORD_INCARNATION": mine} if mine else {}
        self.last = self.house.cli.run(verb, *words, "--agent", agent, "--json", environment=environment)
        return self.last

    def must(self, agent: str, verb: str, *words: str) -> Any:
        """Do something as an agent that has to work, and return what was answered."""
        ran = self.act(agent, verb, *words)
        assert ran.code == Exit.DONE, f"{agent} could not {verb} {' '.join(words)}: {ran.err.strip()}"
        return ran.document

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a command that goes on beside the next steps; it is killed at the end if it still runs."""
        path = self.root / f"{clock.new_id()}.txt"
        with path.open("wb") as out:
            process = self.house.cli.start(*words, stdout=out, stderr=subprocess.STDOUT)
        self.ending.callback(self._end, process, words, path)
        return process

    def _end(self, process: "subprocess.Popen[bytes]", words: Sequence[str], path: Path) -> None:
        process.kill()
        code = process.wait()
        telling_of(self.house).tell(words, Ran(code, path.read_text("utf-8", "replace"), ""), {})

    def show(self, item_id: str = "") -> Any:
        """Return an item as it is now, once it can be seen."""
        return until(lambda: _shown(self.house, item_id or self.it))

    def events(self, item_id: str = "") -> list[Any]:
        """Return every event of an item."""
        found: list[Any] = self.house.ask("history", item_id or self.it)["events"]
        return found

    def types(self, item_id: str = "") -> list[str]:
        """Return the types of its events, without their versions."""
        return [event["type"].rpartition(".v")[0] for event in self.events(item_id)]


def _shown(house: House, item_id: str) -> Any:
    ran = house.cli.run("show", item_id, "--json")
    return ran.document if ran.code == 0 else None


@contextmanager
def running_scene(root: Path, transcript: Transcript) -> Iterator[Scene]:
    """Run a house for one scenario; at its end the whole log is written into the transcript."""

    def telling(home: Path, environment: dict[str, str]) -> Cli:
        return TellingCli(home, environment, transcript)

    with running_house(root, telling, hatched=not transcript.wanted) as house:
        scene = Scene(house, root)
        try:
            yield scene
        finally:
            scene.ending.close()
            if transcript.wanted:
                transcript.say("\nThe log of this scenario")
                house.cli.run("tail", "--from", "1", "--until", "now")


def together(house: House, lines: Sequence[Sequence[str]], **options: Any) -> list[Ran]:
    """Run commands at the same time, and return what each came to."""
    processes = [house.cli.start(*words, **options) for words in lines]
    found = []
    for words, process in zip(lines, processes, strict=True):
        out, err = process.communicate(timeout=RUN_SECONDS)
        ran = Ran(process.returncode, out.decode(), err.decode())
        found.append(telling_of(house).tell(words, ran, {}))
    return found


def telling_of(house: House) -> TellingCli:
    """Return the command line of a scene's house."""
    assert isinstance(house.cli, TellingCli)
    return house.cli
