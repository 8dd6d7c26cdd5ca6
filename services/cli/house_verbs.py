"""The verbs of the house, and those that help with the command line itself."""

from typing import Final

from coord.services.cli.verb import Argument, Option, Verb

HOUSE: Final = (
    Verb(
        "up",
        "The house",
        "house:up",
        "Start the server and all services; Ctrl-C stops them.",
        (),
        (Option("--detach", "", "Return when all are ready, and leave them running."),),
    ),
    Verb("down", "The house", "house:down", "Stop what `coord up` started."),
    Verb(
        "serve",
        "The house",
        "house:serve",
        "Run one service, on the embedded server or any other.",
        (
            Argument(
                "service", "SERVICE", "coordinator, projector, hardware, watchdog, exporter, archive or api."
            ),
        ),
    ),
    Verb(
        "rebuild",
        "The house",
        "house:rebuild",
        "Build the tables anew from the log, and swap them in.",
        (),
        (Option("--from-archive", "", "Read EVENTS from the archive, as far as that goes."),),
        "Exit code 7: events are lost, and what they told is in no table any more.",
    ),
    Verb(
        "doctor",
        "The house",
        "doctor:doctor",
        "Check everything, and say what to do.",
        more="Exit code 7: something was found wanting.",
    ),
    Verb(
        "otlp",
        "The house",
        "otlp:otlp",
        "How exporting to OpenTelemetry is going; or send the past.",
        (Argument("action", "WHAT", "status or backfill."),),
        (
            Option(
                "--from",
                "WHEN",
                "For backfill: the position or moment to begin at (7, -2h, 14:02); it ends at what is there.",
            ),
            Option("--traces-only", "", "For backfill: no log records."),
        ),
        "The exporter runs where OTEL_EXPORTER_OTLP_ENDPOINT is set when coord up starts. It begins an hour back "
        "(otlp_lookback_seconds) and then sends everything once it has ended; what was sent stays sent, over restarts and "
        "rebuilds. backfill sends what is older. Spans have the same ids however often they are sent.",
    ),
    Verb(
        "token",
        "The house",
        "tokens:token",
        "Who may ask over HTTP: make, list or revoke tokens.",
        (
            Argument("action", "WHAT", "create, list or revoke."),
            Argument("name", "[NAME]", "For create and revoke: the token's.", required=False),
        ),
        (Option("--for", "SCOPE", "For create: read or metrics, for /metrics alone. [default: read]"),),
        "Questions are answered over HTTP where http_port is set when coord up starts: on this machine alone, unless "
        "http_address says otherwise. A token is printed once; its digest is kept in the data folder.",
    ),
    Verb(
        "demo",
        "The house",
        "house:demo",
        "Play everything at once on real work, and check it.",
        (
            Argument(
                "folder", "[FOLDER]", "Made anew; what is made stays there. [default: .demo]", required=False
            ),
        ),
        (Option("--story", "", "Print the story, and open no dashboard."),),
        "On a terminal the dashboard shows it live; q closes that, and the story is printed then.",
    ),
    Verb(
        "bench",
        "The house",
        "house:bench",
        "Measure coord beside its peers, against the bars.",
        more="Exit code 7: a bar was missed.",
    ),
    Verb(
        "verify",
        "The house",
        "verify:verify",
        "Prove what coord promises, and record the results.",
        (
            Argument("what", "[WHAT]", "A feature, a scenario, or a part of its title.", required=False),
            Argument("name", "[NAME]", "After `claims`: only this figure.", required=False),
        ),
        (
            Option(
                "--status", "", "Run nothing: what is verified, when, at which commit, by which evidence."
            ),
            Option("--transcript", "", "Run nothing: what a scenario did when it was last run."),
            Option("--features", "DIR", "The features and steps of this folder, not coord's own."),
            Option("--no-record", "", "Record nothing; no house is needed then."),
            Option("--markdown", "", "With --status: as the table of README."),
        ),
        "`coord verify claims` measures the figures of README instead, and compares. Exit code 7: something "
        "failed, or with --status was never run; 3: nothing is called so.",
    ),
    Verb("config", "The house", "house:config", "Every setting, its value, and where that came from."),
    Verb(
        "schema",
        "The house",
        "house:schema",
        "The JSON Schema of a type; without one, their names.",
        (Argument("type", "[TYPE]", "e.g. work.claimed.v2, claim, board.", required=False),),
        (Option("--asyncapi", "", "The AsyncAPI document of everything that crosses the bus."),),
    ),
)

HELP: Final = (
    Verb(
        "completion",
        "Help",
        "completion:completion",
        "Print a script that completes command lines.",
        (Argument("shell", "SHELL", "bash, zsh or fish."),),
        more="Verbs, options and values are completed, and ids from the house that runs on the data folder: "
        "open items, agents, runs, metrics, alerts, directives, nodes and scenarios.",
    ),
    Verb(
        "man",
        "Help",
        "manual:man",
        "The manual page; in a pipe, its source.",
        more="The source is mdoc, for `man -l`, mandoc and groff.",
    ),
)
