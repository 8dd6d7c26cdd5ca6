"""Running scenarios: pytest and pytest-bdd in a process of their own, a result as soon as each has ended.

Every scenario that was chosen comes to a result: what pytest did not run, for whatever reason, has failed.
"""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, Literal

from coord.events.errors import UsageError
from coord.services.verification.features import Place, Scenario

END_SECONDS: Final = 60
"""How long a run that is broken off may take to take its houses down."""
_LOG_BYTES: Final = 20_000
_UNSET: Final = ("PYTEST_ADDOPTS",)


@dataclass(frozen=True, slots=True)
class Result:
    """How one scenario ended."""

    scenario: Scenario
    outcome: Literal["passed", "failed", "skipped"]
    seconds: float
    reason: str | None
    transcript: str


def needs() -> None:
    """Check that what runs features is here.

    Raises:
        UsageError: it is not.
    """
    if importlib.util.find_spec("pytest_bdd") is None:
        raise UsageError("pytest-bdd, which runs features, is not installed.", "pip install -e '.[dev]'")


def run(place: Place, scenarios: Sequence[Scenario]) -> Iterator[Result]:
    """Run scenarios, and yield each result as it comes."""
    left = {scenario.id: scenario for scenario in scenarios}
    with tempfile.TemporaryFile() as log:
        for told in _told(place, scenarios, log):
            result = _result(told)
            if left.pop(result.scenario.id, None):
                yield result
        for scenario in left.values():
            yield Result(scenario, "failed", 0.0, f"it was not run: {_last_words(log)}", _text(log))


def _told(place: Place, scenarios: Sequence[Scenario], log: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Start pytest and yield what its plugin tells; end it whatever happens."""
    reading, writing = os.pipe()
    command = [
        sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider",
        "-p", "coord.services.verification.plugin",
        "--verify-results", f"/dev/fd/{writing}",
        "--verify-only", ",".join(one.id for one in scenarios),
        str(place.steps),
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    with open(reading, encoding="utf-8") as lines:
        process = subprocess.Popen(
            command, cwd=place.root, env=environment, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, pass_fds=(writing,), start_new_session=True,
        )  # fmt: skip
        os.close(writing)
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            for line in lines:
                yield json.loads(line)
            process.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
            _end(process)


def _interrupt(*_: object) -> None:
    """Be ended as by Ctrl-C: what pytest set up is taken down first."""
    raise KeyboardInterrupt


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask pytest to break off and take down what it set up; insist when it does not."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()


def _result(told: dict[str, Any]) -> Result:
    scenario = Scenario(told["feature"], told["scenario"])
    return Result(scenario, told["outcome"], told["seconds"], told["reason"], told["transcript"])


def _text(log: IO[bytes]) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LOG_BYTES))
    return log.read().decode("utf-8", "replace")


def _last_words(log: IO[bytes]) -> str:
    """Return what pytest said is wrong: its last error, else its last line."""
    lines = [line.strip() for line in _text(log).splitlines() if line.strip()]
    errors = [line.partition(" ")[2].strip() for line in lines if line.startswith(("E ", "ERROR: "))]
    return (errors or lines or ["pytest said nothing"])[-1]
