"""What the embedded server is told: loopback only, fsync on every message, limits on everything that grows."""

from typing import Final

from coord.events.streams import EVENT_BYTES_MAX, EVENTS, GIB, MIB, SAMPLES
from coord.services.folder import Folder
from coord.services.server.credentials import quoted, users_text
from coord.services.settings import Settings

PAYLOAD_BYTES_MAX: Final = 1 * MIB
"""Largest message of any kind: an answer of 1,000 rows is larger than an event may be."""

PENDING_BYTES_MAX: Final = 32 * MIB
"""What the server holds for one slow connection before it closes it."""

LOG_BYTES_MAX: Final = 4 * MIB
LOG_FILES_MAX: Final = 3
CONNECTIONS_MAX: Final = 4096
MEMORY_STORE_BYTES_MAX: Final = 16 * MIB
OTHER_STORES_BYTES: Final = 1 * GIB
"""Room for the key-value bucket, beside EVENTS and SAMPLES."""

GO_MEMORY: Final = "400MiB"
"""Where Go's collector begins to work hard: a million aggregates take some 300 MiB."""

GO_COLLECT_PERCENT: Final = "35"
"""Collect at a third of the usual growth: 200 would save a quarter of the CPU of an appended event, for some 80 MiB more
in a house that may take 350. Whoever has them says GOGC, or GOMEMLIMIT, to coord up."""

assert PAYLOAD_BYTES_MAX >= EVENT_BYTES_MAX
assert PENDING_BYTES_MAX >= PAYLOAD_BYTES_MAX


def write_configuration(folder: Folder, settings: Settings, port: int) -> str:
    """Write server.conf and users.conf, and return the path of the first; port 0 takes any free one."""
    for names in (("log",), ("nats",), ("nats", "store"), ("nats", "ports")):
        folder.make(*names)
    write_users(folder, settings)
    return str(folder.write_text(_server_text(folder, settings, port), "nats", "server.conf"))


def write_users(folder: Folder, settings: Settings) -> None:
    """Write users.conf anew from the credentials in the folder."""
    folder.write_text(users_text(folder, settings), "nats", "users.conf")


def store_bytes_max(settings: Settings) -> int:
    """Return what all that the server keeps on disk may take."""
    events_bytes = max(settings.events_gib_max * GIB, EVENTS.max_bytes)
    return events_bytes + SAMPLES.max_bytes + OTHER_STORES_BYTES


def _server_text(folder: Folder, settings: Settings, port: int) -> str:
    return f"""# written by coord: do not edit
server_name: {quoted(f"coord-{settings.site}-{settings.node}")}
host: "127.0.0.1"
port: {port or -1}
http: "127.0.0.1:-1"
ports_file_dir: {quoted(str(folder.path("nats", "ports")))}
logfile: {quoted(str(folder.path("log", "server.log")))}
logfile_size_limit: {LOG_BYTES_MAX}
logfile_max_num: {LOG_FILES_MAX}
max_payload: {PAYLOAD_BYTES_MAX}
max_pending: {PENDING_BYTES_MAX}
max_connections: {CONNECTIONS_MAX}
write_deadline: "10s"
jetstream {{
  store_dir: {quoted(str(folder.path("nats", "store")))}
  sync_interval: always
  max_file_store: {store_bytes_max(settings)}
  max_memory_store: {MEMORY_STORE_BYTES_MAX}
}}
include "users.conf"
"""
