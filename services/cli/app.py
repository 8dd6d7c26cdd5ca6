"""typer over the table of verbs: help pages, `--version`, and a sentence for every faulty command line.

Only what parse.py leaves over comes here. A verb's options are built when that verb is named, so that one
verb does not pay for thirty.
"""

import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from inspect import Parameter, Signature
from itertools import pairwise
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from coord.events.errors import CoordError, UsageError, visible
from coord.services.cli.main import perform
from coord.services.cli.page import PAGE_COLUMNS, front_page, painter, verb_page
from coord.services.cli.parse import Value, everywhere, finished, joined
from coord.services.cli.surface import VERBS
from coord.services.cli.terminal import WHEN, choose_colour, out, page_columns, talk
from coord.services.cli.verb import COLOUR, Argument, Option, Verb

_ClickError: Final[type[Any]] = typer.BadParameter.__mro__[2]
"""typer keeps its own copy of click; this is the root of that copy's errors."""
_OWN: Final = "own_"
_ANY: Final = "any_"
"""Before the names of parameters: a verb's own, and those that every verb takes."""


def run(words: Sequence[str]) -> int:
    """Read a command line with typer and do what it says."""
    words = joined(words)
    before: dict[str, Value] = {}
    choose_colour(_asked_colour(words))
    app = typer.Typer(
        cls=_group(before),
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        add_help_option=False,
    )
    parameters = [*(_option(option, _ANY) for option in everywhere()), _version(), _help()]
    app.callback()(_function(lambda values: before.update(_named(values, _ANY)), parameters))
    if not words:
        talk_page()
        return int(UsageError.exit_code)
    try:
        return int(get_command(app).main(list(words), prog_name="coord", standalone_mode=False) or 0)
    except _ClickError as error:
        raise _as_usage_error(error, words) from error


def _asked_colour(words: Sequence[str]) -> str | None:
    """Return what --color says, before the line is read: a page is shown while it is."""
    said = (
        after if word == COLOUR.flag else word.partition("=")[2]
        for word, after in pairwise([*words, ""])
        if word.partition("=")[0] == COLOUR.flag
    )  # fmt: skip
    return next((when for when in said if when in WHEN), None)


def talk_page() -> None:
    """Show what there is to somebody who asked for nothing."""
    for line in front_page():
        talk(line)


def _group(before: dict[str, Value]) -> type[TyperGroup]:
    class Verbs(TyperGroup):
        """The verbs, each built when it is named."""

        def list_commands(self, _ctx: Any) -> list[str]:
            """Return the names, in the order of the page."""
            return list(VERBS)

        def get_command(self, _ctx: Any, cmd_name: str) -> TyperCommand | None:
            """Build one verb."""
            verb = VERBS.get(cmd_name)
            return None if verb is None else _command(verb, before)

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Find the verb that is named."""
            if args[0] not in VERBS:
                raise _no_such_verb(args[0])
            return super().resolve_command(ctx, args)

    return Verbs


def _command(verb: Verb, before: dict[str, Value]) -> TyperCommand:
    def act(values: dict[str, Value]) -> int:
        own, settings = _named(values, _OWN), {**before, **_named(values, _ANY)}
        return perform(finished(verb, own, settings))

    taken = {option.flag for option in verb.options}
    parameters = [*map(_argument, verb.arguments), *(_option(option, _OWN) for option in verb.options)]
    parameters += [_option(option, _ANY) for option in everywhere() if option.flag not in taken]
    parameters.append(_help())
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(verb.name, add_help_option=False)(_function(act, parameters))
    return get_command(app)  # type: ignore[return-value]


def _function(act: Callable[[dict[str, Value]], Any], parameters: list[Parameter]) -> Callable[..., Any]:
    """Make the function whose signature typer reads; `act` is called with what was given."""

    def called(**values: Any) -> Any:
        given = {name: value for name, value in values.items() if value not in (None, False, [])}
        return act({name: tuple(v) if isinstance(v, list) else v for name, v in given.items()})

    called.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {}
    return called


def _named(values: dict[str, Value], prefix: str) -> dict[str, Value]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _argument(argument: Argument) -> Parameter:
    made = typer.Argument(... if argument.required else None, metavar=argument.metavar)
    annotation: Any = list[str] if argument.many else str
    return _parameter(_OWN + argument.name, made, annotation if argument.required else annotation | None)


def _option(option: Option, prefix: str) -> Parameter:
    name = prefix + option.name
    if not option.metavar:
        return _parameter(name, typer.Option(False, option.flag), bool)
    annotation: Any = list[str] if option.many else str | None
    flags = (option.short, option.flag) if option.short else (option.flag,)
    made = typer.Option(None, *flags, metavar=option.metavar)
    return _parameter(name, made, annotation)


def _help() -> Parameter:
    """Make --help: typer's own would write to stdout past us, and know nothing of a full disk."""
    made = typer.Option(False, "--help", "-h", callback=_show_help, is_eager=True)
    return _parameter("help", made, bool)


def _show_help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        verb, width = VERBS.get(context.info_name or ""), page_columns(PAGE_COLUMNS)
        for line in front_page(painter(), width) if verb is None else verb_page(verb, painter(), width):
            out(line)
        raise typer.Exit


def _version() -> Parameter:
    made = typer.Option(False, "--version", callback=_show_version, is_eager=True)
    return _parameter("version", made, bool)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        out(f"coord {version('coord')}, Python {sys.version.split()[0]}")
        raise typer.Exit


def _parameter(name: str, default: Any, annotation: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _no_such_verb(name: str) -> UsageError:
    near = get_close_matches(name[:64], VERBS, 1)
    hint = f"Did you mean '{near[0]}'?" if near else "coord --help lists what there is."
    return UsageError(f"there is no command '{visible(name, 64)}'.", hint)


_NO_PAST: Final = {
    "why": "the coordinator, which it asks, knows only what waits now. Try: coord show ID --at WHEN",
    "claim": "it acts now, in the order of now. Try: coord board --at WHEN",
    "tail": "the log has no other past than itself. Try: coord tail --from WHEN --until now",
    "watchdog": "its rules are those of this version. Try: coord alerts --at WHEN",
    "doctor": "it looks at the house as it is now. Try: coord health --at WHEN",
}
"""Why a verb that tells something knows no past, and what is meant instead."""


def _as_usage_error(error: Any, words: Sequence[str]) -> CoordError:
    """Turn typer's error into one sentence of ours."""
    verb = next((word for word in words if word in VERBS), "")
    message = error.format_message().rstrip(".").replace("\n", " ")
    if verb and "--at" in message and any(word.partition("=")[0] == "--at" for word in words):
        why, _, instead = _NO_PAST.get(verb, "it acts now, and asks nothing.").partition(". ")
        return UsageError(f"{verb} takes no --at: {why.rstrip('.')}.", instead)
    hint = f"Try: coord {verb} --help" if verb else "Try: coord --help"
    return UsageError(f"{message[:1].lower()}{message[1:]}.", hint)
