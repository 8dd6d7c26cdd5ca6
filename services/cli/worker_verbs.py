"""The verbs that hold a claim for a command: work and run."""

from typing import Final

from coord.services.cli.verb import Argument, Option, Verb

_AGENT: Final = Option("--agent", "NAME", "Who acts.", variable="COORD_AGENT")
_LEASE: Final = Option(
    "--lease", "TIME", "How long a claim lasts unless it is renewed, which is done every third."
)
_ENVIRONMENT: Final = (
    "The command reads the item as JSON on stdin. Its environment has COORD_ITEM, COORD_TITLE, COORD_ATTEMPT, "
    "COORD_AGENT, COORD_INCARNATION, COORD_FENCE and COORD_DATA, so that `coord progress $COORD_ITEM` works in it; "
    "COORD_REQUEST, an id of this attempt to make request ids from; and TRACEPARENT where traces are exported."
)
_REGISTERS: Final = "An agent that nobody knows, or that has retired, is registered for it, and retires with the last that works under its name."
_ENDS: Final = (
    "It ends with 0: the item is completed. With 75: it is given back, for later, and rests longer each time. With "
    "anything else, or by a signal: it has failed, with the end of stderr as the reason, and is tried again if its retry "
    "policy says so. The result is what it writes into the file that COORD_RESULT names, else its last line on stdout "
    "if that is JSON."
)
_LOST: Final = (
    "When the claim is lost (taken away, cancelled, not renewed for a whole lease), its process group gets SIGTERM, "
    "and SIGKILL five seconds later. What it leaves behind in that group is killed when it ends."
)

WORKER: Final = (
    Verb(
        "work",
        "Work",
        "worker:work",
        "Claim items, and run a command for each.",
        (Argument("command", "[-- CMD ...]", "A program and its arguments.", required=False, many=True),),
        (
            _AGENT,
            Option("--exec", "LINE", "A line for the shell, instead of a program."),
            Option("--jobs", "N", "So many items at a time. [default: 1]"),
            _LEASE,
            Option(
                "--capability", "NAME", "Register the agent with what it offers; may be repeated.", many=True
            ),
            Option("--team", "NAME", "Register the agent in this team."),
            Option("--once", "", "End after one item."),
            Option("--max", "N", "End after so many items."),
            Option(
                "--idle",
                "TIME",
                "End when there was nothing to do for so long; 0s: as soon as there is nothing.",
            ),
        ),
        f"{_REGISTERS}\n"
        "It waits for items without asking again and again, and works until it is told to end: by Ctrl-C or SIGTERM it "
        "claims nothing more, and waits for what runs; by another, it ends that and gives it back.\n"
        f"{_ENVIRONMENT}\n{_ENDS}\n{_LOST}\n"
        "{id}, {agent}, {incarnation}, {fence}, {attempt}, {priority}, {team}, {request}, {title}, {body} and "
        "{body.NAME} stand for the item's. In a line for the shell, titles and bodies become quoted variables, so that "
        "nothing in them can be run; leave them outside of quotes.\n"
        "With --json each item that has ended is a line on stdout, and what commands print goes to stderr. "
        "Exit code 0: all that was claimed is completed or was given back, or the worker was told to end, or its agent drained. "
        "2: the command cannot be started; nothing was claimed, or the item was given back. "
        "3: there was nothing to do. 4: the agent was put out, or registered again elsewhere. "
        "6: the end of an item is unknown. 7: an item failed and was not completed after that, or its claim was lost.",
    ),
    Verb(
        "run",
        "Work",
        "worker:run",
        "Claim one item, and run a command for it.",
        (
            Argument("id", "ID", "The item."),
            Argument("command", "-- CMD ...", "A program and its arguments.", many=True),
        ),
        (_AGENT, _LEASE, Option("--wait", "[TIME]", "Wait for the item, for so long or for ever.")),
        f"{_REGISTERS}\n{_ENVIRONMENT}\n{_ENDS}\n{_LOST}\n"
        "Ctrl-C or SIGTERM: the command is ended, and the item given back. "
        "The exit code is the command's, or 128 and more for a signal. Where coord says no it is coord's: 3 not in time, "
        "4 refused, or lost on the way; 5 no server; 6 unknown; 7 the command ended well, and the item is not completed.",
    ),
)
