"""The story's newest whole line is told once."""

from pathlib import Path

from coord.tui.story import Story


def test_the_newest_whole_line_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    story = Story(path)
    assert story.news() == ""
    path.write_text("  0.41 s  ada is here\n  0.52 s  ben is here\n\n  0.6")
    assert story.news() == "0.52 s  ben is here"
    assert story.news() == ""
    with path.open("a") as file:
        file.write("1 s  cyd is here\n")
    assert story.news() == "0.61 s  cyd is here"
