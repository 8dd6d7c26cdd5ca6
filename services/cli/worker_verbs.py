"""The verbs that hold a claim for a command: work and run."""

from typing import Final

from coord.services.cli.verb import Argument, Option, Verb

_AGENT: Final = Option("--agent", "NAME", "Who acts.", variable="COORD_AGENT")
_LEASE: Final = Option(
    "--lease", "TIME", "How long a claim lasts without a sign of life; renewed every third."
)
_ENVIRONMENT: Final = (
    "The command reads its item as JSON on stdin, and finds COORD_ITEM, COORD_TITLE, COORD_ATTEMPT, COORD_AGENT, "
    "COORD_INCARNATION, COORD_FENCE, COORD_REQUEST (an id of this attempt, to make request ids from) and COORD_DATA "
    "in its environment, so that `coord progress $COORD_ITEM` works in it; and TRACEPARENT where traces are exported. "
)
_ENDINGS: Final = (
    "It ends with 0: completed; 75: given back, for later; anything else or a signal: failed, with the end of stderr "
    "as the reason, and tried again as the item's retry policy says. Its result is what it writes into the file "
    "COORD_RESULT names, else its last line on stdout where that is JSON. "
)
_LOST: Final = (
    "It runs in a process group of its own, which gets SIGTERM, and SIGKILL five seconds later, when the claim is lost: "
    "taken away, cancelled, or not renewed for a whole lease. What is left of the group when the command ends is killed. "
)

WORKER: Final = (
    Verb(
        "work",
        "Work",
        "worker:work",
        "Claim items, and run a command for each while it is held.",
        (Argument("command", "[-- CMD ...]", "A program and its arguments.", required=False, many=True),),
        (
            _AGENT,
            Option(
                "--exec",
                "LINE",
                "A line for the shell instead; {id}, {title}, {body.NAME} stand for the item's.",
            ),
            Option("--jobs", "N", "So many at a time. [default: 1]"),
            _LEASE,
            Option(
                "--capability", "NAME", "Register the agent with what it offers; may be repeated.", many=True
            ),
            Option("--team", "NAME", "Register the agent in this team."),
            Option("--once", "", "End after one item."),
            Option("--max", "N", "End after so many items."),
            Option("--idle", "TIME", "End when there was nothing to do for so long; 0s: when all is done."),
        ),
        f"{_ENVIRONMENT}{_ENDINGS}{_LOST}Fields: id, title, body, body.NAME, agent, incarnation, fence, attempt, priority, "
        "team, request. In a line for the shell, title and body become quoted variables: nothing in them can be run. "
        "Ctrl-C or SIGTERM: nothing more is claimed, and what runs is waited for; once more: it is ended, and given back. "
        "With --json each item that ended is a line on stdout, and what commands print goes to stderr. Exit code 3: "
        "there was nothing to do.",
    ),
    Verb(
        "run",
        "Work",
        "worker:run",
        "Claim one item, and run a command while it is held.",
        (
            Argument("id", "ID", "The item."),
            Argument("command", "-- CMD ...", "A program and its arguments.", many=True),
        ),
        (_AGENT, _LEASE, Option("--wait", "[TIME]", "Wait for the item, for so long or for ever.")),
        f"{_ENVIRONMENT}{_ENDINGS}{_LOST}The exit code is the command's, 128 and more for a signal; where coord says no, "
        "its own: 3 not in time, 4 refused or lost, 5 no server, 6 unknown.",
    ),
)
