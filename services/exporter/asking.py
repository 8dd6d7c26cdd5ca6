"""Asking the projector over NATS for what metrics are made of, and the server for how its streams stand."""

import json
from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import CoordError
from coord.events.streams import EVENTS, STREAMS
from coord.events.tokens import question_subject
from coord.services.exporter.figures import Points, of_nodes, of_the_whole
from coord.services.exporter.points import stream_points
from coord.services.exporter.records import Attributes, Point
from coord.services.log import Log
from coord.services.log.client import nanoseconds

ANSWER_SECONDS: Final = 5.0


class Asking:
    """What one exporter asks."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def whole(self, now_ns: int) -> Points:
        """Return the points of the whole: work, runs, health, log.

        Raises:
            CoordError: nobody answers now.
        """
        return await of_the_whole(self._ask, now_ns) + await self._streams(now_ns)

    async def nodes(self, now_ns: int) -> list[tuple[str, Attributes, list[Point]]]:
        """Return each node with its resource and its points."""
        return await of_nodes(self._ask, now_ns)

    async def since_ns(self) -> int:
        """Return since when counts count: when the log was made. It is the same after any restart or rebuild."""
        return nanoseconds((await self._log.wait_for_stream(EVENTS.name)).created_at)

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
            bytes_max = state.config.get("max_bytes", 0)
            points += stream_points(definition.name, state.last, state.bytes, bytes_max, now_ns)
        return points
