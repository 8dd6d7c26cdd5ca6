"""Boards as Grafana reads them: JSON, by the models of grafana-foundation-sdk 0.0.21.

The place of every panel is set here, never left to the SDK, which puts wide panels beyond the right edge.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from boards.hardware import HARDWARE
from boards.overview import OVERVIEW
from boards.plumbing import PLUMBING
from boards.runs import RUNS
from boards.shape import FILTERS, VARIABLES, WIDTH, Board, Kind, Panel, Query, Row, Variable, counted
from boards.work import WORK
from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    logs,
    loki,
    prometheus,
    stat,
    statushistory,
    table,
    tempo,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import timeseries as series
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as asked

BOARDS: Final = (OVERVIEW, RUNS, HARDWARE, WORK, PLUMBING)
TAG: Final = "coord"
ROW_HEIGHT: Final = 1

_ANNOTATIONS: Final = (
    ("alerts", "loki", True, "red", '{service_name="coord"} | coord_event_type=~"alert.raised.*"',
     "{{coord_alert_rule}}", "coord_alert_severity,coord_entity_name"),
    ("directives", "loki", True, "purple", '{service_name="coord"} | coord_event_type=~"directive.issued.*"',
     "{{coord_directive_action}}", "coord_entity_name"),
    ("alerts, counted", "prometheus", False, "orange",
     f"({counted('coord_alert_raised_total', 'coord_alert_rule, coord_alert_severity', FILTERS['@SITE'], '1m')}) > 0",
     "{{coord_alert_rule}}", "coord_alert_severity"),
    ("directives, counted", "prometheus", False, "blue",
     f"({counted('coord_watchdog_actions_total', 'coord_directive_action', FILTERS['@SITE'], '1m')}) > 0",
     "{{coord_directive_action}}", ""),
)  # fmt: skip
"""With their words from the logs; counted from the metrics where there are no logs, and off until asked for."""


def file_name(board: Board) -> str:
    """Return the name of a board's file."""
    return f"{board.uid}.json"


def written(board: Board) -> str:
    """Write a board as it is committed."""
    built = _dashboard(board).build()
    document = json.loads(JSONEncoder(sort_keys=True).encode(built))
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _dashboard(board: Board) -> build.Dashboard:
    told = (
        build.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG, "generated"])
        .refresh("30s")
        .time(board.since, "now")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(_others())
    )
    for name in board.variables:
        told.with_variable(_variable(name))
    for annotation in _ANNOTATIONS:
        told.annotation(_annotation(*annotation))
    _place(told, board)
    return told


def _others() -> build.DashboardLink:
    link = build.DashboardLink("coord").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.as_dropdown(False).include_vars(True).keep_time(True)


def _variable(name: Variable) -> build.QueryVariable:
    label, query = VARIABLES[name]
    return (
        build.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(_source("prometheus"))
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _annotation(
    name: str, source: str, shown: bool, colour: str, text: str, title: str, tags: str
) -> build.AnnotationQuery:
    told = build.AnnotationQuery().name(name).datasource(_source(source)).enable(shown).icon_color(colour)
    query = loki.Dataquery() if source == "loki" else prometheus.Dataquery()
    told.expr(text).target(query.expr(text).ref_id("Anno"))
    return told.title_format(title).text_format("{{__line__}}" if source == "loki" else title).tag_keys(tags)


def _place(told: build.Dashboard, board: Board) -> None:
    """Put every row and panel where it belongs, from the top down."""
    number, top = 0, 0
    for row in board.rows:
        number += 1
        title = build.Row(row.title).id(number).collapsed(row.collapsed)
        title.grid_pos(model.GridPos(h=ROW_HEIGHT, w=WIDTH, x=0, y=top))
        placed, below = _placed(row, number, top + ROW_HEIGHT)
        if row.collapsed:
            for panel in placed:
                title.with_panel(panel)
        told.with_row(title)
        for panel in () if row.collapsed else placed:
            told.with_panel(panel)
        number += len(placed)
        top = top + ROW_HEIGHT if row.collapsed else below


def _placed(row: Row, number: int, top: int) -> tuple[list[Any], int]:
    """Return the panels of a row at their places, and where the next row begins."""
    placed = []
    for line in row.lines():
        left = 0
        for panel in line:
            number += 1
            place = model.GridPos(h=panel.height, w=panel.width, x=left, y=top)
            placed.append(_panel(panel).id(number).grid_pos(place))
            left += panel.width
        top += max(panel.height for panel in line)
    return placed, top


def _panel(panel: Panel) -> Any:
    told = _KINDS[panel.kind](panel)
    told.title(panel.title).description(panel.description).datasource(_source(panel.source)).unit(panel.unit)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        told.with_target(_target(panel, query).ref_id(letter))
    if panel.steps:
        steps = [model.Threshold(value, colour) for value, colour in panel.steps]
        told.thresholds(build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
    if panel.low is not None:
        told.min(panel.low)
    if panel.high is not None:
        told.max(panel.high)
    if panel.decimals is not None:
        told.decimals(panel.decimals)
    return told


def _target(panel: Panel, query: Query) -> Any:
    source = _source(panel.source)
    if panel.source == "loki":
        return loki.Dataquery().expr(query.expression).datasource(source).max_lines(200)
    if panel.source == "tempo":
        return tempo.Dataquery().query(query.expression).query_type("traceql").datasource(source).limit(50)
    told = prometheus.Dataquery().expr(query.expression).legend_format(query.legend).datasource(source)
    if panel.kind == "table":
        told.format(asked.PromQueryFormat.TABLE)
    return told.instant() if panel.kind in ("number", "bars", "table") else told.range()


def _source(uid: str) -> words.DataSourceRef:
    return words.DataSourceRef(type_val=uid, uid=uid)


def _lines(panel: Panel) -> Any:
    told = series.Panel().line_width(1).fill_opacity(30 if panel.stacked else 8).span_nulls(False)
    told.show_points(words.VisibilityMode.NEVER)
    told.tooltip(
        common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI).sort(words.SortOrder.DESCENDING)
    )
    told.legend(
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(words.LegendDisplayMode.LIST)
        .placement(words.LegendPlacement.BOTTOM)
        .calcs([])
    )
    if panel.stacked:
        told.stacking(common.StackingConfig().mode(words.StackingMode.NORMAL).group("A"))
    return told


def _number(panel: Panel) -> Any:
    told = stat.Panel().color_mode(words.BigValueColorMode.VALUE).graph_mode(words.BigValueGraphMode.NONE)
    return told.reduce_options(_last()).no_value("nothing yet")


def _bars(panel: Panel) -> Any:
    told = bargauge.Panel().orientation(words.VizOrientation.HORIZONTAL).reduce_options(_last())
    return told.display_mode(words.BarGaugeDisplayMode.BASIC).no_value("none")


def _table(panel: Panel) -> Any:
    hidden = {"Time": True}
    named = {"Value": "of them", **{name: name.removeprefix("coord_") for name in _labels(panel)}}
    change = {"excludeByName": hidden, "renameByName": named, "indexByName": {}}
    told = table.Panel().cell_height(words.TableCellHeight.SM).no_value("none")
    return told.with_transformation(model.DataTransformerConfig(id_val="organize", options=change))


def _labels(panel: Panel) -> list[str]:
    text = panel.queries[0].text
    inside = text.partition(" by (")[2].partition(")")[0]
    return [name.strip() for name in inside.split(",") if name.strip()]


def _strip(panel: Panel) -> Any:
    told = statushistory.Panel().row_height(0.9).show_value(words.VisibilityMode.NEVER)
    colour = build.FieldColor().mode(model.FieldColorModeId.CONTINUOUS_BL_YL_RD)
    return told.color_scheme(colour).legend(common.VizLegendOptions().show_legend(False).calcs([]))


def _logs(panel: Panel) -> Any:
    told = logs.Panel().show_time(True).wrap_log_message(True).enable_log_details(True)
    return told.sort_order(words.LogsSortOrder.DESCENDING).dedup_strategy(words.LogsDedupStrategy.NONE)


def _traces(panel: Panel) -> Any:
    return table.Panel().cell_height(words.TableCellHeight.SM).no_value("none")


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


_KINDS: Final[dict[Kind, Callable[[Panel], Any]]] = {
    "lines": _lines, "number": _number, "bars": _bars, "table": _table, "strip": _strip, "logs": _logs,
    "traces": _traces,
}  # fmt: skip
