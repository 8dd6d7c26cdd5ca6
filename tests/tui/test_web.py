"""`coord tui --web`: for this machine alone, asking no other host, a process a tab, the place in the address."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from browsers import browser
from command_line import Cli
from houses import House, running_house, until
from web_servers import serving

pytest.importorskip("textual_serve", reason="textual-serve is not installed: pip install '.[web]'")
_TAB = b"coord.tui.tab"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with an item in it."""
    with running_house(tmp_path_factory.mktemp("web"), Cli) as running:
        running.cli.run("submit", "hash the README", "--id", "w-1")
        running.cli.run("submit", "lint", "--id", "w-2")
        yield running


def status_of(address: str, **headers: str) -> int:
    """Return what a request is answered with."""
    try:
        with urlopen(Request(address, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def tabs_of(house: House) -> list[str]:
    """Return the processes of tabs that show this house."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if _TAB in words and str(house.folder.root).encode() in words:
            found.append(path.parent.name)
    return found


def test_the_page_answers_to_its_own_address_only(house: House) -> None:
    """No other site's page can open its socket, and no rebound name reaches it."""
    with serving(house) as address:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        assert status_of(address) == 200
        assert status_of(address, Host="evil.example") == 403
        assert status_of(address + "/ws", Origin="http://evil.example") == 403
        with urlopen(address, timeout=10) as answer:
            page = answer.read().decode()
        hosts = set(re.findall(r"(?:https?|wss?):?//([^/\"' )]+)", page))
        assert hosts == {address.removeprefix("http://")}


def test_a_port_that_is_taken_is_told(house: House) -> None:
    """In one sentence."""
    with serving(house) as address:
        ran = house.cli.run("tui", "--web", "--port", address.rpartition(":")[2])
        assert ran.code == 5
        assert "address already in use. Choose another port with --port." in ran.err


def test_a_tab_shows_the_house_and_a_reload_is_where_one_was(house: House, tmp_path: Path) -> None:
    """View, filter and moment stand in the address; a tab that closes ends its process."""
    with browser(tmp_path) as page, serving(house) as address:
        page.open(address + "/?view=work")
        page.wait_for("LIVE", "w-1", "w-2")
        (tab,) = tabs_of(house)
        assert b"TEXTUAL_FPS=250" in Path(f"/proc/{tab}/environ").read_bytes().split(b"\0"), (
            "a key waits 4 ms"
        )
        page.press("/")
        for mark in "lint":
            page.press(mark)
        page.press("Enter")
        page.wait_until(lambda: "filter=lint" in page.evaluate("location.search"))
        page.seen.text = ""
        page.ask("Page.reload")
        page.wait_for("LIVE", "filter ▸ lint", "w-2")
        assert page.seen.foreign() == []
        assert page.seen.faults == []
        page.ask("Page.navigate", url="about:blank")
        until(lambda: not tabs_of(house))
