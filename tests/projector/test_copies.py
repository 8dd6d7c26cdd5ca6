"""Which copies of past tables are left and kept: by hour, by day, evenly, and never more than they may take."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from histories import CREATED, SECOND_NS, stored_event

from coord.events import work
from coord.events.streams import GIB
from coord.services import clock
from coord.services.folder import Folder
from coord.services.projector import copies, scratch
from coord.services.projector.copies import DAY_NS, HOUR_NS, Copies, Policy, copies_in
from coord.services.projector.keeping import PastCopies
from coord.services.projector.scratch import Scratch
from coord.services.settings import Settings

NOW_NS = 20_000 * DAY_NS
"""A midnight."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies that are due every ten positions, at most four of them."""
    for name, value in (("STRIDE", 10), ("EVEN_MAX", 4), ("NEAR_MAX", 2)):
        monkeypatch.setattr(copies, name, value)
    monkeypatch.setattr(scratch, "APART_MIN", 2)


def left(root: Path, kept: Copies, *made: tuple[int, int]) -> list[int]:
    """Write copies of these positions and times; returns which of all stay."""
    for position, at_ns in made:
        kept.path_of(position, at_ns).write_bytes(b"x" * 100)
        kept.add(position, at_ns)
    return [one.position for one in copies_in(root)]


def test_the_last_copy_of_each_hour_and_day_is_kept_as_long_as_it_is_said(
    small: None, tmp_path: Path
) -> None:
    made = [(101 + 2 * hour, NOW_NS + hour * HOUR_NS + 1) for hour in range(60)]
    kept = Copies(tmp_path, Policy(hours=3, days=2))
    assert left(tmp_path, kept, *made) == [101 + 2 * hour for hour in (47, 57, 58, 59)]
    assert left(tmp_path, kept, (223, made[-1][1] + 1)) == [195, 215, 217, 223]
    assert kept.nearest(216) is not None
    assert kept.nearest(194) is None


def test_even_copies_are_thinned_out_and_the_last_of_all_stays_whatever_it_takes(
    small: None, tmp_path: Path
) -> None:
    kept = Copies(tmp_path, Policy(hours=0, days=0))
    assert left(tmp_path, kept, *((at, NOW_NS) for at in range(10, 90, 10))) == [20, 40, 60, 80]
    assert kept.stride == 20
    tight = Copies(tmp_path, Policy(hours=0, days=0, bytes_max=150))
    tight.find(70)
    assert [one.position for one in copies_in(tmp_path)] == [40, 80]
    assert left(tmp_path, Copies(tmp_path, Policy(bytes_max=1)), (90, NOW_NS)) == [40, 80, 90]
    none = Copies(tmp_path, Policy(bytes_max=1))
    none.find(100)
    assert [one.position for one in copies_in(tmp_path)] == [90]


def test_what_is_no_copy_is_none_and_one_beyond_the_log_is_not_used(small: None, tmp_path: Path) -> None:
    for name in ("12.duckdb", "x-1.duckdb", "1-x.duckdb", "scratch.duckdb", "40-5.new"):
        (tmp_path / name).touch()
    kept = Copies(tmp_path, Policy())
    kept.find(100)
    assert kept.nearest(100) is None
    left(tmp_path, kept, (50, NOW_NS))
    again = Copies(tmp_path, Policy())
    again.find(49)
    assert again.nearest(100) is None


def test_hours_and_days_that_end_on_the_way_are_kept_if_enough_happened_in_them(
    small: None, tmp_path: Path
) -> None:
    times = [*(NOW_NS - 50 * HOUR_NS + at for at in range(3)), NOW_NS - 5 * HOUR_NS, NOW_NS - 4 * HOUR_NS,
             *(NOW_NS - HOUR_NS + at * SECOND_NS for at in range(4)), NOW_NS + 1]  # fmt: skip
    submitted = work.WorkSubmitted(title="hash a file")
    messages = [stored_event(at, f"w-{at}", submitted, time) for at, time in enumerate(times, 1)]
    held = Scratch(tmp_path, 128, Policy(hours=24, days=1))
    held.begin(CREATED, len(messages), NOW_NS)
    held.stand_before(10)
    assert held.ends_in(messages) == [4, 9], "the first day is too old, and in one hour there was one event"
    held.fold(messages[:4], ())
    held.keep(10)
    assert [one.position for one in copies_in(tmp_path)] == [4]
    assert held.ends_in(messages[4:]) == [9]
    held.close()


class Asked:
    """A past that says where the next copy is due, and notes what it was asked."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    async def keep_copies(self, position: int) -> int:
        """Note a position."""
        self.positions.append(position)
        return position // 30_000 * 30_000 + 30_000


class Folding:
    """A keeper that has folded so much."""

    def __init__(self) -> None:
        self.folded = {"EVENTS": 0}


def test_copies_are_made_when_enough_came_and_the_present_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now_ns", lambda: NOW_NS)
    asked, folding, lag = Asked(), Folding(), 0
    keeper, past = cast("Any", folding), cast("Any", asked)
    keeping = PastCopies(Settings(data=tmp_path), Folder(tmp_path), keeper, past, lambda: lag)

    async def look(position: int, behind: int = 0) -> list[int]:
        nonlocal lag
        folding.folded["EVENTS"], lag = position, behind
        asked.positions.clear()
        looking = asyncio.create_task(keeping.keep(0))
        for _ in range(5):
            await asyncio.sleep(0)
        looking.cancel()
        return asked.positions

    async def main() -> None:
        assert await look(2_000) == []
        assert await look(5_000, behind=2_000) == []
        assert (await look(5_000))[0] == 5_000
        assert await look(9_000) == []
        assert (await look(30_000))[0] == 30_000
        monkeypatch.setattr(clock, "now_ns", lambda: NOW_NS + HOUR_NS)
        assert await look(30_001) == []
        assert (await look(33_000))[0] == 33_000

    asyncio.run(main())
    state = keeping.state()
    assert (state.copies, state.bytes, state.bytes_max, state.fault) == (0, 0, 6 * GIB, "")
