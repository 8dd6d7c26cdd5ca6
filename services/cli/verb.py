"""What a verb of `coord` is: its arguments and options as data; and the options that several verbs take."""

from typing import Final, NamedTuple


class Option(NamedTuple):
    """A flag with a value, or a switch when `metavar` is empty; of a `[TIME]` the value may be left out."""

    flag: str
    metavar: str
    what: str
    many: bool = False
    """May be given several times."""
    variable: str = ""
    """The environment variable that stands in for it."""
    short: str = ""
    """One letter that says the same, such as -n."""

    @property
    def optional(self) -> bool:
        """Whether its value may be left out; it is empty then."""
        return self.metavar.startswith("[")

    @property
    def written(self) -> str:
        """The flag with what stands for its value."""
        both = f"{self.short}, {self.flag}" if self.short else self.flag
        return f"{both} {self.metavar}".strip()

    @property
    def name(self) -> str:
        """The name its value is kept under."""
        return self.flag[2:].replace("-", "_")


class Argument(NamedTuple):
    """A value that stands by itself."""

    name: str
    metavar: str
    what: str
    required: bool = True
    many: bool = False
    """May be given several times; only a verb's last argument may."""


class Verb(NamedTuple):
    """One command: what it takes, and the function (`module:function`) that does it."""

    name: str
    group: str
    run: str
    what: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    more: str = ""
    """The rest of its help page; each line is a paragraph."""


JSON: Final = Option("--json", "", "Print the answer as JSON.")
COLOUR: Final = Option("--color", "WHEN", "auto, always or never. [or NO_COLOR, FORCE_COLOR]")
CONFIG: Final = Option("--config", "FILE", "The settings file.", variable="COORD_CONFIG")
REASON: Final = Option("--reason", "TEXT", "Why.")
REQUEST: Final = Option("--request-id", "R", "Ask again under the id of an earlier request.")
LIMIT: Final = Option("--limit", "N", "At most so many rows, 1 to 1000.")
AT: Final = Option("--at", "WHEN", "As of a past moment: -2h, 14:02, 2026-11-29T14:02Z (UTC) or #121004.")

RETRY: Final = "Exit code 6 means that it may have happened: ask again with the --request-id it names."
STDIN: Final = (
    "With - the ids come from stdin, one a line: its first word, or `id` of a line of JSON; a list that coord "
    "printed will do. The exit code is then the highest of all."
)
