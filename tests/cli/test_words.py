"""Every question and every command that a verb sends is one that the words know."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_service import Heard, Service, refused

from coord.events.commands import COMMANDS
from coord.events.questions import QUESTIONS
from coord.services.cli.main import run

Start = Callable[..., Service]
NOT_ASKED_BY_A_VERB = {"deadletters", "events", "latest", "meters", "readings", "timeline"}
"""Questions of the dashboard, the exporter and whoever asks over HTTP; deadletters has its own test."""


def test_what_a_question_sends_is_what_the_words_know(here: Path, projector: Start) -> None:
    asked: list[Heard] = []

    def answer(heard: Heard) -> bytes:
        asked.append(heard)
        return refused("unknown_id")

    projector(answer)
    for words in (
        ["board", "--status", "open", "--team", "t", "--agent", "a", "--linked", "--limit", "5"], ["show", "x"],
        ["agents", "--team", "t", "--limit", "5"], ["nodes", "n", "--inventory", "--limit", "5"],
        ["top", "--node", "n", "--by", "gpu", "--limit", "5"], ["health", "--explain", "agent:a1"],
        ["history", "x", "--aggregate", "work", "--limit", "5"], ["tail"], ["runs", "--limit", "5"], ["runs", "r1"],
        ["plot", "r1", "loss", "--rank", "1", "--first-step", "5", "--last-step", "9"],
        ["alerts", "--status", "open", "--entity", "r1", "--limit", "5"], ["verify", "--status"],
        ["stats", "--last", "1d", "--team", "t", "--agent", "a", "--limit", "5"], ["stats", "--since", "-2h"],
        ["metrics", "--node", "n", "--limit", "5"], ["metrics", "heat", "--node", "n", "--device", "gpu0", "--at", "-1h"],
        ["compare", "r1", "r2", "--metric", "loss"],
    ):  # fmt: skip
        assert run(words) == 4
    assert run(["mine", "--agent", "a", "--limit", "5"]) == 4
    for heard in asked:
        QUESTIONS[heard.verb][0].model_validate_json(json.dumps(heard.body or {}), strict=True)
    assert {heard.verb for heard in asked} == QUESTIONS.keys() - NOT_ASKED_BY_A_VERB


def feed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_what_a_command_sends_is_what_the_words_know(
    here: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = service(refused("taken"))
    for words in (
        ["submit", "x", "--id", "w", "--priority", "0", "--capability", "c", "--team", "t", "--lease", "1h",
         "--body", "[1]"],
        ["claim", "x", "--lease", "1s"], ["progress", "x", "--fence", "1", "--fraction", "1", "--note", "n"],
        ["complete", "x", "--fence", "1", "--result", "null"], ["fail", "x"], ["release", "x", "--reason", "r"],
        ["cancel", "x", "--reason", "r"], ["heartbeat"], ["retire", "--reason", "r"], ["ack", "a", "--note", "n"],
        ["silence", "a", "--for", "1h", "--reason", "r"], ["withdraw", "r1", "d", "--reason", "r"],
        ["direct", "r1", "roll_back", "--before-step", "9", "--batches", "7", "--live", "5m", "--reason", "r"],
        ["direct", "r1", "lower_learning_rate", "--factor", "50%", "--steps", "9", "--kind", "run"],
    ):  # fmt: skip
        assert run([*words, *(["--agent", "a1"] if words[0] not in ("submit", "cancel") else [])]) == 4
    for words in (
        ["register", "a1", "--team", "t", "--serves", "u", "--capability", "c", "--wip", "1"],
        ["drain", "a1", "--reason", "r"], ["evict", "a1"], ["team", "red", "--wip", "5", "--share", "0.5"],
        ["team", "red", "--share", "2"], ["block", "x"], ["unblock", "x", "--reason", "r"], ["requeue", "x"],
        ["reopen", "x"], ["reprioritise", "x", "--priority", "0", "--reason", "r"], ["depend", "x", "--on", "y"],
        ["depend", "x", "--on-nothing"], ["wait", "x", "y", "--any", "--timeout", "1s"], ["wait", "x"], ["why", "x"],
        ["weigh", "backlog", "--points", "2"], ["weigh", "backlog", "--usual"],
        ["claim", "--why", "-n", "3", "--agent", "a1"], ["claim", "-n", "100", "--wait", "5s", "--agent", "a1"],
    ):  # fmt: skip
        assert run(words) == 4
    feed(monkeypatch, b'{"title": "x", "after": ["y"], "concurrency": "k:2", "deadline": "2026-12-01"}\ny\n')
    assert run(["submit", "-"]) == 4
    for heard in asked.heard:
        COMMANDS[heard.verb].model_validate_json(json.dumps(heard.body), strict=True)
    assert {heard.verb for heard in asked.heard} == COMMANDS.keys() - {"raise", "resolve"}
