"""What the tables say after packed readings, and that sending them again says nothing new."""

from math import inf

import pytest
from histories import SECOND_NS, START_NS, History, folded, hardware, only, stored_sample
from hypothesis import given
from hypothesis import strategies as st

from coord.events import samples
from coord.events.errors import InvalidEvent
from coord.events.examples import SAMPLES
from coord.events.wire import read_sample
from coord.projections.folds import seen
from coord.projections.folds.samples import (
    LATEST,
    MINUTE_NS,
    MONITORS,
    PRESENCE,
    PROCESSES,
    READINGS_HOT,
    ROLLUP_PARTS,
)
from coord.projections.intake import DEAD_LETTERS

_START_MINUTE = START_NS - START_NS % MINUTE_NS


def _at(minute: int, second: int) -> int:
    """Milliseconds from the writer's start to a second of a minute."""
    return (_START_MINUTE + minute * MINUTE_NS + second * SECOND_NS - START_NS) // 1_000_000


def test_readings_are_kept_with_both_clocks_and_the_newest_is_latest() -> None:
    history = History()
    history.sample("n1", "hardware", hardware(0, [(0, 1.0), (1000, 3.0)]))
    history.sample("n1", "hardware", hardware(1, [(2000, 2.0)]))
    tables = history.tables()
    assert [(row.at_ns, row.value) for row in tables.rows(READINGS_HOT)] == [
        (START_NS, 1.0),
        (START_NS + SECOND_NS, 3.0),
        (START_NS + 2 * SECOND_NS, 2.0),
    ]
    latest = only(tables, LATEST)
    assert (latest.value, latest.position, latest.recorded_at_ns) == (2.0, 2, START_NS + 2 * SECOND_NS)


def test_a_minute_is_rolled_up_when_the_next_one_begins() -> None:
    history = History()
    history.sample("n1", "hardware", hardware(0, [(_at(1, 1), 1.0), (_at(1, 2), 3.0)]))
    history.sample("n1", "hardware", hardware(1, [(_at(1, 3), 2.0), (_at(2, 0), 9.0)]))
    tables = history.tables()
    part = only(tables, ROLLUP_PARTS)
    assert part.minute_ns == _START_MINUTE + MINUTE_NS
    assert (part.readings, part.total, part.total_squares) == (3, 6.0, 14.0)
    assert (part.lowest, part.highest, part.last) == (1.0, 3.0, 2.0)
    latest = only(tables, LATEST)
    assert (latest.minute_ns, latest.readings, latest.total) == (_START_MINUTE + 2 * MINUTE_NS, 1, 9.0)


def test_sums_are_exact_and_one_that_no_double_holds_is_infinite() -> None:
    history = History()
    history.sample("n1", "hardware", hardware(0, [(_at(1, 0), 0.1)] * 10))
    assert only(history.tables(), LATEST).total == 1.0
    for sign in (1.0, -1.0):
        history = History()
        history.sample("n1", "hardware", hardware(0, [(_at(1, 0), sign * 1.5e308)] * 2))
        latest = only(history.tables(), LATEST)
        assert (latest.total, latest.total_squares) == (sign * inf, inf)


def test_late_readings_leave_another_part_and_the_newest_value_stays() -> None:
    history = History()
    history.sample("n1", "hardware", hardware(1, [(_at(2, 0), 9.0)]))
    history.sample("n1", "hardware", hardware(0, [(_at(1, 0), 1.0)], writer="m-2"))
    history.sample("n1", "hardware", hardware(2, [(_at(2, 1), 8.0)]))
    tables = history.tables()
    assert [part.minute_ns for part in tables.rows(ROLLUP_PARTS)] == [
        _START_MINUTE + 2 * MINUTE_NS,
        _START_MINUTE + MINUTE_NS,
    ]
    assert only(tables, LATEST).value == 8.0


def test_a_batch_that_is_sent_again_changes_nothing() -> None:
    once, again = History(), History()
    for sequence in (0, 1, 3):
        once.sample("n1", "hardware", hardware(sequence, [(sequence * 1000, 1.0)]))
    for sequence in (0, 1, 3, 1, 0, 3):
        again.sample("n1", "hardware", hardware(sequence, [(sequence * 1000, 1.0)]))
    first, second = once.tables().contents(), again.tables().contents()
    assert {name: rows for name, rows in first.items() if name != "positions"} == {
        name: rows for name, rows in second.items() if name != "positions"
    }


def test_a_batch_that_was_overtaken_is_still_taken() -> None:
    history = History()
    for sequence in (0, 2, 1):
        history.sample("n1", "hardware", hardware(sequence, [(sequence * 1000, float(sequence))]))
    tables = history.tables()
    assert len(tables.rows(READINGS_HOT)) == 3
    assert only(tables, MONITORS).seen == (0, 2)


def test_the_last_list_of_processes_counts() -> None:
    history = History()
    history.sample("n1", "processes", SAMPLES["processes"])
    listed = only(history.tables(), PROCESSES)
    assert listed.total == 211
    assert '"python3"' in listed.processes


def test_presence_tells_when_an_agent_was_heard_and_never_goes_back() -> None:
    def told(sequence: int, silent_seconds: float, incarnation: int = 3) -> samples.PresenceSample:
        who = samples.Presence(agent="ada", incarnation=incarnation, silent_seconds=silent_seconds)
        return samples.PresenceSample(
            writer="c-1", writer_sequence=sequence, started_at_ns=START_NS, agents=(who,)
        )

    history = History()
    history.sample("main", "presence", told(0, 0.5))
    history.sample("main", "presence", told(1, 60.0))
    heard = only(history.tables(), PRESENCE)
    assert heard.heard_at_ns == START_NS + SECOND_NS // 2
    history.sample("main", "presence", told(2, 60.0, incarnation=4))
    assert only(history.tables(), PRESENCE).incarnation == 4


def test_readings_far_in_the_brokers_future_are_set_aside() -> None:
    early = stored_sample(1, "n1", "hardware", hardware(0, [(0, 1.0)]), at_ns=START_NS - 4000 * SECOND_NS)
    with pytest.raises(InvalidEvent, match="4000 s ahead of the broker's clock"):
        read_sample(early)
    assert only(folded([early]), DEAD_LETTERS).stream == "SAMPLES"


@given(st.lists(st.integers(0, 40), max_size=60))
def test_the_ranges_of_a_writer_are_a_set(numbers: list[int]) -> None:
    ranges: seen.Ranges = ()
    met: set[int] = set()
    for number in numbers:
        assert seen.has(ranges, number) == (number in met)
        if number not in met:
            ranges = seen.add(ranges, number)
            met.add(number)
    assert seen.missing(ranges) == (max(met) - min(met) + 1 - len(met) if met else 0)


def test_a_writer_with_too_many_holes_forgets_the_oldest() -> None:
    ranges: seen.Ranges = ()
    for number in range(0, 2 * (seen.RANGES_MAX + 1), 2):
        ranges = seen.add(ranges, number)
    assert len(ranges) == 2 * seen.RANGES_MAX
    assert seen.has(ranges, 1)
    assert not seen.has(ranges, 3)
