"""Queries of dashboards and rules, taken apart."""

import re
from collections.abc import Iterator
from typing import Any, Final

import promql_parser

CHOSEN: Final = {
    "$__rate_interval": "1m", "$__range": "10m", "$__interval": "15s", "$site": ".*", "$team": ".*", "$run": ".*",
    "$host": ".*",
}  # fmt: skip
"""What Grafana puts in place of each variable when all is chosen; the times are those of the test's short history."""


def substituted(text: str) -> str:
    """Put values in place of a dashboard's variables."""
    for name, value in CHOSEN.items():
        text = text.replace(name, value)
    assert not re.search(r"\$\w", text), text
    return text


def metrics_in(text: str) -> list[tuple[str, set[str]]]:
    """Return each metric of a query, with the labels that it is filtered by."""
    found = []
    for node in _nodes(promql_parser.parse(text)):
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, text
            found.append((node.name, {matcher.name for matcher in node.matchers.matchers}))
    return found


def _nodes(node: Any) -> Iterator[Any]:
    """Yield an expression and all inside it."""
    yield node
    for name in ("expr", "lhs", "rhs", "vs", "vector_selector"):
        inner = getattr(node, name, None)
        if inner is not None:
            yield from _nodes(inner)
    for inner in getattr(node, "args", None) or ():
        yield from _nodes(inner)


def type_pattern(text: str) -> "re.Pattern[str]":
    """Return what a query to Loki asks of the type of an event; coord's are all of this form."""
    found = re.fullmatch(r'\{service_name="coord"\} \| coord_event_type=~"(.*)"', text)
    assert found, text
    return re.compile(found[1])
