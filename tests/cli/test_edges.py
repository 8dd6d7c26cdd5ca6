"""Where the command line says no before it does half a thing, and what was set aside."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_service import AS_OF, Service, said

from coord.services.cli.main import run
from coord.services.folder import Folder

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]


def test_dead_letters_are_told_with_their_reasons_and_without_their_control_bytes(
    here: Path, projector: Start, capsys: Capture
) -> None:
    row = {
        "stream": "EVENTS",
        "position": 7,
        "recorded_at_ns": 1,
        "subject": "ev.x",
        "reason": "no\x1b[2J event",
    }
    projector(said({"as_of": AS_OF, "total": 1, "rows": [row]}))
    assert run(["deadletters"]) == 0
    told = capsys.readouterr().out
    assert "1 dead letters" in told
    assert "\x1b" not in told
    assert "EVENTS" in told


@pytest.mark.parametrize(
    "words", [["submit", "x"], ["claim", "--agent", "a1"], ["board"], ["tail", "--until", "now"]]
)
@pytest.mark.parametrize("flag", [["--nats", "nats://127.0.0.1:4999"], ["--nats-credentials", "/nowhere"]])
def test_a_flag_that_names_another_server_is_not_taken_and_ignored(
    here: Path, service: Start, projector: Start, capsys: Capture, words: list[str], flag: list[str]
) -> None:
    asked, also_asked = service(said({})), projector(said({}))
    assert run([*words, *flag]) == 2
    assert f"{flag[0]} is for up, serve and doctor" in capsys.readouterr().err
    assert asked.heard == also_asked.heard == []


def test_a_credential_on_a_server_that_is_not_ours_is_refused_before_the_agent_is_registered(
    here: Path, service: Start, capsys: Capture
) -> None:
    Folder(here).write_json({"url": "nats://127.0.0.1:1", "embedded": False}, "server.json")
    asked = service(said({}))
    assert run(["register", "ada", "--credential"]) == 4
    assert "permissions" in capsys.readouterr().err
    assert asked.heard == []
