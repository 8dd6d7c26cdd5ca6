"""The fences that this machine's agents were given: fences/<agent>/<incarnation>/<item> in the data folder.

Written whole or not at all when a claim succeeds, forgotten when it ends. Losing one loses nothing but
convenience: the coordinator decides, and --fence says the same. All three names are tokens, so none
leaves the folder. A command that `coord work` or `coord run` started is told its fence by COORD_FENCE, for COORD_ITEM.
"""

import os
from contextlib import suppress
from typing import Final

from coord.services.folder import Folder

_ROOT: Final = "fences"
_FENCE_DIGITS_MAX: Final = 19


def remember(folder: Folder, agent: str, incarnation: int, item_id: str, fence: int) -> None:
    """Keep the fence of a claim; when it cannot be kept, the holder must name it with --fence."""
    with suppress(OSError):
        place = folder.where(_ROOT, agent, str(incarnation))
        os.makedirs(place, mode=0o700, exist_ok=True)
        beside = f"{place}/.{item_id}.{os.getpid()}"
        with open(beside, "w", encoding="utf-8") as file:
            file.write(str(fence))
        os.replace(beside, f"{place}/{item_id}")


def recall(folder: Folder, agent: str, incarnation: int | None, item_id: str) -> int | None:
    """Return the fence of this incarnation's claim, or of the newest where none is named."""
    if item_id == os.environ.get("COORD_ITEM") and agent == os.environ.get("COORD_AGENT"):
        told = _whole(os.environ.get("COORD_FENCE", ""))
        if told is not None:
            return told
    if incarnation is not None:
        return _read(folder, agent, str(incarnation), item_id)
    known = (_read(folder, agent, name, item_id) for name in _incarnations(folder, agent))
    return max((fence for fence in known if fence is not None), default=None)


def forget(folder: Folder, agent: str, item_id: str, fence: int | None) -> None:
    """Drop the fence of a claim that is over; another claim's stays."""
    for name in _incarnations(folder, agent):
        if fence is not None and _read(folder, agent, name, item_id) == fence:
            with suppress(OSError):
                os.unlink(folder.where(_ROOT, agent, name, item_id))
                os.rmdir(folder.where(_ROOT, agent, name))


def _incarnations(folder: Folder, agent: str) -> list[str]:
    try:
        return os.listdir(folder.where(_ROOT, agent))
    except OSError:
        return []


def _read(folder: Folder, agent: str, incarnation: str, item_id: str) -> int | None:
    try:
        with open(folder.where(_ROOT, agent, incarnation, item_id), encoding="utf-8") as file:
            return _whole(file.read())
    except (OSError, UnicodeDecodeError):
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _FENCE_DIGITS_MAX else None
