"""What views look like, against the pictures that were read when they were drawn: `make documents` draws them anew."""

from pathlib import Path

import pytest
from drawings import GOLDEN, PICTURES, SIZES, Picture, files

from coord.tui.ink import width_of

WANTED = dict(files())


@pytest.mark.parametrize("path", sorted(WANTED), ids=lambda path: path.stem)
def test_a_view_looks_as_it_was_last_seen(path: Path) -> None:
    assert path.read_text("utf-8") == WANTED[path], f"{path.name} differs: look at it, then `make documents`"


def test_no_picture_is_left_that_nobody_draws() -> None:
    assert set(GOLDEN.glob("*.txt")) == set(WANTED)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_a_picture_fills_its_cells_exactly(picture: Picture, size: tuple[int, int]) -> None:
    width, height = size
    lines = picture.body(width, height).lines
    assert [width_of(line) for line in lines] == [width] * height
