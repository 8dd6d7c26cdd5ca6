"""A real terminal: a command in tmux, on a tmux server of its own, with keys, sizes and what stands on the screen.

Nothing sleeps: every wait asks tmux again, and each asking takes its time.
"""

import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from houses import until

TMUX_SECONDS = 20
PROMPT = "ready> "
COLOURS = {"TERM": "tmux-256color", "COLORTERM": "truecolor"}
_QUIET = (
    "set -g status off",
    "set -g escape-time 0",
    "set -g default-terminal tmux-256color",
    "set -g mouse on",
)


def need_tmux() -> str:
    """Return where tmux is; the test is skipped where there is none."""
    found = shutil.which("tmux")
    if found is None:
        pytest.skip("tmux is not installed: apt-get install tmux")
    return found


@dataclass(frozen=True)
class Terminal:
    """One tmux window with a shell in it."""

    socket: Path

    def type(self, text: str) -> None:
        """Type characters as they are."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: `Enter`, `Escape`, `Down`, `C-c`, `q`."""
        self._tmux("send-keys", *keys)

    def run(self, *words: str) -> None:
        """Have the shell run a command."""
        self.type(shlex.join(words))
        self.press("Enter")

    def lines(self, *, colours: bool = False) -> list[str]:
        """Return the rows of the screen; with colours they hold the escapes of what is drawn."""
        return self._tmux("capture-pane", "-p", *(("-e", "-N") if colours else ())).split("\n")[
            : self.size[1]
        ]

    @property
    def text(self) -> str:
        """The screen as text."""
        return "\n".join(self.lines())

    def wait_for(self, *wanted: str, seconds: float = TMUX_SECONDS) -> str:
        """Wait until all of these stand on the screen, and return it."""
        seen = ""

        def there() -> bool:
            nonlocal seen
            seen = self.text
            return all(one in seen for one in wanted)

        try:
            until(there, seconds)
        except AssertionError:
            raise AssertionError(f"{wanted} did not come to stand on the screen:\n{seen}") from None
        return seen

    def wait_until_gone(self, unwanted: str, seconds: float = TMUX_SECONDS) -> str:
        """Wait until something stands on the screen no more, and return it."""
        until(lambda: unwanted not in self.text, seconds)
        return self.text

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        width, height = self.ask("#{pane_width} #{pane_height}").split()
        return int(width), int(height)

    def ask(self, form: str) -> str:
        """Return what tmux says of the window, e.g. `#{alternate_on}`, `#{cursor_flag}`."""
        return self._tmux("display-message", "-p", form).strip()

    def is_as_it_was(self) -> bool:
        """Tell whether no program holds the screen, the mouse or the cursor."""
        return self.ask("#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{pane_current_command}") in (
            "0 0 1 sh",
            "0 0 1 dash",
            "0 0 1 bash",
        )

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self.socket), *words]
        done = subprocess.run(command, capture_output=True, timeout=TMUX_SECONDS, check=False)
        assert done.returncode == 0, (words, done.stderr.decode())
        return done.stdout.decode()


@contextmanager
def terminal(
    root: Path, width: int, height: int, environment: Mapping[str, str], shell: Sequence[str] = ("sh",)
) -> Iterator[Terminal]:
    """Open a terminal of this size; its tmux server ends with it."""
    need_tmux()
    socket = root / "tmux"
    configuration = root / "tmux.conf"
    configuration.write_text("\n".join(_QUIET) + "\n")
    begun = root / "shell"
    begun.write_text(f"PS1='{PROMPT}'\n")
    kept = {**environment, **COLOURS, "ENV": str(begun), "TMUX_TMPDIR": str(root)}
    start = ["tmux", "-f", str(configuration), "-S", str(socket)]
    told = [word for name, value in kept.items() for word in ("-e", f"{name}={value}")]
    place = ["-x", str(width), "-y", str(height), "-c", str(root)]
    subprocess.run(
        [*start, "new-session", "-d", *place, *told, *shell], env=kept, check=True, timeout=TMUX_SECONDS
    )
    opened = Terminal(socket)
    try:
        opened.wait_for(PROMPT.strip())
        yield opened
    finally:
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], check=False, timeout=TMUX_SECONDS)
