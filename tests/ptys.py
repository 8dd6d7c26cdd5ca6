"""Pseudo-terminals for tests: a command in one of so many columns, and a real shell in one."""

import fcntl
import os
import pty
import select
import shutil
import signal
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import COORD, Cli

from coord.services import clock

SHELL_SECONDS = 20


def in_terminal(cli: Cli, word: str, width: int, environment: dict[str, str], *more: str) -> str:
    """Run a command of coord in a terminal of so many columns and return what it showed."""
    return in_terminal_process([COORD, word, *more], cli.environment | environment, width, cwd=cli.home)


def in_terminal_process(command: list[str], environment: dict[str, str], width: int, **options: Any) -> str:
    """Run a process in a terminal of so many columns and return what it showed; it must end well."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, width))
    streams = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs}
    process = subprocess.Popen(command, env=environment, **(streams | options))
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:
        pass
    os.close(ours)
    assert process.wait(30) == 0
    return shown.decode().replace("\r\n", "\n")


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Shell:
    """A real shell in a terminal of its own."""

    def __init__(self, cli: Cli, *command: str) -> None:
        path = f"{Path(COORD).parent}:{os.environ['PATH']}"
        environment = cli.environment | {"PATH": path, "TERM": "xterm", "PS1": "ready> ", "COLUMNS": "100"}
        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 100))
        self.process = subprocess.Popen(
            command, cwd=cli.home, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=_take_terminal,  # noqa: PLW1509
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""

    def type(self, text: str) -> None:
        """Type keys."""
        os.write(self.ours, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until the terminal shows a text."""
        deadline = clock.monotonic() + SHELL_SECONDS
        while text not in self.shown:
            left = deadline - clock.monotonic()
            assert left > 0, f"{text!r} did not appear in {self.shown!r}"
            if select.select([self.ours], [], [], left)[0]:
                self.shown += os.read(self.ours, 65_536).decode(errors="replace")
        self.shown = self.shown.partition(text)[2]

    def close(self) -> None:
        """End the shell."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.ours)


@contextmanager
def shell_of(cli: Cli, name: str, *words: str) -> Iterator[Shell]:
    """Run a shell, or skip where there is none."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    shell = Shell(cli, name, *words)
    try:
        yield shell
    finally:
        shell.close()
