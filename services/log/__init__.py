"""The door to NATS: publish, append at an expected position, read, pull; nothing else imports nats."""

from coord.services.log.nats_alone import import_nats

import_nats()

from coord.services.log.client import Append, Log, StreamState
from coord.services.log.streams import declare_streams

__all__ = ["Append", "Log", "StreamState", "declare_streams"]
