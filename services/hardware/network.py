"""Network readings: what each interface received and sent.

Interfaces with a device behind them; where there are none (in a container), all but the loopback.
"""

import os
from collections.abc import Iterator
from typing import Final

from coord.services.hardware import files
from coord.services.hardware.metrics import Point
from coord.services.hardware.rates import Rates

INTERFACES_MAX: Final = 16
_LOOPBACK: Final = "lo"
_FIELDS: Final = (
    ("network_receive_bytes_per_second", (0,)),
    ("network_transmit_bytes_per_second", (8,)),
    ("network_errors_per_second", (2, 10)),
    ("network_drops_per_second", (3, 11)),
)
"""Metric, and the counters of /proc/net/dev that add up to it."""


def read_network(root: str, rates: Rates) -> Iterator[Point]:
    """Read what each interface did since the last look."""
    counters = _counters(root)
    physical = [name for name in counters if os.path.lexists(f"{root}/sys/class/net/{name}/device")]
    for name in (physical or sorted(counters))[:INTERFACES_MAX]:
        for metric, places in _FIELDS:
            rate = rates.per_second(metric, name, sum(counters[name][place] for place in places))
            if rate is not None:
                yield metric, name, rate


def _counters(root: str) -> dict[str, list[int]]:
    raw = files.read_text(f"{root}/proc/net/dev")
    if raw is None:
        return {}
    split = (line.partition(":") for line in raw.splitlines() if ":" in line)
    found = {name.strip(): [int(field) for field in fields.split()] for name, _, fields in split}
    found.pop(_LOOPBACK, None)
    return found
