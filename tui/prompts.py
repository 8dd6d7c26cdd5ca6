"""What is typed in the last line: the filter, live; where to go in time; a reason; y or n.

An action passes here on its way: off in the past and without a house, a question before what cannot be undone, a text
where one is wanted.
"""

from dataclasses import replace
from typing import Final

from coord.tui.scene import Act, Scene
from coord.tui.seeking import gone_to
from coord.tui.state import TEXT_MAX, Prompt, State, Tell, Turn

_PAST: Final = "This is the past: actions are off. esc goes to now."
_AWAY: Final = "The house does not answer: actions are off until it does."


def asked_before(state: State, scene: Scene, act: Act, seconds: float) -> Turn:
    """Start an action: refuse it here, ask for a text or a yes, or do it."""
    if scene.past is not None:
        return Turn(state.saying(_PAST, seconds))
    if scene.link.state != "live":
        return Turn(state.saying(_AWAY, seconds))
    if act.wants:
        return Turn(replace(state, prompt=Prompt("wants", act=act)))
    if act.asks:
        return Turn(replace(state, prompt=Prompt("confirm", act=act)))
    return Turn(state, Tell(act))


def pressed_in_prompt(state: State, scene: Scene, key: str, character: str | None, seconds: float) -> Turn:
    """Do what a key means to what is being typed."""
    asked = state.prompt
    assert asked is not None
    if asked.kind == "confirm":
        return _confirmed(state, asked, key, seconds)
    match key:
        case "escape" | "ctrl+c":
            return Turn(_left(state, asked))
        case "enter":
            return _entered(state, scene, asked, seconds)
        case "backspace":
            return Turn(_typed(state, asked, asked.text[:-1]))
        case "ctrl+u":
            return Turn(_typed(state, asked, ""))
        case "ctrl+w":
            return Turn(_typed(state, asked, asked.text.rstrip().rpartition(" ")[0]))
    if character is not None and character.isprintable():
        return Turn(_typed(state, asked, asked.text + character))
    return Turn(state)


def pasted(state: State, text: str) -> State:
    """Add a pasted text to what is being typed."""
    asked = state.prompt
    if asked is None or asked.kind == "confirm":
        return state
    clean = "".join(mark for mark in " ".join(text.split()) if mark.isprintable())
    return _typed(state, asked, asked.text + clean)


def _typed(state: State, asked: Prompt, text: str) -> State:
    typed = replace(state, prompt=asked._replace(text=text[:TEXT_MAX]))
    return typed.at(replace(state.place, filter=text[:TEXT_MAX])) if asked.kind == "filter" else typed


def _left(state: State, asked: Prompt) -> State:
    """Leave what was typed; `esc` in a filter clears it."""
    left = replace(state, prompt=None)
    return left.at(replace(state.place, filter="")) if asked.kind == "filter" else left


def _entered(state: State, scene: Scene, asked: Prompt, seconds: float) -> Turn:
    entered = replace(state, prompt=None)
    if asked.kind == "goto" and asked.text:
        return Turn(gone_to(entered, scene, asked.text, scene.today_ns, seconds))
    if asked.kind == "wants" and asked.act is not None:
        if not asked.text.strip():
            return Turn(state.saying(f"{asked.act.wants} is wanted; esc leaves it.", seconds))
        if asked.act.numeric and not _is_number(asked.text.strip()):
            return Turn(state.saying(f"{asked.act.wants} is a number, such as 20; esc leaves it.", seconds))
        return asked_before(entered, scene, _with(asked.act, asked.text.strip()), seconds)
    return Turn(entered)


def _with(act: Act, text: str) -> Act:
    """Fill in what was typed."""
    fields = {**act.fields, act.wants: float(text) if act.numeric else text}
    return act._replace(fields=fields, cli=f"{act.wanted} {_quoted(text)}", wants="")


def _is_number(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdecimal()


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)


def _confirmed(state: State, asked: Prompt, key: str, seconds: float) -> Turn:
    left = replace(state, prompt=None)
    if key in ("y", "Y") and asked.act is not None:
        return Turn(left, Tell(asked.act))
    if key in ("n", "N", "escape", "ctrl+c"):
        return Turn(left.saying("Nothing was done.", seconds))
    return Turn(left.saying("Nothing was done: only y says yes.", seconds))
