"""The corpus of bad events on a running house: each line refused or set aside with a reason, nothing dies.

Every message is published as raw bytes by a service's credential, which may write events, and by an
agent's, which may not. Good events come between, and are asked for after each class of lines.
"""

import json
import re
from collections import Counter
from glob import glob
from itertools import groupby

from corpus.attempts import Attempts, Tried
from corpus.mapping import LINES, RUN, item_of, messages_of
from houses import until

from coord.events import run, work

CANARIES = "/tmp/chaos-canary-*"
SERVICES = ("coordinator", "projector", "hardware", "server")
VISIBLE_SECONDS_MAX = 1.0
"""How soon a good event must be seen after bad ones."""
BUSY = 3
"""How many times as long a busy machine may take."""

COUNTS = {"refused": 39, "set aside": 227, "taken": 63}
"""What becomes of the 329 lines, each by its first message."""

DIFFERENCES = {
    "id/event-flag": "a token: no command takes an event's id for an option",
    "id/event-flag2": "a token",
    "id/event-nul-dev": "a token: no file is named after an event",
    "id/event-null": "a token: the text null",
    "id/event-true": "a token: the text true",
    "id/event-proto": "a token: nothing here has a prototype",
    "id/event-ctor": "a token",
    "id/task-flag": "a token; nobody submitted such an item, and that is noted",
    "id/task-con": "a token; noted",
    "id/task-nul-dev": "a token; noted",
    "id/task-null": "a token; noted",
    "id/task-true": "a token; noted",
    "id/task-nan": "a token; noted",
    "time/1970-01-01T00:00:00Z": "a machine whose clock was never set says so; ce-time decides nothing",
    "sequence-number/max": "a count may be as large as 64 bits; what comes later still counts",
    "order/complete-before-claim": "well formed: the fold ignores it and notes an oddity",
    "order/claim-replayed-after-complete": "well formed: the fold ignores it and notes an oddity",
}
"""Lines to be rejected that are taken, because our rule is another; each with the reason."""

REASONS = {
    "syntax": "not JSON|not an object|a NUL|it is missing",
    "duplicate-key": "twice|more than once|no such field",
    "encoding": "not JSON",
    "utf8": "not JSON|not printable|subject '",
    "number": "not JSON|64 bits|too small for a double",
    "sequence-number": "writer_sequence",
    "envelope": r"the header \S+ is|in the catalog|a NUL|writer is|points",
    "unknown-field": "no such field",
    "schema-version": "ce-specversion",
    "mismatch": "stands on a subject of",
    "subject": "stands on a subject of|subject '",
    "id": "ce-id is|subject '",
    "time": "ce-time|ahead of the broker's clock",
    "artifact": "path is|size_bytes is",
    "ssrf": "not in the catalog",
    "depth": "deeper than 32|at most",
    "header": "none of an event's|differ|is empty|W3C",
}
"""What the reason of a dead letter must speak of, by class of line."""


def test_every_line_is_refused_or_set_aside_with_a_reason_and_nothing_dies(attempts: Attempts) -> None:
    house = attempts.house
    pids = {name: house.pid(name) for name in SERVICES}
    attempts.say(RUN, run.RunStarted(name="gpu samples"))
    attempts.say("chaos-t3", work.WorkSubmitted(title="to be completed"))
    for name, lines in groupby(LINES, key=lambda line: str(line["class"])):
        for line in lines:
            attempts.publish(line)
        assert attempts.seconds_until_seen(f"good-{line['n']}") < VISIBLE_SECONDS_MAX * BUSY, name
    attempts.find_reasons()
    for tried in attempts.tried:
        _judge(tried)
    assert _counted(attempts.tried) == COUNTS
    _hold_what_must_hold(attempts)
    _show_safely(attempts)
    assert house.cli.run("rebuild").code == 0
    assert house.ask("submit", "after all that", "--id", "after")["id"] == "after"
    assert house.ask("claim", "after", "--agent", "bob")["item"]["agent"] == "bob"
    assert {name: house.pid(name) for name in SERVICES} == pids
    assert not glob(CANARIES)


def _judge(tried: Tried) -> None:
    """Hold what a line expects, and that whatever was not taken was refused in a sentence."""
    label, expected = tried.line["label"], tried.line["expect"]
    if expected == "accept" or label in DIFFERENCES:
        assert tried.is_taken, (label, tried.outcome, tried.reason)
    elif expected == "reject":
        assert not tried.is_taken, label
    if tried.outcome.position is None:
        assert tried.outcome.refusal, label
    elif not tried.is_taken:
        assert re.search(REASONS[tried.line["class"]], tried.reason), (label, tried.reason)
        assert tried.reason.isprintable(), label
        assert tried.reason.endswith("."), (label, tried.reason)


def _counted(attempts: list[Tried]) -> dict[str, int]:
    first = {tried.line["label"]: tried for tried in reversed(attempts)}
    ends = ["taken" if one.is_taken else "set aside" if one.reason else "refused" for one in first.values()]
    return dict(Counter(ends))


def _hold_what_must_hold(attempts: Attempts) -> None:
    """Values are exact or refused, texts unchanged, counts complete, and what is done stays done."""
    for tried in attempts.tried:
        if tried.line["class"] in ("number", "terminal", "secret") and tried.is_taken:
            stored = attempts.stored_body(item_of(tried.line))
            assert stored == json.loads(tried.message.body)["body"], tried.line["label"]
    assert attempts.rows_of("run_points") == _points(attempts.tried)
    done = attempts.item("chaos-t3")
    assert done is not None
    assert done["status"] == "completed"
    assert attempts.item("chaos-t1") is None
    assert attempts.rows_of("dead_letters") >= sum(1 for tried in attempts.tried if tried.reason)


def _points(attempts: list[Tried]) -> int:
    """Count the values in all packs that were taken, each pack of a writer once."""
    packs: dict[tuple[str, int], int] = {}
    for tried in attempts:
        if tried.is_taken and dict(tried.message.headers)[b"ce-type"] == b"run.metrics_recorded.v1":
            pack = json.loads(tried.message.body)
            values = sum(len(point["values"]) for point in pack["points"])
            packs.setdefault((pack["writer"], pack["writer_sequence"]), values)
    return sum(packs.values())


def _show_safely(attempts: Attempts) -> None:
    """Print everything in every way there is: nothing reaches the terminal that could move or hide anything."""
    run_cli = attempts.house.cli.run
    items = "\n".join(item_of(line) for line in LINES if line["class"] == "terminal").encode()
    shown = [
        run_cli("history", "-", stdin=items),
        run_cli("history", "-", "--json", stdin=items),
        run_cli("show", "-", stdin=items),
        run_cli("board", "--limit", "1000"),
        run_cli("board", "--limit", "1000", "--json"),
        run_cli("tail", "--from", "1", "--until", "now"),
        run_cli("tail", "--from", "1", "--until", "now", "--json"),
        run_cli("deadletters", "--limit", "1000"),
        run_cli("deadletters", "--limit", "1000", "--json"),
    ]
    for ran in shown:
        assert ran.code == 0, ran.err[-300:]
        assert ran.out
        assert all(line.isprintable() for line in (ran.out + ran.err).split("\n"))
    for log in attempts.house.folder.path("log").iterdir():
        text = log.read_text()
        assert all(line.isprintable() for line in text.split("\n")), log.name
        assert "Traceback" not in text, log.name


def test_every_line_gets_an_answer_as_an_agents_command_and_as_its_question(attempts: Attempts) -> None:
    house = attempts.house
    until(lambda: isinstance(attempts.agent.ask(b"ask.board", None, b"{}"), bytes))
    pids = {name: house.pid(name) for name in SERVICES}
    for line in LINES:
        for place, message in enumerate(messages_of({**line, "messages": line["messages"][:1]})):
            request = b'{"request_id":"r-%d-%d",' % (line["n"], place)
            command = message.body.replace(b"{", request, 1)
            for subject, body in ((b"cmd.main.agent-7.submit", command), (b"ask.show", message.body)):
                answer = attempts.agent.ask(subject, message.block, body)
                if isinstance(answer, str):
                    assert re.search("Violation|closed|reset|Broken pipe", answer), (line["label"], answer)
                    continue
                said = json.loads(answer)
                assert said["status"] in ("done", "invalid"), (line["label"], said)
                assert said["status"] == "done" or said["reason"].isprintable()
            if line["class"] in ("cardinality", "storm"):
                break
    assert {name: house.pid(name) for name in SERVICES} == pids
    assert not glob(CANARIES)


def test_every_difference_is_a_line_of_the_corpus_and_has_its_reason() -> None:
    rejected = {line["label"] for line in LINES if line["expect"] == "reject"}
    assert rejected >= DIFFERENCES.keys()
    assert all(DIFFERENCES.values())
    assert {line["class"] for line in LINES} >= REASONS.keys()
