"""The board of work: how long it takes, how it ends, and who does it."""

from typing import Final

from boards.shape import NONE_WANTED, Board, Panel, Query, Row, counted


def _quantile(share: float, metric: str, by: str) -> str:
    return (
        f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket{{@TEAM}}[$__rate_interval])))"
    )


_QUEUE: Final = Row("The queue", (
    Panel("Work by state", "Items that have not ended, by team: pending is open, executing is claimed. "
          "In the terminal: coord board", "short",
          (Query("sum by (cicd_pipeline_name, cicd_pipeline_run_state) (cicd_pipeline_run_active{@TEAM})",
                 "{{cicd_pipeline_name}} {{cicd_pipeline_run_state}}"),), "lines", 8, 8, 0, stacked=True),
    Panel("Oldest open item", "How long the item has waited that has waited longest, by team. In the terminal: coord board",
          "s", (Query("max by (cicd_pipeline_name) (coord_work_oldest_open_age_seconds{@TEAM})",
                      "{{cicd_pipeline_name}}"),), "lines", 8, 8, 0),
    Panel("Stalled", "Items held for ten leases without a word of progress. In the terminal: coord board --status claimed",
          "short", (Query("sum by (cicd_pipeline_name) (coord_work_stalled{@TEAM})", "{{cicd_pipeline_name}}"),),
          "bars", 8, 8, 0, None, NONE_WANTED, decimals=0),
))  # fmt: skip

_SPEED: Final = Row("How long it takes", (
    Panel("From submission to end", "Half of the items, and 95 of 100, took no longer, by team and result. "
          "In the terminal: coord show ITEM", "s",
          (Query(_quantile(0.5, "cicd_pipeline_run_duration_seconds", "cicd_pipeline_name, cicd_pipeline_result"),
                 "p50 {{cicd_pipeline_name}} {{cicd_pipeline_result}}"),
           Query(_quantile(0.95, "cicd_pipeline_run_duration_seconds", "cicd_pipeline_name, cicd_pipeline_result"),
                 "p95 {{cicd_pipeline_name}} {{cicd_pipeline_result}}")), "lines", 12, 9, 0),
    Panel("One attempt", "From a claim to its end, by outcome: half of them, and 95 of 100, took no longer. "
          "In the terminal: coord history ITEM", "s",
          (Query(_quantile(0.5, "coord_work_attempt_duration_seconds", "coord_attempt_outcome"),
                 "p50 {{coord_attempt_outcome}}"),
           Query(_quantile(0.95, "coord_work_attempt_duration_seconds", "coord_attempt_outcome"),
                 "p95 {{coord_attempt_outcome}}")), "lines", 12, 9, 0),
))  # fmt: skip

_ENDS: Final = Row("How it ends", (
    Panel("Ended a minute", "Items that ended, by result. In the terminal: coord board --status failed", "short",
          (Query("sum by (cicd_pipeline_result) (rate(coord_work_ended_total{@TEAM}[$__rate_interval])) * 60",
                 "{{cicd_pipeline_result}}"),), "lines", 8, 8, 0, stacked=True),
    Panel("Attempts a minute", "Claims that ended, by outcome; a released or expired one goes back to the queue. "
          "In the terminal: coord history ITEM", "short",
          (Query("sum by (coord_attempt_outcome) (rate(coord_work_attempts_total{@TEAM}[$__rate_interval])) * 60",
                 "{{coord_attempt_outcome}}"),), "lines", 8, 8, 0, stacked=True),
    Panel("Errors", "Items that failed and leases that ran out, in the time shown. In the terminal: coord board --status failed",
          "short", (Query(counted("cicd_pipeline_run_errors_total", "cicd_pipeline_name, error_type", "@TEAM")),),
          "table", 8, 8, decimals=0),
))  # fmt: skip

_WHO: Final = Row("Who does it", (
    Panel("Agents", "Available, busy with an item, or offline: lost, drained or gone. In the terminal: coord agents", "short",
          (Query("sum by (cicd_worker_state) (cicd_worker_count{@SITE})", "{{cicd_worker_state}}"),),
          "lines", 12, 8, 0, stacked=True),
    Panel("Verified scenarios", "Work that names a scenario completes only when it passed. In the terminal: coord verify --status",
          "short", (Query("sum by (coord_verification_outcome) (coord_verification_scenarios{@SITE})",
                          "{{coord_verification_outcome}}"),), "bars", 12, 8, 0, decimals=0),
))  # fmt: skip

_TRACES: Final = Row("Traces of what did not succeed (Tempo; where Jaeger is used, its own page shows them)", (
    Panel("Items and runs that did not succeed", "Each is one trace: the item, its waiting, its attempts. "
          "Open one to see who did what when. In the terminal: coord history ITEM", "none",
          (Query('{resource.service.name="coord" && (span.cicd.pipeline.result!="success" || status=error)}'),),
          "traces", 24, 10),
), collapsed=True)  # fmt: skip

WORK: Final = Board(
    "coord-work",
    "coord · Work",
    "Work items: how long they take, how they end, and who does them.",
    ("site", "team"),
    (_QUEUE, _SPEED, _ENDS, _WHO, _TRACES),
    "now-24h",
)
