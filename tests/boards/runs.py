"""The board of training runs: what the loop says, what went wrong, and what was asked of it."""

from typing import Final

from boards.shape import GOOD_HIGH, Board, Panel, Query, Row, counted


def _said(title: str, metric: str, unit: str, description: str) -> Panel:
    text = f'max by (coord_run_id) (coord_run_metric{{@RUN, coord_run_metric_name="{metric}"}})'
    told = f"{description} In the terminal: coord plot RUN {metric}"
    return Panel(title, told, unit, (Query(text, "{{coord_run_id}}"),), width=8)


_LEARNING: Final = Row("Learning", (
    Panel("Loss and canary", "The loss of each step's batch, and of one fixed batch that is never trained on: when "
          "only the first rises the batch was hard, when both do the model is damaged. In the terminal: coord plot RUN loss",
          "none",
          (Query('max by (coord_run_id) (coord_run_metric{@RUN, coord_run_metric_name="loss"})', "{{coord_run_id}}"),
           Query('max by (coord_run_id) (coord_run_metric{@RUN, coord_run_metric_name="canary_loss"})',
                 "{{coord_run_id}} canary")), "lines", 24, 11),
    _said("Gradient norm", "gradient_norm", "none", "Before it is clipped."),
    _said("Learning rate", "learning_rate", "sci", "As used: the schedule, by what directives asked for."),
    _said("Speed", "tokens_per_second", "short", "Tokens a second."),
))  # fmt: skip

_LIFE: Final = Row("Life", (
    Panel("Runs by status", "How many are running, lost, completed, failed. In the terminal: coord runs", "short",
          (Query("sum by (coord_run_status) (coord_run_count{@SITE})", "{{coord_run_status}}"),),
          "lines", 8, 8, 0, stacked=True),
    Panel("Step", "Falls when a run rolls back. In the terminal: coord runs", "short",
          (Query("max by (coord_run_id) (coord_run_step{@RUN})", "{{coord_run_id}}"),), "lines", 8, 8, 0),
    Panel("Tokens", "Behind the step a run is at. In the terminal: coord runs", "short",
          (Query("max by (coord_run_id) (coord_run_tokens{@RUN})", "{{coord_run_id}}"),), "lines", 8, 8, 0),
    Panel("Health", "Of each run. In the terminal: coord health --explain run:RUN", "percentunit",
          (Query("min by (coord_run_id) (coord_run_health_ratio{@RUN})", "{{coord_run_id}}"),),
          "bars", 8, 8, 0, 1, GOOD_HIGH),
    Panel("Silence", "Since a running run was last heard; a watchdog declares it lost after run_silence_seconds. "
          "In the terminal: coord runs", "s",
          (Query("max by (coord_run_id) (coord_run_silence_seconds{@RUN})", "{{coord_run_id}}"),), "lines", 8, 8, 0),
    Panel("What went wrong", "Values that are not finite, memory that ran out, points dropped, restarts; in the time "
          "shown. In the terminal: coord history RUN", "short",
          (Query(counted("coord_run_anomalies_total", "coord_run_id, coord_anomaly_kind", "@RUN", "$__rate_interval"),
                 "{{coord_run_id}} {{coord_anomaly_kind}}"),), "lines", 8, 8, 0, decimals=0),
))  # fmt: skip

_ASKED: Final = Row("What the watchdogs asked", (
    Panel("Directives", "Issued in the time shown, by what they ask. In the terminal: coord runs RUN", "short",
          (Query(counted("coord_watchdog_actions_total", "coord_directive_action", "@SITE"),
                 "{{coord_directive_action}}"),), "bars", 8, 8, 0, decimals=0),
    Panel("What became of them", "Issued and not answered, applied, refused, withdrawn. In the terminal: coord runs RUN",
          "short", (Query("sum by (coord_directive_action, coord_directive_status) (coord_directive_count{@SITE}) > 0"),),
          "table", 8, 8, decimals=0),
    Panel("In their words", "Directives and the answers of the runs, newest first. In the terminal: coord runs RUN", "none",
          (Query('{service_name="coord"} | coord_event_type=~"(run.)?directive.*"'),), "logs", 8, 8),
))  # fmt: skip

RUNS: Final = Board(
    "coord-runs",
    "coord · Runs",
    "Training: what each loop says, what went wrong, and what was asked of it.",
    ("site", "run"),
    (_LEARNING, _LIFE, _ASKED),
)
