"""The dashboard in a real browser: it draws itself, obeys keys, clicks and sizes, and asks no other machine for anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import Browser, browser, need_chromium
from houses import running_house
from web_servers import serving

WIDTH, HEIGHT = 1200, 760
TAB_RUNS = (335.0, 28.0)
"""Where the fourth tab is, in pixels: row 2, column 38."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that shows a house in which ada holds an item."""
    need_chromium()
    root = tmp_path_factory.mktemp("house")
    with running_house(root) as house, serving(house) as url, browser(root) as shown:
        house.ask("submit", "weave the baskets", "--id", "w-1", "--lease", "10m")
        house.ask("claim", "w-1", "--agent", "ada")
        shown.open(url, WIDTH, HEIGHT)
        shown.wait_for("[1 Overview]", "weave the baskets")
        yield shown
        assert shown.seen.foreign() == []
        assert shown.seen.faults == []


def test_it_is_drawn_as_in_a_terminal(page: Browser, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    page.screenshot(picture)
    assert _size_of(picture) == (WIDTH, HEIGHT)
    assert picture.stat().st_size > 20_000, "a page without letters is smaller"


def test_a_key_opens_a_view_and_stands_in_the_address(page: Browser) -> None:
    page.seen.text = ""
    page.press("2")
    page.wait_for("[2 Work]")
    page.wait_until(lambda: "view=work" in page.evaluate("location.href"))


def test_a_click_opens_a_view(page: Browser) -> None:
    page.seen.text = ""
    page.click(*TAB_RUNS)
    page.wait_for("[4 Runs]")


def test_another_size_of_the_window_is_another_picture(page: Browser) -> None:
    page.press("1")
    page.seen.text = ""
    page.resize(740, 480)
    page.wait_for("[1 Over]")
    page.seen.text = ""
    page.resize(WIDTH, HEIGHT)
    page.wait_for("[1 Overview]")


def test_every_file_came_from_the_house_itself(page: Browser) -> None:
    own = page.evaluate("location.host")
    hosts = {request.split("/")[2] for request in page.seen.requests if "//" in request}
    assert hosts == {own}


def _size_of(picture: Path) -> tuple[int, int]:
    header = picture.read_bytes()[:24]
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])
