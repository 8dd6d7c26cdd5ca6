"""What one message of SAMPLES says of a node, as the rules look at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coord.events.samples import HardwareSample
from coord.events.wire import RecordedSample

NODE_ITSELF = ""
"""The device of readings that are of the machine, not of a part of it."""


@dataclass(frozen=True, slots=True)
class Look:
    """The newest value of each series of one message; a message holds at most a second of readings.

    What is not in it was not read: a look at many series may travel as several messages.
    """

    position: int
    """Of the message, in SAMPLES."""
    at_ns: int
    """The broker's clock. A backlog that is sent late counts as having happened when it came."""
    devices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Metric and value, by device."""

    @property
    def node(self) -> Mapping[str, float]:
        """The readings of the machine itself."""
        return self.devices.get(NODE_ITSELF, {})


def look_of(recorded: RecordedSample) -> Look:
    """Read a message of hardware readings as a look; other kinds have nothing to look at."""
    devices: dict[str, dict[str, float]] = {}
    if isinstance(recorded.batch, HardwareSample):
        for series in recorded.batch.series:
            devices.setdefault(series.device, {})[series.metric] = series.values[-1]
    return Look(recorded.position, recorded.recorded_at_ns, devices)
