"""A story that another process tells into a file, line by line: the dashboard says its newest line."""

from pathlib import Path
from typing import Final

READ_BYTES_MAX: Final = 64 * 1024


class Story:
    """A file that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        """Bytes of whole lines so far."""

    def news(self) -> str:
        """Return the newest whole line that says something since the last look; empty: there is none."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                found = file.read(READ_BYTES_MAX)
        except OSError:
            return ""
        whole = found[: found.rfind(b"\n") + 1]
        self._read += len(whole)
        told = [line.strip() for line in whole.decode(errors="backslashreplace").splitlines()]
        return next((line for line in reversed(told) if line), "")
