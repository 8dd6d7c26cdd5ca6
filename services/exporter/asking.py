"""Asking the projector over NATS for what metrics are made of, and the server for how its streams stand."""

import json
from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import CoordError
from coord.events.streams import EVENTS, STREAMS
from coord.events.tokens import question_subject
from coord.services.exporter.names import METRICS
from coord.services.exporter.node_points import node_points
from coord.services.exporter.points import health_points, run_points, whole_points
from coord.services.exporter.records import Attributes, HistogramPoint, Point
from coord.services.log import Log
from coord.services.log.client import nanoseconds

ANSWER_SECONDS: Final = 5.0
PAGES_MAX: Final = 100
"""Of runs or nodes in one export: 2,000 nodes, 10,000 runs."""

Points = list[Point | HistogramPoint]


class Asking:
    """What one exporter asks."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def whole(self, now_ns: int) -> Points:
        """Return the points of the whole: work, runs, health, log.

        Raises:
            CoordError: nobody answers now.
        """
        points = whole_points(await self._ask("meters", {"part": "whole"}), now_ns)
        points += health_points(await self._ask("health", {}), now_ns)
        for page in await self._pages("runs"):
            points += run_points(page["figures"], now_ns)
        return points + await self._streams(now_ns)

    async def nodes(self, now_ns: int) -> list[tuple[str, Attributes, list[Point]]]:
        """Return each node with its resource and its points."""
        found = []
        for page in await self._pages("nodes"):
            found += node_points(page["figures"], now_ns)
        return found

    async def since_ns(self) -> int:
        """Return since when counts count: when the log was made. It is the same after any restart or rebuild."""
        return nanoseconds((await self._log.wait_for_stream(EVENTS.name)).created_at)

    async def _pages(self, part: str) -> list[Mapping[str, Any]]:
        pages: list[Mapping[str, Any]] = []
        asked: dict[str, Any] = {"part": part}
        while len(pages) < PAGES_MAX:
            pages.append(await self._ask("meters", asked))
            if pages[-1].get("next") is None:
                break
            asked["after"] = pages[-1]["next"]
        return pages

    async def _ask(self, question: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        raw = await self._log.request(question_subject(question), json.dumps(fields).encode(), ANSWER_SECONDS)
        answer: dict[str, Any] = json.loads(raw)
        if "as_of" not in answer:
            raise CoordError(f"{question} was not answered: {answer.get('reason', 'no reason given')}")
        return answer

    async def _streams(self, now_ns: int) -> list[Point]:
        points = []
        for definition in STREAMS:
            state = await self._log.stream_state(definition.name)
            told = {"coord.stream": definition.name}
            points.append(Point(METRICS["coord.stream.position"], told, state.last, now_ns))
            points.append(Point(METRICS["coord.stream.size"], told, state.bytes, now_ns))
            most = state.config.get("max_bytes", 0)
            if most > 0:
                share = state.bytes / most
                points.append(Point(METRICS["coord.stream.utilization"], told, share, now_ns))
        return points
