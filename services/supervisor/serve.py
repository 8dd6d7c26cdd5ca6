"""Run one service in this process."""

import logging
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Final

from coord.events.errors import UsageError
from coord.services.exporter.environment import is_wanted
from coord.services.folder import Folder
from coord.services.settings import Settings

SERVICES: Final[Mapping[str, str]] = {
    "coordinator": "coord.services.coordinator.main",
    "projector": "coord.services.projector.main",
    "hardware": "coord.services.hardware.main",
    "watchdog": "coord.services.watchdog.main",
    "exporter": "coord.services.exporter.main",
    "archive": "coord.services.archive.main",
    "api": "coord.services.api.main",
}
"""Every service by name, and the module whose `run(settings)` is it, in the order in which they start."""

ALONE: Final = frozenset({"hardware"})
"""Services of which a folder has one at most; others share the work, take turns, or hold what they write to."""

_LINE: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def started_here(settings: Settings) -> dict[str, str]:
    """Return the services that `coord up` starts: exporter, archive and API only where it is said whereto.

    Raises:
        SettingsError: one of the variables that say so has a wrong value.
    """
    wanted = {
        "exporter": is_wanted(),
        "archive": settings.archive is not None,
        "api": settings.http_port is not None,
    }
    return {name: module for name, module in SERVICES.items() if wanted.get(name, True)}


def serve(name: str, settings: Settings, services: Mapping[str, str] = SERVICES) -> None:
    """Run a service until it is told to stop.

    Raises:
        UsageError: there is no such service.
        FolderTaken: one of it runs on the folder already, and two would tell everything twice.
        CoordError: what the service could not do.
    """
    if name not in services:
        raise UsageError(f"there is no service {name[:64]!a}.", f"There are {', '.join(services)}.")
    logging.basicConfig(level=settings.log_level.upper(), format=_LINE)
    held = Folder(settings.data).hold(name) if name in ALONE else None
    try:
        import_module(services[name]).run(settings)
    finally:
        if held is not None:
            os.close(held)
