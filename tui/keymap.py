"""The keys that mean the same everywhere, as data: for the last line, the help and the palette."""

from collections.abc import Sequence
from typing import Final

from coord.tui.scene import Key, View

GENERAL: Final = (
    Key("1", "1-8", "view", "One of the eight views."),
    Key("enter", "↵", "open", "Into the chosen row."),
    Key(
        "backspace",
        "⌫",
        "back",
        "Out of the row, and back to where one was; esc goes out of row, filter and past, and no further.",
    ),
    Key("slash", "/", "filter", "Keep rows: text, !text, field:text, field>1h. Stays until esc clears it."),
    Key("t", "t", "time", "The time bar: any past moment, on the same screens."),
    Key("space", "space", "freeze", "Hold the picture; what happens is collected all the same."),
    Key("y", "y", "copy", "Copy the id of the chosen row."),
    Key("colon", ":", "command", "Every command by name; ctrl+p opens it, too."),
    Key("q", "q", "quit", "Leave; ctrl+c does so, too."),
    Key("question_mark", "?", "help", "These keys."),
)
"""As the last line shows them."""

MORE: Final = (
    Key(
        "tab",
        "tab",
        "pane",
        "The next box of the overview; elsewhere from the list into the chosen row, and back.",
    ),
    Key("exclamation_mark", "!", "negate", "Filter for rows that do not match."),
    Key("down", "↑↓ jk", "move", "One row up or down."),
    Key("home", "home end", "ends", "The first or the last row, in every list."),
    Key("g", "g", "top", "The first row."),
    Key("G", "G", "end", "The last row."),
    Key("pagedown", "pgup pgdn", "page", "Ten rows up or down."),
    Key("s", "s", "sort", "The next order of rows."),
    Key("S", "S", "reverse", "The same order, from its other end."),
    Key("Y", "Y", "copy command", "Copy the command line that does or shows the same."),
    Key("o", "o", "open related", "What the chosen row is about."),
    Key("h", "h", "history", "The events of the chosen row."),
    Key("u", "u", "undo", "Undo the last action, for 8 seconds."),
    Key("alt+left", "alt+←", "back", "The place before this one, with its filter; ctrl+o does so, too."),
    Key("alt+right", "alt+→", "forward", "Forward again."),
    Key("R", "R", "retry", "While the connection is lost: try it now."),
)
"""What the help adds."""

TIME: Final = (
    Key("left", "←→", "bin", "One bin of the bar back or forward; with shift ten."),
    Key("left_square_bracket", "[ ]", "event", "One event back or forward."),
    Key("left_curly_bracket", "{ }", "mark", "The mark before or after: ▲ an alert, ◆ a directive."),
    Key("g", "g", "go to", "-2h, 14:02, #121004, or words of a mark such as tiny-gpt spike."),
    Key("space", "space", "play", "Let the time pass; again: stand still."),
    Key("plus", "+ −", "speed", "Twice or half as fast."),
    Key("z", "z", "span", "Another span of the bar: ten minutes to the whole log."),
    Key("m", "m", "mark", "Remember this moment, to compare with."),
    Key("d", "d", "diff", "What differs between the marked moment and this one."),
    Key("t", "t", "leave the bar", "The keys go back to the view; the moment stays."),
    Key("escape", "esc", "LIVE", "Back to now."),
)
"""While the time bar has the keys."""


def beside(view: View, keys: Sequence[Key]) -> list[Key]:
    """Return the keys that mean in a view what they mean everywhere: those that it does not use for something of its own."""
    own = {key.key for key in view.keys}
    return [key for key in keys if key.key not in own]
