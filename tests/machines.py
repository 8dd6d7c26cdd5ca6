"""A machine out of a folder: what the kernel would show under /proc and /sys, written as files."""

from dataclasses import dataclass
from pathlib import Path

from coord.services.hardware.metrics import Point
from coord.services.hardware.rates import Rates
from coord.services.hardware.sampler import Reader

Values = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Machine:
    """A pretended machine; `root` is what readers take."""

    folder: Path

    @property
    def root(self) -> str:
        return str(self.folder)

    def write(self, path: str, text: str) -> None:
        """Let the kernel show a file."""
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def remove(self, path: str) -> None:
        """Let a file be gone."""
        (self.folder / path.lstrip("/")).unlink()

    def disk(self, name: str, fields: str) -> None:
        """Have a disk with these counters in /proc/diskstats, besides the disks it has."""
        stats = self.folder / "proc/diskstats"
        before = stats.read_text() if stats.exists() else ""
        kept = [line for line in before.splitlines() if line.split()[2] != name]
        self.write("/proc/diskstats", "\n".join([*kept, f"254 0 {name} {fields}"]) + "\n")
        self.write(f"/sys/block/{name}/device/model", "pretended")


class Looks:
    """Looks of one reader at one machine, at moments of a clock that the test sets."""

    def __init__(self, machine: Machine, reader: Reader) -> None:
        self._machine = machine
        self._reader = reader
        self._rates = Rates()

    def at(self, now: float) -> Values:
        """Look at the machine at this moment."""
        self._rates.look(now)
        return by_series(list(self._reader(self._machine.root, self._rates)))


def by_series(points: list[Point]) -> Values:
    """Return readings by metric and device; each stands for itself."""
    values = {(metric, device): value for metric, device, value in points}
    assert len(values) == len(points), "two readings of one series in one look"
    return values
