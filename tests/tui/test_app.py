"""The dashboard on a house that really runs: keys pressed, pictures read, actions told, the connection lost and back."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from command_line import Cli
from houses import House, running_house
from textual.widgets import OptionList

from coord.services import clock
from coord.services.folder import Folder
from coord.tui.app import Dashboard
from coord.tui.feed import Feed
from coord.tui.ink import plain, width_of
from coord.tui.scene import Act
from coord.tui.session import Wanted, first_state
from coord.tui.state import Tell

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which ada holds an item and another one waits."""
    with running_house(tmp_path_factory.mktemp("tui"), Cli) as running:
        for words in (
            ("submit", "hash the README", "--id", "w-1", "--priority", "9"),
            ("submit", "lint", "--id", "w-2"),
            ("register", "ada"),
            ("claim", "w-1", "--agent", "ada", "--lease", "1h"),
        ):
            assert running.cli.run(*words).code == 0, words
        yield running


class Seat:
    """Somebody at the dashboard."""

    def __init__(self, app: Dashboard, pilot: object) -> None:
        self.app = app
        self.press: Callable[..., Awaitable[None]] = pilot.press  # type: ignore[attr-defined]
        self.pause: Callable[..., Awaitable[None]] = pilot.pause  # type: ignore[attr-defined]
        self.resize: Callable[..., Awaitable[None]] = pilot.resize_terminal  # type: ignore[attr-defined]

    @property
    def text(self) -> str:
        """The picture."""
        return "\n".join(map(plain, self.app._canvas._lines))

    async def until(self, *wanted: str, without: str = "") -> str:
        """Wait until these stand on the screen."""
        end = clock.monotonic() + PATIENCE_SECONDS
        while not all(one in self.text for one in wanted) or (without and without in self.text):
            assert clock.monotonic() < end, f"{wanted} did not come:\n{self.text}"
            await self.pause(0.02)
        return self.text

    async def sized(self, width: int, height: int) -> None:
        """Wait until the picture has so many cells."""
        end = clock.monotonic() + PATIENCE_SECONDS
        while (found := (width_of(self.app._canvas._lines[0]), len(self.app._canvas._lines))) != (
            width,
            height,
        ):
            assert clock.monotonic() < end, found
            await self.pause(0.02)

    async def listed(self, first: str) -> None:
        """Wait until the palette lists something first, in whatever case."""
        end = clock.monotonic() + PATIENCE_SECONDS
        while True:
            found = self.app.screen.query(OptionList)
            shown = [str(one.prompt) for one in found.first().options] if found else []
            if shown and first in shown[0]:
                return
            assert clock.monotonic() < end, shown
            await self.pause(0.02)

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if mark == " " else mark for mark in text))


@asynccontextmanager
async def seat(folder: Folder, view: str, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Seat]:
    """Sit down before a dashboard."""
    state = first_state(Wanted(folder, "mia", 5.0, view=view, theme="dark", browser=True))
    feed = Feed(folder, "mia", 5.0)
    feed.start()
    try:
        app = Dashboard(feed, state)
        async with app.run_test(size=size) as pilot:
            yield Seat(app, pilot)
    finally:
        feed.close()


def seated(house: House, view: str, act: Callable[[Seat], Awaitable[None]]) -> None:
    """Do something at a dashboard of the house."""

    async def main() -> None:
        async with seat(house.folder, view) as sat:
            await act(sat)

    asyncio.run(main())


def test_the_board_is_there_and_a_filter_keeps_rows(house: House) -> None:
    """Live while it is typed; escape brings all back."""

    async def act(sat: Seat) -> None:
        await sat.until("● LIVE", "w-1", "w-2", "ada")
        await sat.press("slash")
        await sat.type("lint")
        await sat.until("filter ▸ lint", without="w-1")
        await sat.press("escape")
        await sat.until("w-1", "w-2")

    seated(house, "work", act)


def test_without_colours_it_draws_as_well(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is the terminal's word."""
    monkeypatch.setenv("NO_COLOR", "1")

    async def act(sat: Seat) -> None:
        await sat.until("● LIVE", "w-1")
        await sat.press("4", "question_mark")
        await sat.until("Keys of Runs")

    seated(house, "work", act)


def test_help_and_palette_open_and_close(house: House) -> None:
    """The palette does what a key does."""

    async def act(sat: Seat) -> None:
        await sat.until("● LIVE")
        await sat.press("question_mark")
        await sat.until("Keys of Work", "search ▸")
        await sat.press("escape", "colon")
        await sat.listed("work: open")
        await sat.type("go runs")
        await sat.listed("go runs")
        await sat.press("enter")
        await sat.until("[4 Runs]")

    seated(house, "work", act)


def test_copying_writes_osc_52_and_says_what(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal gets the id."""
    monkeypatch.delenv("TMUX", raising=False)

    async def act(sat: Seat) -> None:
        written: list[str] = []
        await sat.until("w-1")
        driver = sat.app._driver
        assert driver is not None
        monkeypatch.setattr(driver, "write", written.append)
        await sat.press("y")
        await sat.until("Copied: w-1")
        coded = base64.b64encode(b"w-1").decode()
        assert f"\x1b]52;c;{coded}\x07" in written

    seated(house, "work", act)


def test_a_frozen_picture_stays_while_events_are_collected(house: House) -> None:
    """And shows them when it thaws."""

    async def act(sat: Seat) -> None:
        await sat.until("● LIVE", "w-1")
        await sat.press("space")
        await sat.until("❚❚ FROZEN")
        ran = await asyncio.to_thread(house.cli.run, "submit", "came later", "--id", "w-3")
        assert ran.code == 0
        await sat.until(" since", without="+0 since")
        assert "w-3" not in sat.text
        await sat.press("space")
        await sat.until("● LIVE", "w-3")

    seated(house, "work", act)


def test_the_time_bar_leads_into_the_past_and_back(house: House) -> None:
    """The board as it stood: nobody had claimed anything yet."""
    submitted = next(
        one["position"]
        for one in house.ask("history", "w-1")["events"]
        if one["type"].startswith("work.submitted")
    )

    async def act(sat: Seat) -> None:
        await sat.until("● LIVE", "w-2", "now  t seek")
        await sat.press("t", "g")
        await sat.type(f"#{submitted}")
        await sat.press("enter")
        await sat.until("◀ REPLAY", f"#{submitted}/", "w-1", without="w-2")
        assert "ada" not in sat.text
        await sat.press("right_square_bracket")
        await sat.until(f"#{submitted + 1}/", "w-2")
        await sat.press("escape")
        await sat.until("● LIVE", "ada")

    seated(house, "work", act)


def test_an_action_is_told_and_its_command_line_shown(house: House) -> None:
    """Done, and undone; a refusal with its reason."""
    undo = Act("cancel", {"item_id": "w-4"}, "coord cancel w-4")
    submit = Act(
        "submit", {"item_id": "w-4", "title": "by hand"}, "coord submit 'by hand' --id w-4", undo=undo
    )
    wrong = Act("cancel", {"item_id": "w-nobody"}, "coord cancel w-nobody")

    async def act(sat: Seat) -> None:
        await sat.until("● LIVE")
        sat.app._effect(Tell(submit))
        await sat.until("last action  coord submit 'by hand' --id w-4   done", "u undo", "w-4")
        await sat.press("u")
        await sat.until("coord cancel w-4   done")
        sat.app._effect(Tell(wrong))
        await sat.until("coord cancel w-nobody   refused: ")

    seated(house, "work", act)


def test_events_arrive_by_themselves(house: House) -> None:
    """The log is followed."""

    async def act(sat: Seat) -> None:
        await sat.until("work.claimed")
        await asyncio.to_thread(house.cli.run, "progress", "w-1", "--agent", "ada", "--note", "halfway there")
        await sat.until("halfway there")

    seated(house, "events", act)


def test_every_view_draws_in_every_size(house: House) -> None:
    """Resized while it runs."""

    async def act(sat: Seat) -> None:
        for number in "12345678":
            await sat.press(number)
            await sat.until(f"[{number} ", "● LIVE")
        for width, height in ((80, 24), (240, 60), (40, 12), (20, 5)):
            await sat.resize(width, height)
            await sat.sized(width, height)

    seated(house, "overview", act)


def test_a_lost_house_is_told_and_comes_back_by_itself(tmp_path: Path) -> None:
    """Values stay, dim; R tries at once."""
    with running_house(tmp_path, Cli) as house:
        house.cli.run("submit", "survives", "--id", "w-9")

        async def act(sat: Seat) -> None:
            await sat.until("● LIVE", "w-9")
            await asyncio.to_thread(house.cli.run, "down")
            await sat.until("✖ LOST", "coord up", "w-9", "stale")
            sat.app._effect(Tell(Act("cancel", {"item_id": "w-9"}, "coord cancel w-9")))
            await sat.until("coord cancel w-9   refused: ")
            await asyncio.to_thread(house.cli.run, "up", "--detach")
            await sat.press("R")
            await sat.until("● LIVE", "w-9")

        seated(house, "work", act)
