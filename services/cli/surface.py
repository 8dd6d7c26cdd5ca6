"""What `coord` can do: every verb with its arguments and options, as data.

The help pages, both parsers, the reference in README and the golden list of the tests are made from this
table. An option is declared once and used by every verb that takes it.
"""

from typing import Final

from coord.services.cli.agent_verbs import AGENTS
from coord.services.cli.house_verbs import HELP, HOUSE
from coord.services.cli.keeping_verbs import KEEPING
from coord.services.cli.oversight_verbs import OVERSIGHT
from coord.services.cli.query_verbs import QUERY
from coord.services.cli.verb import AT, LIMIT, REQUEST, RETRY, Argument, Option, Verb
from coord.services.cli.work_verbs import WORK
from coord.services.cli.worker_verbs import WORKER

LOOK: Final = (
    Verb(
        "tui",
        "What is going on",
        "tui:tui",
        "The dashboard: all of it live, in this terminal.",
        (),
        (
            Option(
                "--view", "VIEW", "Begin with overview, work, agents, runs, nodes, alerts, events or health."
            ),
            Option("--filter", "TEXT", "Keep rows, as / does: text, !text, field:text, field>1h."),
            Option("--chosen", "ID", "Begin with this row open."),
            AT,
            Option("--once", "", "Print one picture, and end."),
            Option("--size", "WxH", "Of that picture, e.g. 80x24. [default: the terminal's, else 120x40]"),
            Option("--theme", "THEME", "dark, light, or ansi: the terminal's own colours."),
            Option("--ascii", "", "No glyphs. [default: where the locale has no UTF-8]"),
            Option(
                "--story", "FILE", "Say the newest line of this file, too; coord demo tells its story so."
            ),
            Option("--web", "", "Serve it to a browser on this machine, and print the address."),
            Option("--port", "PORT", "For --web. [default: 8777]"),
            Option("--bind", "ADDRESS", "For --web: listen elsewhere than on 127.0.0.1, behind a proxy."),
            Option("--public-url", "URL", "For --web: of the proxy before it, which asks who comes."),
        ),
        "Press ? in it for its keys; t goes to any past moment. With --once, colours are printed on a terminal "
        "and left out in a pipe; exit code 5: no house runs, and the picture says what to do.",
    ),
    Verb(
        "health",
        "What is going on",
        "health:health",
        "Score everything from 0 to 100, and say why.",
        (),
        (Option("--explain", "ENTITY", "Only this one: system, or agent:NAME, node:NAME, team:NAME."), AT),
    ),
    Verb(
        "weigh",
        "What is going on",
        "weighing:weigh",
        "Say what a part of health may cost, or list them.",
        (Argument("part", "[PART]", "The name of a deduction, such as backlog.", required=False),),
        (
            Option("--points", "N", "What it may cost at most: 0 to 100."),
            Option("--usual", "", "It may cost what it costs where nobody says."),
            Option("--agent", "NAME", "Who acts; else you, by your user name.", variable="COORD_AGENT"),
            AT,
            REQUEST,
        ),
        f"It holds for the system and for each team. {RETRY}",
    ),
    Verb(
        "stats",
        "What is going on",
        "stats:stats",
        "How work flows: how much, how quick, how busy.",
        (),
        (
            Option("--last", "TIME", "Over so long, up to now. [default: 1h]"),
            Option("--since", "WHEN", "From this moment on: -2h, 14:02 or a date (UTC)."),
            Option("--team", "NAME", "Only of this team."),
            Option("--agent", "NAME", "Only of this agent."),
            AT,
            LIMIT,
        ),
        "Refusals are counted by the coordinator since it began; all else is folded from the log.",
    ),
    Verb(
        "history",
        "What is going on",
        "events:history",
        "Every event of one item, agent or node.",
        (Argument("id", "ID", "The item, agent or node; - reads ids from stdin."),),
        (
            Option("--aggregate", "KIND", "work, agent, node, run ...; without it, the first that fits."),
            AT,
            LIMIT,
        ),
    ),
    Verb(
        "events",
        "What is going on",
        "events:events",
        "Search the log: the newest events that match.",
        (),
        (
            Option("--aggregate", "KIND", "Only about work, agent, node, run, alert, directive ..."),
            Option("--entity", "ID", "Only about this item, agent, run ..., or agent:NAME, run:ID ..."),
            Option("--type", "TYPE", "Only such as work.claimed, or all that begin with work."),
            Option("--actor", "NAME", "Only what was done on behalf of this one."),
            Option("--text", "TEXT", "Only what contains this, whatever its case."),
            AT,
            LIMIT,
        ),
        "The newest stands last. The search goes back 50,000 events at most, and says where it ended.",
    ),
    Verb(
        "tail",
        "What is going on",
        "events:tail",
        "The log as it is written; with --until now it ends.",
        (),
        (
            Option(
                "--from",
                "WHEN",
                "From this position or moment on: 7, -2h or 14:02 (UTC). [default: the last ten]",
            ),
            Option("--until", "now", "End at what the log holds now."),
        ),
    ),
    Verb(
        "nodes",
        "What is going on",
        "machines:nodes",
        "List the machines with their latest readings.",
        (Argument("node", "[NODE]", "Only this one.", required=False),),
        (Option("--inventory", "", "What they are made of."), AT, LIMIT),
    ),
    Verb(
        "metrics",
        "What is going on",
        "metrics:metrics",
        "What is measured; one metric over time.",
        (Argument("metric", "[METRIC]", "Only this one, drawn over time.", required=False),),
        (
            Option("--node", "NODE", "Only of this machine."),
            Option("--device", "DEVICE", "Of one metric: only of this GPU, disk, sensor ..."),
            Option("--since", "WHEN", "Of one metric: from this moment on. [default: -1h]"),
            AT,
            LIMIT,
        ),
        "Up to three series are drawn, each column from its lowest to its highest value; more are a row each. "
        "Readings are kept for two days, their minutes for longer. What runs tell over their steps is for plot.",
    ),
    Verb(
        "top",
        "What is going on",
        "machines:top",
        "The processes that matter most.",
        (),
        (
            Option("--node", "NODE", "Only on this one."),
            Option("--by", "WHAT", "cpu, memory or gpu. [default: cpu]"),
            AT,
            LIMIT,
        ),
    ),
    Verb(
        "deadletters",
        "What is going on",
        "events:deadletters",
        "Messages that are no events, and why.",
        (),
        (AT, LIMIT),
    ),
)

HEAVY: Final = frozenset(
    ("query", "run", "tail", "train", "tui", "watchdog", "work", *(verb.name for verb in (*HOUSE, *KEEPING)))
)
"""Verbs that run for long or load much."""

VERBS: Final = {
    verb.name: verb for verb in (*WORK, *WORKER, *AGENTS, *OVERSIGHT, *LOOK, *QUERY, *HOUSE, *KEEPING, *HELP)
}

EXIT_CODES: Final = (
    (0, "done, also when it was so already"),
    (1, "unexpected: a fault of coord's own"),
    (2, "the command line, a value, a file or a setting is wrong"),
    (3, "nothing to claim, to verify, held or archived, or a wait timed out"),
    (4, "refused: taken, stale fence, wrong holder, unknown id ..."),
    (5, "no server: nothing was sent"),
    (6, "unknown: sent, and no answer came; ask again with the same --request-id"),
    (7, "checked or waited for, and found wanting"),
)
