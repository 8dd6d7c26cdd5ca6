"""A file is new, or is not written."""

from pathlib import Path

from coord.tui.saving import save


def test_it_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "events-1-2.jsonl"
    assert save(str(path), "{}\n{}\n").endswith("2 lines.")
    assert path.read_text() == "{}\n{}\n"
    assert "already" in save(str(path), "other")
    assert path.read_text() == "{}\n{}\n"


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    said = save(str(tmp_path / "none" / "x.jsonl"), "")
    assert "cannot be written" in said
    assert "\n" not in said
