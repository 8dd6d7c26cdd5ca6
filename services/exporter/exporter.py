"""One exporter: its lanes, over one connection to the log and one to each receiver."""

import asyncio
import logging
from importlib.metadata import version
from typing import Any, Final

from coord.events.errors import CoordError
from coord.events.streams import EVENTS
from coord.services import clock
from coord.services.exporter.asking import Asking
from coord.services.exporter.consumers import FOLLOWED, durable_of, standing_of
from coord.services.exporter.dead import Dead
from coord.services.exporter.delivering import Delivery, Tally, Writing
from coord.services.exporter.encoding import Encoder, as_json
from coord.services.exporter.environment import Endpoint, Environment
from coord.services.exporter.histories import Histories
from coord.services.exporter.lane import Lane
from coord.services.exporter.mapping import Teller
from coord.services.exporter.metering import Metering, OfResource, restarts_of, starts_of
from coord.services.exporter.names import SERVICE
from coord.services.exporter.receiving import Receiver
from coord.services.exporter.records import Attributes, EndedSpan, LogLine, Point
from coord.services.exporter.shape import Signal
from coord.services.exporter.status import Status
from coord.services.exporter.turn import Turn
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.tasks import run_together

LOOK_SECONDS: Final = 1.0
_NS: Final = 1_000_000_000

_log: Final = logging.getLogger("coord.exporter")


class OtherLog(CoordError):
    """The log is not the one that was exported."""


class Exporter:
    """Sends what is wanted to where it is wanted.

    Raises:
        SettingsError: a receiver cannot be reached as it is set.
    """

    def __init__(self, log: Log, folder: Folder, settings: Settings, environment: Environment) -> None:
        self._log = log
        self._folder = folder
        self._settings = settings
        self._environment = environment
        self._dead = Dead(folder)
        self._tallies: dict[Signal, Tally] = {signal: Tally() for signal in environment.endpoints}
        self._receivers = {signal: receiver_of(one) for signal, one in environment.endpoints.items()}
        self._teller = Teller(Histories(log, settings.site), settings.otlp_logs == "all")
        self._lanes: dict[Signal, Lane[Any]] = {
            signal: self._lane(signal) for signal in FOLLOWED if signal in environment.endpoints
        }
        self._turn = Turn(log)
        self._metering: Metering | None = None
        self.status = Status(folder, environment.endpoints, self._tallies, self._dead)

    async def begin(self) -> None:
        """Make what is needed in the log; after this nothing that ends is missed.

        Raises:
            CoordError: the log does not let us, or is not there.
        """
        self._created = (await self._log.wait_for_stream(EVENTS.name)).created_at
        lookback_ns = round(self._settings.otlp_lookback_seconds * _NS)
        for lane in self._lanes.values():
            await lane.begin(clock.now_ns() - lookback_ns)
        if "metrics" in self._environment.endpoints:
            self._metering = await self._meter()
        await self.status.write()

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            OtherLog: the server has another log now; a new start begins with that.
        """
        loops = [lane.run() for lane in self._lanes.values()]
        if self._metering is not None:
            loops += [self._turn.run(), self._metering.run()]
        await run_together(*loops, self.status.run(), self._look_after())

    async def close(self) -> None:
        """Let go of consumers and receivers; called when `run` has ended."""
        for lane in self._lanes.values():
            await lane.close()
        for receiver in self._receivers.values():
            receiver.close()
        await self.status.write()

    def _lane(self, signal: Signal) -> Lane[Any]:
        consumer, tally = durable_of(self._log, signal, self._settings), self._tallies[signal]
        if signal == "traces":
            delivery: Delivery[Any] = self._delivery(signal, spans_written(self._encoder(), tally))
            return Lane(signal, consumer, self._teller.spans, delivery, tally)
        delivery = self._delivery(signal, lines_written(self._encoder()))
        return Lane(signal, consumer, self._teller.lines, delivery, tally)

    async def _meter(self) -> Metering:
        asking = Asking(self._log)
        starts = starts_of(await asking.since_ns(), clock.now_ns())
        encoder = self._encoder()
        writing = Writing[OfResource](
            encode=lambda items: encoder.metrics([(one.resource, one.points) for one in items], starts),
            show=as_json,
            position=lambda _: 0,
            weigh=lambda one: len(one.points),
        )
        return Metering(
            asking,
            self._delivery("metrics", writing),
            self._tallies["metrics"],
            self._turn,
            self._own_points,
            self._resource,
            self._environment.interval_seconds,
        )

    def _delivery(self, signal: Signal, writing: Writing[Any]) -> Delivery[Any]:
        return Delivery(signal, self._receivers[signal], writing, self._dead, self._tallies[signal])

    def _encoder(self) -> Encoder:
        return Encoder(self._resource({}), version("coord"))

    def _resource(self, of_node: Attributes) -> Attributes:
        return resource_of(self._environment, self._settings, of_node)

    def _own_points(self, now_ns: int) -> list[Point]:
        return self.status.points(now_ns) + restarts_of(self._folder.read_json("up.json"), now_ns)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except OtherLog:
                raise
            except CoordError as error:
                _log.info("the log is away: %s", error)

    async def _look(self) -> None:
        if (await self._log.stream_state(EVENTS.name)).created_at != self._created:
            raise OtherLog("the server has another log than before; beginning anew.")
        for signal, lane in self._lanes.items():
            found = await standing_of(self._log, signal)
            if found is not None:
                self.status.behind[signal] = found.waiting + found.given
            self.status.lag_seconds[signal] = lane.lag_seconds()
        self.status.sends_metrics = self._turn.is_mine
        if self._metering is not None:
            self.status.overflowed = self._metering.budget.overflowed


def resource_of(environment: Environment, settings: Settings, of_node: Attributes) -> Attributes:
    """Return the resource of what is sent: coord's own, or a node's."""
    return {
        **environment.resource,
        "service.name": environment.service_name or environment.resource.get("service.name", SERVICE),
        "service.version": version("coord"),
        "service.instance.id": of_node.get("host.name", settings.site),
        "coord.site": settings.site,
        **of_node,
    }


def spans_written(encoder: Encoder, tally: Tally) -> Writing[EndedSpan]:
    """Say how spans are written; those that would have ended before they began are counted."""

    def encode(spans: Any) -> Any:
        return encoder.spans(spans)

    def weigh(span: EndedSpan) -> int:
        tally.clamped += span.clamped
        return 1

    return Writing(encode=encode, show=as_json, position=lambda span: span.position, weigh=weigh)


def lines_written(encoder: Encoder) -> Writing[LogLine]:
    """Say how log records are written."""
    return Writing(
        encode=lambda lines: encoder.lines(lines, clock.now_ns()),
        show=as_json,
        position=lambda line: line.position,
    )


def receiver_of(endpoint: Endpoint) -> Receiver:
    """Return the way to a receiver; what its protocol needs is imported only for it."""
    agent = f"coord/{version('coord')}"
    if endpoint.protocol == "grpc":
        from coord.services.exporter.grpc_receiver import GrpcReceiver

        return GrpcReceiver(endpoint, agent)
    from coord.services.exporter.http_receiver import HttpReceiver

    return HttpReceiver(endpoint, agent)
