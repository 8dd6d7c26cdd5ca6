"""Every example of the help pages is run as it stands, by a shell, on a real house.

What is about an item, a run, an alert or a directive is run on a new one: hash-readme, r1, ALERT and DIRECTIVE
stand for it. What takes long is run elsewhere; its lines are read here.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import count
from pathlib import Path

import pytest
from command_line import COORD, Cli
from houses import until

from coord.services import clock
from coord.services.cli.examples import EXAMPLES
from coord.services.cli.parse import parse
from coord.services.cli.surface import VERBS
from coord.services.client import tell
from coord.services.folder import Folder
from coord.services.settings import Settings, load_settings
from coord.training_worker import Run

ELSEWHERE = {
    "coord demo /tmp/demo": "tests/house/test_house_life.py",
    "coord bench": "make bench",
    'coord verify "makes no sense" --no-record': "tests/verification/test_runner.py",
    "coord train README.md --run r1 --steps 30": "tests/training/test_train_command.py",
    "coord train README.md --run r1 --steps 60": "tests/training/test_train_command.py",
    "coord otlp backfill --from 1 --traces-only": "tests/exporter",
    "coord restore house.tar --data restored": "tests/backup",
    "coord archive": "tests/archive",
    "coord archive verify": "tests/archive",
    "coord up --detach --http-port 8778": "tests/api/test_http.py",
}
"""What takes long, or needs a receiver, and where it is run."""
WITHOUT_END = {
    "coord up": "up on",
    "coord tail": "work.submitted",
    "coord serve watchdog": "",
    "coord work --agent eve --capability gpu --exec 'sh train.sh {body.file}'": "is registered",
}
"""Lines that end with Ctrl-C, and what they have said by then."""
CODES = {"coord verify --status": 7}
"""Exit codes other than 0: on a new house nothing is proved."""
RUN_SECONDS = 60
ALL = [(verb, example.line) for verb, examples in EXAMPLES.items() for example in examples]


class Stage:
    """A house with what the examples speak of."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        self.folder = Folder(Path(cli.environment["COORD_DATA"]))
        self._numbers = count()

    def do(self, *words: str) -> str:
        """Run a command that must work."""
        ran = self.cli.run(*words)
        assert ran.code == 0, ran
        return ran.out.strip()

    def item(self, status: str = "open") -> str:
        """Submit an item, and make it so; who holds it is ada."""
        item_id = self.do("submit", "Hash", "--id", f"hash-{next(self._numbers)}", "--attempts", "1")
        if status in ("claimed", "completed", "parked"):
            self.do("claim", item_id, "--agent", "ada")
        verb = {"completed": "complete", "parked": "fail", "blocked": "block", "cancelled": "cancel"}.get(
            status
        )
        if verb in ("complete", "fail"):
            self.do(verb, item_id, "--agent", "ada")
        elif verb is not None:
            self.do(verb, item_id)
        return item_id

    @cached_property
    def trained(self) -> str:
        """The run r1, with some steps."""
        return self._train("r1")

    @cached_property
    def other(self) -> str:
        """The run r2, likewise."""
        return self._train("r2")

    def _train(self, name: str) -> str:
        with Run("tiny", run_id=name, settings=self.settings) as run:
            for step in range(40):
                run.log(step, loss=3.0 / (1 + step), canary_loss=3.0)
        until(lambda: self.cli.run("plot", name, "loss", "canary_loss").code == 0)
        return name

    @cached_property
    def settings(self) -> Settings:
        """The settings of the house."""
        return load_settings({"data": self.cli.environment["COORD_DATA"]}, environment={}).settings

    def alert(self) -> str:
        """Raise an alert."""
        alert_id = f"a-{next(self._numbers)}"
        fields = {
            "request_id": clock.new_id(), "alert_id": alert_id, "rule": alert_id, "entity_kind": "agent",
            "entity": "ada", "severity": "warning", "summary": "so", "evidence": [{"stream": "EVENTS", "position": 1}],
        }  # fmt: skip
        tell(self.folder, "raise", fields, "somebody", RUN_SECONDS)
        until(lambda: alert_id in self.do("alerts"))
        return alert_id

    def directive(self) -> str:
        """Ask something that nobody obeys."""
        self.do("register", "ada")
        return self.do(
            "direct", "--kind", "agent", "ada", "pause", "--reason", str(next(self._numbers))
        ).split()[0]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, make_cli: Callable[[Path, Path], Cli]) -> Iterator[Stage]:
    """A house that is up, and a folder with a text in it."""
    root = tmp_path_factory.mktemp("examples")
    cli = make_cli(root / "home", root / "data")
    cli.environment["PATH"] = f"{Path(COORD).parent}:{os.environ['PATH']}"
    cli.environment |= {"MANPAGER": "cat", "PAGER": "cat"}
    (cli.home / "README.md").write_text("What is read is learned, and what is learned is told. " * 60)
    (cli.home / ".config/fish/completions").mkdir(parents=True)
    assert cli.run("up", "--detach").code == 0
    yield Stage(cli)
    cli.run("down")


@pytest.fixture(scope="module")
def obedient(stage: Stage) -> Iterator[str]:
    """A run that goes on and does what it is asked."""
    over = threading.Event()

    def train() -> None:
        with Run("tiny", run_id="obedient", settings=stage.settings) as run:
            step = 0
            while not over.wait(0.01):
                step += 1
                run.log(step, loss=1.0)
                for asked in run.directives(step):
                    run.applied(asked, step, "done")

    thread = threading.Thread(target=train)
    thread.start()
    until(lambda: stage.cli.run("runs", "obedient").code == 0)
    yield "obedient"
    over.set()
    thread.join()


_ABOUT_ITEMS = {
    **dict.fromkeys(("claim", "cancel", "show", "history", "why", "reprioritise", "depend", "block"), "open"),
    **dict.fromkeys(("progress", "complete", "fail", "release", "mine"), "claimed"),
    **dict.fromkeys(("run", "work"), "open"),
    "wait": "completed", "unblock": "blocked", "requeue": "parked", "reopen": "cancelled",
}  # fmt: skip
"""Verbs whose examples speak of an item, and as what."""


def prepared(stage: Stage, verb: str, line: str, request: pytest.FixtureRequest) -> str:
    """Make what a line speaks of, and return the line with the names of that."""
    if verb in _ABOUT_ITEMS:
        line = line.replace("hash-readme", stage.item(_ABOUT_ITEMS[verb])).replace("ITEM", stage.item())
    if "--after hash-readme" in line:
        line = line.replace("hash-readme", stage.item())
    if verb == "mine":
        until(lambda: stage.cli.run("mine", "--agent", "ada").code == 0)
    if verb in ("drain", "evict"):
        line = line.replace("ada", "zoe")
        stage.do("register", "zoe")
    if verb in ("runs", "plot", "watchdog", "alerts", "compare"):
        line = line.replace("r1", stage.trained)
    if verb == "compare":
        line = line.replace("r2", stage.other)
    if verb == "metrics" and "cpu" in line:
        until(lambda: stage.cli.run("metrics", "cpu_utilization_ratio").code == 0)
    if "revoke" in line:
        stage.cli.run("token", "create", "notebook")
    if verb == "direct":
        line = line.replace("r1", request.getfixturevalue("obedient"))
    if verb == "withdraw":
        line = line.replace("r1", "ada").replace("DIRECTIVE", stage.directive())
    if "ALERT" in line:
        line = line.replace("ALERT", stage.alert())
    if "agent:ada" in line or verb in ("heartbeat", "retire"):
        stage.do("register", "ada")
    return line


def shell_for(line: str) -> list[str]:
    """Return the shell that a line is for."""
    if "zsh" in line:
        return ["zsh", "-f", "-c", f"autoload -Uz compinit; compinit -D -u; {line}"]
    return ["bash", "-c", line]


@pytest.mark.parametrize(("verb", "line"), [one for one in ALL if one[1] not in (*ELSEWHERE, *WITHOUT_END)])
def test_an_example_does_what_it_says(
    stage: Stage, verb: str, line: str, request: pytest.FixtureRequest
) -> None:
    tools = [word for word in re.findall(r"\b(?:jq|zsh)\b", line) if shutil.which(word) is None]
    if tools:
        pytest.skip(f"{tools[0]} is not installed")
    if line in ("coord down", "coord up --detach"):
        stage.cli.run("down")
    if line == "coord down":
        stage.do("up", "--detach")
    ran = subprocess.run(
        shell_for(prepared(stage, verb, line, request)), cwd=stage.cli.home, env=stage.cli.environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
    )  # fmt: skip
    if line == "coord down":
        stage.do("up", "--detach")
    assert ran.returncode == CODES.get(line, 0), (ran.stdout, ran.stderr)
    assert not [word for word in ran.stderr.splitlines() if word.startswith("coord: unexpected")]


@pytest.mark.parametrize(("line", "says"), WITHOUT_END.items())
def test_an_example_that_goes_on_ends_with_ctrl_c(stage: Stage, tmp_path: Path, line: str, says: str) -> None:
    stage.item()
    data = {"COORD_DATA": str(tmp_path / "other")} if line == "coord up" else {}
    with open(tmp_path / "said", "wb") as said:
        process = subprocess.Popen(
            shlex.split(line), cwd=stage.cli.home, env=stage.cli.environment | data, stdout=said, stderr=said
        )
        until(lambda: says in (tmp_path / "said").read_text() or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        assert process.wait(RUN_SECONDS) in (0, 130, -signal.SIGINT), (tmp_path / "said").read_text()


def test_every_verb_has_an_example_and_every_line_is_one_that_coord_reads() -> None:
    assert EXAMPLES.keys() == VERBS.keys()
    for verb, line in ALL:
        words = re.split(r"\s+", line.split("| ")[-1] if line.startswith("printf") else line)
        assert f"coord {verb}" in line
        assert len(words) > 1
    for line in ELSEWHERE:
        assert parse(shlex.split(line)[1:]) is not None
    assert {line for _, line in ALL} >= {*WITHOUT_END, *CODES, *ELSEWHERE}
