"""What a session of the dashboard begins with, as the command line says it: view, filter, moment, looks."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from coord.events.errors import NothingThere, UsageError, visible
from coord.services import client
from coord.services.folder import Folder
from coord.services.when import parse_when
from coord.tui.feed import Feed, is_not_yet
from coord.tui.known import Known, scene_of, wishes_of
from coord.tui.palette import THEMES
from coord.tui.scene import Past, Place, Scene
from coord.tui.state import State
from coord.tui.views import VIEWS

RESOLVE_SECONDS: Final = 20.0
"""The projector says within eight seconds that a past moment is not ready yet."""


TEXTUAL: Final = {"TEXTUAL_FPS": "250"}
"""Variables that Textual reads when it is imported. So often a second it may write what changed: our own clock says when
anything does, and a key waits 4 ms, not 17."""
_IN_ADDRESS: Final = ("view", "filter", "chosen", "at", "theme")


class Wanted(NamedTuple):
    """What the command line says."""

    folder: Folder
    actor: str
    """Who acts: the user of this machine."""
    request_seconds: float
    view: str = "overview"
    filter: str = ""
    chosen: str = ""
    at: str = ""
    theme: str = ""
    ascii: bool = False
    browser: bool = False
    """Whether a browser shows it: it has every glyph."""
    story: str = ""
    """A file that another process tells a story into."""


def first_state(wanted: Wanted, environment: Mapping[str, str] | None = None) -> State:
    """Return the state to begin with, the moment aside.

    Raises:
        UsageError: there is no such view or theme.
    """
    environment = os.environ if environment is None else environment
    if wanted.view not in VIEWS:
        raise UsageError(f"there is no view '{visible(wanted.view, 64)}'.", f"There are: {', '.join(VIEWS)}.")
    if wanted.theme and wanted.theme not in THEMES:
        raise UsageError(
            f"there is no theme '{visible(wanted.theme, 64)}'.", f"There are: {', '.join(THEMES[:3])}."
        )
    place = Place(chosen=wanted.chosen, filter=wanted.filter, opened=bool(wanted.chosen))
    return State(
        view=wanted.view,
        theme=wanted.theme or usual_theme(environment),
        ascii=wanted.ascii or (not wanted.browser and wants_ascii(environment)),
    ).at(place)


def usual_theme(environment: Mapping[str, str]) -> str:
    """Choose the colours: none with NO_COLOR, the terminal's own over ssh and where it has no others."""
    if environment.get("NO_COLOR"):
        return "none"
    has_own = environment.get("COLORTERM") in ("truecolor", "24bit")
    return "dark" if has_own and not is_remote(environment) else "ansi"


def is_remote(environment: Mapping[str, str]) -> bool:
    """Tell whether the terminal is at the other end of an ssh connection."""
    return bool(environment.get("SSH_TTY") or environment.get("SSH_CONNECTION"))


def wants_ascii(environment: Mapping[str, str]) -> bool:
    """Tell whether glyphs cannot be shown: no UTF-8 in the locale, or the console of Linux."""
    locale = next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "")
    utf8 = "UTF-8" in locale.upper() or "UTF8" in locale.upper()
    return not utf8 or environment.get("TERM") == "linux"


def past_of(folder: Folder, text: str, now_ns: int, request_seconds: float) -> Past:
    """Read --at and ask the house which position that is.

    Raises:
        UsageError: it names no moment.
        NoServer, OutcomeUnknown: nobody answers.
    """
    when = parse_when(f"#{text}" if text.isdecimal() else text, now_ns, "--at")
    moment = _of_past(folder, {**when.fields(), "limit": 1}, request_seconds)["as_of"]
    now = client.ask(folder, "state", {}, request_seconds)["as_of"]
    last = max(now["position"] + now.get("lag", 0), moment["position"])
    return Past(max(moment["position"], 1), moment.get("recorded_at_ns", 0), last)


def _of_past(folder: Folder, fields: Mapping[str, Any], seconds: float) -> client.Reply:
    """Ask about the moment; while the projector folds up to it, ask again."""
    while True:
        try:
            return client.ask(folder, "board", fields, max(seconds, RESOLVE_SECONDS))
        except NothingThere as error:
            if not is_not_yet(error):
                raise


def place_of(state: State) -> str:
    """Write where one is as the query of an address: view, filter, row and moment."""
    from urllib.parse import urlencode

    place = state.place
    told = {
        "view": state.view,
        "filter": place.filter,
        "chosen": place.chosen if place.opened else "",
        "at": f"#{state.past.position}" if state.past is not None else "",
        "theme": state.theme,
    }
    return urlencode({name: value for name, value in told.items() if value})


def wanted_from(wanted: Wanted, query: Mapping[str, str]) -> Wanted:
    """Return what the query of an address wants; what it says wrongly is as the command line says."""
    given: dict[str, Any] = {name: query[name][:200] for name in _IN_ADDRESS if query.get(name)}
    if given.get("view") not in VIEWS:
        given.pop("view", None)
    if given.get("theme") not in THEMES:
        given.pop("theme", None)
    there = wanted._replace(**given) if given else wanted
    return there._replace(theme=there.theme or "dark")


def written(wanted: Wanted) -> str:
    """Write what is wanted, for another process."""
    return json.dumps({**wanted._asdict(), "folder": str(wanted.folder.root)})


def read(text: str) -> Wanted:
    """Read what another process wrote."""
    told = json.loads(text)
    return Wanted(**{**told, "folder": Folder(Path(told["folder"]))})


def look(feed: Feed, state: State, known: Known, now_ns: int, seconds: float) -> Scene:
    """Make the scene of a picture, and say what is to be asked for the next one."""
    scene = scene_of(known, state, now_ns, seconds)
    feed.want(wishes_of(state, scene, VIEWS[state.view], known.began_ns), state.past)
    return scene


def settled(state: State, scene: Scene) -> State:
    """Take over what the answers told about the moment."""
    return state if state.past == scene.past else replace(state, past=scene.past)
