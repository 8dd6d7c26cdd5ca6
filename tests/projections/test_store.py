"""The store keeps what the folds say, all or nothing, and opens again whatever happened to its file."""

import pickle
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from histories import CREATED, History, event_histories, folded, hardware, poison, sample_histories
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from coord.events import run, work
from coord.events.envelope import Recorded
from coord.events.errors import FolderTaken
from coord.events.examples import EVENTS
from coord.events.wire import Stored
from coord.projections.folds import work as work_fold
from coord.projections.folds.shape import Draft
from coord.projections.folds.work_rows import WORK
from coord.projections.intake import Gap, Mark, take_in
from coord.projections.store import Opened, Store, StoreBroken, StoreFull, Unfoldable, open_store
from coord.projections.store.connection import SET_ASIDE_MAX, begin_store
from coord.projections.store.digests import digests, digests_of_events
from coord.projections.store.schema import ALL_TABLES

MEMORY_MIB = 256


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "coord.duckdb"


def _open(path: Path) -> Opened:
    return open_store(path, MEMORY_MIB)


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = _open(path).store
    yield opened
    opened.close()


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with store.reader() as reader:
        return {
            table.name: sorted(
                tuple(repr(tuple(value) if isinstance(value, list) else value) for value in row.values())
                for row in reader.rows(f'SELECT * FROM "{table.name}"')
            )
            for table in ALL_TABLES
        }


def history() -> History:
    said = History()
    for event in EVENTS.values():
        said.say("x", event)
    for number in range(20):
        said.submit(f"w-{number}", capabilities=("python", "gpu"))
        said.claim(f"w-{number}", "ada")
    return said


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
    other = _open(tmp_path / "other.duckdb").store
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
    store = _open(path).store
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
    opened = _open(path)
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
    store = _open(path).store
    messages = history().messages
    store.apply(take_in(CREATED, messages))
    store.close()
    opened = _open(path)
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
    assert _wal(store.path).stat().st_size == 0 if _wal(store.path).exists() else True


def test_a_file_that_another_process_holds_is_never_recovered_from(path: Path) -> None:
    _open(path).store.close()
    script = (
        "import sys; from pathlib import Path; from coord.projections.store import open_store; "
        f"store = open_store(Path({str(path)!r}), {MEMORY_MIB}).store; print('open', flush=True); "
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(FolderTaken, match=rf"in use by process {holder.pid}\."):
            _open(path)
    finally:
        holder.communicate()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    _open(path).store.close()


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _crashed(path: Path) -> list[Stored]:
    """Leave a file as kill -9 would: 40 messages in the file, the rest in its log of writes."""
    messages = history().messages
    script = (
        "import os, sys, pickle; from pathlib import Path; from coord.projections.store import open_store; "
        "from coord.projections.intake import take_in\n"
        "messages = pickle.load(sys.stdin.buffer)\n"
        f"store = open_store(Path({str(path)!r}), {MEMORY_MIB}).store\n"
        f"store.apply(take_in({CREATED!r}, messages[:40])); store.checkpoint()\n"
        f"store.apply(take_in({CREATED!r}, messages[40:60])); store.apply(take_in({CREATED!r}, messages[60:]))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], input=pickle.dumps(messages), check=False)
    assert _wal(path).stat().st_size > 0
    return messages


def _caught_up(store: Store, messages: list[Stored]) -> bool:
    mark = store.mark("EVENTS")
    left = messages[mark.position if mark else 0 :]
    if left:
        store.apply(take_in(CREATED, left))
    return contents(store) == folded(messages).contents()


def test_a_killed_writer_leaves_every_committed_batch(path: Path) -> None:
    messages = _crashed(path)
    opened = _open(path)
    assert opened.how == "clean"
    mark = opened.store.mark("EVENTS")
    assert mark is not None
    assert mark.position == len(messages)
    assert _caught_up(opened.store, messages)
    opened.store.close()


@pytest.mark.parametrize("where", [0.3, 0.9])
def test_a_damaged_log_of_writes_is_set_aside_and_the_stream_is_read_on(path: Path, where: float) -> None:
    messages = _crashed(path)
    raw = bytearray(_wal(path).read_bytes())
    raw[int(len(raw) * where)] ^= 0xFF
    _wal(path).write_bytes(raw)
    opened = _open(path)
    assert opened.how == "wal_set_aside"
    assert "WAL" in opened.reason
    mark = opened.store.mark("EVENTS")
    assert mark is not None
    assert mark.position == 40
    assert _wal(path).with_name(_wal(path).name + ".bad.1").exists()
    assert _caught_up(opened.store, messages)
    opened.store.close()


def test_a_file_that_is_none_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    for number in range(SET_ASIDE_MAX + 2):
        path.write_bytes(b"this is no database" * 1000)
        opened = _open(path)
        assert opened.how == "rebuilt"
        assert "not a valid DuckDB database" in opened.reason
        assert _caught_up(opened.store, history().messages)
        opened.store.close()
        aside = list(path.parent.glob("*.bad.*"))
        assert len(aside) == min(number + 1, SET_ASIDE_MAX)


def test_a_deep_look_finds_a_flipped_byte_that_a_plain_one_may_miss(path: Path) -> None:
    store = _open(path).store
    said = History()
    for number in range(400):
        said.submit(f"w-{number}", body="x" * (number % 7) * 50 + str(number))
    store.apply(take_in(CREATED, said.messages))
    store.checkpoint()
    store.close()
    whole = path.read_bytes()
    place = whole.index(b"do w-200")
    path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
    opened = open_store(path, MEMORY_MIB, deep=True)
    assert opened.how == "rebuilt"
    assert _caught_up(opened.store, said.messages)
    opened.store.close()


def test_a_file_of_another_version_is_built_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _open(path).store.close()
    monkeypatch.setattr("coord.projections.store.connection.FINGERPRINT", "another")
    opened = _open(path)
    assert (opened.how, opened.reason) == ("rebuilt", "it was written by another version")
    opened.store.close()
    assert _open(path).how == "clean"


def test_a_place_where_no_file_can_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreBroken, match="no projection can be kept at"):
        _open(tmp_path / "not" / "there.duckdb")


def test_old_readings_are_dropped_and_nothing_else(store: Store) -> None:
    said = History()
    for number in range(5):
        said.sample("n1", "hardware", hardware(number, [(number * 1000, 1.0)]))
    store.apply(take_in(CREATED, said.samples))
    store.drop_readings(said.samples[3].recorded_at_ns)
    with store.reader() as reader:
        assert [row["position"] for row in reader.rows("SELECT position FROM readings")] == [4, 5]
        assert reader.value("SELECT readings FROM rollups") == 5
