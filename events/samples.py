"""Packed readings: what travels on SAMPLES. Not events: no identity, no expected position, kept two days.

A batch names its writer and counts up, so that a batch resent later changes nothing.
Each series is one metric of one device: offsets in milliseconds since `started_at_ns`, and values.
What a machine does not have is absent; zero always means a measured zero.
"""

from itertools import pairwise
from typing import Annotated, Final

from pydantic import Field, ValidationError, model_validator

from coord.events.body import encode_object, parse_object
from coord.events.errors import InvalidEvent
from coord.events.model import Bytes, Count, Name, Nanoseconds, Seconds, Token, Words, first_fault

READINGS_MAX: Final = 4_000
OFFSET_MS_MAX: Final = 86_400_000
SERIES_MAX: Final = 1_024
PROCESSES_MAX: Final = 64
AGENTS_MAX: Final = 5_000

HARDWARE: Final = "hardware"
PROCESSES: Final = "processes"
PRESENCE: Final = "presence"


Offset = Annotated[int, Field(ge=0, le=OFFSET_MS_MAX)]


class Series(Words):
    """Readings of one metric of one device, in time order."""

    metric: Token
    """Unit last, e.g. `memory_used_bytes`, `gpu_temperature_celsius`, `cpu_utilization_ratio`."""
    device: str = Field(default="", max_length=64)
    """Empty for the node itself; else e.g. `gpu0`, `nvme0n1`, `eth0`."""
    offsets_ms: tuple[Offset, ...] = Field(min_length=1, max_length=READINGS_MAX)
    values: tuple[float, ...] = Field(min_length=1, max_length=READINGS_MAX)

    @model_validator(mode="after")
    def _same_length(self) -> "Series":
        if len(self.offsets_ms) != len(self.values):
            raise ValueError(f"{len(self.offsets_ms)} offsets for {len(self.values)} values")
        if any(later < sooner for sooner, later in pairwise(self.offsets_ms)):
            raise ValueError("readings are not in the order of their time")
        return self


class Batch(Words):
    """What every packed message carries."""

    writer: Token
    """One start of one monitor."""
    writer_sequence: Count
    """Counts up by one a message; folds ignore what they have seen."""
    started_at_ns: Nanoseconds
    """The writer's clock at offset 0; shown, never used for decisions."""


class HardwareSample(Batch):
    """Hardware readings of one node."""

    series: tuple[Series, ...] = Field(max_length=SERIES_MAX)
    dropped_readings: Count = 0
    """Readings this writer has dropped since it started, under pressure or while NATS was away."""

    @model_validator(mode="after")
    def _each_once(self) -> "HardwareSample":
        if len({(one.metric, one.device) for one in self.series}) != len(self.series):
            raise ValueError("a metric of a device appears twice")
        return self


class Process(Words):
    """One process at one moment."""

    pid: Count
    name: Name
    cpu_ratio: float = Field(ge=0)
    """Share of one core since the last look; may exceed 1."""
    memory_bytes: Bytes
    gpu_memory_bytes: Bytes | None = None


class ProcessesSample(Batch):
    """The processes that matter most on a node: by CPU, memory and device memory."""

    processes: tuple[Process, ...] = Field(max_length=PROCESSES_MAX)
    total: Count


class Presence(Words):
    """When one agent was last heard."""

    agent: Token
    incarnation: Count
    silent_seconds: Seconds


class PresenceSample(Batch):
    """Who was heard when, as the leading coordinator saw it; node is the coordinator's name."""

    agents: tuple[Presence, ...] = Field(max_length=AGENTS_MAX)


SAMPLES: Final[dict[str, type[Batch]]] = {
    HARDWARE: HardwareSample,
    PRESENCE: PresenceSample,
    PROCESSES: ProcessesSample,
}
"""By kind: the last token of the subject; the type in `ce-type` is `sample.<kind>.v1`."""


def sample_type(kind: str) -> str:
    """Return the `ce-type` of a kind of sample."""
    return f"sample.{kind}.v1"


def encode_sample(batch: Batch) -> bytes:
    """Encode a packed message.

    Raises:
        InvalidEvent: it is larger than SAMPLES takes, or holds what `decode_sample` would refuse.
    """
    return encode_object(batch.model_dump(mode="json", exclude_none=True))


def decode_sample(kind: str, raw: bytes) -> Batch:
    """Decode a packed message.

    Raises:
        InvalidEvent: unknown kind, or fields that do not fit.
    """
    model = SAMPLES.get(kind)
    if model is None:
        raise InvalidEvent(f"{kind[:64]!a} is not a kind of sample.")
    parse_object(raw)
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise InvalidEvent(f"{sample_type(kind)}: {first_fault(error)}") from error
