"""The spool: what waits is on disk, in order, bounded, and survives a kill in the middle of a write."""

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coord.events.errors import UsageError
from coord.training_worker.record import Record, frame_of, frames_in
from coord.training_worker.spool import Spool

RECORDS = st.builds(
    Record,
    id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    type=st.just("run.metrics_recorded.v1"),
    time=st.just("2026-01-01T00:00:00.000000000Z"),
    body=st.binary(max_size=200),
    points=st.integers(0, 500),
)


def pack(number: int, size: int = 100) -> Record:
    return Record(f"p-{number}", "run.metrics_recorded.v1", "t", b"x" * size, points=10)


def event(number: int, size: int = 100) -> Record:
    return Record(f"e-{number}", "run.evaluated.v1", "t", b"y" * size)


def waiting(spool: Spool) -> list[str]:
    """Take everything out, as the sender does."""
    found = []
    while (first := spool.first()) is not None:
        assert spool.read(first).id == first.id
        found.append(first.id)
        spool.done(first, position=len(found))
    return found


@given(st.lists(RECORDS, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_a_segment_cut_anywhere_gives_back_every_record_before_the_cut(
    records: list[Record], data: st.DataObject
) -> None:
    frames = [frame_of(record, number) for number, record in enumerate(records)]
    raw = b"".join(frames)
    assert [one.record for one in frames_in(raw)] == records
    cut = data.draw(st.integers(0, len(raw)))
    whole = [n for n in range(len(frames) + 1) if sum(map(len, frames[:n])) <= cut][-1]
    assert [one.record for one in frames_in(raw[:cut])] == records[:whole]


@given(st.lists(RECORDS, min_size=1, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_a_byte_that_changed_ends_what_is_read_before_its_record(
    records: list[Record], data: st.DataObject
) -> None:
    frames = [frame_of(record, number) for number, record in enumerate(records)]
    raw = bytearray(b"".join(frames))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    hit = [n for n in range(len(frames)) if sum(map(len, frames[:n])) <= place][-1]
    assert [one.record for one in frames_in(bytes(raw))] == records[:hit]


@given(st.lists(st.sampled_from(["pack", "event", "done", "again"]), max_size=40))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_what_waits_is_what_was_not_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, moves: list[str]
) -> None:
    path = tmp_path_factory.mktemp("spool")
    spool = Spool(path, segment_bytes_max=400)
    expected: list[str] = []
    for number, move in enumerate(moves):
        if move == "again":
            spool.close()
            spool = Spool(path, segment_bytes_max=400)
        elif move == "done" and (first := spool.first()) is not None:
            spool.done(first, number)
            expected.pop(0)
        elif move in ("pack", "event"):
            record = pack(number) if move == "pack" else event(number)
            spool.append(record)
            expected.append(record.id)
    assert len(spool) == len(expected)
    assert waiting(spool) == expected
    spool.close()
    assert list(path.glob("*.log")) == []


def test_the_next_life_finds_what_waits_with_the_same_ids(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    for number in range(3):
        first.append(pack(number))
    oldest = first.first()
    assert oldest is not None
    first.done(oldest, position=77)
    first.close()
    second = Spool(tmp_path)
    assert second.position == 77
    second.append(event(3))
    assert waiting(second) == ["p-1", "p-2", "e-3"]
    second.close()


def test_a_torn_end_is_cut_off_and_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(3):
        spool.append(event(number))
    spool.close()
    (segment,) = tmp_path.glob("*.log")
    os.truncate(segment, segment.stat().st_size - 7)
    size = len(frame_of(event(0), 1))
    torn = Spool(tmp_path)
    assert torn.torn_bytes == size - 7
    torn.append(event(9))
    torn.close()
    again = Spool(tmp_path)
    assert again.torn_bytes == 0
    assert waiting(again) == ["e-0", "e-1", "e-9"]
    again.close()


def test_a_full_spool_drops_its_oldest_packs_and_no_event(tmp_path: Path) -> None:
    spool = Spool(tmp_path, bytes_max=10_000, segment_bytes_max=1_000)
    for number in range(100):
        spool.append(event(number) if number % 10 == 5 else pack(number))
    assert spool.size_bytes <= 10_000
    spool.close()
    spool = Spool(tmp_path, bytes_max=10_000, segment_bytes_max=1_000)
    left = waiting(spool)
    spool.close()
    assert [name for name in left if name.startswith("e-")] == [f"e-{n}" for n in range(5, 100, 10)]
    packs = [int(name[2:]) for name in left if name.startswith("p-")]
    assert packs == [number for number in range(packs[0], 100) if number % 10 != 5]
    assert packs[0] > 10


def test_every_dropped_point_is_counted_and_the_pack_on_its_way_is_none(tmp_path: Path) -> None:
    spool = Spool(tmp_path, bytes_max=4_000, segment_bytes_max=1_000)
    spool.append(pack(0))
    on_its_way = spool.first()
    assert on_its_way is not None
    for number in range(1, 60):
        spool.append(pack(number))
    assert spool.dropped_points == 10 * (60 - len(spool))
    assert spool.read(on_its_way).id == "p-0"
    spool.done(on_its_way, 1)
    assert waiting(spool)[-1] == "p-59"
    spool.close()


def test_segments_go_when_all_in_them_is_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes_max=1_000)
    for number in range(50):
        spool.append(pack(number))
    assert len(list(tmp_path.glob("*.log"))) > 5
    waiting(spool)
    assert len(list(tmp_path.glob("*.log"))) <= 1
    spool.close()


def test_two_processes_do_not_speak_for_one_run(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "r-1" / "spool")
    with pytest.raises(UsageError, match=f"process {os.getpid()} speaks for the run r-1 already"):
        Spool(tmp_path / "r-1" / "spool")
    spool.close()
    Spool(tmp_path / "r-1" / "spool").close()


def test_a_spool_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"the spool .* cannot be made: "):
        Spool(tmp_path / "file" / "spool")


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let the kernel refuse to grow files, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_where_the_disk_takes_nothing_records_wait_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path)
    spool.append(event(0))
    (segment,) = tmp_path.glob("*.log")
    size = segment.stat().st_size
    with no_file_larger_than(size + 20):
        spool.append(event(1))
        spool.append(pack(2))
    said = [one for one in caplog.messages if "waits in memory" in one]
    assert len(said) == 1
    assert segment.stat().st_size == size
    spool.append(event(3))
    kept = shutil.copytree(tmp_path, tmp_path.parent / "kept", ignore=shutil.ignore_patterns("LOCK"))
    assert waiting(spool) == ["e-0", "e-1", "p-2", "e-3"]
    spool.close()
    after_a_kill = Spool(kept)
    assert waiting(after_a_kill) == ["e-0", "e-3"]
    after_a_kill.close()


def test_a_mark_that_cannot_be_read_sends_everything_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(3):
        spool.append(event(number))
    oldest = spool.first()
    assert oldest is not None
    spool.done(oldest, 5)
    spool.close()
    (tmp_path / "acknowledged").write_bytes(b"\0" * 20)
    again = Spool(tmp_path)
    assert waiting(again) == ["e-0", "e-1", "e-2"]
    again.close()
