"""The verbs about agents and teams."""

from typing import Final

from coord.services.cli.verb import AT, LIMIT, REASON, REQUEST, RETRY, Argument, Option, Verb

_AGENT: Final = Option("--agent", "NAME", "Who acts.", variable="COORD_AGENT")
_PERSON: Final = Option("--agent", "NAME", "Who acts; else you, by your user name.", variable="COORD_AGENT")
_TEAM: Final = Option("--team", "NAME", "The team.")
_NAME: Final = Argument("name", "NAME", "The agent.")
_NAME_OPTIONAL: Final = Argument("name", "[NAME]", "The agent; else --agent or COORD_AGENT.", required=False)

AGENTS: Final = (
    Verb(
        "register",
        "Agents",
        "agents:register",
        "Register an agent: a new incarnation of that name.",
        (_NAME,),
        (
            Option("--team", "NAME", "The team; '': none, as at first."),
            Option(
                "--serves", "TEAM", "Another team whose items it takes; may be repeated; '': none.", many=True
            ),
            Option("--capability", "NAME", "What it offers; may be repeated; '': nothing.", many=True),
            Option("--wip", "N", "At most so many items at once; 0: any number, as at first."),
            Option("--credential", "", "Make it a credential of its own for the NATS server, too."),
            REQUEST,
        ),
        "Of an agent that was registered before, what is not given stays as it was; what is given replaces that. "
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
        "drain",
        "Agents",
        "agents:drain",
        "Have an agent end what it holds, and give it no more.",
        (_NAME,),
        (_PERSON, REASON, REQUEST),
        f"It is given work again when it registers again. {RETRY}",
    ),
    Verb(
        "retire",
        "Agents",
        "agents:retire",
        "Leave on purpose.",
        (_NAME_OPTIONAL,),
        (_AGENT, REASON, REQUEST),
        "It comes back when it registers or claims again.",
    ),
    Verb(
        "evict",
        "Agents",
        "agents:evict",
        "Put an agent out: what it holds is open again.",
        (_NAME,),
        (_PERSON, REASON, REQUEST),
        f"It works whatever the agent does; what it says is refused until it registers again. {RETRY}",
    ),
    Verb("agents", "Agents", "agents:agents", "List the agents.", (), (_TEAM, AT, LIMIT)),
    Verb(
        "team",
        "Agents",
        "teams:team",
        "Show a team, or say what holds for it: its limit and its share.",
        (Argument("team", "TEAM", "The team."),),
        (
            Option(
                "--wip", "N", "At most so many items are held for it at once; 0: any number, as at first."
            ),
            Option("--share", "X", "What it is due beside the shares of other teams; 1 at first."),
            _PERSON,
            AT,
            REQUEST,
        ),
        f"Without either it shows the team, its agents and what is held for it. What is not given stays as it is. {RETRY}",
    ),
)
