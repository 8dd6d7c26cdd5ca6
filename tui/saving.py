"""A file for what is on the screen: written into the folder that the dashboard was started in, never over another."""

from pathlib import Path

from coord.events.errors import visible


def save(path: str, text: str) -> str:
    """Write a new file, and say in a sentence what came of it."""
    shown = visible(path, 200)
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return f"{shown} is there already; nothing was written."
    except OSError as error:
        return f"{shown} cannot be written: {error.strerror}."
    return f"Written: {shown}, {text.count(chr(10)):,} lines."
