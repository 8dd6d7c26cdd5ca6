"""The dashboard in a real browser: it draws itself, obeys keys, clicks and sizes, and asks no other machine for anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import Browser, browser, need_chromium
from houses import House, running_house
from web_servers import serving

WIDTH, HEIGHT = 1200, 760
TAB_RUNS = (335.0, 28.0)
"""Where the fourth tab is, in pixels: row 2, column 38."""


@pytest.fixture(scope="module")
def small_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which ada holds an item."""
    need_chromium()
    with running_house(tmp_path_factory.mktemp("house")) as house:
        house.ask("submit", "weave the baskets", "--id", "w-1", "--lease", "10m")
        house.ask("claim", "w-1", "--agent", "ada")
        yield house


@pytest.fixture(scope="module")
def page(small_house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that shows it."""
    with serving(small_house) as url, browser(tmp_path_factory.mktemp("browser")) as shown:
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


def test_a_server_that_is_told_to_stop_does_not_wait_for_its_tabs(page: Browser, small_house: House) -> None:
    """`serving` fails when its process does not end in time; the page must have been open until then."""
    with serving(small_house) as url:
        page.open("about:blank")  # the page before says nothing any more
        page.seen.text = ""
        page.open(url)
        page.wait_for("[1 Overview]")
    page.wait_until(lambda: "-closed" in page.evaluate("document.body.className"))


def _size_of(picture: Path) -> tuple[int, int]:
    header = picture.read_bytes()[:24]
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])
