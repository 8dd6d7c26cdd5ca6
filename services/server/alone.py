"""A server alone on a store: for as long as something is read from it or put into it, and no house runs.

Its one user may do everything, and is told to nobody else. It flushes now and then: who puts something in flushes the
files when the server has ended.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from coord.events.errors import NoServer
from coord.services.folder import Folder
from coord.services.server.binary import find_binary
from coord.services.server.configuration import PAYLOAD_BYTES_MAX, store_bytes_max
from coord.services.server.credentials import ACCOUNT, quoted
from coord.services.server.embedded import READY_SECONDS
from coord.services.server.process import end_child, spawn, wait_until
from coord.services.settings import Settings

_USER: Final = "~alone"
_CONFIGURATION: Final = "alone.conf"
_OUTPUT: Final = "alone.out"


@contextmanager
def serving_alone(folder: Folder, settings: Settings) -> Iterator[Settings]:
    """Hold a folder and run a server on its store; yield the settings with which it is reached.

    Raises:
        FolderTaken: a house runs on the folder.
        NoServer: no server can be run on it.
    """
    held = folder.lock()
    try:
        for names in (("log",), ("nats", "store"), ("nats", "ports")):
            folder.make(*names)
        with _serving(folder, settings) as url:
            yield settings.changed(data=folder.root, nats=url, nats_monitor=None, nats_credentials=None)
    finally:
        os.close(held)


@contextmanager
def _serving(folder: Folder, settings: Settings) -> Iterator[str]:
    password = "a" + os.urandom(16).hex()
    configuration = folder.write_text(_text(folder, settings, password), "nats", _CONFIGURATION)
    output = folder.path("log", _OUTPUT)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    child = spawn([str(find_binary(settings)), "-c", str(configuration)], {}, said)
    os.close(said)
    ports = folder.path("nats", "ports", f"nats-server_{child.pid}.ports")
    try:
        there = wait_until(lambda: child.poll() is not None or _is_written(ports), READY_SECONDS)
        if not there or child.poll() is not None:
            raise NoServer("no server could be run on the store.", f"See {output}.")
        address = json.loads(ports.read_text())["nats"][0].removeprefix("nats://")
        yield f"nats://{_USER}:{password}@{address}"
    finally:
        end_child(child)
        for path in (Path(configuration), ports):
            path.unlink(missing_ok=True)


def _text(folder: Folder, settings: Settings, password: str) -> str:
    return f"""# written by coord for one piece of work
server_name: "coord-alone"
host: "127.0.0.1"
port: -1
ports_file_dir: {quoted(str(folder.path("nats", "ports")))}
max_payload: {PAYLOAD_BYTES_MAX}
jetstream {{
  store_dir: {quoted(str(folder.path("nats", "store")))}
  max_file_store: {store_bytes_max(settings)}
}}
accounts {{ {ACCOUNT}: {{ jetstream: enabled, users: [ {{ user: "{_USER}", password: "{password}" }} ] }} }}
"""


def _is_written(ports: Path) -> bool:
    return ports.exists() and ports.read_text().endswith("}")
