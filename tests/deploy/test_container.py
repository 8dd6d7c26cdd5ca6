"""The Containerfile, as far as it can be checked without an engine, and its scripts, really run beside a server."""

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from deployed import DEPLOY
from nats_servers import credentials_file, running_server
from receivers import until
from standing_still import stop
from walls import ROOMS

from coord.services.server.process import end_child

TEXT: Final = (DEPLOY / "Containerfile").read_text()
LINES: Final = [line.strip() for line in re.sub(r"\\\n", " ", TEXT).splitlines() if line.strip()]
STAGES: Final = TEXT.split("\nFROM ")[1:]
ROOT: Final = DEPLOY.parent


def instructions(word: str) -> list[str]:
    return [line.partition(" ")[2].strip() for line in LINES if line.startswith(f"{word} ")]


def test_both_stages_are_of_one_exact_python() -> None:
    bases = [one.split()[0] for one in instructions("FROM")]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", bases[0])


def test_it_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert LINES.index("USER 10001:10001") > max(
        LINES.index(line) for line in LINES if line.startswith("RUN ")
    )
    (health,) = instructions("HEALTHCHECK")
    assert health.endswith('CMD ["serving"]')
    assert instructions("ENTRYPOINT") == ['["serve"]']


def test_what_it_copies_is_there_and_is_sent_to_the_builder() -> None:
    sent = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    for words in instructions("COPY"):
        if words.startswith("--from"):
            continue
        for source in words.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in sent or any(f"!{parent}/**" in sent for parent in _with_parents(source)), (
                source
            )


def test_what_the_wheel_is_built_of_is_copied() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    wanted = {path for paths in tools.get("data-files", {}).values() for path in paths} | set(ROOMS)
    copied = {source for words in instructions("COPY") for source in words.split()[:-1]}
    assert all(copied & set(_with_parents(path)) for path in wanted), wanted


def _with_parents(source: str) -> list[str]:
    path = Path(source)
    return [str(one) for one in (path, *path.parents) if str(one) != "."]


def test_everything_installed_is_pinned_and_nothing_is_fetched_by_hand() -> None:
    installs = re.findall(r"pip install ([^&]*)", " ".join(LINES))
    assert len(installs) == 2
    assert all("-c constraints.txt" in words for words in installs)
    assert not re.search(r"\b(curl|wget|apt-get|git clone)\b", TEXT)


def test_only_the_built_environment_comes_from_the_first_stage() -> None:
    assert [words for words in instructions("COPY") if "--from" in words] == [
        "--from=build /opt/coord /opt/coord"
    ]
    assert "pip uninstall --yes setuptools pip" in STAGES[0]


@dataclass
class Container:
    """What the scripts of the image see: a folder, an environment, and a service that `serve` runs."""

    environment: dict[str, str]

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        command = ["sh", str(DEPLOY / "container" / "serve"), *words]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)

    def code(self, script: str, *words: str) -> int:
        command = ["sh", str(DEPLOY / "container" / script), *words]
        return subprocess.run(
            command, env=self.environment, stderr=subprocess.DEVNULL, check=False
        ).returncode


@pytest.fixture
def container(known: Mapping[str, str], tmp_path: Path) -> Iterator[Container]:
    with running_server(tmp_path / "server", known) as server:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        yield Container({
            "PATH": path, "HOME": str(tmp_path), "READY_FILE": str(tmp_path / "ready"),
            "COORD_DATA": str(tmp_path / "data"), "COORD_NATS": server.address.url,
            "COORD_NATS_CREDENTIALS": str(credentials_file(tmp_path, "core", known)),
        })  # fmt: skip


def test_a_service_is_healthy_once_it_serves_and_hung_when_it_does_not_answer(container: Container) -> None:
    assert container.code("serving") != 0
    assert container.code("answers", "coordinator") == 0, "a standby listens on no socket, and is well"
    coordinator = container.start("coord", "serve", "coordinator")
    try:
        until(lambda: container.code("serving") == 0)
        assert container.code("answers", "coordinator") == 0
        assert container.code("serving", "coord", "health") != 0, "nobody answers questions"
        stop(coordinator.pid)
        assert container.code("answers", "coordinator") != 0
        os.kill(coordinator.pid, signal.SIGCONT)
        until(lambda: container.code("answers", "coordinator") == 0)
    finally:
        end_child(coordinator)


def test_a_start_forgets_that_it_served_before(container: Container) -> None:
    ready = Path(container.environment["READY_FILE"])
    ready.write_text("ready\n")
    assert container.start("true").wait() == 0
    assert container.code("serving") != 0
