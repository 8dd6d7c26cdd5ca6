"""The first board: is all well, and if not, what is it?"""

from typing import Final

from boards.shape import GOOD_HIGH, NEUTRAL, NONE_WANTED, Board, Panel, Query, Row

_HEALTH: Final = Row("Health", (
    Panel("Health", "Of the whole: 1 less all deductions. In the terminal: coord health", "percentunit",
          (Query("min(coord_health_score_ratio{@SITE})"),), "number", 4, 5, 0, 1, GOOD_HIGH),
    Panel("Critical alerts", "Open ones. In the terminal: coord alerts", "short",
          (Query('sum(coord_alert_open{@SITE, coord_alert_severity="critical"}) or vector(0)'),),
          "number", 4, 5, 0, None, NONE_WANTED, decimals=0),
    Panel("Items waiting", "Open work items that nobody has claimed. In the terminal: coord board", "short",
          (Query('sum(cicd_pipeline_run_active{@SITE, cicd_pipeline_run_state="pending"})'),),
          "number", 4, 5, 0, None, NEUTRAL, decimals=0),
    Panel("Agents busy", "Agents that hold an item. In the terminal: coord agents", "short",
          (Query('sum(cicd_worker_count{@SITE, cicd_worker_state="busy"})'),),
          "number", 4, 5, 0, None, NEUTRAL, decimals=0),
    Panel("Runs running", "Training runs that are alive. In the terminal: coord runs", "short",
          (Query('sum(coord_run_count{@SITE, coord_run_status="running"})'),),
          "number", 4, 5, 0, None, NEUTRAL, decimals=0),
    Panel("Nodes silent", "Machines that send no readings now. In the terminal: coord nodes", "short",
          (Query('sum(coord_node_count{@SITE, coord_node_status!="active"}) or vector(0)'),),
          "number", 4, 5, 0, None, NONE_WANTED, decimals=0),
    Panel("Health by kind", "The worst team, agent, node and run. In the terminal: coord health --explain ENTITY",
          "percentunit", (Query("min by (coord_health_part) (coord_health_part_ratio{@SITE})",
                                "{{coord_health_part}}"),), "bars", 8, 8, 0, 1, GOOD_HIGH),
    Panel("What is lacking", "Deductions from the whole, and why. In the terminal: coord health", "percentunit",
          (Query("max by (coord_health_reason) (coord_health_deduction_ratio{@SITE})",
                 "{{coord_health_reason}}"),), "lines", 16, 8, 0, None, stacked=True),
))  # fmt: skip

_OVERSIGHT: Final = Row("Alerts and directives", (
    Panel("Open alerts", "By rule and severity, until they are resolved. In the terminal: coord alerts", "short",
          (Query("sum by (coord_alert_rule, coord_alert_severity, coord_alert_state) (coord_alert_open{@SITE}) > 0"),),
          "table", 10, 8, decimals=0),
    Panel("What was said", "Alerts and directives as they were written down, newest first; each leads to its trace. "
          "In the terminal: coord tail", "none",
          (Query('{service_name="coord"} | coord_event_type=~"(alert|directive|run.directive).*"'),), "logs", 14, 8),
))  # fmt: skip

_WORK: Final = Row("Work", (
    Panel("Work by state", "Items that have not ended: pending is open, executing is claimed. In the terminal: coord board",
          "short", (Query("sum by (cicd_pipeline_run_state) (cicd_pipeline_run_active{@SITE})",
                          "{{cicd_pipeline_run_state}}"),), "lines", 8, 8, 0, stacked=True),
    Panel("Ended a minute", "Items that ended, by how they ended. In the terminal: coord board --status completed", "short",
          (Query("sum by (cicd_pipeline_result) (rate(coord_work_ended_total{@SITE}[$__rate_interval])) * 60",
                 "{{cicd_pipeline_result}}"),), "lines", 8, 8, 0),
    Panel("Oldest open item", "How long the item has waited that has waited longest. In the terminal: coord board", "s",
          (Query("max(coord_work_oldest_open_age_seconds{@SITE})", "oldest"),), "lines", 8, 8, 0),
    Panel("Agents", "Available, busy with an item, or offline: lost, drained or gone. In the terminal: coord agents", "short",
          (Query("sum by (cicd_worker_state) (cicd_worker_count{@SITE})", "{{cicd_worker_state}}"),),
          "lines", 8, 8, 0, stacked=True),
    Panel("Loss of every run", "As its loop says it, with alerts and directives marked. In the terminal: coord plot RUN loss",
          "none", (Query('max by (coord_run_id) (coord_run_metric{@SITE, coord_run_metric_name="loss"})',
                         "{{coord_run_id}}"),), "lines", 16, 8),
))  # fmt: skip

OVERVIEW: Final = Board(
    "coord-overview",
    "coord · Overview",
    "Is all well, and if not, what is it? Every panel names the command that says more.",
    ("site",),
    (_HEALTH, _OVERSIGHT, _WORK),
)
