"""A snapshot is complete or not there, is never changed, and says whether it is still what was written."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from coord.projections import snapshots as module
from coord.projections.snapshots import (
    Snapshot,
    Standing,
    begin,
    copy_file,
    drop_all,
    finish,
    of_version,
    snapshots,
    thin_out,
)

STANDING = Standing("f1", {"EVENTS": 7, "SAMPLES": 3}, recorded_at_ns=70, taken_at_ns=100)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "coord.duckdb"
    path.write_bytes(b"the tables " * 1_000)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


def take(root: Path, file: Path, standing: Standing = STANDING) -> Snapshot:
    return finish(begin(root, file), standing)


def test_a_snapshot_says_what_it_is_of(root: Path, file: Path) -> None:
    taken = take(root, file)
    assert snapshots(root) == [taken]
    assert (taken.standing, taken.file.read_bytes()) == (STANDING, file.read_bytes())
    assert taken.is_whole()


def test_what_is_not_finished_is_none_and_goes_when_another_is_begun(root: Path, file: Path) -> None:
    left = begin(root, file)
    assert snapshots(root) == []
    taken = take(root, file)
    assert snapshots(root) == [taken]
    assert not left.exists() or left == taken.folder.with_suffix(".new")
    assert [path.name for path in root.iterdir()] == [taken.folder.name]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"size_bytes": 1, "sha256": "x"}', "\x00"])
def test_one_whose_manifest_cannot_be_read_is_none(root: Path, file: Path, text: str) -> None:
    older, newer = take(root, file), take(root, file)
    (newer.folder / "snapshot.json").write_text(text)
    assert snapshots(root) == [older]
    assert take(root, file).folder.name > newer.folder.name


def test_the_newest_comes_first_and_the_rest_goes(root: Path, file: Path) -> None:
    due = [take(root, file) for _ in range(3)]
    asked = [take(root, file, replace(STANDING, asked=True)) for _ in range(2)]
    assert snapshots(root) == [*reversed(asked), *reversed(due)]
    assert thin_out(root, 2, 1) == [asked[1], due[2], due[1]] == snapshots(root)
    assert len(list(root.iterdir())) == 3


@pytest.mark.parametrize("place", [0, 5_000, 10_999])
def test_a_flipped_byte_is_seen(root: Path, file: Path, place: int) -> None:
    taken = take(root, file)
    raw = bytearray(taken.file.read_bytes())
    raw[place] ^= 1
    taken.file.write_bytes(raw)
    assert not taken.is_whole()


def test_a_copy_that_is_gone_or_cut_is_not_whole(root: Path, file: Path) -> None:
    taken = take(root, file)
    os.truncate(taken.file, 100)
    assert not taken.is_whole()
    taken.file.unlink()
    assert not taken.is_whole()


def test_a_copy_that_fails_leaves_nothing(root: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "copy_file_range", full)
        with pytest.raises(OSError, match="No space left"):
            begin(root, file)
    unfinished = begin(root, file)
    monkeypatch.setattr(module, "_sync", full)
    with pytest.raises(OSError, match="No space left"):
        finish(unfinished, STANDING)
    assert list(root.iterdir()) == []


def test_where_the_kernel_cannot_copy_by_itself_it_is_copied_all_the_same(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(*_: object) -> int:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", elsewhere)
    copy_file(file, tmp_path / "other")
    assert (tmp_path / "other").read_bytes() == file.read_bytes()


def test_only_those_of_the_same_version_are_of_use(root: Path, file: Path) -> None:
    old, new = take(root, file, replace(STANDING, fingerprint="f0")), take(root, file)
    assert of_version(snapshots(root), "f1") == [new]
    assert of_version(snapshots(root), "f0") == [old]


def test_all_of_them_can_be_dropped_also_where_there_are_none(root: Path, file: Path) -> None:
    take(root, file)
    for _ in range(2):
        drop_all(root)
        assert snapshots(root) == []
