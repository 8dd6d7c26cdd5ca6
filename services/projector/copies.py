"""Copies of past tables, to begin from: which are left on the way through the log, and which of them are kept.

    hourly   the last of each hour, for so many hours; daily: of each day, for so many days
    even     at positions evenly apart; when they are too many, or all take too much, every other one goes
    near     the last ones left a little before where somebody wanted to stand: a step back is a short way

A copy is named by its position and the broker's time of it, `<position>-<nanoseconds>.duckdb`: whether it is of
this log and this version of the tables is seen when it is opened. They outlast the process and the projector.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from coord.events.streams import GIB
from coord.services.settings import Settings

STRIDE: Final = 16_384
"""Positions between two even ones, to begin with: less than a second of folding."""
APART_MIN: Final = 2_048
"""Events between an hourly or daily one and the one before: fewer are folded sooner than a file is opened."""
EVEN_MAX: Final = 64
NEAR_MAX: Final = 4
HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS
SUFFIX: Final = ".duckdb"


class Policy(NamedTuple):
    """How many copies are kept, and of what size together."""

    hours: int = 24
    days: int = 14
    bytes_max: int = 6 * GIB


def policy_of(settings: Settings) -> Policy:
    """Say what the settings want to be kept."""
    return Policy(settings.past_hours_kept, settings.past_days_kept, settings.past_gib_max * GIB)


@dataclass(frozen=True, slots=True)
class Copy:
    """One of them."""

    position: int
    at_ns: int
    path: Path
    size_bytes: int


class Copies:
    """The copies of one folder."""

    def __init__(self, root: Path, policy: Policy) -> None:
        self.stride = STRIDE
        self._root = root
        self._policy = policy
        self._near: list[int] = []
        self._here: dict[int, Copy] = {}

    def find(self, last: int) -> None:
        """Find what is left of earlier processes, of positions that the log has."""
        self._here = {one.position: one for one in copies_in(self._root) if one.position <= last}
        self._near = [
            one.position
            for one in self._here.values()
            if one.position % STRIDE and not self._ends_hour_or_day(one)
        ][-NEAR_MAX:]
        self.thin_out()

    def __contains__(self, position: int) -> bool:
        return position in self._here

    def nearest(self, position: int) -> Copy | None:
        """Return the last one at or before a position."""
        return self._here[at] if (at := max((p for p in self._here if p <= position), default=0)) else None

    def path_of(self, position: int, at_ns: int) -> Path:
        """Say where a copy belongs."""
        return self._root / f"{position}-{at_ns}{SUFFIX}"

    def add(self, position: int, at_ns: int, *, near: bool = False) -> None:
        """Count a copy in that was just written, and let others go."""
        path = self.path_of(position, at_ns)
        self._here[position] = Copy(position, at_ns, path, path.stat().st_size)
        if near:
            self._near.append(position)
            del self._near[: -NEAR_MAX - 1]
        self.thin_out()

    def drop(self, position: int) -> None:
        """Remove one."""
        self._here.pop(position).path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Count all of them out; their files are removed by whoever says so."""
        self._here.clear()
        self._near.clear()
        self.stride = STRIDE

    def is_wanted(self, before_ns: int, after_ns: int, end_ns: int) -> bool:
        """Tell whether an hour or a day whose last event is kept ends between two events, in a log that ends then."""
        hours, days, _ = self._policy
        if before_ns // HOUR_NS != after_ns // HOUR_NS and before_ns >= end_ns - hours * HOUR_NS:
            return True
        return before_ns // DAY_NS != after_ns // DAY_NS and before_ns >= end_ns - days * DAY_NS

    def thin_out(self) -> None:
        """Let go what no rule keeps; and more, where all are too many or too large; the last always stays."""
        del self._near[:-NEAR_MAX]
        while True:
            kept = self._kept()
            for position in [one for one in self._here if one not in kept]:
                self.drop(position)
            even = [one for one in self._here if one % self.stride == 0]
            if len(even) > EVEN_MAX or (len(even) > 1 and self._are_too_large()):
                self.stride *= 2
                continue
            if len(self._here) > 1 and self._are_too_large():
                self.drop(min(self._here))
                continue
            return

    def _kept(self) -> set[int]:
        even = {one for one in self._here if one % self.stride == 0}
        return {
            *even,
            *self._near,
            *self._last_of(HOUR_NS, self._policy.hours),
            *self._last_of(DAY_NS, self._policy.days),
        }

    def _last_of(self, span_ns: int, count: int) -> Iterator[int]:
        """Give out the last copy of each of the newest hours, or days; near ones are none of them."""
        last = {
            one.at_ns // span_ns: one.position
            for one in sorted(self._here.values(), key=lambda one: one.position)
            if one.position not in self._near
        }
        newest = max(last, default=0)
        yield from (position for span, position in last.items() if span > newest - count)

    def _ends_hour_or_day(self, copy: Copy) -> bool:
        return copy.position in {
            *self._last_of(HOUR_NS, self._policy.hours),
            *self._last_of(DAY_NS, self._policy.days),
        }

    def _are_too_large(self) -> bool:
        return sum(one.size_bytes for one in self._here.values()) > self._policy.bytes_max


def copies_in(root: Path) -> list[Copy]:
    """List the copies of a folder by position."""
    found = []
    for path in root.glob(f"[0-9]*-[0-9]*{SUFFIX}"):
        position, _, at_ns = path.stem.partition("-")
        if position.isdecimal() and at_ns.isdecimal():
            try:
                found.append(Copy(int(position), int(at_ns), path, path.stat().st_size))
            except FileNotFoundError:
                continue
    return sorted(found, key=lambda one: one.position)
