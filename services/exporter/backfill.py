"""Sending what lies in the past, once, because somebody asks: the exporter's own consumers do not move.

Spans have the same ids as when they were first sent, so a receiver that keeps one of each stays as it is.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from typing import Any, Final

from coord.events.errors import NoServer, SettingsError, UsageError
from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.services.exporter.backoff import Backoff
from coord.services.exporter.consumers import FOLLOWED, subjects_of
from coord.services.exporter.dead import Dead
from coord.services.exporter.delivering import Delivery, Tally
from coord.services.exporter.encoding import Encoder
from coord.services.exporter.environment import Environment, read_environment
from coord.services.exporter.exporter import lines_written, receiver_of, resource_of, spans_written
from coord.services.exporter.histories import Histories
from coord.services.exporter.mapping import Teller
from coord.services.exporter.receiving import Later, Receiver
from coord.services.exporter.shape import Signal
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings

BATCH_MAX: Final = 256
TRIES: Final = 6
"""How often a batch is sent before the receiver is given up: for about a minute."""
_QUIET_SECONDS: Final = 1.0
"""After so long without a message the end is reached."""

Tell = Callable[[int, int], None]
"""Told up to which position it has come, and of the last."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent."""

    first: int
    last: int
    """Positions of the log."""
    tallies: dict[Signal, Tally]


def backfill(
    settings: Settings, folder: Folder, from_position: int, signals: Sequence[Signal], tell: Tell
) -> Sent:
    """Send what ended from a position on, up to what the log holds now.

    Raises:
        SettingsError: the environment does not say where to send.
        UsageError: the log does not reach that far.
        NoServer: the log or the receiver is away; the message says from where to go on.
    """
    return asyncio.run(_backfill(settings, folder, from_position, signals, tell))


async def _backfill(
    settings: Settings, folder: Folder, from_position: int, signals: Sequence[Signal], tell: Tell
) -> Sent:
    environment = read_environment()
    wanted = [signal for signal in FOLLOWED if signal in signals and signal in environment.endpoints]
    if not wanted:
        raise SettingsError(
            "nothing says where to send.", "Set OTEL_EXPORTER_OTLP_ENDPOINT, e.g. http://127.0.0.1:4318."
        )
    log = await Log.connect(settings, folder, "exporter", "backfill")
    try:
        last = (await log.wait_for_stream(EVENTS.name)).last
        if from_position > last:
            raise UsageError(f"the log ends at position {last}; there is no {from_position}.")
        sender = _Sender(log, folder, settings, environment, wanted)
        try:
            await sender.run(from_position, last, tell)
        finally:
            sender.close()
        return Sent(from_position, last, sender.tallies)
    finally:
        await log.close()


class _Sender:
    def __init__(
        self, log: Log, folder: Folder, settings: Settings, environment: Environment, signals: list[Signal]
    ) -> None:
        self._log = log
        self._settings = settings
        self._teller = Teller(Histories(log, settings.site), settings.otlp_logs == "all")
        self.tallies: dict[Signal, Tally] = {signal: Tally() for signal in signals}
        self._receivers: dict[Signal, Receiver] = {
            signal: receiver_of(environment.endpoints[signal]) for signal in signals
        }
        encoder = Encoder(resource_of(environment, settings, {}), version("coord"))
        dead = Dead(folder)
        self._deliveries: dict[Signal, Delivery[Any]] = {}
        for signal in signals:
            tally = self.tallies[signal]
            writing: Any = spans_written(encoder, tally) if signal == "traces" else lines_written(encoder)
            self._deliveries[signal] = Delivery(signal, self._receivers[signal], writing, dead, tally)

    def close(self) -> None:
        for receiver in self._receivers.values():
            receiver.close()

    async def run(self, first: int, last: int, tell: Tell) -> None:
        """Send all signals of each batch before the next is read: it can be gone on from anywhere."""
        subjects = sorted({one for signal in self._deliveries for one in subjects_of(signal, self._settings)})
        if f"ev.{self._settings.site}.*.*" in subjects:
            subjects = [f"ev.{self._settings.site}.*.*"]
        pulled = self._log.pull(EVENTS.name, first, BATCH_MAX, _QUIET_SECONDS, subjects)
        async with aclosing(pulled) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if not batch:
                    break
                kept = [stored for stored in batch if stored.position <= last]
                for signal, delivery in self._deliveries.items():
                    await self._send(signal, delivery, kept)
                tell(min(batch[-1].position, last), last)
                if batch[-1].position >= last:
                    break
        tell(last, last)

    async def _send(self, signal: Signal, delivery: Delivery[Any], batch: Sequence[Stored]) -> None:
        told: Any = self._teller.spans(batch) if signal == "traces" else self._teller.lines(batch)
        items = list(chain.from_iterable(await told))
        backoff = Backoff()
        for attempt in range(TRIES):
            setback = await delivery.deliver(items) if items else None
            if setback is None:
                return
            if not isinstance(setback, Later) or attempt == TRIES - 1:
                break
            await asyncio.sleep(backoff.pause(setback.after_seconds))
        raise NoServer(
            f"the receiver of {signal} does not take them: {setback.words if setback else ''}.",
            f"Go on with --from {batch[0].position}.",
        )
