"""The form of a dashboard: rows of panels, each with its queries, as plain records.

A line of a row holds panels whose widths add up to 24, all of one height, so that nothing overlaps or gapes.
In a query, a word in capitals stands for the filters that the board's variables choose:

    @SITE   the site                 @TEAM   the site, and the team an item is for
    @NODE   the site and the machine @RUN    the site and the training run
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

WIDTH: Final = 24
Kind = Literal["lines", "number", "bars", "table", "strip", "logs", "traces"]
Source = Literal["prometheus", "loki", "tempo"]
Variable = Literal["site", "team", "run", "host"]

_SITE: Final = 'coord_site=~"$site"'
FILTERS: Final = {
    "@SITE": _SITE,
    "@TEAM": f'{_SITE}, cicd_pipeline_name=~"$team"',
    "@NODE": f'{_SITE}, host_name=~"$host"',
    "@RUN": f'{_SITE}, coord_run_id=~"$run"',
}
VARIABLES: Final[dict[Variable, tuple[str, str]]] = {
    "site": ("Site", "label_values(coord_health_score_ratio, coord_site)"),
    "team": ("Team", f"label_values(coord_work_oldest_open_age_seconds{{{_SITE}}}, cicd_pipeline_name)"),
    "run": ("Run", f"label_values(coord_run_step{{{_SITE}}}, coord_run_id)"),
    "host": ("Node", f"label_values(coord_node_silence_seconds{{{_SITE}}}, host_name)"),
}
"""Of each variable its label, and the query that lists its values."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query and how its series are called."""

    text: str
    legend: str = ""

    @property
    def expression(self) -> str:
        """The query as the data source gets it."""
        text = self.text
        for word, filters in FILTERS.items():
            text = text.replace(word, filters)
        return text


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `steps` are (from, colour), the first of them without a lower end."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    width: int = 12
    height: int = 8
    low: float | None = None
    high: float | None = None
    steps: tuple[tuple[float | None, str], ...] = ()
    stacked: bool = False
    decimals: int | None = None

    @property
    def source(self) -> Source:
        """The uid of the data source that answers."""
        asked: dict[Kind, Source] = {"logs": "loki", "traces": "tempo"}
        return asked.get(self.kind, "prometheus")


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row of panels; a collapsed one asks nothing until it is opened."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False

    def lines(self) -> Iterator[tuple[Panel, ...]]:
        """Yield the panels line by line."""
        line: list[Panel] = []
        for panel in self.panels:
            line.append(panel)
            if sum(one.width for one in line) >= WIDTH:
                yield tuple(line)
                line = []
        if line:
            yield tuple(line)


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    since: str = "now-6h"

    def panels(self) -> Iterator[Panel]:
        """Yield all panels."""
        for row in self.rows:
            yield from row.panels


def counted(metric: str, labels: str, filters: str, time: str = "$__range") -> str:
    """Write how much a counter of rare things grew in a time, those that were never counted before included.

    `increase` needs two points, so that the first directive of its kind would show as none. Where coord was watched
    for so long, what was not there then was zero; else `increase` says what can be said.
    """
    now = f"sum by ({labels}) ({metric}{{{filters}}})"
    then = f"sum by ({labels}) ({metric}{{{filters}}} offset {time})"
    nothing = f"({now} * 0 and on () coord_health_score_ratio offset {time})"
    return f"({now} - ({then} or {nothing})) or sum by ({labels}) (increase({metric}{{{filters}}}[{time}]))"


GOOD_HIGH: Final = ((None, "red"), (0.6, "orange"), (0.9, "green"))
"""For shares that should be near 1: health."""

FULL: Final = ((None, "green"), (0.7, "orange"), (0.9, "red"))
"""For shares of what may be used."""

NONE_WANTED: Final = ((None, "green"), (1.0, "red"))
"""For counts that should be 0."""

NEUTRAL: Final = ((None, "blue"),)
