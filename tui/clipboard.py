"""The clipboard of whoever sits at the terminal, through ssh and tmux: OSC 52, and tmux's own buffer."""

import base64
import os
import subprocess
from collections.abc import Mapping
from typing import Final

TEXT_BYTES_MAX: Final = 64 * 1024
"""Terminals drop a longer one without a word."""
_TMUX_SECONDS: Final = 2.0


def sequence(text: str) -> str:
    """Return what tells a terminal to put a text on its clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"


def fits(text: str) -> bool:
    """Tell whether terminals take so long a text."""
    return len(text.encode()) <= TEXT_BYTES_MAX


def is_in_tmux(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether tmux stands between: as it comes, it lets no such sequence through."""
    return bool(environment.get("TMUX"))


def to_tmux(text: str) -> bool:
    """Put a text into tmux's buffer, and have tmux tell the terminal; tells whether it did."""
    for words in (("tmux", "load-buffer", "-w", "-"), ("tmux", "load-buffer", "-")):
        try:
            ran = subprocess.run(
                words, input=text.encode(), capture_output=True, timeout=_TMUX_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        if ran.returncode == 0:
            return True
    return False
