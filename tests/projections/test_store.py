"""The store keeps what the folds say, all or nothing."""

import resource
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from histories import CREATED, History, event_histories, folded, hardware, poison, sample_histories
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from stores import MEMORY_MIB, contents, history, open_file, wal_of

from coord.events import run, work
from coord.events.envelope import Recorded
from coord.events.wire import Stored
from coord.projections.folds import work as work_fold
from coord.projections.folds.shape import Draft
from coord.projections.folds.work_rows import WORK
from coord.projections.intake import Gap, Mark, take_in
from coord.projections.store import Store, StoreFull, Unfoldable
from coord.projections.store.connection import begin_store
from coord.projections.store.digests import digests, digests_of_events
from coord.projections.store.engine import ROW_GROUP_ROWS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "coord.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_file(path).store
    yield opened
    opened.close()


@given(events=event_histories(), samples=sample_histories(), data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_store_holds_what_the_tables_in_memory_hold(
    events: list[Stored], samples: list[Stored], data: st.DataObject, path: Path
) -> None:
    store = begin_store(path, MEMORY_MIB)
    try:
        for messages in (events, samples):
            cut = data.draw(st.integers(1, len(messages)))
            for part in (messages[:cut], messages[cut:], messages[:cut]):
                if part:
                    store.apply(take_in(CREATED, part))
        assert contents(store) == folded(events, samples).contents()
    finally:
        store.close()


def test_few_rows_lie_together_whenever_the_file_is_written(path: Path) -> None:
    count = 3 * ROW_GROUP_ROWS
    for time in range(2):
        with closing(open_file(path).store) as store:
            for number in range(2):
                store.cursor().execute(
                    f"INSERT INTO event_ids SELECT hash(range)::VARCHAR, range + {(2 * time + number) * count} FROM range({count})"
                ).fetchall()
            store.checkpoint()
    with closing(open_file(path).store) as store, store.reader() as reader:
        groups = reader.rows(
            "SELECT row_group_id, sum(count) AS rows FROM pragma_storage_info('event_ids')"
            " WHERE column_name = 'position' AND segment_type = 'BIGINT' GROUP BY ALL"
        )
    assert [row["rows"] for row in groups] == [ROW_GROUP_ROWS] * 12


def test_an_end_that_is_undone_leaves_the_file_also_when_it_was_folded_in_long_ago(store: Store) -> None:
    history = History()
    for name in ("w-1", "w-2"):
        history.submit(name, depends_on=("w-9",))
        history.complete(name, "ada", history.claim(name, "ada"))
    store.apply(take_in(CREATED, history.messages))
    store.checkpoint()
    store._hot.forget()
    history.say("w-1", work.WorkReopened(reason="wrong"))
    history.say("w-1", work.WorkDependenciesSet(depends_on=()))
    for message in history.messages[-2:]:
        store.apply(take_in(CREATED, [message]))
    assert contents(store) == history.tables().contents()
    with store.reader() as reader:
        assert (reader.counts()["work"], reader.counts()["work_ended"]) == (1, 1)


def test_equal_tables_have_equal_digests_whatever_built_them(store: Store, tmp_path: Path) -> None:
    messages = history().messages
    store.apply(take_in(CREATED, messages))
    other = open_file(tmp_path / "other.duckdb").store
    for message in messages:
        other.apply(take_in(CREATED, [message]))
    with store.reader() as one, other.reader() as two:
        assert digests(one) == digests(two)
        before = digests_of_events(one)
    other.apply(take_in(CREATED, [poison(len(messages) + 1)]))
    with other.reader() as two:
        after = digests_of_events(two)
    assert {name for name in after if after[name] != before[name]} == {"dead_letters", "positions"}
    other.close()


def test_digests_of_events_do_not_depend_on_readings(store: Store) -> None:
    store.apply(take_in(CREATED, history().messages))
    with store.reader() as reader:
        before = digests_of_events(reader)
    said = History()
    said.sample("n1", "hardware", hardware(0, [(0, 1.0)]))
    store.apply(take_in(CREATED, said.samples))
    store.apply(take_in(CREATED, [poison(2, "SAMPLES")]))
    with store.reader() as reader:
        assert digests_of_events(reader) == before


def test_a_batch_that_cannot_be_kept_changes_nothing_and_the_next_one_is_taken(store: Store) -> None:
    said = history()
    store.apply(take_in(CREATED, said.messages))
    before = contents(store)
    good = take_in(CREATED, [_next(said, run.RunStarted(name="tiny"))])
    fact = good.facts[0]
    assert isinstance(fact, Recorded)
    bad_event = run.RunStarted.model_construct(
        name="tiny", node=None, agent=None, work_item=None, world_size=2**70, configuration={},
        resumed_from_step=None,
    )  # fmt: skip
    bad = replace(good, facts=(structs.replace(fact, event=bad_event),))
    with pytest.raises(Unfoldable, match="ValueError"):
        store.apply(bad)
    assert contents(store) == before
    store.apply(good)
    assert len(contents(store)["runs"]) == len(before["runs"]) + 1


def test_a_commit_that_finds_no_room_is_the_stores_fault_and_no_messages(path: Path) -> None:
    said = history()
    before = said.messages[:-1]
    store = open_file(path).store
    store.apply(take_in(CREATED, before))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = path.with_name(path.name + ".wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 10, limits[1]))
    try:
        with pytest.raises(StoreFull, match="Failed to commit"):
            store.apply(take_in(CREATED, said.messages[-1:]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    store.apply(take_in(CREATED, said.messages))
    kept = contents(store)
    store.close()
    opened = open_file(path)
    assert opened.how == "clean"
    assert contents(opened.store) == kept == folded(said.messages).contents()
    opened.store.close()


def test_after_an_error_the_rows_are_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoiling(draft: Draft, recorded: Recorded, _: object) -> None:
        item = draft.get(WORK, recorded.entity)
        assert item is not None
        item.title = "spoilt"
        raise ZeroDivisionError

    said = History()
    said.submit("w-1")
    store.apply(take_in(CREATED, said.messages))
    fence = said.claim("w-1", "ada")
    claim = take_in(CREATED, said.messages[1:])
    with monkeypatch.context() as patched:
        on = {**work_fold.PROJECTION.on, work.WorkClaimed: spoiling}
        patched.setattr("coord.projections.intake.OF_EVENTS", (replace(work_fold.PROJECTION, on=on),))
        with pytest.raises(Unfoldable, match="ZeroDivisionError"):
            store.apply(claim)
    store.apply(claim)
    with store.reader() as reader:
        assert reader.rows("SELECT title, fence FROM work") == [{"title": "do w-1", "fence": fence}]


def _next(said: History, event: run.RunStarted) -> Stored:
    said.say("r-new", event)
    return said.messages[-1]


def test_the_position_is_committed_with_the_rows(path: Path) -> None:
    store = open_file(path).store
    messages = history().messages
    store.apply(take_in(CREATED, messages))
    store.close()
    opened = open_file(path)
    assert opened.how == "clean"
    mark = opened.store.mark("EVENTS")
    assert mark == Mark("EVENTS", CREATED, len(messages), f"e-{len(messages)}", messages[-1].recorded_at_ns)
    assert opened.store.mark("SAMPLES") is None
    opened.store.close()


def test_a_moved_mark_lets_reused_positions_in_and_tells_the_gap(store: Store) -> None:
    said = History()
    for number in range(5):
        said.sample("n1", "hardware", hardware(number, [(number * 1000, 1.0)]))
    store.apply(take_in(CREATED, said.samples))
    third = said.samples[2]
    store.move_mark(Mark("SAMPLES", CREATED, 3, "", third.recorded_at_ns), Gap("SAMPLES", 4, 5))
    anew = History(samples=said.samples[:3])
    anew.sample("n1", "hardware", hardware(9, [(9000, 2.0)]))
    store.apply(take_in(CREATED, anew.samples[3:]))
    with store.reader() as reader:
        assert reader.value("SELECT count(*) FROM readings_hot") == 6
        assert reader.rows("FROM gaps") == [{"stream": "SAMPLES", "first": 4, "last": 5}]


def test_what_is_not_kept_hot_is_read_from_the_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coord.projections.store.rows.ROWS_MAX", 3)
    said = history()
    for number in range(20):
        said.claim(f"w-{number}", "bob", attempt=2)
    said.submit("w-0")
    for message in said.messages:
        store.apply(take_in(CREATED, [message]))
    assert contents(store) == folded(said.messages).contents()


def test_a_reader_sees_one_snapshot_while_the_writer_goes_on(store: Store) -> None:
    messages = history().messages
    store.apply(take_in(CREATED, messages[:30]))
    with store.reader() as reader:
        before = reader.counts()
        store.apply(take_in(CREATED, messages[30:]))
        assert reader.counts() == before
    with store.reader() as reader:
        assert reader.counts() != before


def test_an_open_reader_does_not_keep_the_log_of_writes_from_being_emptied(store: Store) -> None:
    messages = history().messages
    with store.reader() as reader:
        reader.counts()
        store.apply(take_in(CREATED, messages))
        store.checkpoint()
    assert wal_of(store.path).stat().st_size == 0 if wal_of(store.path).exists() else True
