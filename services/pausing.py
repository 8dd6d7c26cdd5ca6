"""Whether claims are paused here, and why: the same for the shell, doctor and the dashboard.

The coordinator is asked how it is. One that leads says for how long the log has confirmed nothing; one that stands by,
or is not there, listens on no socket. Where none ever was (a folder with a projector alone) nothing is said: another
machine's may lead. Nothing is asked of the server, and nothing is waited for.
"""

import os
from typing import Final

from coord.events.errors import CoordError, NoServer
from coord.services import client
from coord.services.client import Reply
from coord.services.folder import COORDINATOR_SOCKET, Folder
from coord.services.wording import age

ASKED_SECONDS: Final = 2.0
"""How long a coordinator that says nothing is listened to; one at work answers within milliseconds."""


def ask_coordinator(folder: Folder, seconds: float = ASKED_SECONDS) -> tuple[Reply, str]:
    """Return what the coordinator says of itself, nothing if it says nothing; and why claims are paused, if they are."""
    try:
        told = client.health(folder, COORDINATOR_SOCKET, seconds)
    except NoServer:
        return {}, "no coordinator leads on this machine" if _had_one(folder) else ""
    except CoordError:
        return {}, "the coordinator does not answer"
    return told, _why(told)


def _had_one(folder: Folder) -> bool:
    """Tell whether a coordinator ran, or is to run, on this folder."""
    traces = (COORDINATOR_SOCKET, "coordinator")
    minded = (folder.read_json("up.json") or {}).get("services", {})
    return "coordinator" in minded or any(os.path.exists(folder.where(name)) for name in traces)


def _why(told: Reply) -> str:
    seconds = told.get("paused_seconds")
    return f"the log has confirmed nothing for {age(seconds)}" if seconds else ""
