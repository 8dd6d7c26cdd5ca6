"""Rules and queries, by Prometheus's own tools: every panel's query is answered with data."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from boards.shape import VARIABLES, Query, counted
from boards.writing import BOARDS, file_name
from deployed import DEPLOY, RULES, dashboard, loaded, panels
from exposition import LATE, LATE_COUNTER, STEP_SECONDS, STEPS, openmetrics
from prometheus_server import Prometheus, promtool, running_prometheus
from queries import metrics_in, substituted

from coord.services import clock
from coord.services.exporter.names import METRICS, PROMETHEUS_LABELS
from coord.services.exporter.prometheus import prometheus_label

FOLDER: Final = DEPLOY / "prometheus"
ENDED_SECONDS_AGO: Final = 600


@pytest.fixture(scope="module")
def until_seconds() -> int:
    return clock.now_ns() // 1_000_000_000 - ENDED_SECONDS_AGO


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, until_seconds: int) -> Iterator[Prometheus]:
    """One Prometheus for all questions: starting it is what takes time."""
    with running_prometheus(
        tmp_path_factory.mktemp("prometheus"), openmetrics(until_seconds), RULES
    ) as running:
        yield running


def queries_of(name: str) -> Iterator[tuple[str, str, bool]]:
    """Yield title, expression, and whether it is asked at one moment."""
    for panel in panels(name):
        if panel["datasource"]["uid"] == "prometheus":
            for target in panel["targets"]:
                yield panel["title"], substituted(target["expr"]), bool(target["instant"])
    for one in dashboard(name)["annotations"]["list"]:
        if one["datasource"]["uid"] == "prometheus":
            yield one["name"], substituted(one["expr"]), False


@pytest.mark.parametrize("name", [file_name(board) for board in BOARDS])
def test_every_query_of_a_board_is_answered_with_data(
    name: str, prometheus: Prometheus, until_seconds: int
) -> None:
    for title, text, instant in queries_of(name):
        if instant:
            answer = prometheus.ask("query", query=text, time=until_seconds)
        else:
            span = {"start": until_seconds - STEPS * STEP_SECONDS, "end": until_seconds, "step": STEP_SECONDS}
            answer = prometheus.ask("query_range", query=text, **span)
        assert answer["result"], f"{title}: {text} has no answer"
        assert answer["result"][0].get("value", [0, ""])[1] != "NaN", title


def test_the_first_of_its_kind_is_counted(prometheus: Prometheus, until_seconds: int) -> None:
    """A directive that was asked for once shows as one, where `increase` alone has no answer but none."""
    only = f'@SITE, coord_directive_action="{LATE}"'
    text = substituted(Query(counted(LATE_COUNTER, "coord_directive_action", only)).expression)
    alone = substituted(Query(f"sum(increase({LATE_COUNTER}{{{only}}}[$__range]))").expression)
    assert [one["value"][1] for one in prometheus.ask("query", query=text, time=until_seconds)["result"]] == [
        "1"
    ]
    assert [
        one["value"][1] for one in prometheus.ask("query", query=alone, time=until_seconds)["result"]
    ] == ["0"]


@pytest.mark.parametrize("name", list(VARIABLES))
def test_every_variable_has_values_to_choose(name: Any, prometheus: Prometheus, until_seconds: int) -> None:
    inside = substituted(VARIABLES[name][1]).removeprefix("label_values(").removesuffix(")")
    selector, _, label = inside.rpartition(", ")
    values = prometheus.ask(f"label/{label}/values", **{"match[]": selector, "start": until_seconds - 600})
    assert values


def test_every_rule_can_be_evaluated(prometheus: Prometheus, until_seconds: int) -> None:
    groups = prometheus.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == sum(
        len(group["rules"]) for path in RULES.iterdir() for group in loaded(path)["groups"]
    )
    for rule in rules:
        answer = prometheus.ask("query", query=rule["query"], time=until_seconds)
        assert rule["type"] == "alerting" or answer["result"], rule["name"]


def test_promtool_finds_no_fault_in_the_rules() -> None:
    checked = promtool("check", "rules", *sorted(RULES.iterdir()))
    assert checked.returncode == 0, checked.stderr


def test_promtool_finds_no_fault_in_the_configuration(tmp_path: Path) -> None:
    """Without the block `otlp`, which Prometheus 2 does not know; deploy/schemas holds that one."""
    configuration = loaded(FOLDER / "prometheus.yaml")
    otlp = configuration.pop("otlp")
    configuration["rule_files"] = [str(RULES / "*.yaml")]
    (tmp_path / "prometheus.yaml").write_text(json.dumps(configuration))
    checked = promtool("check", "config", tmp_path / "prometheus.yaml")
    assert checked.returncode == 0, checked.stderr
    promoted = {prometheus_label(key) for key in otlp["promote_resource_attributes"]}
    assert set(PROMETHEUS_LABELS) <= promoted


def test_rules_ask_for_what_is_sent_or_recorded() -> None:
    known = {metric.prometheus for metric in METRICS.values()}
    rules = [rule for path in RULES.iterdir() for group in loaded(path)["groups"] for rule in group["rules"]]
    known |= {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        for name, _ in metrics_in(rule["expr"]):
            assert name.removesuffix("_bucket") in known, rule


def test_alerts_are_raised_when_they_should_and_not_before() -> None:
    checked = promtool("test", "rules", FOLDER / "rules_test.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_is_tested_and_says_what_to_do() -> None:
    tested = {one["alertname"] for test in loaded(FOLDER / "rules_test.yaml")["tests"]
              for one in test.get("alert_rule_test", []) if one.get("exp_alerts")}  # fmt: skip
    alerts = [rule for group in loaded(RULES / "alerts.yaml")["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in alerts} == tested
    for rule in alerts:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "action"} == rule["annotations"].keys()
