"""What is told at /metrics: the same figures that the exporter sends, asked for when somebody scrapes.

One scrape at a time; who comes meanwhile gets what that one found, if it is not older than a second.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import NoServer
from coord.events.streams import STREAMS
from coord.services import clock
from coord.services.api.asking import Projector
from coord.services.api.exposition import exposition
from coord.services.exporter.budget import Budget
from coord.services.exporter.figures import of_nodes, of_the_whole
from coord.services.exporter.metering import restarts_of
from coord.services.exporter.names import SERVICE
from coord.services.exporter.points import stream_points
from coord.services.exporter.records import Point
from coord.services.folder import Folder
from coord.services.server.probe import get

FRESH_SECONDS: Final = 1.0
_PROBE_SECONDS: Final = 1.0


class Metrics:
    """The figures, as Prometheus reads them."""

    def __init__(self, projector: Projector, folder: Folder, site: str) -> None:
        self._projector = projector
        self._folder = folder
        self._labels = {"coord.site": site, "service.name": SERVICE}
        self._budget = Budget()
        self._turn = asyncio.Lock()
        self._told = b""
        self._told_at = float("-inf")

    async def text(self) -> bytes:
        """Return the figures of now.

        Raises:
            CoordError: nobody answers now.
        """
        async with self._turn:
            if clock.monotonic() - self._told_at > FRESH_SECONDS:
                self._told = await self._asked()
                self._told_at = clock.monotonic()
            return self._told

    async def _asked(self) -> bytes:
        now_ns, now = clock.now_ns(), clock.monotonic()
        whole = await of_the_whole(self._ask, now_ns)
        whole += restarts_of(self._folder.read_json("up.json"), now_ns)
        whole += await asyncio.to_thread(self._streams, now_ns)
        groups = [(self._labels, self._budget.fit("", whole, now))]
        for name, _, points in await of_nodes(self._ask, now_ns):
            groups.append(({**self._labels, "host.name": name}, self._budget.fit(name, points, now)))
        return exposition(groups)

    async def _ask(self, question: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        answered = await self._projector.ask("POST", f"/v1/questions/{question}", json.dumps(fields).encode())
        answer: dict[str, Any] = json.loads(answered.body)
        if "as_of" not in answer:
            raise NoServer(f"{question} was not answered: {answer.get('reason', 'no reason given')}")
        return answer

    def _streams(self, now_ns: int) -> list[Point]:
        """Ask the server's monitoring port how the streams stand; a server that has none tells nothing."""
        address = self._folder.read_json("server.json")
        monitor = address.get("monitor") if isinstance(address, dict) else None
        found = get(monitor, "/jsz?streams=1&config=1", _PROBE_SECONDS) if isinstance(monitor, str) else None
        return streams_told(found[1], now_ns) if found is not None and found[0] == 200 else []


def streams_told(raw: bytes, now_ns: int) -> list[Point]:
    """Read how the streams of coord stand from what a server says of its JetStream; of anything else, nothing."""
    names = {definition.name for definition in STREAMS}
    points: list[Point] = []
    try:
        for account in json.loads(raw).get("account_details", ()):
            for one in account.get("stream_detail", ()):
                if one["name"] in names:
                    state, most = one["state"], one.get("config", {}).get("max_bytes", 0)
                    points += stream_points(one["name"], state["last_seq"], state["bytes"], most, now_ns)
    except (ValueError, AttributeError, LookupError, TypeError):
        return []
    return points
