"""What people type: examples for every verb, shown by its help page and by the manual; a test runs every one.

They tell one story: an item `hash-readme`, an agent `ada`, a run `r1`. Words in capitals stand for ids.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Example(NamedTuple):
    """A line for a shell, and what it is for."""

    line: str
    what: str


EXAMPLES: Final[Mapping[str, tuple[Example, ...]]] = {
    "submit": (
        Example('coord submit "Hash the README" --id hash-readme', "An item with an id of your own:"),
        Example(
            'coord submit Count --priority 9 --capability gpu --body \'{"file": "a.csv"}\'',
            "An urgent one, for agents that offer gpu:",
        ),
        Example(
            'coord submit Publish --after hash-readme --deadline "fri 09:00" --attempts 3',
            "Not before another one, and tried three times:",
        ),
        Example(r"printf 'Lint\nTest\n' | coord submit -", "One for every line, all together or none:"),
    ),
    "claim": (
        Example("coord claim --agent ada", "The best that ada can do:"),
        Example("coord claim hash-readme --agent ada --lease 2m", "This one, for two minutes at a time:"),
        Example("coord claim --agent ada -n 5 --wait 10m", "Up to five, as soon as there is one:"),
        Example("coord claim --agent ada --why", "Nothing: only in which order, and why:"),
    ),
    "mine": (Example("coord mine --agent ada", "What ada holds, and until when:"),),
    "wait": (
        Example("coord wait hash-readme --timeout 10m", "Until it has come to something:"),
        Example("coord wait hash-readme ITEM --any", "Until one of two has:"),
    ),
    "why": (
        Example("coord why hash-readme", "What it waits for, and what is before it:"),
        Example("coord why hash-readme --agent ada", "For one agent:"),
    ),
    "reprioritise": (
        Example('coord reprioritise hash-readme --priority 9 --reason "asked for"', "Before all others:"),
    ),
    "depend": (
        Example("coord depend hash-readme --on ITEM", "Not before this one:"),
        Example("coord depend hash-readme --on-nothing", "It waits no longer:"),
    ),
    "block": (
        Example('coord block hash-readme --reason "the disk is full"', "Nobody shall claim it for now:"),
    ),
    "unblock": (
        Example("coord unblock hash-readme", "Now they may:"),
        Example("coord board --status blocked | coord unblock -", "All of them:"),
    ),
    "requeue": (
        Example('coord requeue hash-readme --reason "mended"', "A parked one, with all its tries before it:"),
        Example("coord board --status parked | coord requeue -", "All that are parked:"),
    ),
    "reopen": (
        Example('coord reopen hash-readme --reason "it was wrong"', "What it came to does not count:"),
    ),
    "progress": (
        Example(
            'coord progress hash-readme --agent ada --fraction 40% --note "two of five"',
            "Say how far it is, and keep the claim:",
        ),
    ),
    "complete": (
        Example("coord complete hash-readme --agent ada --result '\"9f2c\"'", "Done, and what came of it:"),
    ),
    "fail": (Example('coord fail hash-readme --agent ada --reason "no such file"', "It cannot be done:"),),
    "release": (
        Example('coord release hash-readme --agent ada --reason "out of time"', "Let another one do it:"),
    ),
    "cancel": (
        Example('coord cancel hash-readme --reason "done elsewhere"', "Nobody shall do it any more:"),
        Example("coord board --status open | coord cancel -", "Nor anything else that waits:"),
    ),
    "show": (
        Example("coord show hash-readme", "All that is known of an item:"),
        Example("coord show hash-readme --json | jq .status", "One field, for a script:"),
    ),
    "board": (
        Example("coord board", "Everything:"),
        Example("coord board --status claimed --agent ada", "What ada holds:"),
        Example(
            "coord board --at 1", "As it stood at position 1 of the log; -2h and 14:02 are moments, too:"
        ),
    ),
    "work": (
        Example("coord work --agent ada --idle 0s --exec 'echo {id} {title}'", "All that waits, one by one:"),
        Example(
            "coord work --agent ada --jobs 4 --max 8 --idle 1s -- sha256sum", "Four at a time, from stdin:"
        ),
        Example(
            "coord work --agent eve --capability gpu --exec 'sh train.sh {body.file}'",
            "Until it is told to end:",
        ),
    ),
    "run": (
        Example(
            "coord run hash-readme --agent ada -- sha256sum README.md", "Hold an item while a command runs:"
        ),
    ),
    "register": (
        Example("coord register ada --team red --capability python --wip 2", "Who takes two at a time:"),
        Example("coord register ada --team red --serves blue", "Who works for two teams:"),
        Example("coord register ada --wip 0 --serves ''", "Any number again, and for no other team:"),
    ),
    "drain": (Example('coord drain ada --reason "her machine goes home"', "She ends what she holds:"),),
    "evict": (Example('coord evict ada --reason "does not answer"', "What ada holds is free at once:"),),
    "team": (
        Example("coord team blue --wip 10 --share 2", "Ten at once, and twice what others are due:"),
        Example("coord team blue", "What holds for it, and what it holds:"),
    ),
    "heartbeat": (Example("coord heartbeat ada", "Alive; all that ada holds stays ada's:"),),
    "retire": (Example('coord retire ada --reason "going home"', "Nothing more for ada:"),),
    "weigh": (
        Example("coord weigh backlog --points 20", "A backlog costs half of what it usually does:"),
        Example("coord weigh backlog --usual", "As usual again:"),
        Example("coord weigh", "What each part may cost, and what it does now:"),
    ),
    "agents": (Example("coord agents --team red", "Who is in a team, and what they hold:"),),
    "train": (
        Example("coord train README.md --run r1 --steps 30", "A run of thirty steps, under a name:"),
        Example("coord train README.md --run r1 --steps 60", "The same again goes on from there:"),
    ),
    "runs": (
        Example("coord runs", "All runs:"),
        Example("coord runs r1", "One, with its directives, checkpoints and alerts:"),
    ),
    "plot": (
        Example("coord plot r1 loss canary_loss", "Two curves, in the terminal:"),
        Example("coord plot r1 loss --to loss.svg", "One, as a picture:"),
    ),
    "compare": (
        Example("coord compare r1 r2", "What differs, and which one did better:"),
        Example("coord compare r1 r2 --metric canary_loss --json", "All of it, for a program:"),
    ),
    "alerts": (
        Example("coord alerts --status open", "What needs somebody:"),
        Example("coord alerts --entity r1", "What was wrong with a run:"),
    ),
    "ack": (
        Example('coord ack ALERT --note "the fan is being changed"', "Take notice of one:"),
        Example("coord alerts --status active | coord ack -", "Of all:"),
    ),
    "silence": (Example('coord silence ALERT --for 1h --reason "known"', "Quiet for an hour:"),),
    "direct": (
        Example(
            "coord direct r1 checkpoint_now --wait", "Write a checkpoint now, and wait until it is written:"
        ),
        Example("coord direct r1 lower_learning_rate --factor 50%", "Half the learning rate:"),
    ),
    "withdraw": (Example('coord withdraw r1 DIRECTIVE --reason "a slip"', "Before it is obeyed:"),),
    "watchdog": (
        Example("coord watchdog rules loss-spike", "A rule and its thresholds:"),
        Example(
            "coord watchdog replay loss-spike --run r1 --set k=6",
            "What it would have found with another one:",
        ),
    ),
    "health": (
        Example("coord health", "The score, and every reason why it is not 100:"),
        Example("coord health --explain agent:ada", "Of one agent:"),
    ),
    "tui": (
        Example("coord tui --once --view runs --size 80x24", "One view as text, e.g. for a report:"),
        Example("coord tui --once --at 1 --view events", "The same screen as of position 1 of the log:"),
    ),
    "stats": (
        Example("coord stats", "How the last hour went:"),
        Example("coord stats --last 1d --team red", "A day, of one team:"),
    ),
    "history": (Example("coord history hash-readme", "All that ever happened to an item:"),),
    "events": (
        Example("coord events --type work. --limit 20", "The last twenty events about work:"),
        Example("coord events --text readme --at 5", "What was said of the README up to position 5:"),
    ),
    "tail": (
        Example("coord tail --from 1 --until now --json", "The whole log, for a program:"),
        Example("coord tail --from -2h --until now", "What was written in the last two hours:"),
        Example("coord tail", "What happens, as it happens, until Ctrl-C:"),
    ),
    "query": (
        Example(
            'coord query "SELECT status, count(*) AS items FROM work_all GROUP BY status"',
            "How many of each:",
        ),
        Example("coord query --tables", "What there is to ask:"),
        Example(
            "coord query \"FROM events WHERE entity = 'hash-readme'\" --fresh --csv", "As a file, of now:"
        ),
        Example('coord query "FROM attempts" --at 1 --parquet attempts.parquet', "As of position 1:"),
    ),
    "nodes": (
        Example("coord nodes", "All machines, with their readings:"),
        Example("coord nodes --inventory", "What they are made of:"),
    ),
    "metrics": (
        Example("coord metrics", "What is measured here, and its newest value:"),
        Example("coord metrics cpu_utilization_ratio --since -10m", "One of them, drawn:"),
    ),
    "top": (Example("coord top --by memory --limit 5", "The five that take most memory:"),),
    "deadletters": (Example("coord deadletters --limit 5", "The newest five:"),),
    "otlp": (
        Example("coord otlp status", "Where telemetry goes, and whether it arrives:"),
        Example("coord otlp backfill --from 1 --traces-only", "What was before the exporter, too:"),
    ),
    "up": (
        Example("coord up", "Run everything here, until Ctrl-C:"),
        Example("coord up --detach", "Leave it running:"),
        Example("coord up --detach --http-port 8778", "And answer over HTTP, too:"),
    ),
    "down": (Example("coord down", "Stop it:"),),
    "serve": (Example("coord serve watchdog", "One service alone, until Ctrl-C:"),),
    "rebuild": (Example("coord rebuild", "Make sure that the tables say what the log says:"),),
    "backup": (Example("coord backup house.tar", "All of it, while it runs:"),),
    "archive": (
        Example("coord archive", "How far the copy in Parquet is:"),
        Example("coord archive verify", "Does it equal the log?"),
    ),
    "restore": (Example("coord restore house.tar --data restored", "Into a folder that is not there yet:"),),
    "doctor": (Example("coord doctor", "Is all well here?"),),
    "token": (
        Example("coord token create notebook", "For somebody who asks over HTTP:"),
        Example("coord token create prometheus --for metrics", "For a scrape alone:"),
        Example("coord token revoke notebook", "No longer:"),
    ),
    "demo": (Example("coord demo /tmp/demo", "In a folder of its own:"),),
    "bench": (Example("coord bench", "All measurements; some minutes:"),),
    "verify": (
        Example("coord verify --status", "What was proved, when, at which commit:"),
        Example('coord verify "makes no sense" --no-record', "Run what has this in its title:"),
    ),
    "config": (Example("coord config --lease-seconds 60", "What would hold with a flag:"),),
    "schema": (
        Example("coord schema", "The names of all types:"),
        Example("coord schema work.claimed.v2", "One of them:"),
    ),
    "completion": (
        Example('eval "$(coord completion bash)"', "In ~/.bashrc:"),
        Example("source <(coord completion zsh)", "In ~/.zshrc, after compinit:"),
        Example("coord completion fish > ~/.config/fish/completions/coord.fish", "Once, for fish:"),
    ),
    "man": (
        Example("coord man", "Read it:"),
        Example("coord man > coord.1", "Keep it, for man -l coord.1 or a package:"),
    ),
}
