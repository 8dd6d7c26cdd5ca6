"""What `coord` can do: every verb with its arguments and options, as data.

The help pages, both parsers, the reference in README and the golden list of the tests are made from this
table. An option is declared once and used by every verb that takes it.
"""

from typing import Final, NamedTuple


class Option(NamedTuple):
    """A flag with a value, or a switch when `metavar` is empty."""

    flag: str
    metavar: str
    what: str
    many: bool = False
    """May be given several times."""
    variable: str = ""
    """The environment variable that stands in for it."""

    @property
    def name(self) -> str:
        """The name its value is kept under."""
        return self.flag[2:].replace("-", "_")


class Argument(NamedTuple):
    """A value that stands by itself."""

    name: str
    metavar: str
    what: str
    required: bool = True


class Verb(NamedTuple):
    """One command: what it takes, and the function (`module:function`) that does it."""

    name: str
    group: str
    run: str
    what: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    more: str = ""
    """The rest of its help page."""


JSON: Final = Option("--json", "", "Print the answer as JSON.")
_AGENT: Final = Option("--agent", "NAME", "Who acts.", variable="COORD_AGENT")
_AGENT_FILTER: Final = Option("--agent", "NAME", "Only what this agent holds.")
_PERSON: Final = Option("--agent", "NAME", "Who acts; else you, by your user name.", variable="COORD_AGENT")
_REQUEST: Final = Option("--request-id", "R", "Ask again under the id of an earlier request.")
_FENCE: Final = Option("--fence", "N", "The claim this rests on; else the one remembered on this machine.")
_LEASE: Final = Option("--lease", "TIME", "How long a claim lasts without a sign of life, e.g. 30s.")
_TEAM: Final = Option("--team", "NAME", "The team.")
_CAPABILITY: Final = Option("--capability", "NAME", "What it takes, or offers; may be repeated.", many=True)
_REASON: Final = Option("--reason", "TEXT", "Why.")
_LIMIT: Final = Option("--limit", "N", "At most so many rows, 1 to 1000.")
_HOLD: Final = (_AGENT, _FENCE)

_ID: Final = Argument("id", "ID", "The item; - reads ids from stdin, one a line.")
_ID_OPTIONAL: Final = Argument("id", "[ID]", "The item; without one, the best that fits.", required=False)
_ALERT: Final = Argument("alert", "ALERT", "The alert; - reads ids from stdin, one a line.")
_NAME: Final = Argument("name", "NAME", "The agent.")
_NAME_OPTIONAL: Final = Argument("name", "[NAME]", "The agent; else --agent or COORD_AGENT.", required=False)

_RETRY: Final = "Exit code 6 means that it may have happened: ask again with the --request-id it names."
_STDIN: Final = (
    "With - the ids come from stdin, one a line: its first word, or `id` of a line of JSON. The exit code "
    "is then the highest of all."
)
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
            _REQUEST,
        ),
        "With - each line of stdin is a title, or a JSON object with title, id, priority, capabilities, "
        f"team, lease, body and verify; the options hold for every line that does not say otherwise. {_RETRY}",
    ),
    Verb(
        "claim",
        "Work",
        "work:claim",
        "Claim the best item, or a given one.",
        (_ID_OPTIONAL,),
        (_AGENT, _LEASE, _REQUEST),
        "Prints id, fence, lease and title. The best item has the highest priority, then the greatest age, "
        "and needs nothing that the agent does not offer. Exit code 3: nothing fits now. 4: somebody else "
        f"holds it. {_RETRY}",
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
            _REQUEST,
        ),
        f"{_REMEMBERED} {_STDIN}",
    ),
    Verb(
        "complete",
        "Work",
        "work:complete",
        "Finish an item.",
        (_ID,),
        (*_HOLD, Option("--result", "JSON", "What came of it: any JSON."), _REQUEST),
        f"{_REMEMBERED} {_STDIN} {_RETRY}",
    ),
    Verb(
        "fail",
        "Work",
        "work:fail",
        "Give an item up for good.",
        (_ID,),
        (*_HOLD, _REASON, _REQUEST),
        f"{_REMEMBERED} {_STDIN} {_RETRY}",
    ),
    Verb(
        "release",
        "Work",
        "work:release",
        "Give an item back, for others to claim.",
        (_ID,),
        (*_HOLD, _REASON, _REQUEST),
        f"{_REMEMBERED} {_STDIN} {_RETRY}",
    ),
    Verb(
        "cancel",
        "Work",
        "work:cancel",
        "End an item that nobody shall do any more.",
        (_ID,),
        (_REASON, _REQUEST),
        f"{_STDIN} {_RETRY}",
    ),
    Verb("show", "Work", "work:show", "Show an item in full.", (_ID,), (), _STDIN),
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
            _LIMIT,
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
            _REQUEST,
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
        (_AGENT, _REQUEST),
    ),
    Verb(
        "retire",
        "Agents",
        "agents:retire",
        "Leave on purpose.",
        (_NAME_OPTIONAL,),
        (_AGENT, _REASON, _REQUEST),
    ),
    Verb("agents", "Agents", "agents:agents", "List the agents.", (), (_TEAM, _LIMIT)),
)

OVERSIGHT: Final = (
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
        (_LIMIT,),
    ),
    Verb(
        "alerts",
        "Runs and alerts",
        "alerts:alerts",
        "List the alerts, the worst first, and what was done about them.",
        (),
        (
            Option("--status", "STATUS", "Only open, active, acknowledged or resolved."),
            Option("--entity", "NAME", "Only those about this run, node, agent or team."),
            _LIMIT,
        ),
    ),
    Verb(
        "ack",
        "Runs and alerts",
        "alerts:ack",
        "Take notice of an alert.",
        (_ALERT,),
        (_PERSON, Option("--note", "TEXT", "What you know about it."), _REQUEST),
        f"{_STDIN} {_RETRY}",
    ),
    Verb(
        "silence",
        "Runs and alerts",
        "alerts:silence",
        "Want no notice of an alert for a time.",
        (_ALERT,),
        (_PERSON, Option("--for", "TIME", "For how long, e.g. 30m, 1h or 2d."), _REASON, _REQUEST),
        f"It stays open, and is listed. {_STDIN} {_RETRY}",
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
            _REASON,
            Option("--live", "TIME", "For so long it may be obeyed, e.g. 2m. [default: 60s]"),
            Option("--factor", "F", "What the learning rate is made smaller by: 0.5, or 50%."),
            Option("--steps", "N", "For so many steps. [default: until it is restored]"),
            Option("--before-step", "N", "Roll back to the newest good checkpoint up to this step."),
            Option("--batches", "N,N", "The batches to skip, by their numbers."),
            Option("--kind", "KIND", "run, agent or node. [default: run]"),
            Option("--wait", "", "Wait until the run has answered, and say what it did."),
            _REQUEST,
        ),
        "ACTION is skip_batch (needs --batches), lower_learning_rate (needs --factor, takes --steps), "
        "restore_learning_rate, halve_micro_batch, roll_back (needs --before-step, takes --batches), "
        "checkpoint_now, pause, resume or stop; an agent or a node takes pause, resume, stop and drain. With "
        f"--wait, exit code 3 means that no answer came in time, and 4 that the run refused. {_RETRY}",
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
        (_PERSON, _REASON, _REQUEST),
        _RETRY,
    ),
)

LOOK: Final = (
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
            _LIMIT,
        ),
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
        (Option("--inventory", "", "What they are made of."), _LIMIT),
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
            _LIMIT,
        ),
    ),
    Verb(
        "deadletters",
        "What is going on",
        "events:deadletters",
        "Messages that are no events, and why.",
        (),
        (_LIMIT,),
    ),
)

HOUSE: Final = (
    Verb(
        "up",
        "The house",
        "house:up",
        "Start the server and all services here; Ctrl-C stops them.",
        (),
        (Option("--detach", "", "Return when all are ready, and leave them running."),),
    ),
    Verb("down", "The house", "house:down", "Stop what `coord up` started."),
    Verb(
        "serve",
        "The house",
        "house:serve",
        "Run one service, on the embedded server or any other.",
        (Argument("service", "SERVICE", "coordinator, projector or hardware."),),
    ),
    Verb(
        "rebuild",
        "The house",
        "house:rebuild",
        "Build the projections anew from the log, beside the old ones, and swap.",
    ),
    Verb(
        "doctor",
        "The house",
        "doctor:doctor",
        "Check everything, and say what to do.",
        more="Exit code 7: something was found wanting.",
    ),
    Verb(
        "demo",
        "The house",
        "house:demo",
        "Play everything at once on real work, and check the results.",
        (
            Argument(
                "folder", "[FOLDER]", "Made anew; what is made stays there. [default: .demo]", required=False
            ),
        ),
    ),
    Verb(
        "bench",
        "The house",
        "house:bench",
        "Measure coord here, beside its peers, and compare with the bars.",
        more="Exit code 7: a bar was missed.",
    ),
    Verb("config", "The house", "house:config", "Every setting, its value, and where that came from."),
    Verb(
        "schema",
        "The house",
        "house:schema",
        "The JSON Schema of an event, command or question; without one, their names.",
        (Argument("type", "[TYPE]", "e.g. work.claimed.v1, claim, board.", required=False),),
        (Option("--asyncapi", "", "The AsyncAPI document of everything that crosses the bus."),),
    ),
)

HEAVY: Final = frozenset(("tail", *(verb.name for verb in HOUSE)))
"""Verbs that run for long or load much."""

VERBS: Final = {verb.name: verb for verb in (*WORK, *AGENTS, *OVERSIGHT, *LOOK, *HOUSE)}

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

CONFIG: Final = Option("--config", "FILE", "The settings file.", variable="COORD_CONFIG")
