"""Completion: what is offered at every place of a line, quickly and in silence; and Tab in a real bash, zsh and fish."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import COORD, UNMEASURED, Cli
from ptys import shell_of
from scripted_service import AS_OF, SILENCE, Heard, Service, refused, said

from coord.services import clock
from coord.services.cli import agents, alerts, directing, machines, new_items, showing
from coord.services.cli.candidates import CHOICES, SOURCES
from coord.services.cli.completion import SCRIPTS
from coord.services.cli.main import run
from coord.services.cli.surface import VERBS
from coord.services.cli.terminal import WHEN
from coord.services.detectors.catalog import RULES
from coord.services.supervisor.serve import SERVICES
from coord.tui.palette import THEMES
from coord.tui.views import VIEWS

Start = Callable[..., Service]
TAB_SECONDS = 0.1
ROWS: dict[str, list[dict[str, Any]]] = {
    "board": [
        {"id": "w-open", "status": "open", "title": "Waits: here"},
        {"id": "w-held", "status": "claimed", "title": "Is done"},
        {"id": "w-over", "status": "completed", "title": "Was done"},
        {"id": "w-kept", "status": "blocked", "title": "Is kept"},
        {"id": "w-parked", "status": "parked", "title": "Was tried"},
    ],
    "agents": [{"agent": "ada", "status": "active", "holds": 1, "team": "red"}],
    "runs": [
        {"run": "r1", "status": "running", "step": 7, "latest": {"loss": 2.0, "canary_loss": 2.1},
         "directives": [{"id": "d-1", "action": "pause", "status": "issued"},
                        {"id": "d-2", "action": "stop", "status": "applied"}]},
    ],
    "alerts": [{"id": "a-1", "severity": "warning", "status": "active", "summary": "hot"}],
    "nodes": [{"node": "lap", "status": "active"}],
    "scenarios": [{"id": "s-1", "outcome": "passed", "scenario": "One wins"}],
    "metrics": [{"metric": "heat", "unit": "celsius", "value": 61.0, "told_by": "nodes"},
                {"metric": "loss", "unit": "", "value": 2.0, "told_by": "runs"}],
    "trend": [{"device": "gpu1"}, {"device": "gpu0"}, {"device": "gpu1"}, {"device": ""}],
}  # fmt: skip


def answer(heard: Heard) -> bytes:
    """Answer as a projector does."""
    rows = ROWS.get(heard.verb, [])
    if heard.verb == "board" and heard.body.get("status"):
        rows = [row for row in rows if row["status"] == heard.body["status"]]
    elif heard.verb == "board":
        rows = [row for row in rows if row["status"] != "completed"]
    parts = [{"entity": "agent:ada", "score": 90.0}, {"entity": "node:lap", "score": 50.0}]
    return said({"as_of": AS_OF, "rows": rows, "parts": parts})


Offered = Callable[..., list[str]]


@pytest.fixture
def offered(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Offered:
    """Return what a shell is offered behind these words."""

    def ask(*words: str, shell: str = "fish") -> list[str]:
        monkeypatch.setenv("_COORD_COMPLETE", shell)
        assert run(words) == 0
        told = capsys.readouterr()
        assert told.err == ""
        return [line.partition("\t")[0] for line in told.out.splitlines()]

    return ask


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cl"], ["words", "claim"]),
        (["claim", ""], ["words", "w-open"]),
        (["complete", "w"], ["words", "w-held"]),
        (["cancel", ""], ["words", "w-open", "w-held", "w-kept", "w-parked"]),
        (["unblock", ""], ["words", "w-kept"]),
        (["metrics", ""], ["words", "heat"]),
        (["metrics", "heat", "--device", ""], ["words", "gpu0", "gpu1"]),
        (["compare", "r1", "--metric", ""], ["words", "loss"]),
        (["token", "create", "x", "--for", ""], ["words", "read", "metrics"]),
        (["token", ""], ["words", "create", "list", "revoke"]),
        (["requeue", ""], ["words", "w-parked"]),
        (["reopen", ""], ["words", "w-over"]),
        (["block", ""], ["words", "w-open"]),
        (["depend", "w-open", "--on", "w-p"], ["words", "w-parked"]),
        (["why", ""], ["words", "w-open", "w-kept"]),
        (["wait", "w-open", "w-h"], ["words", "w-held"]),
        (["wait", "--any", "w-o"], ["words", "w-open"]),
        (["submit", "x", "--after=w-h"], ["words", "--after=w-held"]),
        (["submit", "x", "--on-stuck", ""], ["words", "tell", "reassign"]),
        (["claim", "--wait", "w"], ["words", "w-open"]),
        (["claim", "-n", "2", "w"], ["words", "w-open"]),
        (["evict", ""], ["words", "ada"]),
        (["drain", "a"], ["words", "ada"]),
        (["team", ""], ["words", "red"]),
        (["register", "x", "--serves", ""], ["words", "red"]),
        (["show", "x"], ["words"]),
        (["show", "w"], ["words", "w-open", "w-held", "w-kept", "w-parked"]),
        (["show", "w-"], ["words", "w-open", "w-held", "w-kept", "w-parked", "w-over"]),
        (["events", "--entity=w-o"], ["words", "--entity=w-open", "--entity=w-over"]),
        (["events", "--type", "work.c"], ["words", "work.cancelled", "work.claimed", "work.completed"]),
        (["tui", "--view", "a"], ["words", "agents", "alerts"]),
        (["tui", "--theme", ""], ["words", "dark", "light", "ansi"]),
        (["schema", "work.cl"], ["words", "work.claimed.v2", "work.claimed.v1"]),
        (["claim", "--agent", ""], ["words", "ada"]),
        (["claim", "--agent=a"], ["words", "--agent=ada"]),
        (["claim", "--agent"], ["words", "--agent", "--agent-silence-seconds"]),
        (["claim", "--agent", "a1", "--agent"], ["words", "--agent-silence-seconds"]),
        (["claim", "w-1", "w-2", ""], ["words"]),
        (["claim", "--lease-"], ["words", "--lease-seconds"]),
        (["heartbeat", ""], ["words", "ada"]),
        (["agents", "--team", ""], ["words", "red"]),
        (["runs", ""], ["words", "r1"]),
        (["plot", "r1", ""], ["words", "loss", "canary_loss"]),
        (["plot", "r1", "loss", ""], ["words", "canary_loss"]),
        (["plot", "r1", "loss", "--to", ""], ["files"]),
        (["direct", ""], ["words", "r1"]),
        (["direct", "--kind", "node", ""], ["words", "lap"]),
        (["direct", "r1", "pa"], ["words", "pause"]),
        (["withdraw", "r1", ""], ["words", "d-1"]),
        (["ack", ""], ["words", "a-1"]),
        (["silence", "a-1", "--for", ""], ["words"]),
        (["alerts", "--entity", ""], ["words", "r1", "lap", "ada", "red"]),
        (["nodes", ""], ["words", "lap"]),
        (["top", "--by", "m"], ["words", "memory"]),
        (["health", "--explain", "node"], ["words", "node:lap"]),
        (["board", "--status", "c"], ["words", "claimed", "completed", "cancelled"]),
        (["verify", ""], ["words", "claims", "s-1"]),
        (["submit", "x", "--verify", ""], ["words", "s-1"]),
        (["history", ""], ["words", "w-open", "w-held", "w-kept", "w-parked", "ada", "r1", "lap"]),
        (["watchdog", "replay", "model"], ["words", "model-damaged"]),
        (["train", ""], ["files"]),
        (["demo", ""], ["folders"]),
        (["--data", ""], ["folders"]),
        (["--color", "al"], ["words", "always"]),
        (["frob", ""], ["words"]),
        ([""], ["words", *VERBS]),
    ],
)  # fmt: skip
def test_every_place_of_a_line_has_its_candidates(
    offered: Offered, projector: Start, words: list[str], expected: list[str]
) -> None:
    projector(answer)
    assert offered(*words) == expected


def test_an_option_is_offered_with_what_it_is_and_settings_only_once_begun(cli: Cli) -> None:
    ran = cli.run("claim", "-", environment={"_COORD_COMPLETE": "fish"})
    assert "--agent\tWho acts." in ran.out
    assert "--lease-seconds" not in ran.out
    assert "--help" in ran.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("coord health --explain node:l", ["words", "lap"]),
        ("coord board --status=op", ["words", "open"]),
        ("coord show w-h", ["words", "w-held"]),
        ('coord submit "a title" --verify ', ["words", "s-1"]),
        ('coord submit "a tit', ["words"]),
        ("coord ", ["words", *VERBS]),
    ],
)
def test_bash_is_offered_what_stands_behind_its_own_word_breaks(
    cli: Cli, projector: Start, line: str, expected: list[str]
) -> None:
    projector(answer)
    asked = {
        "COMP_LINE": line + " and more",
        "COMP_POINT": str(len(line)),
        "COMP_WORDBREAKS": " \t\n\"'><=;|&(:",
    }
    ran = cli.run(environment=asked | {"_COORD_COMPLETE": "bash"})
    assert (ran.code, ran.err, ran.out.splitlines()) == (0, "", expected)


def test_the_data_folder_of_the_line_is_the_one_that_is_asked(
    offered: Offered, projector: Start, data: Path, tmp_path: Path
) -> None:
    projector(answer)
    assert offered("--data", str(tmp_path / "none"), "show", "") == ["words"]
    assert offered("show", "--data", str(data), "w-op") == ["words", "w-open"]


@pytest.mark.parametrize("said_", [b"", b"nonsense\r\n\r\n", refused("unknown_id"), said({"rows": 7})])
def test_whatever_goes_wrong_nothing_is_said(offered: Offered, projector: Start, said_: bytes) -> None:
    projector(said_)
    assert offered("show", "") == ["words"]


@pytest.mark.parametrize("environment", [{"COORD_LEASE_SECONDS": "x"}, {"COORD_CONFIG": "/no/such/file"}])
def test_a_wrong_setting_is_no_matter_for_tab(cli: Cli, environment: dict[str, str]) -> None:
    ran = cli.run("show", "", environment=environment | {"_COORD_COMPLETE": "zsh"})
    assert (ran.code, ran.out, ran.err) == (0, "words\n", "")


def test_a_house_that_does_not_answer_is_not_waited_for(offered: Offered, projector: Start) -> None:
    projector(SILENCE)
    began = clock.monotonic()
    assert offered("show", "") == ["words"]
    assert clock.monotonic() - began < 5


def test_a_tab_imports_little_and_takes_less_than_a_tenth_of_a_second(cli: Cli, projector: Start) -> None:
    projector(answer)
    script = "import sys, coord.services.cli.main as main; main.run(['show', '']); print(*sys.modules, file=sys.stderr)"
    python = Path(COORD).with_name("python")
    environment = cli.environment | UNMEASURED | {"_COORD_COMPLETE": "zsh"}
    ran = subprocess.run([python, "-c", script], env=environment, capture_output=True, text=True, check=True)
    loaded = set(ran.stderr.split())
    assert ran.stdout.startswith("words\nw-open:")
    assert not loaded & {"typer", "rich", "pydantic", "msgspec", "nats", "click", "asyncio"}
    quickest = min(_seconds(cli.environment | UNMEASURED | {"_COORD_COMPLETE": "zsh"}) for _ in range(8))
    assert quickest < TAB_SECONDS


def _seconds(environment: dict[str, str]) -> float:
    """Return the processor time of one Tab: what others do on this machine meanwhile counts for nothing."""
    process = subprocess.Popen([COORD, "show", ""], env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0
    return used.ru_utime + used.ru_stime


def test_the_choices_that_are_offered_are_those_that_are_taken() -> None:
    assert tuple(CHOICES["serve.service"]) == tuple(SERVICES)
    assert tuple(CHOICES["watchdog.rule"]) == tuple(rule.name for rule in RULES)
    assert tuple(CHOICES["board.status"]) == showing.ASKED
    assert tuple(CHOICES["submit.on_stuck"]) == new_items.ON_STUCK
    assert tuple(CHOICES["alerts.status"]) == alerts._ASKED
    assert tuple(CHOICES["top.by"]) == machines._ORDERS
    assert tuple(CHOICES["direct.action"]) == tuple(directing.ACTIONS)
    assert tuple(CHOICES["completion.shell"]) == tuple(SCRIPTS)
    assert tuple(CHOICES["color"]) == WHEN
    assert tuple(CHOICES["tui.view"]) == tuple(VIEWS)
    assert {*CHOICES["tui.theme"], "none"} == set(THEMES)
    assert agents.STATUSES


def test_every_place_is_one_of_a_verb() -> None:
    named = {f"{verb.name}.{one.name}" for verb in VERBS.values() for one in verb.arguments}
    named |= {f"{verb.name}.{one.name}" for verb in VERBS.values() for one in verb.options}
    assert {place for place in (*CHOICES, *SOURCES) if "." in place} <= named


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_script_is_printed_as_it_is_committed(cli: Cli, shell: str) -> None:
    assert cli.run("completion", shell).out == SCRIPTS[shell]


def test_no_other_shell_is_known(cli: Cli) -> None:
    ran = cli.run("completion", "tcsh")
    assert (ran.code, ran.err) == (2, "coord: the shell is 'tcsh'; it must be one of bash, zsh, fish.\n")


def test_tab_in_a_real_bash(cli: Cli, projector: Start) -> None:
    projector(answer)
    with shell_of(cli, "bash", "--norc", "--noprofile", "-i") as bash:
        bash.wait_for("ready> ")
        bash.type('eval "$(coord completion bash)"; echo do""ne\r')
        bash.wait_for("done")
        bash.type("coord sho\tw-h\t--js\t")
        bash.wait_for("coord show w-held --json ")
        bash.type("\x15coord health --explain node:\t")
        bash.wait_for("node:lap")
        bash.type("\x15coord complete \t")
        bash.wait_for("coord complete w-held ")


def test_tab_in_a_real_zsh(cli: Cli, projector: Start) -> None:
    projector(answer)
    with shell_of(cli, "zsh", "-f", "-i") as zsh:
        zsh.type(
            "PS1='ready> '; autoload -Uz compinit; compinit -D -u; source <(coord completion zsh); echo do''ne\r"
        )
        zsh.wait_for("done")
        zsh.type("coord complete \t")
        zsh.wait_for("w-held")
        zsh.type("\x15coord show w-\t")
        zsh.wait_for("Waits: here")
        zsh.type("\x15coord health --explain node\t")
        zsh.wait_for("node:lap")


def test_tab_in_a_real_fish(cli: Cli, projector: Start) -> None:
    projector(answer)
    with shell_of(cli, "fish", "--no-config", "-i") as fish:
        fish.type("coord completion fish | source; echo do''ne\r")
        fish.wait_for("\rdone")
        fish.type("coord complete \t")
        fish.wait_for("w-held")
        fish.type("\x15coord show w-\t")
        fish.wait_for("Waits: here")
