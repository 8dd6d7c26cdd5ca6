"""Claims in depth on a real house: each verb, what it prints, and how it is refused. One story an item."""

import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from houses import House, running_house, until

from coord.events.work_commands import SUBMIT_BYTES_MAX, SUBMIT_MAX, WATCHED_MAX
from coord.services import client
from coord.services.cli import submitting, waiting
from coord.services.cli.main import run
from coord.services.folder import COORDINATOR_SOCKET

Capture = pytest.CaptureFixture[str]
_NUMBERS = count(1)


class Told:
    """What a command came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


Do = Callable[..., Told]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that is up."""
    with running_house(tmp_path_factory.mktemp("depth")) as running:
        yield running


@pytest.fixture
def do(whole: House, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Do:
    """Run a command of this process on the house."""
    for name in list(os.environ):
        if name.startswith("COORD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COORD_DATA", str(whole.folder.root))
    monkeypatch.chdir(whole.cli.home)

    def act(*words: str, stdin: str = "") -> Told:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = run(words)
        told = capsys.readouterr()
        return Told(code, told.out, told.err)

    return act


@pytest.fixture
def name() -> str:
    """A name that nothing has yet: of the items, the agent and the team of one test."""
    return f"t{next(_NUMBERS)}"


def test_what_an_item_waits_for_is_told_by_why_and_show_and_ends_by_itself(do: Do, name: str) -> None:
    for words in (["-a", "A"], ["-b", "B", "--after", f"{name}-a", "--priority", "9"]):
        assert do("submit", words[1], "--id", name + words[0], "--team", name, *words[2:]).out
    assert do("register", name, "--team", name).code == 0
    refused = do("claim", f"{name}-b", "--agent", name)
    assert (refused.code, refused.err) == (4, f"coord: {name}-b waits for {name}-a. coord why {name}-b\n")
    assert do("why", f"{name}-b", "--agent", name).out.startswith(f"{name}-b waits for {name}-a\n")
    until(lambda: do("show", f"{name}-b").code == 0)
    shown = do("show", f"{name}-b").out
    assert f"  waits for  {name}-a\n" in shown
    assert f"  after      {name}-a\n" in shown
    order = do("claim", "--agent", name, "--why", "--json").document
    assert [row["id"] for row in order["ranked"]] == [f"{name}-a"]
    assert do("claim", "--agent", name).out.startswith(f"{name}-a  fence ")
    assert do("complete", f"{name}-a", "--agent", name).code == 0
    assert do("claim", "--agent", name, "--json").document["item"]["scores"]["priority"] == 1.0


def test_a_circle_is_refused_and_nothing_of_its_batch_is_there(do: Do, name: str) -> None:
    lines: list[dict[str, Any]] = [
        {"title": "A", "id": f"{name}-a", "after": [f"{name}-b"]},
        {"title": "B", "id": f"{name}-b", "after": f"{name}-a"},
        {"title": "C", "id": f"{name}-c"},
    ]
    refused = do("submit", "-", stdin="\n".join(map(json.dumps, lines)))
    assert (refused.code, refused.out) == (4, "")
    assert refused.err.startswith("coord: lines 1 to 3: the items would wait for each other: ")
    assert f"{name}-a -> {name}-b -> {name}-a" in refused.err
    assert do("cancel", f"{name}-c").code == 4
    del lines[1]["after"]
    assert do("submit", "-", stdin="\n".join(map(json.dumps, lines))).out.split() == [
        f"{name}-a", f"{name}-b", f"{name}-c",
    ]  # fmt: skip
    assert do("depend", f"{name}-b", "--on", f"{name}-a").code == 4
    told = do("depend", f"{name}-c", "--on", f"{name}-a", "--on", f"{name}-b").out
    assert told == f"{name}-c  open  after {name}-a, {name}-b\n"
    assert do("depend", f"{name}-c", "--on-nothing").out == f"{name}-c  open  after nothing\n"


def test_a_wide_batch_is_one_append(do: Do, name: str) -> None:
    lines = [
        json.dumps({"title": "T", "id": f"{name}-{place}", "after": [f"{name}-{place + 1}"] if place < 999 else [],
                    "body": "x" * 400})
        for place in range(SUBMIT_MAX)
    ]  # fmt: skip
    told = do("submit", "-", "--team", name, "--request-id", name, stdin="\n".join(lines))
    assert (told.code, len(told.out.split())) == (0, SUBMIT_MAX), told.err
    assert do("submit", "-", "--team", name, "--request-id", name, stdin="\n".join(lines)).out == told.out
    assert do("why", f"{name}-0", "--agent", name).out.startswith(f"{name}-0 waits for {name}-1\n")


def test_the_limits_of_the_command_line_are_those_of_the_words() -> None:
    assert submitting.BATCH_MAX == SUBMIT_MAX
    assert SUBMIT_BYTES_MAX - 4096 < submitting.BATCH_BYTES_MAX < SUBMIT_BYTES_MAX
    assert waiting.WATCHED_MAX == WATCHED_MAX


def test_an_item_is_tried_as_often_as_it_may_then_parked_and_requeued(do: Do, name: str) -> None:
    do("submit", "T", "--id", name, "--attempts", "2", "--backoff", "0s")
    for status in ("open", "parked"):
        assert do("claim", name, "--agent", "a1").code == 0
        assert do("fail", name, "--agent", "a1", "--reason", "no disk").out == f"{name}  {status}\n"
    refused = do("claim", name, "--agent", "a1")
    assert (refused.code, refused.err) == (
        4,
        f"coord: {name} is parked after 2 tries. coord requeue {name}\n",
    )
    until(lambda: name in do("board", "--status", "parked").out)
    assert do("show", name).out.count("tried      2 of 2") == 1
    assert do("wait", name).code == 7
    assert do("wait", name).out == f"{name}  parked  no disk\n"
    assert do("requeue", "-", stdin=do("board", "--status", "parked").out).out == f"{name}  open\n"
    assert do("requeue", name).out == f"{name}  open (already)\n"
    assert do("claim", name, "--agent", "a1").code == 0


def test_an_item_rests_before_it_is_tried_again(do: Do, name: str) -> None:
    do("submit", "T", "--id", name, "--attempts", "2", "--backoff", "1h", "--backoff-max", "2h")
    assert do("claim", name, "--agent", "a1").code == 0
    do("fail", name, "--agent", "a1")
    assert do("claim", name, "--agent", "a1").code == 4
    assert f"{name} waits for its next try, in " in do("why", name).out
    assert do("wait", name, "--timeout", "0s").code == 3


def test_a_blocked_item_is_not_claimed_until_it_is_unblocked(do: Do, name: str) -> None:
    do("submit", "T", "--id", name)
    assert do("block", name, "--reason", "the disk is full").out == f"{name}  blocked\n"
    refused = do("claim", name, "--agent", "a1")
    assert (refused.code, refused.err) == (
        4,
        f"coord: {name} is blocked: the disk is full. coord unblock {name}\n",
    )
    assert do("unblock", name).out == f"{name}  open\n"
    assert do("claim", name, "--agent", "a1").code == 0
    assert do("block", name).code == 4


def test_an_ended_item_is_reopened_and_an_open_one_reprioritised(do: Do, name: str) -> None:
    do("submit", "T", "--id", name)
    assert (
        do("reprioritise", name, "--priority", "8", "--reason", "asked for").out
        == f"{name}  open  priority 8\n"
    )
    assert do("cancel", name).code == 0
    assert do("reprioritise", name, "--priority", "1").code == 4
    assert do("reopen", name, "--reason", "a slip").out == f"{name}  open\n"
    assert do("requeue", name).code == 0
    events = do("history", name, "--json").document
    assert [entry["type"].rpartition(".")[0] for entry in events["events"]] == [
        "work.submitted", "work.reprioritised", "work.cancelled", "work.reopened",
    ]  # fmt: skip
    assert len({entry["actor"] for entry in events["events"]}) == 1
    assert len(events["trace_id"]) == 32


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["reprioritise", "x"], 2, "the new priority is not said."),
        (["depend", "x"], 2, "what it depends on is not said."),
        (["depend", "x", "--on", "y", "--on-nothing"], 2, "it depends on something, or on nothing."),
        (["team", "red", "--request-id", "r"], 2, "what shall hold for red is not said."),
        (["team", "red", "--share", "0"], 2, "--share is '0'; it must be a number above 0"),
        (["team", "red", "--wip", "-1"], 2, "--wip is '-1'"),
        (
            ["weigh", "luck", "--points", "1"],
            2,
            "PART is 'luck'; it must be one of agents, agents_lost, alerts",
        ),
        (["weigh", "backlog", "--points", "101"], 2, "--points is '101'; it must be a number from 0 to 100"),
        (["weigh", "backlog"], 2, "what backlog may cost must be said once."),
        (["weigh", "backlog", "--points", "1", "--usual"], 2, "what backlog may cost must be said once."),
        (["weigh", "--usual"], 2, "which part of health is meant is not said."),
        (["board", "--status", "lost"], 2, "--status is 'lost'; it must be one of open, claimed, blocked"),
        (["stats", "--since", "#5"], 2, "--since takes a time, and no position."),
        (["stats", "--since", "-1h", "--last", "1h"], 2, "--last and --since name two windows."),
        (["block", "no-such"], 4, "there is no item no-such"),
        (["unblock", "no-such"], 4, "there is no item no-such"),
        (["requeue", "no-such"], 4, "there is no item no-such"),
        (["reopen", "no-such"], 4, "there is no item no-such"),
        (["why", "no-such"], 4, "there is no item no-such"),
        (["wait", "no-such"], 4, "there is no item no-such"),
        (["depend", "no-such", "--on", "x"], 4, "there is no item no-such"),
        (["submit", "x", "--after", "no-such"], 4, "there is no item no-such to depend on."),
        (["submit", "x", "--parent", "no-such"], 4, "there is no item no-such to be a part of."),
        (["drain", "nobody"], 4, "no agent nobody is registered."),
        (["evict", "nobody"], 4, "no agent nobody is registered."),
        (["mine", "--agent", "nobody"], 3, "no agent nobody is registered."),
    ],
)
def test_a_no_is_one_sentence_and_an_exit_code(do: Do, words: list[str], code: int, sentence: str) -> None:
    told = do(*words)
    assert (told.code, told.out) == (code, "")
    assert told.err.startswith(f"coord: {sentence}")
    assert told.err.count("\n") == 1


def test_the_same_idempotency_key_is_the_same_item(do: Do, name: str) -> None:
    first = do("submit", "T", "--idempotency-key", name)
    again = do("submit", "T", "--idempotency-key", name, "--json")
    assert again.document["id"] == first.out.strip()
    assert again.document["already"]
    assert do("submit", "Another", "--idempotency-key", name).code == 4


def test_a_concurrency_key_lets_so_many_be_held(do: Do, name: str) -> None:
    for letter in "abc":
        do("submit", "T", "--id", f"{name}-{letter}", "--concurrency", f"{name}:2")
    assert [do("claim", f"{name}-{letter}", "--agent", name).code for letter in "abc"] == [0, 0, 4]
    last = f"{name}-c"
    assert f"{last} waits for the concurrency key {name}, of which 2 of 2 are held" in do("why", last).out


def test_what_an_agent_holds_is_one_line_each(do: Do, name: str) -> None:
    do("submit", "One", "--id", f"{name}-1")
    do("claim", f"{name}-1", "--agent", name, "--lease", "2m")
    row = until(lambda: do("mine", "--agent", name).out)
    assert row.startswith(f"{name}-1  fence ")
    assert row.endswith("  One\n")
    assert "Z (" in row
    do("complete", f"{name}-1", "--agent", name)
    until(lambda: do("mine", "--agent", name).code == 3)
    assert do("mine", "--agent", name).err == f"coord: {name} holds nothing.\n"
    assert do("mine", "--agent", name, "--json").document["rows"] == []


def test_a_waiting_claim_is_answered_when_its_item_may_be_claimed(do: Do, whole: House, name: str) -> None:
    do("submit", "T", "--id", name)
    do("block", name)
    process = whole.cli.start("claim", name, "--agent", name, "--wait", "30s")
    until(lambda: client.health(whole.folder, COORDINATOR_SOCKET, 5)["patient"])
    do("unblock", name)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert out.decode().startswith(f"{name}  fence ")


def test_waiting_for_items_ends_with_what_they_came_to(do: Do, whole: House, name: str) -> None:
    do("submit", "-", stdin=f'{{"title": "T", "id": "{name}-a"}}\n{{"title": "T", "id": "{name}-b"}}\n')
    told: list[Any] = []
    waits = [["--any"], []]
    threads = [
        threading.Thread(
            target=lambda more=more: told.append(whole.cli.run("wait", f"{name}-a", f"{name}-b", *more))
        )
        for more in waits
    ]
    for thread in threads:
        thread.start()
    do("claim", f"{name}-a", "--agent", "a1")
    do("complete", f"{name}-a", "--agent", "a1")
    threads[0].join(30)
    assert [(ran.code, ran.out) for ran in told] == [(0, f"{name}-a  completed\n")]
    do("cancel", f"{name}-b", "--reason", "not needed")
    threads[1].join(30)
    assert (told[1].code, told[1].out) == (7, f"{name}-a  completed\n{name}-b  cancelled  not needed\n")


def test_an_agent_that_drains_ends_what_it_holds_and_one_that_is_evicted_does_not(do: Do, name: str) -> None:
    for letter in "ab":
        do("submit", "T", "--id", f"{name}-{letter}")
    do("claim", f"{name}-a", "--agent", name)
    assert do("drain", name, "--reason", "goes home").out.endswith("  draining  holds 1\n")
    assert "draining" in do("drain", name).out
    assert do("claim", f"{name}-b", "--agent", name).code == 4
    until(lambda: "draining" in do("agents").out)
    assert do("complete", f"{name}-a", "--agent", name).code == 0
    assert do("register", name).code == 0
    do("claim", f"{name}-b", "--agent", name)
    assert do("evict", name, "--reason", "does not answer", "--agent", "boss").out.split()[3] == "evicted"
    put_out = do("history", name, "--json").document["events"][-1]
    assert (put_out["actor"], put_out["fields"]["reason"]) == ("boss", "does not answer")
    refused = do("complete", f"{name}-b", "--agent", name)
    assert refused.code == 4
    until(lambda: do("show", f"{name}-b", "--json").document["status"] == "open")
    lost = do("history", f"{name}-b", "--json").document["events"][-1]["fields"]
    assert lost["cause"] == "evicted"


def test_what_a_part_of_health_may_cost_is_said_asked_again_and_taken_back(do: Do, name: str) -> None:
    told = do("weigh", "oddities", "--points", "2.5", "--request-id", name)
    assert (told.code, told.out) == (0, "oddities  costs 2.5 points at most\n")
    assert do("weigh", "oddities", "--points", "2.5", "--request-id", name).out == told.out
    assert do("weigh", "oddities", "--points", "2.5").out.endswith("(already)\n")
    listed = until(
        lambda: [
            line for line in do("weigh").out.splitlines() if line.split()[:3] == ["oddities", "2.5", "5"]
        ]
    )
    assert listed
    assert do("weigh", "--json").document["weights"]["oddities"] == 2.5
    assert do("weigh", "oddities", "--usual").out == "oddities  costs 5 points at most\n"
    (last,) = do("events", "--type", "health.weighed", "--limit", "1", "--json").document["events"]
    assert last["fields"] == {"points": 5.0}


def test_a_team_has_a_limit_and_a_share(do: Do, name: str) -> None:
    told = do("team", name, "--wip", "1", "--share", "2")
    assert told.out == f"{name}  share 2  at most 1 at once  holds 0\n"
    do("submit", "-", "--team", name, stdin="One\nTwo\n")
    do("register", name, "--serves", name)
    first, second = until(
        lambda: [row["id"] for row in do("board", "--team", name, "--json").document["rows"]]
    )
    assert do("claim", first, "--agent", name).code == 0
    refused = do("claim", second, "--agent", name)
    assert (refused.code, refused.err.split(".")[0]) == (
        4,
        f"coord: 1 of at most 1 items are held for the team {name}",
    )
    shown = until(lambda: [line for line in [do("team", name).out] if first in line])[0]
    assert shown.startswith(f"{name}  share 2  at most 1 at once  holds 1")
    do("register", f"{name}-crew", "--team", name)
    until(lambda: f"{name}-crew  active      0\n" in do("team", name).out)
    board = do("board", "--team", name).out
    assert f"the team {name} is full: 1 of at most 1 items are held for it\n" in board
    assert f"{name} is full" in next(line for line in board.splitlines() if second in line)
    assert do("team", name, "--share", "1").out == f"{name}  share 1  at most 1 at once  holds 1\n"
    assert do("team", name, "--wip", "0").out == f"{name}  share 1  any number at once  holds 1\n"
    assert do("claim", second, "--agent", name).code == 0
    document = do("team", name, "--json").document
    assert (document["team"]["share"], len(document["agents"])) == (1.0, 1)
    assert f"nothing is known of a team {name}-2" in do("team", f"{name}-2").err


def test_stats_count_what_was_done_and_what_was_refused(do: Do, name: str) -> None:
    do("submit", "T", "--id", name, "--team", name)
    do("register", name, "--team", name)
    do("claim", name, "--agent", name)
    assert do("claim", name, "--agent", "a1").code == 4
    do("complete", name, "--agent", name)
    until(lambda: do("stats", "--team", name, "--json").document["throughput"]["completed"]["count"] == 1)
    told = do("stats", "--team", name, "--last", "5m").out
    assert told.splitlines()[0].startswith("the last ")
    assert "completed             1  " in told
    assert "taken away            0  " in told
    assert " taken" in told
    assert do("stats", "--json").document["refused"]["taken"] >= 1
    unknown = do("stats", "--team", name, "--agent", f"{name}-2")
    assert (unknown.code, unknown.err) == (0, f"coord: nothing is known of an agent {name}-2.\n")
    assert "not known: the coordinator is away" in do("stats", "--at", "1").out


def test_moments_to_come_are_shown_in_words(do: Do, name: str) -> None:
    do("submit", "Top", "--id", f"{name}-top")
    do("submit", "T", "--id", name, "--not-before", "in 2h", "--deadline", "2026-01-02 03:04", "--stuck-after", "10m",
       "--on-stuck", "reassign", "--concurrency", f"{name}:3", "--parent", f"{name}-top", "--attempts", "3")  # fmt: skip
    until(lambda: do("show", name).code == 0)
    lines = [line.split(None, 1) for line in do("show", name).out.splitlines()[1:]]
    told = {words[0]: words[1] for words in lines}
    assert "waits for    its time, in 2h" in do("show", name).out
    assert told["deadline"].startswith("2026-01-02 03:04:00Z, ")
    assert told["parent"] == f"{name}-top"
    assert told["tried"] == "0 of 3"
    assert "at once      3 of" in do("show", name).out
    assert "10m without work, and then taken from its holder" in do("show", name).out
