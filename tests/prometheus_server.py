"""A real Prometheus, on a history that promtool wrote into its store, or on what it scrapes."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from receivers import until

from coord.services.server.probe import get
from coord.services.server.process import end_child

REPLY_SECONDS: Final = 10.0


def tool(name: str) -> str:
    """Return where a tool is, or skip the test."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def promtool(*words: str | Path, given: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run promtool."""
    command = [tool("promtool"), *map(str, words)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)


@dataclass
class Prometheus:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, **parameters: Any) -> Any:
        """Ask its HTTP API, and return the answer's data."""
        try:
            with urlopen(
                f"{self.url}/api/v1/{path}?{urlencode(parameters, doseq=True)}", timeout=REPLY_SECONDS
            ) as reply:
                return json.load(reply)["data"]
        except HTTPError as error:
            with error:
                pytest.fail(f"{parameters}: {error.read().decode()}")


@contextmanager
def running_prometheus(folder: Path, history: str, rules: Path) -> Iterator[Prometheus]:
    """Run Prometheus on a history, with rules, until the block ends."""
    tool("prometheus")
    (folder / "history.txt").write_text(history)
    made = promtool("tsdb", "create-blocks-from", "openmetrics", folder / "history.txt", folder / "store")
    assert made.returncode == 0, made.stderr
    with _running(folder, {"rule_files": [f"{rules}/*.yaml"]}) as running:
        yield running


@contextmanager
def scraping_prometheus(folder: Path, target: str, token: Path) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes `host:port` every second, with the token in a file."""
    job = {
        "job_name": "coord",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "authorization": {"credentials_file": str(token)},
        "static_configs": [{"targets": [target]}],
    }
    with _running(folder, {"scrape_configs": [job]}) as running:
        yield running


@contextmanager
def _running(folder: Path, configuration: Mapping[str, Any]) -> Iterator[Prometheus]:
    prometheus = tool("prometheus")
    (folder / "prometheus.yaml").write_text(json.dumps(configuration))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [prometheus, f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'store'}",
               f"--web.listen-address={address}", "--storage.tsdb.retention.time=10y"]  # fmt: skip
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, env=_environment())
    try:
        until(
            lambda: child.poll() is not None or (get(f"http://{address}", "/-/ready") or (0, b""))[0] == 200
        )
        assert child.poll() is None, (folder / "said").read_text()
        yield Prometheus(f"http://{address}")
    finally:
        end_child(child)


def _environment() -> Mapping[str, str]:
    return {"GOMAXPROCS": "1", "GOGC": "200"}
