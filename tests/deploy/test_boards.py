"""The dashboards: committed as generated, readable by Grafana's own models, every query and metric known."""

import json
import re
from collections.abc import Iterator
from typing import Final

import promql_parser
import pytest
from boards.shape import WIDTH
from boards.writing import BOARDS, file_name
from deployed import DASHBOARDS, dashboard, panels, rows_and_panels
from golden import deployment
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from queries import metrics_in, substituted, type_pattern

from coord.services.cli.surface import VERBS
from coord.services.exporter.log_lines import TELLING
from coord.services.exporter.names import LOG_EVENTS, METRICS
from coord.services.exporter.prometheus import prometheus_label

NAMES: Final = [file_name(board) for board in BOARDS]
SOURCES: Final = {"prometheus", "loki", "tempo"}
UNITS: Final = {
    "short", "none", "percentunit", "s", "bytes", "Bps", "ops", "pps", "celsius", "watt", "kwatth", "hertz", "rotrpm",
    "sci",
}  # fmt: skip


def expressions() -> Iterator[tuple[str, str]]:
    """Yield every query to Prometheus: of panels, annotations and variables."""
    for name in NAMES:
        for panel in panels(name):
            if panel["datasource"]["uid"] == "prometheus":
                yield from ((f"{name}: {panel['title']}", target["expr"]) for target in panel["targets"])
        for one in dashboard(name)["annotations"]["list"]:
            if one["datasource"]["uid"] == "prometheus":
                yield f"{name}: {one['name']}", one["expr"]


EXPRESSIONS: Final = list(expressions())


def test_they_are_committed_as_they_are_generated() -> None:
    for path, text in deployment().items():
        assert path.read_text() == text, f"{path.name} is old: make documents"
    assert sorted(path.name for path in DASHBOARDS.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_grafana_s_own_models_read_and_write_them_unchanged(name: str) -> None:
    read = Dashboard.from_json(dashboard(name))
    assert json.loads(JSONEncoder().encode(read)) == dashboard(name)


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_overlaps_another_or_leaves_the_grid_and_no_line_has_a_hole(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in rows_and_panels(name):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]
    height = max(y for _, y in taken) + 1
    assert len(taken) == WIDTH * height
    identities = [panel["id"] for panel in rows_and_panels(name)]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_says_what_it_shows_in_which_unit(name: str) -> None:
    for panel in panels(name):
        assert panel["title"]
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]


def test_every_panel_names_a_command_that_exists() -> None:
    verbs = {name.split()[0] for name in VERBS}
    for name in NAMES:
        for panel in panels(name):
            (words,) = re.findall(r"In the terminal: coord (\w+)", panel["description"])
            assert words in verbs, (panel["title"], words)


@pytest.mark.parametrize("name", NAMES)
def test_only_data_sources_that_are_provisioned_are_asked(name: str) -> None:
    asked = [one["datasource"] for one in panels(name)]
    asked += [target["datasource"] for one in panels(name) for target in one["targets"]]
    asked += [one["datasource"] for one in dashboard(name)["annotations"]["list"]]
    asked += [one["datasource"] for one in dashboard(name)["templating"]["list"]]
    assert {one["uid"] for one in asked} <= SOURCES
    assert all(one["uid"] == one["type"] for one in asked)


@pytest.mark.parametrize("name", NAMES)
def test_alerts_and_directives_are_marked_and_a_site_can_be_chosen(name: str) -> None:
    marked = {one["name"]: one["enable"] for one in dashboard(name)["annotations"]["list"]}
    assert marked["alerts"]
    assert marked["directives"]
    variables = {one["name"] for one in dashboard(name)["templating"]["list"]}
    used = {word for _, text in EXPRESSIONS for word in re.findall(r"\$([a-z]+)", text)}
    assert "site" in variables
    assert {word for panel in panels(name) for target in panel["targets"]
            for word in re.findall(r"\$([a-z]+)", target.get("expr", ""))} == variables  # fmt: skip
    assert used == {"site", "team", "run", "host"}


@pytest.mark.parametrize(("where", "text"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_every_query_is_promql_over_metrics_that_are_sent(where: str, text: str) -> None:
    promql_parser.parse(substituted(text))
    known = {metric.prometheus: metric for metric in METRICS.values()}
    for name, labels in metrics_in(substituted(text)):
        metric = known.get(name) or known[name.removesuffix("_bucket")]
        may = {prometheus_label(key) for key in metric.attributes} | {"coord_site", "host_name", "le"}
        assert labels <= may, f"{where}: {labels - may} is no label of {name}"


def test_every_metric_that_is_sent_is_shown_somewhere() -> None:
    asked = {
        name.removesuffix("_bucket") for _, text in EXPRESSIONS for name, _ in metrics_in(substituted(text))
    }
    assert {metric.prometheus for metric in METRICS.values()} == asked


def log_queries() -> Iterator[tuple[str, str]]:
    """Yield every query to Loki: of panels and annotations."""
    for name in NAMES:
        for one in dashboard(name)["annotations"]["list"]:
            if one["datasource"]["uid"] == "loki":
                yield one["name"], one["expr"]
        yield from (
            (panel["title"], panel["targets"][0]["expr"]) for panel in panels(name) if panel["type"] == "logs"
        )


def test_what_is_asked_of_logs_is_what_is_logged() -> None:
    chosen = {
        title: {one for one in TELLING if type_pattern(text).fullmatch(f"{one}.v1")}
        for title, text in log_queries()
    }
    assert chosen == {
        "alerts": {"alert.raised"},
        "directives": {"directive.issued"},
        "What was said": set(TELLING),
        "In their words": {one for one in TELLING if "directive" in one},
    }
    words = {prometheus_label(key) for event in LOG_EVENTS for key in event.attributes}
    for name in NAMES:
        for one in dashboard(name)["annotations"]["list"]:
            told = re.findall(r"\{\{(\w+)\}\}", one["titleFormat"]) + one["tagKeys"].split(",")
            assert {word for word in told if word} <= words, one["name"]
