"""Leases of services: keys with a time to live in the bucket `coord`, each change at an expected revision."""

from typing import TYPE_CHECKING, Any

from nats.errors import Error as NatsError
from nats.js.errors import KeyDeletedError, KeyNotFoundError, KeyWrongLastSequenceError

from coord.events.errors import NoServer, Refused
from coord.services.log.streams import leases_bucket

if TYPE_CHECKING:
    from coord.services.log.client import Log


class LeaseTaken(Refused):
    """Somebody else holds the key, or changed it since."""


async def create_lease(log: "Log", key: str, value: bytes) -> int:
    """Take a free key and return its revision.

    Raises:
        LeaseTaken: it is not free.
        NoServer: the server does not answer.
    """
    try:
        bucket = await leases_bucket(log)
        return int(await bucket.create(key, value))
    except KeyWrongLastSequenceError as error:
        raise LeaseTaken(f"the key {key} is held.") from error
    except (NatsError, OSError, TimeoutError) as error:
        raise NoServer(f"the key {key} could not be taken: {type(error).__name__}.") from error


async def renew_lease(log: "Log", key: str, value: bytes, revision: int) -> int:
    """Write a held key anew and return its new revision.

    Raises:
        LeaseTaken: it was changed since `revision`, or is gone.
        NoServer: the server does not answer.
    """
    try:
        bucket = await leases_bucket(log)
        return int(await bucket.update(key, value, last=revision))
    except KeyWrongLastSequenceError as error:
        raise LeaseTaken(f"the key {key} has changed.") from error
    except (NatsError, OSError, TimeoutError) as error:
        raise NoServer(f"the key {key} could not be renewed: {type(error).__name__}.") from error


async def give_up_lease(log: "Log", key: str, revision: int) -> None:
    """Free a held key; one that was changed since `revision` stays as it is."""
    try:
        bucket = await leases_bucket(log)
        await bucket.delete(key, last=revision)
    except (NatsError, OSError, TimeoutError):
        return


async def read_lease(log: "Log", key: str) -> tuple[bytes, int] | None:
    """Return a key's value and revision; None when it is free.

    Raises:
        NoServer: the server does not answer.
    """
    try:
        bucket = await leases_bucket(log)
        entry: Any = await bucket.get(key)
    except (KeyNotFoundError, KeyDeletedError):
        return None
    except (NatsError, OSError, TimeoutError) as error:
        raise NoServer(f"the key {key} could not be read: {type(error).__name__}.") from error
    return bytes(entry.value or b""), int(entry.revision)
