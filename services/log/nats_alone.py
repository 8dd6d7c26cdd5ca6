"""Imports nats without its WebSocket transport, which nothing here speaks.

Where aiohttp is installed (textual-serve brings it) nats imports all of it: measured 0.17 of the 0.85 s of CPU
that a process of coord takes to start. A module that is None in `sys.modules` counts as not installed.
"""

import sys
from importlib import import_module
from typing import Any, Final

_WEBSOCKETS: Final = "aiohttp"


def import_nats() -> None:
    """Import nats, as if aiohttp were not there; afterwards it is again."""
    modules: dict[str, Any] = sys.modules
    if _WEBSOCKETS in modules:
        return
    modules[_WEBSOCKETS] = None
    try:
        import_module("nats.aio.transport")
    finally:
        del modules[_WEBSOCKETS]
