"""typer over the table of verbs: help pages, `--version`, and a sentence for every faulty command line.

Only what parse.py leaves over comes here. A verb's options are built when that verb is named, so that one
verb does not pay for thirty.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from coord.events.errors import CoordError, UsageError, visible
from coord.services.cli.main import perform
from coord.services.cli.page import front_page
from coord.services.cli.parse import Parsed, Value, setting_options
from coord.services.cli.surface import CONFIG, JSON, VERBS, Option, Verb
from coord.services.cli.terminal import out, talk

_ClickError: Final[type[Any]] = typer.BadParameter.__mro__[2]
"""typer keeps its own copy of click; this is the root of that copy's errors."""
_SHOWN_EVERYWHERE: Final = ("--json", "--data", "--config")
_HELP: Final = {"help_option_names": ["-h", "--help"]}
_PREFIX: Final = "value_"
"""Before the names of parameters: `from` and `json` are no names for those of a function."""


def run(words: Sequence[str]) -> int:
    """Read a command line with typer and do what it says."""
    before: dict[str, Value] = {}
    app = typer.Typer(
        cls=_group(before),
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=_HELP,
    )
    app.callback()(_function(lambda given: before.update(given), _everywhere(), version=True))
    if not words:
        talk_page()
        return int(UsageError.exit_code)
    try:
        return int(get_command(app).main(list(words), prog_name="coord", standalone_mode=False) or 0)
    except _ClickError as error:
        raise _as_usage_error(error, words) from error


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

        def get_help(self, _ctx: Any) -> str:
            """Return the front page."""
            return "\n".join(front_page())

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Find the verb that is named."""
            if args[0] not in VERBS:
                raise _no_such_verb(args[0])
            return super().resolve_command(ctx, args)

    return Verbs


def _command(verb: Verb, before: dict[str, Value]) -> TyperCommand:
    def act(given: dict[str, Value]) -> int:
        return perform(_parsed(verb, before, given))

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    own = {option.flag for option in verb.options}
    everywhere = [option for option in _everywhere() if option.flag not in own]
    help_text = "\n\n".join(part for part in (verb.what, verb.more) if part)
    epilog = "Every setting that `coord config` lists may be given as a flag, too."
    function = _function(act, [*verb.options, *everywhere], verb)
    app.command(verb.name, help=help_text, epilog=epilog, context_settings=_HELP)(function)
    return get_command(app)  # type: ignore[return-value]


def _parsed(verb: Verb, before: dict[str, Value], given: dict[str, Value]) -> Parsed:
    own = {option.name for option in verb.options} | {argument.name for argument in verb.arguments}
    values = {name: value for name, value in given.items() if name in own}
    settings = {**before, **{name: value for name, value in given.items() if name not in own}}
    if settings.pop(JSON.name, False):
        values[JSON.name] = True
    config = settings.pop(CONFIG.name, None)
    return Parsed(verb, values, settings, str(config) if config is not None else None)


def _function(
    act: Callable[[dict[str, Value]], Any],
    options: Sequence[Option],
    verb: Verb | None = None,
    version: bool = False,
) -> Callable[..., Any]:
    """Make the function whose signature typer reads; it is called with what was given."""
    parameters = [_argument(argument.name, argument.metavar, argument.required, argument.what)
                  for argument in (verb.arguments if verb else ())]  # fmt: skip
    parameters += [_option(option) for option in options]
    if version:
        parameters.append(_version())

    def called(**values: Any) -> Any:
        given = {name.removeprefix(_PREFIX): value for name, value in values.items()}
        return act({
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
            if value not in (None, False, []) and name != "version"
        })  # fmt: skip

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {}
    return called


def _argument(name: str, metavar: str, required: bool, what: str) -> inspect.Parameter:
    annotation = str if required else str | None
    default = typer.Argument(... if required else None, metavar=metavar, help=what, show_default=False)
    return _parameter(name, default, annotation)


def _option(option: Option) -> inspect.Parameter:
    what = f"{option.what} [or {option.variable}]" if option.variable else option.what
    hidden = option in _everywhere() and option.flag not in _SHOWN_EVERYWHERE
    if not option.metavar:
        return _parameter(option.name, typer.Option(False, option.flag, help=what, hidden=hidden), bool)
    annotation: Any = list[str] if option.many else str | None
    default = typer.Option(None, option.flag, metavar=option.metavar, help=what, hidden=hidden)
    return _parameter(option.name, default, annotation)


def _version() -> inspect.Parameter:
    default = typer.Option(False, "--version", callback=_show_version, is_eager=True)
    return _parameter("version", default, bool)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        out(f"coord {version('coord')}, Python {sys.version.split()[0]}")
        raise typer.Exit


def _parameter(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(_PREFIX + name, kind, default=default, annotation=annotation)


def _everywhere() -> list[Option]:
    return [JSON, CONFIG, *setting_options()]


def _no_such_verb(name: str) -> UsageError:
    near = get_close_matches(name[:64], VERBS, 1)
    hint = f"Did you mean '{near[0]}'?" if near else "coord --help lists what there is."
    return UsageError(f"there is no command '{visible(name, 64)}'.", hint)


def _as_usage_error(error: Any, words: Sequence[str]) -> CoordError:
    """Turn typer's error into one sentence of ours."""
    verb = next((word for word in words if word in VERBS), "")
    message = error.format_message().rstrip(".").replace("\n", " ")
    hint = f"Try: coord {verb} --help" if verb else "Try: coord --help"
    return UsageError(f"{message[:1].lower()}{message[1:]}.", hint)
