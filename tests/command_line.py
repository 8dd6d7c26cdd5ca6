"""`coord` as a process, run as a user runs it."""

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hatched import Hatched

COORD = str(Path(sys.executable).with_name("coord"))
RUN_SECONDS = 30
_HATCHED_OPTIONS: Final = {"stdin", "stdout", "stderr", "start_new_session"}
_LOADED: Final = {"LD_LIBRARY_PATH", "LD_PRELOAD"}
"""What is read when a program is loaded: a process that is forked would not see it."""

UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
"""For a process whose imports or speed are what is tested: `make test` measures no lines in it."""


_MEASURING = """
import os, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024))
os._exit(code if code >= 0 else 128 - code)
"""
"""A small process between the tests' and the one that is measured: what a child of the tests' own process had
at most counts what it was forked from, which may have imported anything."""


@dataclass
class Ran:
    """What became of a process."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@dataclass
class Cli:
    """`coord`, run as a user runs it, on a data folder of its own."""

    home: Path
    environment: dict[str, str]
    hatched: bool = field(default=False, kw_only=True)
    """Whether processes are forked from one that has imported coord, where that is no part of the question."""

    def start(self, *words: str | bytes, **options: Any) -> "subprocess.Popen[bytes]":
        """Start a process."""
        settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        given = options.pop("environment", {})
        before = options.pop("before", ())
        alike = not before and _HATCHED_OPTIONS.issuperset(options) and not _LOADED.intersection(given)
        popen = Hatched if self.hatched and alike else subprocess.Popen
        environment = self.environment | given
        return popen([*before, COORD, *words], cwd=self.home, env=environment, **{**settings, **options})

    def run(self, *words: str | bytes, stdin: bytes = b"", **options: Any) -> Ran:
        """Run a process to its end."""
        process = self.start(*words, stdin=subprocess.PIPE, **options)
        try:
            out, err = process.communicate(stdin, timeout=RUN_SECONDS)
        finally:
            process.kill()
        return Ran(process.returncode, (out or b"").decode(), (err or b"").decode())


def run_measured(cli: Cli, *words: str | bytes, **options: Any) -> tuple[Ran, int]:
    """Run a process to its end; return also how many bytes of memory it had at most."""
    with tempfile.NamedTemporaryFile() as told:
        ran = cli.run(*words, before=(sys.executable, "-c", _MEASURING, told.name), **options)
        return ran, int(told.read())


def stopped_by(process: "subprocess.Popen[bytes]", number: signal.Signals) -> Ran:
    """Send a signal and wait for the end."""
    process.send_signal(number)
    out, err = process.communicate(timeout=RUN_SECONDS)
    return Ran(process.returncode, out.decode(), err.decode())
