"""A house with a long history of readings: its server, its projector as a process, and who publishes and asks."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.telemetry import Machines, publish

from coord.events.errors import CoordError
from coord.events.streams import SAMPLES
from coord.services import client, clock
from coord.services.bench.measure import percentile
from coord.services.folder import PROJECTOR_SOCKET, Folder
from coord.services.log import Log
from coord.services.settings import Settings

NODES: Final = 64
READINGS: Final = 200
"""Of 25 series, eight of each, in one message."""
SERIES: Final = 25
PER_SECOND: Final = 20_000
STEP_MS: Final = 1_000 * NODES * SERIES // PER_SECOND
"""Between two readings of a series, so that all together are so many a second."""
FILLED_PER_SECOND: Final = 120_000
"""About so fast is a house filled: its newest reading is to be of the moment when that is done."""
PATIENCE_SECONDS: Final = 3_600.0
_LOOK_SECONDS: Final = 0.005
_SECOND_NS: Final = 1_000_000_000


class Named(NamedTuple):
    """A question that is measured."""

    name: str
    question: str
    fields: dict[str, Any]
    milliseconds_max: float


_METRIC: Final = {"metrics": ["metric_0_ratio"], "device": "gpu0"}
NAMED: Final = (
    Named("latest", "latest", {"metric": "metric_0_ratio"}, 50.0),
    Named("one-series", "trend", {**_METRIC, "node": "n7", "seconds": 600.0, "bins": 200}, 50.0),
    Named("metric-of-64", "trend", {**_METRIC, "seconds": 600.0, "bins": 60}, 50.0),
    Named("rollups", "trend", {**_METRIC, "seconds": 86_400.0, "bins": 60}, 10.0),
)


class LongHouse:
    """One data folder whose server runs already."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = Folder(settings.data)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start the projector; returns after how many seconds it answered."""
        began = clock.monotonic()
        self._process = subprocess.Popen(self._coord("serve", "projector"), stderr=subprocess.DEVNULL)
        self.until(lambda: self.ask("latest", {"limit": 1}) is not None)
        return clock.monotonic() - began

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the projector."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def megabytes(self) -> tuple[float, float]:
        """Return what the projector holds in memory, and what it held at most."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        told = dict(line.split(":", 1) for line in status.splitlines())
        return int(told["VmRSS"].split()[0]) / 1000, int(told["VmHWM"].split()[0]) / 1000

    def ask(self, question: str, fields: dict[str, Any]) -> dict[str, Any] | None:
        """Ask once; None when nobody answers."""
        with contextlib.suppress(CoordError):
            return client.ask(self.folder, question, fields, 60.0)
        return None

    def folded(self, stream: str) -> int:
        """Return how far a stream is folded in."""
        state = self.ask("state", {})
        return int(state["positions"].get(stream, 0)) if state else 0

    def until(self, there: Callable[[], bool]) -> None:
        """Wait until something is so."""
        began = clock.monotonic()
        while not there():
            assert clock.monotonic() - began < PATIENCE_SECONDS, "it does not come true"
            time.sleep(_LOOK_SECONDS)

    def snapshot(self) -> Path:
        """Have a snapshot taken of what is folded in, and return its file."""
        told = list(client.lines(self.folder, PROJECTOR_SOCKET, "POST", "/v1/snapshot", 600.0))
        return Path(json.loads(told[-1])["file"])

    def tell(self, *words: str) -> list[dict[str, Any]]:
        """Run a command that tells its progress in JSON, and return what it told."""
        done = subprocess.run(self._coord(*words, "--json"), capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.returncode, done.stderr[-500:], done.stdout[-500:])
        return [json.loads(line) for line in done.stdout.splitlines()]

    @contextlib.contextmanager
    def serving(self, service: str) -> Iterator[None]:
        """Run another service meanwhile."""
        process = subprocess.Popen(self._coord("serve", service), stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    @contextlib.contextmanager
    def publishing(self, count: int, per_second: float = 0.0) -> Iterator["subprocess.Popen[bytes]"]:
        """Publish so many messages from a process of its own; without a pace as fast as it goes, and as of earlier."""
        words = ["--publish", str(count), "--pace", str(per_second), "--data", str(self.settings.data)]
        process = subprocess.Popen([sys.executable, "-P", __file__, *words])
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    def _coord(self, *words: str) -> Sequence[str]:
        given = [str(Path(sys.executable).with_name("coord")), *words, "--data", str(self.settings.data)]
        archive = self.settings.archive
        return (
            [*given, "--archive", str(archive), "--archive-seconds", "0.1"] if archive is not None else given
        )


def asked(house: LongHouse, named: Named, count: int, pause_seconds: float = 0.0) -> list[float]:
    """Ask a question so often; returns the seconds that each answer took."""
    took = []
    for _ in range(count):
        began = clock.monotonic()
        answer = house.ask(named.question, named.fields)
        took.append(clock.monotonic() - began)
        assert answer, f"{named.name} was not answered"
        assert answer["rows"], f"{named.name} has no rows"
        time.sleep(pause_seconds)
    return took


def spread(took: Sequence[float]) -> tuple[float, float]:
    """Return median and 99th percentile, in milliseconds."""
    return 1_000 * percentile(took, 0.5), 1_000 * percentile(took, 0.99)


async def fill(settings: Settings, count: int, per_second: float) -> None:
    """Publish messages: at a pace as of now, or as fast as it goes and as if it had been at that pace up to now."""
    log = await Log.connect(settings, Folder(settings.data), name="publisher")
    writer = f"m-{clock.new_id()[-8:]}"
    machines = Machines(NODES, READINGS, writer, SERIES, STEP_MS)
    if not per_second:
        took_ns = count * READINGS * _SECOND_NS // FILLED_PER_SECOND
        machines.began_ns += took_ns - count * READINGS * _SECOND_NS // PER_SECOND
    await publish(log, machines, count, per_second)
    while (await log.stream_state(SAMPLES.name)).last < count:
        await log.client.flush()
    await log.close()


def main() -> None:
    """Publish, as a process of its own."""
    import argparse

    import uvloop

    parser = argparse.ArgumentParser()
    parser.add_argument("--publish", type=int, required=True)
    parser.add_argument("--pace", type=float, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    uvloop.run(fill(Settings(data=options.data), options.publish, options.pace))


if __name__ == "__main__":
    main()
