"""The verbs about runs, alerts and directives."""

from typing import Final

from coord.services.cli.verb import AT, LIMIT, REASON, REQUEST, RETRY, STDIN, Argument, Option, Verb
from coord.training_worker.options import FILE, OPTIONS

_PERSON: Final = Option("--agent", "NAME", "Who acts; else you, by your user name.", variable="COORD_AGENT")
_ALERT: Final = Argument("alert", "ALERT", "The alert; - reads ids from stdin, one a line.")

OVERSIGHT: Final = (
    Verb(
        "train",
        "Runs and alerts",
        "training:train",
        "Train a small model on a text; the same --run goes on.",
        (Argument("file", "[FILE]", FILE, required=False),),
        tuple(Option(one.flag, one.metavar, one.sentence, many=one.many) for one in OPTIONS),
        "Progress is told on stderr. Ctrl-C writes a checkpoint and ends; kill -9 loses what came after the last. "
        "Several ranks: torchrun --nproc-per-node 2 -m -- coord.training_worker FILE, with the same options.",
    ),
    Verb(
        "runs",
        "Runs and alerts",
        "runs:runs",
        "List the training runs; one of them in full.",
        (
            Argument(
                "run", "[RUN]", "Only this one, with its directives, checkpoints and alerts.", required=False
            ),
        ),
        (AT, LIMIT),
    ),
    Verb(
        "plot",
        "Runs and alerts",
        "plotting:plot",
        "Draw the curves of a run, here or into a file.",
        (
            Argument("run", "RUN", "The run."),
            Argument(
                "metric",
                "[METRIC...]",
                "What is drawn, one below the other. [default: loss]",
                required=False,
                many=True,
            ),
        ),
        (
            Option("--to", "FILE", "Into this file, which ends in .png or .svg."),
            Option("--first-step", "N", "From this step on."),
            Option("--last-step", "N", "Up to this step."),
            Option("--rank", "N", "What this rank told. [default: 0]"),
            AT,
            Option("--width", "N", "Columns. [default: the terminal's]"),
            Option("--height", "N", "Rows of each curve. [default: what the terminal has]"),
            Option("--ascii", "", "Without braille and glyphs."),
        ),
        "▲ marks an alert, ◆ a directive, ✖ a failed allocation; the list below names them. Every column is drawn "
        "from the lowest to the highest value of its steps, so that no spike is lost.",
    ),
    Verb(
        "compare",
        "Runs and alerts",
        "comparing:compare",
        "Two runs side by side, and their curves in one plot.",
        (Argument("run", "RUN", "The one."), Argument("other", "RUN", "The other.")),
        (Option("--metric", "METRIC", "What is drawn. [default: loss]"), AT),
        "Settings that differ, each metric at the end and at its best, pace, and incidents: restarts, alerts, "
        "directives, updates left out. The better of two best values stands out.",
    ),
    Verb(
        "alerts",
        "Runs and alerts",
        "alerts:alerts",
        "List the alerts, the worst first, with what was done.",
        (),
        (
            Option("--status", "STATUS", "Only open, active, acknowledged or resolved."),
            Option("--entity", "NAME", "Only those about this run, node, agent or team."),
            AT,
            LIMIT,
        ),
    ),
    Verb(
        "ack",
        "Runs and alerts",
        "alerts:ack",
        "Take notice of an alert.",
        (_ALERT,),
        (_PERSON, Option("--note", "TEXT", "What you know about it."), REQUEST),
        f"{STDIN} {RETRY}",
    ),
    Verb(
        "silence",
        "Runs and alerts",
        "alerts:silence",
        "Want no notice of an alert for a time.",
        (_ALERT,),
        (_PERSON, Option("--for", "TIME", "For how long, e.g. 30m, 1h or 2d."), REASON, REQUEST),
        f"It stays open, and is listed. {STDIN} {RETRY}",
    ),
    Verb(
        "direct",
        "Runs and alerts",
        "directing:direct",
        "Ask something of a run, as a watchdog does.",
        (
            Argument("entity", "RUN", "The run; with --kind an agent or a node."),
            Argument("action", "ACTION", "What it shall do; see below."),
        ),
        (
            _PERSON,
            REASON,
            Option("--live", "TIME", "For so long it may be obeyed, e.g. 2m. [default: 60s]"),
            Option("--factor", "F", "What the learning rate is made smaller by: 0.5, or 50%."),
            Option("--steps", "N", "For so many steps. [default: until it is restored]"),
            Option("--before-step", "N", "Roll back to the newest good checkpoint up to this step."),
            Option("--batches", "N,N", "The batches to skip, by their numbers."),
            Option("--kind", "KIND", "run, agent or node. [default: run]"),
            Option("--wait", "", "Wait until the run has answered, and say what it did."),
            REQUEST,
        ),
        "ACTION is skip_batch (needs --batches), lower_learning_rate (needs --factor, takes --steps), "
        "restore_learning_rate, halve_micro_batch, roll_back (needs --before-step, takes --batches), "
        "checkpoint_now, pause, resume or stop; an agent or a node takes pause, resume, stop and drain. With "
        f"--wait, exit code 3 means that no answer came in time, and 4 that the run refused. {RETRY}",
    ),
    Verb(
        "withdraw",
        "Runs and alerts",
        "directing:withdraw",
        "Take a directive back that was not obeyed yet.",
        (
            Argument("entity", "RUN", "The run, agent or node it is for."),
            Argument("directive", "DIRECTIVE", "The directive, as coord runs RUN names it."),
        ),
        (_PERSON, REASON, REQUEST),
        RETRY,
    ),
    Verb(
        "watchdog",
        "Runs and alerts",
        "watchdog:watchdog",
        "The watchdog's rules: list, bench or replay them.",
        (
            Argument("action", "WHAT", "rules, bench or replay."),
            Argument("rule", "[RULE]", "For replay: the rule; for rules: only this one.", required=False),
        ),
        (
            Option("--run", "ID", "For replay: the run, going on or ended."),
            Option("--set", "NAME=VALUE", "Another threshold, e.g. k=6; may be repeated.", many=True),
            Option("--curves", "DIR", "For bench: labelled curves. [default: those with the sources]"),
        ),
        "bench scores the detectors of loss, and the published ones beside them, on labelled curves of real "
        "runs; exit code 7: major spikes found or false alarms missed the bar. replay reads a run from the "
        "log and says what a rule would have found, beside the alerts that were raised.",
    ),
)
