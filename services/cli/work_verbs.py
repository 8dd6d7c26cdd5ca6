"""The verbs about items of work: doing them, and planning them anew."""

from typing import Final

from coord.services.cli.verb import AT, LIMIT, REASON, REQUEST, RETRY, STDIN, Argument, Option, Verb

_AGENT: Final = Option("--agent", "NAME", "Who acts.", variable="COORD_AGENT")
_PERSON: Final = Option("--agent", "NAME", "Who acts; else you, by your user name.", variable="COORD_AGENT")
_FOR_WHOM: Final = Option("--agent", "NAME", "For whom; else for anybody who could.", variable="COORD_AGENT")
_AGENT_FILTER: Final = Option(
    "--agent", "NAME", "Only what this agent holds; with a --status that ends, what it held last."
)
_FENCE: Final = Option("--fence", "N", "The claim this rests on; else the one remembered on this machine.")
_LEASE: Final = Option("--lease", "TIME", "How long a claim lasts without a sign of life, e.g. 30s.")
_TEAM: Final = Option("--team", "NAME", "The team.")
_PRIORITY: Final = Option("--priority", "N", "0 to 9; the higher, the earlier it is claimed.")
_COUNT: Final = Option("--count", "N", "At most so many at once. [default: 1]", short="-n")
_HOLD: Final = (_AGENT, _FENCE)

_ID: Final = Argument("id", "ID", "The item; - reads ids from stdin, one a line.")
_ID_OPTIONAL: Final = Argument("id", "[ID]", "The item; without one, the best that fits.", required=False)

_REMEMBERED: Final = (
    "The fence of a claim made on this machine is remembered; COORD_INCARNATION says whose, else it is the "
    "newest."
)

_SUBMIT: Final = Verb(
    "submit",
    "Work",
    "submitting:submit",
    "Submit an item of work and print its id.",
    (Argument("title", "TITLE", "What it is; - reads items from stdin, one a line."),),
    (
        Option("--id", "ID", "Its id; without one it is made."),
        Option("--priority", "N", "0 to 9; the higher, the earlier it is claimed. [default: 5]"),
        Option("--capability", "NAME", "What its holder must offer; may be repeated.", many=True),
        Option("--team", "NAME", "Only for agents of this team, or who serve it."),
        Option("--parent", "ID", "The item it is a part of."),
        Option("--after", "ID", "Not before this is completed; may be repeated.", many=True),
        Option(
            "--not-before", "WHEN", "Not before this moment: 'in 5m', 14:02, 'fri 09:00' or a date (UTC)."
        ),
        Option("--deadline", "WHEN", "The nearer, the earlier it is claimed; a moment, as above."),
        _LEASE,
        Option(
            "--attempts",
            "N",
            "Tried so often; then it is parked. [default: 1, then failed; parked when its claims were lost 10 times]",
        ),
        Option(
            "--backoff", "TIME", "How long it rests before the second try; then twice as long. [default: 1s]"
        ),
        Option("--backoff-max", "TIME", "It never rests longer. [default: 5m]"),
        Option("--idempotency-key", "KEY", "The same key is the same item, however often it is submitted."),
        Option("--concurrency", "KEY[:N]", "At most N items of this key are held at a time. [default: 1]"),
        Option("--stuck-after", "TIME", "So long may its holder live and show no work, e.g. 10m."),
        Option("--on-stuck", "WHAT", "tell: say so; reassign: take it from its holder. [default: tell]"),
        Option("--body", "JSON", "What the agent is given: any JSON."),
        Option(
            "--verify",
            "SCENARIO",
            "Completes only when this has passed since its claim: an id of coord verify --status, or a title.",
        ),
        _PERSON,
        REQUEST,
    ),
    "With - each line of stdin is a title, or a JSON object with title, id, priority, capabilities, team, parent, "
    "after, not_before, deadline, lease, attempts, backoff, backoff_max, idempotency_key, concurrency, "
    "stuck_after, on_stuck, body and verify; the options hold for every line that does not say otherwise. Up to "
    "1000 lines are submitted together or not at all, in any order of dependence; more in further batches, up to "
    "the first that is not: it is said from which line on to send them again. "
    f"{RETRY}",
)

_WORKING: Final = (
    _SUBMIT,
    Verb(
        "claim",
        "Work",
        "claiming:claim",
        "Claim the best item, or a given one.",
        (_ID_OPTIONAL,),
        (
            _AGENT,
            _COUNT,
            Option("--wait", "[TIME]", "Wait until there is one, so long at most; without a time, for ever."),
            Option("--why", "", "Claim nothing: show the order, and what it comes from."),
            _LEASE,
            REQUEST,
        ),
        "Prints id, fence, lease and title. The best item has the highest sum of five scores from 0 to 1: priority, "
        "age, deadline, how special it is, and how little its team holds for its share; --why shows them. Nobody "
        "need ask again: --wait is answered when an item comes, in the order of asking. Exit code 3: nothing "
        f"fits now, or came in time. 4: somebody else holds it, or it waits. {RETRY}",
    ),
    Verb(
        "mine",
        "Work",
        "mine:mine",
        "What I hold, until when, and under which fence.",
        (),
        (_AGENT, AT, LIMIT),
        "Exit code 3: nothing.",
    ),
    Verb(
        "progress",
        "Work",
        "holding:progress",
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
        "holding:complete",
        "Finish an item.",
        (_ID,),
        (*_HOLD, Option("--result", "JSON", "What came of it: any JSON."), REQUEST),
        f"{_REMEMBERED} {STDIN} {RETRY}",
    ),
    Verb(
        "fail",
        "Work",
        "holding:fail",
        "Give an item up: for good, or this try of it.",
        (_ID,),
        (*_HOLD, REASON, REQUEST),
        "An item that was submitted with --attempts is open again after a rest, until it was tried so often; then it "
        f"is parked. {_REMEMBERED} {STDIN} {RETRY}",
    ),
    Verb(
        "release",
        "Work",
        "holding:release",
        "Give an item back, for others to claim.",
        (_ID,),
        (*_HOLD, REASON, REQUEST),
        "It is open again at once. What is given back again and again, each time within ten minutes and without progress, "
        "rests longer and longer, up to five minutes, and is parked after a hundred times (the setting releases_max).\n"
        f"{_REMEMBERED} {STDIN} {RETRY}",
    ),
    Verb(
        "wait",
        "Work",
        "waiting:wait",
        "Wait until items have come to something.",
        (Argument("id", "ID...", "The items; - reads ids from stdin, one a line.", many=True),),
        (
            Option("--any", "", "The first of them is enough."),
            Option("--timeout", "TIME", "So long at most. [default: for ever]"),
        ),
        "Prints what each came to: completed, failed, cancelled or parked. Exit code 0: all of those were completed; "
        "7: one was not; 3: the time was over first.",
    ),
    Verb("show", "Work", "showing:show", "Show an item in full.", (_ID,), (AT,), STDIN),
    Verb(
        "board",
        "Work",
        "showing:board",
        "List the items: who holds what, and what waits.",
        (),
        (
            Option(
                "--status",
                "STATUS",
                "Only open, waiting, claimed, stuck, blocked, parked, completed, failed or cancelled.",
            ),
            _TEAM,
            _AGENT_FILTER,
            Option("--linked", "", "Only items that depend on others, or that others depend on; after what."),
            AT,
            LIMIT,
        ),
    ),
)

_PLANNING: Final = (
    Verb(
        "why",
        "Planning",
        "claiming:why",
        "Why an item waits, and what is claimed before it.",
        (_ID,),
        (
            _FOR_WHOM,
            Option("--count", "N", "At most so many of those before it. [default: 10]", short="-n"),
        ),
        STDIN,
    ),
    Verb(
        "reprioritise",
        "Planning",
        "steering:reprioritise",
        "Give an item another priority.",
        (_ID,),
        (_PRIORITY, _PERSON, REASON, REQUEST),
        f"{STDIN} {RETRY}",
    ),
    Verb(
        "depend",
        "Planning",
        "steering:depend",
        "Say what an item waits for, all of it.",
        (_ID,),
        (
            Option("--on", "ID", "Until this is completed; may be repeated.", many=True),
            Option("--on-nothing", "", "It waits for nothing any more."),
            _PERSON,
            REQUEST,
        ),
        "This replaces what was said before. Items that would wait for each other are refused, with their names. "
        f"{STDIN} {RETRY}",
    ),
    Verb(
        "block",
        "Planning",
        "steering:block",
        "Keep an open item from being claimed.",
        (_ID,),
        (_PERSON, REASON, REQUEST),
        f"{STDIN} {RETRY}",
    ),
    Verb(
        "unblock",
        "Planning",
        "steering:unblock",
        "Let a blocked item be claimed again.",
        (_ID,),
        (_PERSON, REASON, REQUEST),
        f"{STDIN} {RETRY}",
    ),
    Verb(
        "cancel",
        "Planning",
        "steering:cancel",
        "End an item that nobody shall do any more.",
        (_ID,),
        (_PERSON, REASON, REQUEST),
        f"{STDIN} {RETRY}",
    ),
    Verb(
        "requeue",
        "Planning",
        "steering:requeue",
        "Open a parked item again, with all its tries.",
        (_ID,),
        (_PERSON, REASON, REQUEST),
        f"`coord board --status parked` lists them. {STDIN} {RETRY}",
    ),
    Verb(
        "reopen",
        "Planning",
        "steering:reopen",
        "Open an item again that had ended.",
        (_ID,),
        (_PERSON, REASON, REQUEST),
        f"What it came to does not count any more. {STDIN} {RETRY}",
    ),
)

WORK: Final = (*_WORKING, *_PLANNING)
