"""What the projector's answers come to as points: the whole, and each node. Whoever asks brings the way to ask."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from coord.services.exporter.node_points import node_points
from coord.services.exporter.points import health_points, run_points, whole_points
from coord.services.exporter.records import Attributes, HistogramPoint, Point

PAGES_MAX: Final = 100
"""Of runs or nodes in one export: 2,000 nodes, 10,000 runs."""

Points = list[Point | HistogramPoint]
Ask = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Asks a question with its fields and returns the answer; a refusal is raised."""


async def of_the_whole(ask: Ask, now_ns: int) -> Points:
    """Return the points of the whole: work, runs, health."""
    points = whole_points(await ask("meters", {"part": "whole"}), now_ns)
    points += health_points(await ask("health", {}), now_ns)
    for page in await _pages(ask, "runs"):
        points += run_points(page["figures"], now_ns)
    return points


async def of_nodes(ask: Ask, now_ns: int) -> list[tuple[str, Attributes, list[Point]]]:
    """Return each node with its resource and its points."""
    found = []
    for page in await _pages(ask, "nodes"):
        found += node_points(page["figures"], now_ns)
    return found


async def _pages(ask: Ask, part: str) -> list[Mapping[str, Any]]:
    pages: list[Mapping[str, Any]] = []
    asked: dict[str, Any] = {"part": part}
    while len(pages) < PAGES_MAX:
        pages.append(await ask("meters", asked))
        if pages[-1].get("next") is None:
            break
        asked["after"] = pages[-1]["next"]
    return pages
