"""`coord verify` on a folder of its own: red is shown as red, green as green, and the evidence holds."""

import json
import signal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli, Ran, stopped_by
from houses import House, environment_of, until
from verification.conftest import STEPS, Lamp


def documents(ran: Ran) -> list[Any]:
    """Return what was printed, a JSON document a line."""
    return [json.loads(line) for line in ran.out.splitlines()]


def standing(house: House, lamp: Lamp, scenario: str) -> tuple[int, Any]:
    """Return the exit code of --status, and what it says of a scenario."""
    ran = lamp.verify(house, "--status", "--json")
    (row,) = [row for row in ran.document["rows"] if row["id"] == scenario]
    return ran.code, row


def recorded(house: House) -> list[Any]:
    """Return the results that stand in the log."""
    tail = house.cli.run("tail", "--from", "1", "--until", "now", "--json")
    return [entry["fields"] for entry in documents(tail) if entry["type"] == "verification.recorded.v2"]


def test_a_scenario_that_fails_is_red_until_it_passes(house: House, lamp: Lamp) -> None:
    lamp.be("off")
    ran = lamp.verify(house, "--json")
    assert ran.code == 7, ran
    red, green = documents(ran)
    assert (red["outcome"], green["outcome"]) == ("failed", "passed")
    assert red["reason"] == 'Then the lamp is "on": the lamp is off'
    (event, _) = recorded(house)
    assert event["outcome"] == "failed"
    assert event["reason"] == red["reason"]
    assert (event["feature"], event["scenario"]) == ("The lamp", "The lamp is on")
    until(lambda: standing(house, lamp, "the-lamp-is-on")[1]["outcome"] == "failed")
    assert standing(house, lamp, "the-lamp-is-on")[0] == 7
    assert "The lamp is on: Then the lamp is" in lamp.verify(house, "--status").out

    lamp.be("on")
    assert lamp.verify(house, "the-lamp-is-on").code == 0
    until(lambda: standing(house, lamp, "the-lamp-is-on")[1]["outcome"] == "passed")
    code, row = standing(house, lamp, "the-lamp-is-on")
    assert (code, row["passed"], row["failed"]) == (0, 1, 1)


def test_the_transcript_is_the_evidence_and_is_checked(house: House, lamp: Lamp) -> None:
    (result, _) = documents(lamp.verify(house, "--json"))
    kept = house.folder.path(result["transcript"])
    assert sha256(kept.read_bytes()).hexdigest() == result["transcript_sha256"]
    assert kept.stat().st_mode & 0o077 == 0
    until(lambda: lamp.verify(house, "the-lamp-is-on", "--transcript").code == 0)
    told = lamp.verify(house, "the-lamp-is-on", "--transcript").out
    assert told == kept.read_text()
    assert "Scenario: The lamp is on\nOutcome: passed\n" in told
    assert 'Given a room\n  It is a small room.\n\nThen the lamp is "on"\n' in told
    kept.chmod(0o600)
    kept.write_text(told.replace("passed", "better"))
    ran = lamp.verify(house, "the-lamp-is-on", "--transcript")
    assert (ran.code, ran.out) == (7, "")
    assert "sha256 differs" in ran.err
    kept.unlink()
    assert lamp.verify(house, "the-lamp-is-on", "--transcript").code == 7


def test_what_was_never_run_here_is_wanting_and_named(house: House, lamp: Lamp) -> None:
    ran = lamp.verify(house, "--status")
    assert ran.code == 7
    assert ran.out.startswith("0 of 2 scenarios passed, 2 never run here")
    assert "  the-lamp-is-on  " in ran.out
    ran = lamp.verify(house, "the-lamp-is-on", "--transcript")
    assert (ran.code, "never run here" in ran.err) == (3, True)


def test_results_of_other_features_are_shown_and_count_for_nothing(house: House, lamp: Lamp) -> None:
    lamp.be("off")
    assert lamp.verify(house, "the-lamp-is-on").code == 7
    until(lambda: standing(house, lamp, "the-lamp-is-on")[1]["outcome"] == "failed")
    text = (lamp.folder / "lamp.feature").read_text()
    (lamp.folder / "lamp.feature").write_text(text.replace("The lamp is on", "It is bright"))
    code, row = standing(house, lamp, "the-lamp-is-on")
    assert (code, row["judged"]) == (7, False)
    assert "(The lamp)" in lamp.verify(house, "--status").out
    assert lamp.verify(house, "--status").out.startswith("0 of 2 scenarios passed, 2 never")


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ("import nothing_like_this\n", "nothing_like_this"),
        (STEPS.replace('scenarios(".")', ""), "it was not run"),
        (STEPS.replace('"the lamp hangs"', '"the lamp falls"'), "Then the lamp hangs: there is no such step."),
        (STEPS.replace("def room(transcript):", "def room(nobody):"), "nobody"),
        (STEPS + "\n\nimport pytest\n\n@pytest.fixture(autouse=True)\ndef broken():\n    raise OSError(5, 'bad')\n",
         "OSError: [Errno 5] bad"),
    ],
    ids=["import", "not bound", "no step", "no fixture", "set-up"],
)  # fmt: skip
def test_a_scenario_that_cannot_be_run_has_failed(
    tmp_path: Path, lamp: Lamp, steps: str, reason: str
) -> None:
    (lamp.folder / "test_lamp.py").write_text(steps)
    cli = Cli(tmp_path, environment_of(tmp_path, tmp_path / "nothing"))
    ran = cli.run("verify", "ceiling", "--features", str(lamp.folder), "--no-record", "--json")
    assert ran.code == 7, ran
    (result,) = documents(ran)
    assert result["outcome"] == "failed"
    assert reason in result["reason"]
    assert "position" not in result


def test_a_scenario_that_two_tests_run_has_failed(tmp_path: Path, lamp: Lamp) -> None:
    (lamp.folder / "test_again.py").write_text(STEPS)
    cli = Cli(tmp_path, environment_of(tmp_path, tmp_path / "nothing"))
    ran = cli.run("verify", "ceiling", "--features", str(lamp.folder), "--no-record")
    assert ran.code == 7
    assert "2 tests are bound to the scenario the-lamp-hangs-from-the-ceiling" in ran.out


ENDLESS = """
import time
from pathlib import Path
import pytest
from pytest_bdd import given, scenarios

scenarios(".")
HERE = Path(__file__).parent

@pytest.fixture
def bulb():
    yield
    (HERE / "taken-down").touch()

@given("a room")
def room(bulb):
    (HERE / "begun").touch()
    while True:
        time.sleep(0.01)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_run_that_is_broken_off_takes_down_what_it_set_up(
    tmp_path: Path, lamp: Lamp, number: signal.Signals
) -> None:
    (lamp.folder / "test_lamp.py").write_text(ENDLESS)
    cli = Cli(tmp_path, environment_of(tmp_path, tmp_path / "nothing"))
    process = cli.start("verify", "ceiling", "--features", str(lamp.folder), "--no-record")
    until((lamp.folder / "begun").exists)
    ran = stopped_by(process, number)
    assert (ran.code, ran.out) == (130, "")
    assert all(line.startswith("coord: verifying: 0 of 1 scenarios, ") for line in ran.err.splitlines())
    assert (lamp.folder / "taken-down").exists()


def test_without_a_house_nothing_is_run(tmp_path: Path, lamp: Lamp) -> None:
    (lamp.folder / "test_lamp.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    cli = Cli(tmp_path, environment_of(tmp_path, tmp_path / "nothing"))
    ran = cli.run("verify", "--features", str(lamp.folder))
    assert (ran.code, ran.out, "coord up" in ran.err) == (5, "", True)
    assert not (lamp.folder / "ran").exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["the lamp is onn"], 3, "no feature or scenario is called 'the lamp is onn'. Near it: 'The lamp is on'"),
        (["--features", "/nowhere"], 2, "/nowhere holds no features"),
        (["--markdown"], 2, "--markdown is for --status."),
        (["--status", "--transcript"], 2, "are two questions"),
        (["--transcript"], 2, "is about one scenario"),
        (["one", "two"], 2, "one feature or scenario is run at a time"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_sentence(
    tmp_path: Path, lamp: Lamp, words: list[str], code: int, sentence: str
) -> None:
    cli = Cli(tmp_path, environment_of(tmp_path, tmp_path / "nothing"))
    folder = [] if "--features" in words else ["--features", str(lamp.folder)]
    ran = cli.run("verify", *words, *folder)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("coord: ")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
