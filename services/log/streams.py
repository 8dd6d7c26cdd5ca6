"""Declaring the streams. One owner, the leading coordinator, declares and migrates them; others wait."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from nats.errors import NoRespondersError
from nats.js.api import (
    DiscardPolicy,
    KeyValueConfig,
    PersistMode,
    RePublish,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, BucketNotFoundError, NotFoundError, ServiceUnavailableError

from coord.events.errors import OutcomeUnknown, UnsafeServer
from coord.events.streams import EVENTS, GIB, LEASES_BUCKET, STREAMS, StreamDefinition
from coord.services.settings import Settings

if TYPE_CHECKING:
    from coord.services.log.client import Log

LEASE_KEY_SECONDS: Final = 5
_COMPARED: Final = (
    "subjects", "retention", "discard", "max_bytes", "max_age", "max_msg_size", "duplicate_window",
    "deny_delete", "deny_purge", "allow_atomic", "persist_mode", "storage", "republish",
)  # fmt: skip

_UNSET: Final = {"num_replicas": 1}
"""What the server means when it says nothing."""


def stream_config(definition: StreamDefinition, settings: Settings) -> StreamConfig:
    """Write a definition as the server wants it; the brake on EVENTS and its replicas are settings.

    The server keeps one replica of a stream that is acknowledged before it is flushed: with more, each is flushed.
    """
    brake = settings.events_gib_max * GIB if definition is EVENTS else definition.max_bytes
    return StreamConfig(
        name=definition.name,
        subjects=list(definition.subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD if definition.evicts else DiscardPolicy.NEW,
        max_bytes=brake,
        max_age=definition.age_seconds_max,
        max_msg_size=definition.message_bytes_max,
        duplicate_window=definition.dedup_seconds,
        deny_delete=definition.deny_delete,
        deny_purge=definition.deny_delete,
        allow_direct=True,
        allow_atomic=definition.atomic,
        persist_mode=PersistMode.ASYNC if definition.persist_async and settings.replicas == 1 else None,
        republish=RePublish(src=definition.republish[0], dest=definition.republish[1])
        if definition.republish
        else None,
        num_replicas=settings.replicas,
    )


async def declare_streams(log: "Log", settings: Settings) -> None:
    """Create what is missing and bring what differs up to its definition.

    Telemetry holds up nobody: what a lost server of a cluster keeps of it is looked at another time.

    Raises:
        UnsafeServer: the server refuses; the message says which stream and why.
        OutcomeUnknown: it does not answer, as a cluster that is choosing its leader.
    """
    for definition in STREAMS:
        with suppress(*((OutcomeUnknown,) if definition.evicts else ())), _said_of(definition.name):
            await _declare(log, stream_config(definition, settings))
    with _said_of(LEASES_BUCKET):
        await leases_bucket(log, settings.replicas)
        await _spread(log, f"KV_{LEASES_BUCKET}", settings.replicas)


@contextmanager
def _said_of(name: str) -> Iterator[None]:
    try:
        yield
    except (TimeoutError, NoRespondersError, ServiceUnavailableError) as error:
        raise OutcomeUnknown(
            f"the server did not say what became of the stream {name}.",
            "A cluster that is choosing its leader answers nobody for some seconds: try again.",
        ) from error
    except APIError as error:
        raise UnsafeServer(
            f"the server refuses the stream {name} as it must be: {error.description}."
        ) from error


async def _spread(log: "Log", stream: str, replicas: int) -> None:
    present = (await log.jetstream.stream_info(stream)).config
    if (present.num_replicas or 1) < replicas:
        await log.jetstream.update_stream(dataclasses.replace(present, num_replicas=replicas))


async def leases_bucket(log: "Log", replicas: int = 1) -> Any:
    """Return the bucket that holds who leads which pool; it is made when missing.

    The keys carry a time to live, so that a dead leader's key goes away by itself.
    """
    try:
        return await log.jetstream.key_value(LEASES_BUCKET)
    except (BucketNotFoundError, NotFoundError):
        return await log.jetstream.create_key_value(
            KeyValueConfig(
                bucket=LEASES_BUCKET,
                history=1,
                ttl=LEASE_KEY_SECONDS,
                storage=StorageType.MEMORY,
                replicas=replicas,
            )
        )


async def _declare(log: "Log", wanted: StreamConfig) -> None:
    try:
        present = (await log.jetstream.stream_info(str(wanted.name))).config
    except NotFoundError:
        await log.jetstream.add_stream(wanted)
        return
    if differences(present, wanted):
        await log.jetstream.update_stream(_reachable(present, wanted))


def _reachable(present: StreamConfig, wanted: StreamConfig) -> StreamConfig:
    """Return what a stream can be made into: replicas are not taken back, and how it is flushed stays for ever."""
    replicas = max(present.num_replicas or 1, wanted.num_replicas or 1)
    if present.persist_mode == PersistMode.ASYNC:
        replicas = 1
    return dataclasses.replace(wanted, num_replicas=replicas, persist_mode=present.persist_mode)


async def read_differences(log: "Log", definition: StreamDefinition, settings: Settings) -> list[str] | None:
    """Name the settings in which a stream of the server differs from its definition; None: it is not there.

    Raises:
        OutcomeUnknown: nobody leads the stream now.
    """
    try:
        present = (await log.jetstream.stream_info(definition.name)).config
    except NotFoundError:
        return None
    except ServiceUnavailableError as error:
        raise OutcomeUnknown(f"nobody leads the stream {definition.name} now.", "Try again.") from error
    return differences(present, stream_config(definition, settings))


def differences(present: StreamConfig, wanted: StreamConfig) -> list[str]:
    """Name the settings in which a stream differs from what it can be made into."""
    reachable = _reachable(present, wanted)
    return [
        name
        for name in (*_COMPARED, "num_replicas")
        if (getattr(present, name) or _UNSET.get(name)) != (getattr(reachable, name) or _UNSET.get(name))
    ]
