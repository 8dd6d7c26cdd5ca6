"""Readings and rollups in sealed segments: the views show the same as ever, and only whole segments go."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from asked import ask
from histories import CREATED, SECOND_NS, START_NS, History, folded, hardware, sample_histories
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coord.events.wire import Stored
from coord.projections.folds.samples import READINGS_HOT, ROLLUP_PARTS
from coord.projections.intake import take_in
from coord.projections.store import Kept, Reader, Store, Unfoldable, begin_store, keeping, open_store
from coord.projections.store.digests import digests
from coord.projections.store.segments import PIECE_ROWS_MIN, SEGMENTS_MAX, SPANS
from coord.projections.told import kept_since

HOUR_NS = 3_600 * SECOND_NS
LATER_NS = START_NS + 12 * HOUR_NS


def _shown(reader: Reader, view: str) -> list[tuple[str, ...]]:
    return sorted(tuple(map(repr, row.values())) for row in reader.rows(f'FROM "{view}"'))


def _segments(store: Store) -> list[str]:
    with store.reader() as reader:
        return [row["name"] for row in reader.rows("FROM segments ORDER BY hot, first_ns")]


def _hot(store: Store) -> int:
    with store.reader() as reader:
        count: int = reader.value("SELECT count(*) FROM readings_hot")
        return count


def _hours(count: int, readings: int = 3) -> list[Stored]:
    """Write some messages an hour, of two metrics by turns."""
    said = History()
    for number in range(count * readings):
        hour, part = divmod(number, readings)
        batch = hardware(number, [(number * 1000, float(number))], metric=("load", "heat")[number % 2])
        said.sample("n1", "hardware", batch, START_NS + hour * HOUR_NS + part * SECOND_NS)
    return said.samples


def _seal_all(store: Store, now_ns: int = LATER_NS) -> None:
    while store.seal(now_ns):
        """Another piece."""


@given(messages=sample_histories(), data=st.data())
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whenever_it_is_sealed_and_replayed_the_views_show_what_the_tables_in_memory_hold(
    messages: list[Stored], data: st.DataObject, tmp_path: Path
) -> None:
    store = begin_store(tmp_path / "sealed.duckdb", 256)
    try:
        store._segments.piece_rows = data.draw(st.integers(1, 5))
        for number, message in enumerate(messages):
            store.apply(take_in(CREATED, [message]))
            if data.draw(st.booleans()):
                store.seal(data.draw(st.sampled_from([0, LATER_NS])))
            store.apply(take_in(CREATED, messages[data.draw(st.integers(0, number)) : number + 1]))
        expected = folded(messages).contents()
        with store.reader() as reader:
            for table in (READINGS_HOT, ROLLUP_PARTS):
                assert _shown(reader, table.whole) == expected[table.name]
    finally:
        store.close()


def test_sealing_changes_no_digest_and_no_count(store: Store) -> None:
    store.apply(take_in(CREATED, _hours(3)))
    with store.reader() as reader:
        before = digests(reader), reader.counts()
    _seal_all(store)
    with store.reader() as reader:
        assert (digests(reader), reader.counts()) == before
    assert before[1]["readings"] == 9


def test_the_state_tells_how_much_is_kept_and_by_which_limits(store: Store) -> None:
    store.apply(take_in(CREATED, _hours(3)))
    hot = ask(store, "state").kept[0]
    assert (hot.name, hot.rows, hot.segments, hot.since_ns) == ("readings", 9, 0, START_NS)
    assert (hot.seconds_max, hot.rows_max) == (48 * 3600, 500_000_000)
    _seal_all(store)
    sealed = ask(store, "state").kept[0]
    assert (sealed.rows, sealed.segments) == (9, 3)
    assert sealed.since_ns == START_NS


def test_a_piece_is_sealed_sorted_into_the_segment_of_its_hour(store: Store) -> None:
    store.apply(take_in(CREATED, _hours(3)))
    _seal_all(store)
    assert _hot(store) == 0
    hour_s = (START_NS - START_NS % HOUR_NS) // SECOND_NS
    names = [name for name in _segments(store) if not name.startswith("rollup")]
    assert names == [f"readings_{hour_s + number * 3600}_3600" for number in range(3)]
    with store.reader() as reader:
        for number, name in enumerate(names):
            rows = [(row["metric"], row["position"]) for row in reader.rows(f'FROM "{name}"')]
            assert rows == sorted(rows)
            assert {position for _, position in rows} == {3 * number + 1, 3 * number + 2, 3 * number + 3}


def test_what_is_young_and_few_stays_hot_until_a_piece_is_full(store: Store) -> None:
    messages = _hours(1, readings=6)
    store.apply(take_in(CREATED, messages[:4]))
    assert not store.seal(START_NS + 60 * SECOND_NS)
    assert (_hot(store), _segments(store), store.is_piece_full) == (4, [], False)
    store._segments.piece_rows = 5
    store.apply(take_in(CREATED, messages[4:]))
    assert store.is_piece_full
    assert store.seal(START_NS + 60 * SECOND_NS)
    assert (_hot(store), store.is_piece_full) == (1, False)
    assert store.seal(START_NS + HOUR_NS)
    assert _hot(store) == 0


def test_a_segment_is_dropped_when_all_of_it_is_too_old_and_nothing_else_goes(store: Store) -> None:
    store.apply(take_in(CREATED, _hours(5)))
    _seal_all(store)
    store.keeping = keeping(Kept(2 * 3600, 1000), Kept(400 * 86_400, 1000))
    end_ns = START_NS - START_NS % HOUR_NS + 3 * HOUR_NS
    assert len(store.drop_segments(end_ns - 1 + 2 * HOUR_NS)) == 2
    assert len(store.drop_segments(end_ns + 2 * HOUR_NS)) == 1
    with store.reader() as reader:
        assert [row["position"] for row in reader.rows("FROM readings ORDER BY position")] == [*range(10, 16)]
        assert reader.value("SELECT sum(readings) FROM rollups") == 15
        assert reader.counts()["latest"] == 2
    assert len([name for name in _segments(store) if name.startswith("readings")]) == 2
    assert store.drop_segments(end_ns + 2 * HOUR_NS) == []


def test_of_readings_that_went_while_their_minute_is_not_over_the_minute_is_known(store: Store) -> None:
    """Else nobody could tell them from readings that there never were, and a moment of then would be answered with nothing."""
    with store.reader() as reader:
        assert kept_since(reader) == (None, None, 0)
    store.apply(take_in(CREATED, _hours(1, readings=2)))
    _seal_all(store)
    store.keeping = keeping(Kept(3600, 1000), Kept(400 * 86_400, 1000))
    assert store.drop_segments(LATER_NS + 24 * HOUR_NS)
    with store.reader() as reader:
        assert reader.counts()["rollup_parts_all"] == 0
        assert kept_since(reader) == (None, START_NS, 0)


def test_the_oldest_segment_goes_early_when_there_are_too_many_rows_or_segments(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.apply(take_in(CREATED, _hours(5)))
    _seal_all(store)
    store.keeping = keeping(Kept(48 * 3600, 10), Kept(400 * 86_400, 1000))
    assert len(store.drop_segments(START_NS)) == 2
    store.keeping = keeping(Kept(48 * 3600, 1000), Kept(400 * 86_400, 1000))
    monkeypatch.setattr("coord.projections.store.segments.SEGMENTS_MAX", 1)
    assert len(store.drop_segments(START_NS)) == 2
    with store.reader() as reader:
        assert reader.rows("SELECT DISTINCT position FROM readings ORDER BY ALL") == [
            {"position": number} for number in (13, 14, 15)
        ]


@pytest.mark.parametrize(("hours", "span_hours"), [(1, 1), (48, 1), (49, 2), (400 * 24, 200)])
def test_a_span_is_whole_hours_and_there_are_never_too_many(hours: int, span_hours: int) -> None:
    assert Kept(hours * 3600, 1).span_ns == span_hours * HOUR_NS
    assert hours / span_hours <= SPANS < SEGMENTS_MAX


def test_a_reader_of_an_older_snapshot_keeps_it_and_nothing_is_sealed_or_dropped_until_it_is_done(
    store: Store,
) -> None:
    store.apply(take_in(CREATED, _hours(3)))
    store.seal(LATER_NS)
    with store.reader() as reader:
        before = _shown(reader, "readings")
        assert not store.seal(LATER_NS)
        store.keeping = keeping(Kept(3600, 1), Kept(3600, 1))
        assert not store.drop_segments(LATER_NS + 24 * HOUR_NS)
        more = History()
        more.samples = _hours(3)
        for number in range(20):
            more.sample("n2", "hardware", hardware(number, [(number, 1.0)] * 50, writer="m-9"), LATER_NS)
        store.apply(take_in(CREATED, more.samples[9:]))
        assert not store.checkpoint()
        assert _shown(reader, "readings") == before
    assert store.checkpoint()
    _seal_all(store, LATER_NS + HOUR_NS)
    assert len(store.drop_segments(LATER_NS + 24 * HOUR_NS)) > 3
    with store.reader() as reader:
        assert _shown(reader, "readings") == []


def test_what_is_folded_in_while_a_piece_is_sealed_is_shown_once_and_stays_hot(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = _hours(1, readings=6)
    store.apply(take_in(CREATED, messages[:4]))
    seen = []
    rows = store._segments._rows

    def folding_beside(sql: str, *values: object) -> list[object]:
        found = rows(sql, *values)
        if sql.startswith('INSERT INTO "readings_1'):
            store.apply(take_in(CREATED, messages[4:]))
            with store.reader() as reader:
                seen.append((reader.counts()["readings"], store.checkpoint()))
        return found

    monkeypatch.setattr(store._segments, "_rows", folding_beside)
    assert store.seal(LATER_NS)
    assert seen == [(6, False)]
    assert _hot(store) == 2
    assert store.checkpoint()
    with store.reader() as reader:
        assert _shown(reader, "readings") == folded(messages).contents()["readings_hot"]


def test_what_cannot_be_sealed_now_is_tried_in_a_smaller_piece_and_nothing_is_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.apply(take_in(CREATED, _hours(2)))
    whole = store._segments.piece_rows
    with monkeypatch.context() as patched:
        patched.setattr("coord.projections.store.segments._IN_PIECE", "no_such_column < $1 + $2 + $3")
        with pytest.raises(Unfoldable, match="rows of readings_hot cannot be sealed"):
            store.seal(LATER_NS)
    assert PIECE_ROWS_MIN <= store._segments.piece_rows == whole // 2
    assert not store.is_piece_full
    assert _hot(store) == 6
    _seal_all(store)
    assert _hot(store) == 0


_KILLING = """
import os, sys, pickle
from pathlib import Path
from coord.projections.intake import take_in
from coord.projections.store import Kept, keeping, open_store

folder, created, messages, later_ns, old_ns = pickle.load(sys.stdin.buffer)

class Counting:
    left = 0
    def __init__(self, inner):
        self.inner = inner
    def execute(self, *given):
        Counting.left -= 1
        if Counting.left < 0:
            os._exit(9)
        return self.inner.execute(*given)

def seal_and_drop(number):
    store = open_store(folder / f"{number}.duckdb", 256).store
    store.apply(take_in(created, messages))
    Counting.left = number
    store._writing = Counting(store._writing)
    store._sealing = store._segments._writing = Counting(store._sealing)
    while store.seal(later_ns):
        pass
    store.keeping = keeping(Kept(3600, 1000), Kept(3600, 1000))
    store.drop_segments(old_ns)
    os._exit(0)

number, status = 3, 9
while status:
    child = os.fork()
    if not child:
        seal_and_drop(number)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    number += 5
"""


def test_a_writer_killed_at_any_step_of_sealing_or_dropping_leaves_every_row_once(tmp_path: Path) -> None:
    messages = _hours(2, readings=2)
    given = (tmp_path, CREATED, messages, LATER_NS, START_NS + 2 * HOUR_NS)
    subprocess.run([sys.executable, "-c", _KILLING], input=pickle.dumps(given), check=True)
    files = sorted(tmp_path.glob("*.duckdb"))
    assert len(files) > 5
    kept = [_positions_after(file, messages) for file in files]
    assert [1, 2, 3, 4] in kept
    assert [3, 4] in kept


def _positions_after(file: Path, messages: list[Stored]) -> list[int]:
    opened = open_store(file, 256, deep=True)
    try:
        assert opened.how == "clean", opened.reason
        opened.store.apply(take_in(CREATED, messages))
        _seal_all(opened.store)
        with opened.store.reader() as reader:
            positions = [row["position"] for row in reader.rows("FROM readings ORDER BY position")]
        assert positions in ([1, 2, 3, 4], [3, 4])
        return positions
    finally:
        opened.store.close()
