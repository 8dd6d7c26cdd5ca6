"""The live dashboard: Textual round one canvas. A key is a pure turn and a picture at once; a clock draws the rest.

ten pictures a second at most, four over ssh, one after five minutes without a key; none while nothing is new
"""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Final

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.command import Provider

from coord.services import clock
from coord.tui import clipboard
from coord.tui.canvas import Canvas
from coord.tui.commands import Command, commands
from coord.tui.feed import Ended, Feed
from coord.tui.frame import Framed, frame
from coord.tui.known import Known
from coord.tui.listing import Commands
from coord.tui.moments import played
from coord.tui.mouse import dragged, pressed_at, scrolled
from coord.tui.prompts import pasted
from coord.tui.saving import save
from coord.tui.scene import Act, Go, Scene
from coord.tui.session import is_remote, look, place_of, settled
from coord.tui.state import (
    SAID_SECONDS,
    Clip,
    Done,
    Effect,
    OpenPalette,
    Quit,
    Retry,
    Save,
    State,
    Tell,
    Turn,
)
from coord.tui.story import Story
from coord.tui.turns import copied, pressed, went
from coord.tui.views import VIEWS

HZ_LOCAL: Final = 10.0
HZ_REMOTE: Final = 4.0
IDLE_SECONDS: Final = 300.0
"""After so long without a key one picture a second is enough."""
IDLE_PICTURE_SECONDS: Final = 1.0
CPU_SHARE: Final = 0.04
"""What this process may take of a core: pictures come more slowly where one costs more. Keys draw at once all the same."""
PICTURE_SECONDS_MAX: Final = 0.5
STORY_SECONDS: Final = 0.5
EARLY_KEYS_MAX: Final = 32
"""Pressed before this process has drawn anything: kept until it has, and no more of them."""
_TEXTUAL_THEMES: Final = {
    "dark": "textual-dark", "light": "textual-light", "ansi": "ansi-dark", "none": "ansi-dark",
}  # fmt: skip


class Dashboard(App[None]):
    """The application."""

    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider]]] = {Commands}  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit", "quit", priority=True, show=False)]
    CSS = """
    Screen { background: transparent; overflow: hidden; }
    CommandPalette SearchIcon { display: none; }
    """

    def __init__(self, feed: Feed, state: State, story: Story | None = None) -> None:
        super().__init__()
        self._story = story
        self.feed, self.state = feed, state
        self._canvas = Canvas(state.theme, self.draw)
        self._held: tuple[Known, int, float] | None = None
        """What was known when the picture was frozen, and when that was."""
        self._drawn_of: tuple[Known, State, int] | None = None
        self._framed: Framed | None = None
        self._early: list[tuple[str, str | None]] = []
        self._scene = Scene(now_ns=clock.now_ns())
        self._key_at = self._drawn_at = self._played_at = clock.monotonic()
        self._cpu_at, self._cost = clock.cpu_seconds(), 0.0
        self._place = ""
        self._hz = HZ_REMOTE if is_remote(os.environ) else HZ_LOCAL

    def compose(self) -> ComposeResult:
        """Lay out the one widget."""
        yield self._canvas

    def on_mount(self) -> None:
        """Begin."""
        self.theme = _TEXTUAL_THEMES[self.state.theme]
        self._canvas.focus()
        loop = asyncio.get_running_loop()
        self.feed.on_news = lambda: loop.call_soon_threadsafe(self.draw)
        self.set_interval(1 / self._hz, self._tick)
        if self._story is not None:
            self.set_interval(STORY_SECONDS, self._tell_story)
        self.draw()

    def on_unmount(self) -> None:
        """End."""
        self.feed.on_news = None

    def draw(self) -> None:
        """Draw the picture of now, as far as it differs from the last one."""
        size = self._canvas.size
        if not size.width or not size.height:
            return
        self._drawn_at = seconds = clock.monotonic()
        known, now_ns, at = self._shown(seconds)
        self._scene = look(self.feed, self.state, known, now_ns, at)
        self.state = settled(self.state, self._scene)
        since = self.feed.known().position - known.position if self._held else 0
        self._framed = frame(self.state, self._scene, VIEWS, size.width, size.height, seconds, since)
        self._drawn_of = (known, self.state, int(seconds))
        self._tell_place()
        self._canvas.show(self._framed.lines)
        self._count_cost()
        self._catch_up()

    def commands(self) -> Iterable[Command]:
        """List what the palette offers."""
        ids = tuple(self._framed.drawn.ids) if self._framed else ()
        return commands(VIEWS[self.state.view], VIEWS, ids)

    def do(self, command: Command) -> None:
        """Do what was chosen in the palette."""
        match command.kind:
            case "go":
                self._turn(Turn(went(self.state, self._scene, Go(command.what))))
            case "theme":
                self.state = replace(self.state, theme=command.what)
                self.theme = _TEXTUAL_THEMES[command.what]
                self._canvas.wear(command.what)
                self.draw()
            case "id":
                there = replace(self.state.place, chosen=command.what, opened=True)
                self._turn(Turn(self.state.at(there)))
            case "time":
                self.state = replace(self.state, bar=True)
                self._press(command.what, None)
            case _:
                self._press(command.what, None)

    def on_key(self, event: events.Key) -> None:
        """Do what a key means, and draw at once."""
        if self._is_covered:
            return
        event.stop()
        event.prevent_default()
        self._press(event.key, event.character)

    def on_paste(self, event: events.Paste) -> None:
        """Take a pasted text where something is typed."""
        if not self._is_covered:
            self._turn(Turn(pasted(self.state, event.text)))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Choose a row, open a tab, go to a moment of the time bar."""
        if self._framed is not None and not self._is_covered:
            self._key_at = clock.monotonic()
            self._turn(Turn(pressed_at(self.state, self._scene, self._framed, event.x, event.y)))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow a drag on the time bar."""
        if self._framed is not None and event.button and not self._is_covered:
            self._turn(Turn(dragged(self.state, self._scene, self._framed, event.x, event.y)))

    def on_mouse_scroll_down(self, _: events.MouseScrollDown) -> None:
        """Move the cursor down."""
        self._scroll(1)

    def on_mouse_scroll_up(self, _: events.MouseScrollUp) -> None:
        """Move the cursor up."""
        self._scroll(-1)

    @property
    def _is_covered(self) -> bool:
        """Whether the palette lies over the picture: keys and clicks are its own."""
        return len(self.screen_stack) > 1

    def _scroll(self, rows: int) -> None:
        if self._framed is not None and not self._is_covered:
            self._turn(Turn(scrolled(self.state, self._framed, rows)))

    def _tell_place(self) -> None:
        """Tell a browser where one is, for its address."""
        if not self.is_web or self._driver is None:
            return
        place = place_of(self.state)
        if place != self._place:
            self._place = place
            self._driver.write_meta({"type": "place", "query": place})  # type: ignore[attr-defined]

    def _tell_story(self) -> None:
        line = self._story.news() if self._story else ""
        if line:
            self._turn(Turn(self.state.saying(line, float("inf"))))

    def _count_cost(self) -> None:
        """Take notice of what a picture costs, with all that was done since the last one."""
        cpu = clock.cpu_seconds()
        self._cost += (cpu - self._cpu_at - self._cost) / 8
        self._cpu_at = cpu

    def _press(self, key: str, character: str | None) -> None:
        if self._framed is None:
            self._early = [*self._early, (key, character)][:EARLY_KEYS_MAX]
            return
        self._key_at = seconds = clock.monotonic()
        turn = pressed(self.state, self._scene, VIEWS, self._framed.drawn, key, character, seconds)
        self._turn(turn)

    def _catch_up(self) -> None:
        """Do what was pressed while the picture painted before this process drew stood on the screen."""
        early, self._early = self._early, []
        for key, character in early:
            self._press(key, character)

    def _turn(self, turn: Turn) -> None:
        if turn.state is not self.state:
            self._hold(turn.state)
            self.state = turn.state
            self.draw()
        if turn.effect is not None:
            self._effect(turn.effect)

    def _hold(self, state: State) -> None:
        """Hold what is known when the picture is frozen, and let it go when it thaws."""
        if state.frozen_at is None:
            self._held = None
        elif self._held is None:
            self._held = (self.feed.known(), clock.now_ns(), clock.monotonic())

    def _shown(self, seconds: float) -> tuple[Known, int, float]:
        return self._held or (self.feed.known(), clock.now_ns(), seconds)

    def _tick(self) -> None:
        seconds = clock.monotonic()
        if self._is_playing(seconds):
            return
        if seconds - self._key_at > IDLE_SECONDS and seconds - self._drawn_at < IDLE_PICTURE_SECONDS:
            return
        if seconds - self._drawn_at < min(self._cost / CPU_SHARE, PICTURE_SECONDS_MAX):
            return
        known, _, _ = self._shown(seconds)
        before = self._drawn_of
        if (
            before is None
            or before[0] is not known
            or before[1] is not self.state
            or before[2] != int(seconds)
        ):
            self.draw()

    def _is_playing(self, seconds: float) -> bool:
        past, before = self.state.past, self._played_at
        self._played_at = seconds
        if past is None or not past.speed:
            return False
        there = played(self._scene, seconds - before)
        self._turn(Turn(replace(self.state, past=there)))
        return True

    def _effect(self, effect: Effect) -> None:
        match effect:
            case Quit():
                self.exit()
            case OpenPalette():
                self.action_command_palette()
            case Retry():
                self.feed.retry()
            case Clip():
                self._copy(effect.text)
            case Save():
                self._turn(Turn(self.state.saying(save(effect.path, effect.text), clock.monotonic())))
            case Tell():
                self._tell(effect.act)

    def _copy(self, text: str) -> None:
        seconds = clock.monotonic()
        if not clipboard.fits(text):
            words = f"That is more than a terminal's clipboard takes: {len(text):,} characters."
            self._turn(Turn(self.state.saying(words, seconds)))
            return
        self.copy_to_clipboard(text)
        if clipboard.is_in_tmux():
            self.run_worker(lambda: clipboard.to_tmux(text), thread=True)
        self._turn(Turn(self.state.saying(copied(text), seconds)))

    def _tell(self, act: Act) -> None:
        loop = asyncio.get_running_loop()
        self._turn(Turn(replace(self.state, done=Done(act.cli, "..."), said=None)))
        self.feed.tell(act, lambda ended: loop.call_soon_threadsafe(self._ended, act, ended))

    def _ended(self, act: Act, ended: Ended) -> None:
        undo = act.undo if ended.how == "done" else None
        done = Done(act.cli, ended.how, undo, clock.monotonic() + SAID_SECONDS, ended.position)
        self._turn(Turn(replace(self.state, done=done)))
