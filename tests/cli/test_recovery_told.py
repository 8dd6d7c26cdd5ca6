"""Doctor says what recovery did, and whether there is a snapshot to go back to."""

from pathlib import Path

import pytest
from snapshots_made import take

from coord.projections.snapshots import Standing, begin, finish
from coord.projections.store import FINGERPRINT
from coord.services import clock
from coord.services.cli.checks import _file_finding, check_snapshots
from coord.services.folder import Folder
from coord.services.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "coord.duckdb"
    path.write_bytes(b"tables" * 1_000)
    return path


def test_a_house_without_a_snapshot_is_watched_once_it_has_events(data: Path) -> None:
    folder, settings = Folder(data), Settings(data=data)
    assert check_snapshots(folder, settings, 0).verdict == "ok"
    found = check_snapshots(folder, settings, 7)
    assert (found.verdict, found.words) == ("warn", "none yet")


def test_the_newest_snapshot_is_told_and_watched_when_it_is_late(data: Path, file: Path) -> None:
    folder, settings = Folder(data), Settings(data=data, snapshot_seconds=60.0)
    take(data, file, 7)
    found = check_snapshots(folder, settings, 9)
    assert found.verdict == "ok"
    assert "1 kept, the newest 0." in found.words
    assert "at position 7, 5.9 KiB; folding stood still 0 ms for it" in found.words
    standing = Standing(FINGERPRINT, {"EVENTS": 8}, 0, clock.now_ns() - 181 * 10**9, pause_seconds=0.25)
    finish(begin(folder.path("projection", "snapshots"), file), standing)
    found = check_snapshots(folder, settings, 9)
    assert found.verdict == "warn"
    assert "2 kept, the newest 3m old, at position 8" in found.words
    assert "stood still 250 ms" in found.words
    assert "projector.log" in found.remedy
    assert check_snapshots(folder, settings, 8).verdict == "ok"


@pytest.mark.parametrize(
    ("opened", "words", "verdict"),
    [
        ("clean", "5.9 KiB, opened clean", "ok"),
        ("wal_set_aside", "its log of writes was damaged and set aside", "warn"),
        ("snapshot", "it was damaged, and a snapshot took its place: a flipped byte", "warn"),
        ("rebuilt", "is folded anew from the log: a flipped byte", "warn"),
    ],
)
def test_how_the_file_was_opened_is_said_in_words(opened: str, words: str, verdict: str) -> None:
    because = "" if opened == "clean" else "a flipped byte"
    found = _file_finding({"file_bytes": 6_000, "opened": opened, "opened_because": because})
    assert found.verdict == verdict
    assert words in found.words
