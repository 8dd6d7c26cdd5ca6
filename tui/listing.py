"""Textual's command palette, filled with our commands; each shows its key."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from coord.tui.commands import Command

if TYPE_CHECKING:
    from coord.tui.app import Dashboard


class Commands(Provider):
    """What can be done here."""

    async def discover(self) -> Hits:
        """List all of it, while nothing is typed."""
        for command in self._commands():
            yield DiscoveryHit(_titled(command), self._doing(command), command.name, command.more)

    async def search(self, query: str) -> Hits:
        """List what matches."""
        matcher = self.matcher(query)
        for command in self._commands():
            score = matcher.match(command.name)
            if score > 0:
                yield Hit(score, _titled(command), self._doing(command), command.name, command.more)

    def _commands(self) -> Iterable[Command]:
        return cast("Dashboard", self.app).commands()

    def _doing(self, command: Command) -> Callable[[], None]:
        return partial(cast("Dashboard", self.app).do, command)


def _titled(command: Command) -> str:
    from rich.markup import escape

    shown = f"  [dim]{escape(command.shown)}[/]" if command.shown else ""
    return f"{escape(command.name)}{shown}"
