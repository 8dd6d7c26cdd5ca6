"""Packed readings: what travels on SAMPLES. Not events: no identity, no expected position, kept two days.

A batch names its writer and counts up, so that a batch resent later changes nothing.
Each series is one metric of one device: offsets in milliseconds since `started_at_ns`, and values.
What a machine does not have is absent; zero always means a measured zero.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from pydantic import Field, ValidationError, model_validator

from coord.events.body import encode_object, parse_object
from coord.events.errors import InvalidEvent
from coord.events.model import (
    NANOSECONDS_MAX,
    POSITION_MAX,
    Bytes,
    Count,
    Name,
    Nanoseconds,
    Seconds,
    Token,
    Words,
    first_fault,
    trusted,
    trusted_all,
)
from coord.events.streams import EVENT_BYTES_MAX
from coord.events.tokens import TOKEN_LENGTH_MAX, TOKEN_PATTERN

READINGS_MAX: Final = 4_000
OFFSET_MS_MAX: Final = 86_400_000
SERIES_MAX: Final = 1_024
DEVICE_LENGTH_MAX: Final = 64
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
    device: str = Field(default="", max_length=DEVICE_LENGTH_MAX)
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
    plain = _plain_hardware(raw) if model is HardwareSample else None
    if plain is not None:
        return plain
    parse_object(raw)
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise InvalidEvent(f"{sample_type(kind)}: {first_fault(error)}") from error


_Text = Annotated[str, msgspec.Meta(max_length=TOKEN_LENGTH_MAX)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=POSITION_MAX)]


class _PlainSeries(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    metric: _Text
    device: Annotated[str, msgspec.Meta(max_length=DEVICE_LENGTH_MAX)]
    offsets_ms: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=0, le=OFFSET_MS_MAX)], ...],
        msgspec.Meta(min_length=1, max_length=READINGS_MAX),
    ]
    values: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=READINGS_MAX)]


class _PlainHardware(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    writer: _Text
    writer_sequence: _Number
    started_at_ns: Annotated[int, msgspec.Meta(ge=0, le=NANOSECONDS_MAX)]
    series: Annotated[tuple[_PlainSeries, ...], msgspec.Meta(max_length=SERIES_MAX)]
    dropped_readings: _Number


_PLAIN: Final = msgspec.json.Decoder(_PlainHardware)
_AGAIN: Final = msgspec.json.Encoder()
_KEYS: Final = len(_PlainHardware.__struct_fields__)
_SERIES_KEYS: Final = len(_PlainSeries.__struct_fields__)
_TOKEN: Final = re.compile(TOKEN_PATTERN)
_PRINTABLE: Final = re.compile(r"[ -~]*")
_DIGITS_AS_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 18


def _plain_hardware(raw: bytes) -> HardwareSample | None:
    """Read most of what a monitor writes at a fraction of the cost; None: look at it in full."""
    if len(raw) > EVENT_BYTES_MAX:
        return None
    try:
        found = _PLAIN.decode(raw)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    if not _is_plain(raw, found) or not _is_in_order(found.series):
        return None
    series = trusted_all(
        Series,
        [
            {"metric": one.metric, "device": one.device, "offsets_ms": one.offsets_ms, "values": one.values}
            for one in found.series
        ],
    )
    return trusted(
        HardwareSample,
        {
            "writer": found.writer,
            "writer_sequence": found.writer_sequence,
            "started_at_ns": found.started_at_ns,
            "series": series,
            "dropped_readings": found.dropped_readings,
        },
    )


def _is_plain(raw: bytes, found: _PlainHardware) -> bool:
    """Tell whether names are fine, no key is there twice, and no number is too large or too small for a double.

    Where nothing is escaped, a colon ends a key or stands in a name: there are as many as keys are needed. Only a
    number with very many digits, or with a negative exponent, may be too large or become zero; then all of it is
    written back and compared.
    """
    colons = _colons(tuple([(one.metric, one.device) for one in found.series]))
    if colons is None or b"\\" in raw or _TOKEN.fullmatch(found.writer) is None:
        return False
    if raw.count(b":") != _KEYS + _SERIES_KEYS * len(found.series) + colons:
        return False
    numbers = raw[raw.index(b'"series"') :].translate(_DIGITS_AS_ZERO)
    doubtful = _LONG_NUMBER in numbers or b"e-" in numbers or b"E" in numbers
    return not doubtful or _AGAIN.encode(found) == raw


@lru_cache(maxsize=4096)
def _colons(names: tuple[tuple[str, str], ...]) -> int | None:
    """Count the colons in metrics and devices, which a monitor names alike in every message; None: they are not fine."""
    if len(set(names)) != len(names):
        return None
    if not all(_TOKEN.fullmatch(metric) and _PRINTABLE.fullmatch(device) for metric, device in names):
        return None
    return sum(device.count(":") for _, device in names)


def _is_in_order(every: tuple[_PlainSeries, ...]) -> bool:
    """Tell whether each series is as long as its times, which rise."""
    known: tuple[int, ...] = ()
    for one in every:
        offsets = one.offsets_ms
        if len(offsets) != len(one.values):
            return False
        if offsets != known:
            if list(offsets) != sorted(offsets):
                return False
            known = offsets
    return True
