"""The fences this machine remembers."""

from pathlib import Path

from coord.services.cli import fences
from coord.services.folder import Folder


def test_a_fence_is_recalled_by_agent_incarnation_and_item(data: Path) -> None:
    folder = Folder(data)
    fences.remember(folder, "a1", 3, "w-1", 7)
    assert fences.recall(folder, "a1", 3, "w-1") == 7
    assert fences.recall(folder, "a1", 4, "w-1") is None
    assert fences.recall(folder, "a2", 3, "w-1") is None
    assert fences.recall(folder, "a1", 3, "w-2") is None


def test_without_an_incarnation_the_newest_claim_counts(data: Path) -> None:
    folder = Folder(data)
    fences.remember(folder, "a1", 30, "w-1", 31)
    fences.remember(folder, "a1", 4, "w-1", 5)
    assert fences.recall(folder, "a1", None, "w-1") == 31
    assert fences.recall(folder, "a1", 4, "w-1") == 5


def test_a_later_claim_takes_the_place_of_an_earlier_one(data: Path) -> None:
    folder = Folder(data)
    fences.remember(folder, "a1", 3, "w-1", 7)
    fences.remember(folder, "a1", 3, "w-1", 9)
    assert fences.recall(folder, "a1", 3, "w-1") == 9


def test_what_is_over_is_forgotten_and_another_claim_stays(data: Path) -> None:
    folder = Folder(data)
    fences.remember(folder, "a1", 3, "w-1", 7)
    fences.remember(folder, "a1", 8, "w-1", 9)
    fences.forget(folder, "a1", "w-1", 7)
    assert fences.recall(folder, "a1", 3, "w-1") is None
    assert fences.recall(folder, "a1", 8, "w-1") == 9
    assert not (data / "fences" / "a1" / "3").exists()
    fences.forget(folder, "a1", "w-1", None)
    assert fences.recall(folder, "a1", 8, "w-1") == 9


def test_a_folder_that_cannot_be_written_or_read_costs_only_the_memory(data: Path) -> None:
    folder = Folder(data)
    (data / "fences").write_text("in the way")
    fences.remember(folder, "a1", 3, "w-1", 7)
    assert fences.recall(folder, "a1", None, "w-1") is None
    fences.forget(folder, "a1", "w-1", 7)


def test_a_file_that_holds_no_fence_is_as_good_as_none(data: Path) -> None:
    folder = Folder(data)
    for text in ("", "x", "-1", "9" * 30, "１"):
        fences.remember(folder, "a1", 3, "w-1", 7)
        (data / "fences/a1/3/w-1").write_text(text)
        assert fences.recall(folder, "a1", 3, "w-1") is None
    (data / "fences/a1/3/w-1").write_bytes(b"\xff")
    assert fences.recall(folder, "a1", 3, "w-1") is None
