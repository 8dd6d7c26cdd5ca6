"""`coord tui --web` as a process, on a free port."""

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from houses import House, until

STOP_SECONDS = 15
"""A tab that is still open may hold it up for a moment, and no longer."""


@contextmanager
def serving(house: House) -> Iterator[str]:
    """Serve the dashboard of a house, and give its address; it is told to stop at the end, and must."""
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "told"
        with told.open("wb") as out:
            process = house.cli.start(
                "tui", "--web", "--port", str(_free_port()), stdout=out, stderr=subprocess.STDOUT
            )
        try:
            yield until(lambda: _address(told, process))
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()
                process.wait()


def _address(told: Path, process: "subprocess.Popen[bytes]") -> str:
    said = told.read_text()
    assert process.poll() is None, f"coord tui --web ended: {said}"
    return next((word for word in said.split() if word.startswith("http://")), "")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
