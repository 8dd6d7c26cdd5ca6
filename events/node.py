"""Facts about nodes (machines): aggregate `node`, one subject a name. Readings are samples, not events."""

from pydantic import Field

from coord.events.model import Bytes, Count, Event, Name, Note, Seconds, Token, Words


class Cpu(Words):
    """The processor as the operating system describes it."""

    model: Name
    cores_physical: Count | None = None
    cores_logical: Count
    frequency_mhz_max: float | None = Field(default=None, gt=0)
    cache_bytes: dict[str, Bytes] = Field(default_factory=dict, max_length=16)
    """Per level, e.g. L1d, L2, L3; one instance each."""


class Gpu(Words):
    """One accelerator."""

    index: Count
    uuid: Name
    model: Name
    memory_bytes: Bytes
    compute_capability: str | None = Field(default=None, max_length=16)
    power_limit_watts: float | None = None
    temperature_slowdown_celsius: float | None = None
    temperature_shutdown_celsius: float | None = None


class Disk(Words):
    """One mounted file system, with its measured sequential bandwidth."""

    mount: str = Field(min_length=1, max_length=512)
    file_system: str = Field(max_length=64)
    total_bytes: Bytes
    write_bytes_per_second: float | None = None
    """Measured: a short sequential write, fsynced. Absent where it was not measured."""
    read_bytes_per_second: float | None = None


class Capacity(Words):
    """What should fit on this node, estimated; `formula` says how."""

    memory_bytes: Bytes
    """The memory the estimate rests on: the largest device's, else the RAM."""
    train_parameters_max: Count
    """Largest model that trains here with AdamW in mixed precision."""
    infer_parameters_max: Count
    """Largest model that runs here at two bytes a parameter."""
    reference_parameters: Count
    """The model that `reference_batch_max` is for."""
    reference_batch_max: Count
    """Sequences of `reference_sequence` tokens a step that fit beside the reference model."""
    reference_sequence: Count
    formula: Note


class Inventory(Words):
    """What a node is made of."""

    hostname: Name
    operating_system: Name
    kernel: Name
    architecture: Name
    cpu: Cpu
    memory_bytes: Bytes
    swap_bytes: Bytes
    gpus: tuple[Gpu, ...] = Field(default=(), max_length=64)
    gpu_driver: Name | None = None
    disks: tuple[Disk, ...] = Field(default=(), max_length=64)
    power_mode: Name | None = None
    """Power source and profile, where the machine tells."""
    capacity: Capacity
    labels: dict[Token, str] = Field(default_factory=dict, max_length=64)
    """For scheduling, e.g. gpu=h200, cores=16."""


class NodeRegistered(Event):
    """A monitor speaks for this node, and this is its inventory."""

    inventory: Inventory
    monitor_version: Name
    sample_seconds: Seconds
    """How often readings are to be expected."""


class NodeLost(Event):
    """No readings came from this node for too long."""

    silent_seconds: Seconds


class NodeReadingsDropped(Event):
    """A monitor could not send what it read, and dropped its oldest readings to make room."""

    writer: Token
    """The start of the monitor, as its packed readings name it."""
    readings: Count
    """Dropped since it last told."""
    readings_total: Count
    """Dropped since it started."""


class NodeReturned(Event):
    """Readings come again."""

    lost_seconds: Seconds
