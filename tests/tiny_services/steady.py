"""A service that serves at once, ends when it is asked to, and then says whether the server was still there."""

import signal
import sys

from coord.services.folder import Folder
from coord.services.ready import tell_ready
from coord.services.server.probe import get
from coord.services.settings import Settings


def run(settings: Settings) -> None:
    """Serve until asked to end."""
    asked = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, asked)
    tell_ready()
    signal.sigwait(asked)
    server = Folder(settings.data).read_json("server.json") or {}
    answer = get(server.get("monitor", ""), "/healthz")
    sys.stderr.write(f"at the end the server said {answer and answer[0]}\n")
