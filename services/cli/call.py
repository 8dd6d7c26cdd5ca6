"""One call of a verb: its values, the settings it runs under, and how its outcome is shown."""

import gc
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final, TypeVar

from coord.events.errors import CoordError, NoServer, UsageError
from coord.events.tokens import TOKEN_LENGTH_MAX
from coord.services import client, clock
from coord.services.cli.parse import Parsed
from coord.services.cli.terminal import out, out_json, talk
from coord.services.cli.values import POSITION_MAX, ROWS_MAX, as_name, as_whole
from coord.services.client import Reply
from coord.services.folder import Folder
from coord.services.settings import Loaded, Settings, load_settings

STDIN: Final = "-"
T = TypeVar("T")


_ABOUT_THE_SERVER: Final = (
    "nats", "nats_monitor", "nats_credentials", "allow_unsafe_server", "server_binary", "server_port",
)  # fmt: skip


class Call:
    """A verb with its values; settings are read when they are first needed."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.json = bool(parsed.values.get("json"))
        self._moment: dict[str, int] | None = None
        self._moment_told = False

    @cached_property
    def loaded(self) -> Loaded:
        """The settings with their origins."""
        return load_settings(self.parsed.flags, file=self.parsed.config)

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self.loaded.settings

    @cached_property
    def folder(self) -> Folder:
        """The data folder."""
        return Folder(self.settings.data)

    def text(self, name: str) -> str | None:
        """Return a value as it was written; None when it was not given."""
        value = self.parsed.values.get(name)
        return value if isinstance(value, str) else None

    def many(self, name: str) -> list[str]:
        """Return the values of an option that may be repeated."""
        value = self.parsed.values.get(name, ())
        return list(value) if isinstance(value, tuple) else []

    def on(self, name: str) -> bool:
        """Tell whether a switch was given."""
        return self.parsed.values.get(name) is True

    def read(self, name: str, reader: Callable[[str, str], Any]) -> Any:
        """Read an option's value; None when it was not given."""
        text = self.text(name)
        return None if text is None else reader(text, f"--{name.replace('_', '-')}")

    def limit(self) -> int | None:
        """Return how many rows are wanted at most."""
        text = self.text("limit")
        return None if text is None else as_whole(text, "--limit", 1, ROWS_MAX)

    def agent(self) -> str:
        """Return who acts: by argument, --agent or COORD_AGENT.

        Raises:
            UsageError: nobody is named, or two are.
        """
        given = {text for text in (self.text("name"), self.text("agent")) if text is not None}
        if len(given) > 1:
            raise UsageError("two agents are named.", "Name one.")
        name = given.pop() if given else os.environ.get("COORD_AGENT")
        if name is None:
            raise UsageError("nobody is named to act.", "Name one with --agent NAME or COORD_AGENT.")
        return as_name(name, "the agent")

    def incarnation(self) -> int | None:
        """Return the incarnation COORD_INCARNATION selects; None: the present one.

        It is that of COORD_AGENT, where both are set: another agent that is named here has its own.
        """
        text, whose = os.environ.get("COORD_INCARNATION"), os.environ.get("COORD_AGENT")
        if text is None or (whose is not None and whose != self.agent()):
            return None
        return as_whole(text, "COORD_INCARNATION", 1, POSITION_MAX)

    def request_id(self) -> str:
        """Return the id of this request: the one asked again under, or a new one."""
        given = self.read("request_id", as_name)
        return str(given) if given is not None else clock.new_id()

    def person(self) -> str:
        """Return who acts where nobody need be an agent: --agent, COORD_AGENT, or this user of the machine."""
        given = self.text("agent") if self.text("agent") is not None else os.environ.get("COORD_AGENT")
        return user_name() if given is None else as_name(given, "the agent")

    def names_an_agent(self) -> bool:
        """Tell whether --agent or COORD_AGENT says who acts."""
        return self.text("agent") is not None or "COORD_AGENT" in os.environ

    def tell(
        self,
        verb: str,
        request_id: str,
        fields: Mapping[str, Any],
        actor: str = "",
        wait_seconds: float = 0.0,
    ) -> Reply:
        """Send a command; its reply is `done`, or an error is raised.

        Args:
            verb: the command's.
            request_id: under which it is known.
            fields: the command's.
            actor: who acts; else the agent that is named, or COORD_AGENT.
            wait_seconds: how long the coordinator may take beyond the usual, as it waits itself.
        """
        self.only_this_house()
        actor = actor or str(fields.get("agent") or os.environ.get("COORD_AGENT") or "")
        command = {"request_id": request_id, **fields}
        return client.tell(
            self.folder,
            verb,
            command,
            as_name(actor, "the agent") if actor else "",
            self.settings.request_seconds + wait_seconds,
        )

    def ask(self, question: str, **fields: Any) -> Reply:
        """Ask a question, as of --at if that is given; the answer comes, or an error is raised."""
        self.only_this_house()
        at = self.text("at")
        if at is not None:
            return self._ask_past(question, fields, at)
        return client.ask(self.folder, question, fields, self.settings.request_seconds, fresh=True)

    def _ask_past(self, question: str, fields: Mapping[str, Any], at: str) -> Reply:
        """Ask as of a past moment, and say on stderr which one it is: once, where several questions are asked."""
        from coord.services.cli.past import ask_past, heading, read_moment

        if self._moment is None:
            self._moment = read_moment(at)
        answer = ask_past(self.folder, question, fields, self._moment, self.settings.request_seconds)
        if not self._moment_told:
            note(heading(answer))
        self._moment_told = True
        return answer

    def ask_now(self, question: str, **fields: Any) -> Reply:
        """Ask as `ask` does; `claims_paused` of the answer says why claims are paused now, if they are."""
        answer = self.ask(question, **fields)
        if self.text("at") is not None:
            return answer
        from coord.services.pausing import ask_coordinator

        paused = ask_coordinator(self.folder)[1]
        return {**answer, "claims_paused": paused} if paused else answer

    def only_this_house(self) -> None:
        """Refuse a flag that names another server: this verb goes to the house of the data folder.

        Raises:
            UsageError: such a flag was given; nothing was sent.
        """
        for name in _ABOUT_THE_SERVER:
            if name in self.parsed.flags:
                raise UsageError(
                    f"--{name.replace('_', '-')} is for up, serve and doctor; this goes to the house on"
                    f" {self.folder.root}.",
                    "Name the house with --data or COORD_DATA.",
                )

    def show(self, document: Any, lines: Iterable[str]) -> None:
        """Print an outcome: the document as JSON, or the lines for people."""
        if self.json:
            out_json(document)
        else:
            for line in lines:
                out(line)

    def each(
        self,
        name: str,
        read: Callable[[str], T],
        read_line: Callable[[str], Iterable[T]],
        act: Callable[[T, str], None],
    ) -> int:
        """Read an argument and act on it under a request id, or, for `-`, do so with every line of stdin.

        A line of which nothing is read is passed over; of one that names several each is acted on.

        Returns:
            The highest exit code. Only a server that is gone ends it early.
        """
        text, request_id = self.text(name) or "", self.request_id()
        if text != STDIN:
            act(read(text), request_id)
            return 0
        gc.enable()
        from coord.services.cli.bars import bar
        from coord.services.cli.stdin import LIST_BYTES_MAX, lines_of_stdin, stdin_count

        worst = 0
        with bar(self.parsed.verb.name, "lines", stdin_count(), quiet=self.json) as told:
            for number, line in enumerate(lines_of_stdin(LIST_BYTES_MAX), 1):
                told.to(number - 1)
                with told.aside():
                    worst = max(worst, self._one(number, line, request_id, read_line, act))
        return worst

    def _one(
        self,
        number: int,
        line: bytes,
        request_id: str,
        read_line: Callable[[str], Iterable[T]],
        act: Callable[[T, str], None],
    ) -> int:
        from coord.services.cli.stdin import LIST_BYTES_MAX, line_text

        worst, of_line = 0, clock.derived_id(request_id, number)
        try:
            text = line_text(line, LIST_BYTES_MAX)
            values = list(read_line(text)) if text else []
        except CoordError as error:
            return report(error, self.json, f"line {number}: ")
        for place, value in enumerate(values):
            try:
                act(value, clock.derived_id(of_line, place) if place else of_line)
            except NoServer:
                raise
            except CoordError as error:
                worst = max(worst, report(error, self.json, f"line {number}: "))
        return worst


def user_name() -> str:
    """Return the name of this process's user, as a token."""
    import pwd

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"user-{os.getuid()}"
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)[:TOKEN_LENGTH_MAX] or "user"


def report(error: CoordError, as_json: bool, where: str = "") -> int:
    """Say what went wrong, in one line on stderr, and return the exit code; a reply in JSON goes to stdout."""
    if as_json and error.reply is not None:
        out_json(error.reply)
    talk(f"coord: {where}{error}")
    return int(error.exit_code)


def note(sentence: str) -> None:
    """Say something beside the data."""
    talk(f"coord: {sentence}")


def note_pause(answer: Reply) -> None:
    """Say that claims are paused, if they are, and why."""
    if answer.get("claims_paused"):
        note(f"claims are paused: {answer['claims_paused']}. See: coord doctor")


def note_cut(answer: Reply) -> None:
    """Say so when an answer was cut."""
    if answer.get("truncated"):
        rows = answer.get("rows") or answer.get("events") or answer.get("parts") or ()
        note(f"there is more than these {len(rows)}; see --limit.")
