"""What `coord` can do: every verb with its arguments and options, as data.

The help pages, both parsers, the reference in README and the golden list of the tests are made from this
table. An option is declared once and used by every verb that takes it.
"""

from typing import Final

from coord.services.cli.house_verbs import HELP, HOUSE
from coord.services.cli.oversight_verbs import OVERSIGHT
from coord.services.cli.verb import AT, LIMIT, REASON, REQUEST, RETRY, STDIN, Argument, Option, Verb

_AGENT: Final = Option("--agent", "NAME", "Who acts.", variable="COORD_AGENT")
_AGENT_FILTER: Final = Option("--agent", "NAME", "Only what this agent holds.")
_FENCE: Final = Option("--fence", "N", "The claim this rests on; else the one remembered on this machine.")
_LEASE: Final = Option("--lease", "TIME", "How long a claim lasts without a sign of life, e.g. 30s.")
_TEAM: Final = Option("--team", "NAME", "The team.")
_CAPABILITY: Final = Option("--capability", "NAME", "What it takes, or offers; may be repeated.", many=True)
_HOLD: Final = (_AGENT, _FENCE)

_ID: Final = Argument("id", "ID", "The item; - reads ids from stdin, one a line.")
_ID_OPTIONAL: Final = Argument("id", "[ID]", "The item; without one, the best that fits.", required=False)
_NAME: Final = Argument("name", "NAME", "The agent.")
_NAME_OPTIONAL: Final = Argument("name", "[NAME]", "The agent; else --agent or COORD_AGENT.", required=False)

_REMEMBERED: Final = (
    "The fence of a claim made on this machine is remembered; COORD_INCARNATION says whose, else it is the "
    "newest."
)

WORK: Final = (
    Verb(
        "submit",
        "Work",
        "work:submit",
        "Submit an item of work and print its id.",
        (Argument("title", "TITLE", "What it is; - reads items from stdin, one a line."),),
        (
            Option("--id", "ID", "Its id; without one it is made."),
            Option("--priority", "N", "0 to 9; 9 is claimed first. [default: 5]"),
            _CAPABILITY,
            _TEAM,
            _LEASE,
            Option("--body", "JSON", "What the agent is given: any JSON."),
            Option("--verify", "SCENARIO", "Completes only when this has passed since its claim."),
            REQUEST,
        ),
        "With - each line of stdin is a title, or a JSON object with title, id, priority, capabilities, "
        f"team, lease, body and verify; the options hold for every line that does not say otherwise. {RETRY}",
    ),
    Verb(
        "claim",
        "Work",
        "work:claim",
        "Claim the best item, or a given one.",
        (_ID_OPTIONAL,),
        (_AGENT, _LEASE, REQUEST),
        "Prints id, fence, lease and title. The best item has the highest priority, then the greatest age, "
        "and needs nothing that the agent does not offer. Exit code 3: nothing fits now. 4: somebody else "
        f"holds it. {RETRY}",
    ),
    Verb(
        "progress",
        "Work",
        "work:progress",
        "Say how far the work is; renews the lease.",
        (_ID,),
        (
            *_HOLD,
            Option("--fraction", "F", "0 to 1, or 40%."),
            Option("--note", "TEXT", "What is going on."),
            REQUEST,
        ),
        f"{_REMEMBERED} {STDIN}",
    ),
    Verb(
        "complete",
        "Work",
        "work:complete",
        "Finish an item.",
        (_ID,),
        (*_HOLD, Option("--result", "JSON", "What came of it: any JSON."), REQUEST),
        f"{_REMEMBERED} {STDIN} {RETRY}",
    ),
    Verb(
        "fail",
        "Work",
        "work:fail",
        "Give an item up for good.",
        (_ID,),
        (*_HOLD, REASON, REQUEST),
        f"{_REMEMBERED} {STDIN} {RETRY}",
    ),
    Verb(
        "release",
        "Work",
        "work:release",
        "Give an item back, for others to claim.",
        (_ID,),
        (*_HOLD, REASON, REQUEST),
        f"{_REMEMBERED} {STDIN} {RETRY}",
    ),
    Verb(
        "cancel",
        "Work",
        "work:cancel",
        "End an item that nobody shall do any more.",
        (_ID,),
        (REASON, REQUEST),
        f"{STDIN} {RETRY}",
    ),
    Verb("show", "Work", "work:show", "Show an item in full.", (_ID,), (AT,), STDIN),
    Verb(
        "board",
        "Work",
        "work:board",
        "List the items: who holds what, and what waits.",
        (),
        (
            Option("--status", "STATUS", "Only open, claimed, completed, failed or cancelled."),
            _TEAM,
            _AGENT_FILTER,
            AT,
            LIMIT,
        ),
    ),
)

AGENTS: Final = (
    Verb(
        "register",
        "Agents",
        "agents:register",
        "Register an agent: a new incarnation of that name.",
        (_NAME,),
        (
            _TEAM,
            _CAPABILITY,
            Option("--wip", "N", "At most so many items at once. [default: any number]"),
            Option("--credential", "", "Make it a credential of its own for the NATS server, too."),
            REQUEST,
        ),
        "An agent that only claims need not register: its first claim does. COORD_INCARNATION, set to the "
        "number printed, lets a process speak for this incarnation alone.",
    ),
    Verb(
        "heartbeat",
        "Agents",
        "agents:heartbeat",
        "Show that an agent lives; renews its leases.",
        (_NAME_OPTIONAL,),
        (_AGENT, REQUEST),
    ),
    Verb(
        "retire",
        "Agents",
        "agents:retire",
        "Leave on purpose.",
        (_NAME_OPTIONAL,),
        (_AGENT, REASON, REQUEST),
    ),
    Verb("agents", "Agents", "agents:agents", "List the agents.", (), (_TEAM, AT, LIMIT)),
)

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
        (Option("--explain", "ENTITY", "Only this one: system, or agent:NAME, node:NAME, team:NAME."),),
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
            Option("--from", "POSITION", "The first position wanted. [default: the last ten]"),
            Option("--until", "now", "End at what the log holds now."),
        ),
    ),
    Verb(
        "nodes",
        "What is going on",
        "machines:nodes",
        "List the machines with their latest readings.",
        (Argument("node", "[NODE]", "Only this one.", required=False),),
        (Option("--inventory", "", "What they are made of."), LIMIT),
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
            LIMIT,
        ),
    ),
    Verb(
        "deadletters",
        "What is going on",
        "events:deadletters",
        "Messages that are no events, and why.",
        (),
        (LIMIT,),
    ),
)

HEAVY: Final = frozenset(("tail", "train", "tui", "watchdog", *(verb.name for verb in HOUSE)))
"""Verbs that run for long or load much."""

VERBS: Final = {verb.name: verb for verb in (*WORK, *AGENTS, *OVERSIGHT, *LOOK, *HOUSE, *HELP)}

EXIT_CODES: Final = (
    (0, "done, also when it was so already"),
    (1, "unexpected: a fault of coord's own"),
    (2, "the command line, a value, a file or a setting is wrong"),
    (3, "nothing to claim, or a wait timed out"),
    (4, "refused: taken, stale fence, wrong holder, unknown id ..."),
    (5, "no server: nothing was sent"),
    (6, "unknown: sent, and no answer came; ask again with the same --request-id"),
    (7, "checked, and found wanting"),
)
