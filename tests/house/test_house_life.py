"""The house as a whole: up and down, doctor, rebuild, questions without a coordinator, the demo."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import COORD, Cli
from houses import House, environment_of, until
from standing_still import stop

DEMO_SECONDS = 180


def test_doctor_finds_nothing_wanting_in_a_fresh_house(house: House) -> None:
    ran = house.cli.run("doctor")
    assert ran.code == 0, ran
    assert "sync" in ran.out


def test_questions_are_answered_while_the_coordinator_is_stopped(house: House) -> None:
    """And whoever looks is told that nothing can be claimed meanwhile."""
    house.ask("submit", "waiting", "--id", "waiting")
    until(lambda: house.cli.run("show", "waiting").code == 0)
    stop(house.pid("coordinator"))
    try:
        board, health = house.ask("board"), house.ask("health")
        assert board["counts"]["open"] == 1
        assert health["score"] >= 0
        assert board["claims_paused"] == health["claims_paused"] == "the coordinator does not answer"
        assert "CLAIMS PAUSED  the coordinator does not answer" in house.cli.run("tui", "--once").out
    finally:
        os.kill(house.pid("coordinator"), signal.SIGCONT)
    until(lambda: "claims_paused" not in house.ask("board"))


def test_a_rebuild_gives_the_same_tables(house: House) -> None:
    for number in range(20):
        house.ask("submit", f"item {number}")
    house.ask("claim", "--agent", "ada")
    ran = house.cli.run("rebuild")
    assert ran.code == 0, ran
    assert "equal" in (ran.out + ran.err).lower()


def test_a_second_house_on_the_folder_is_refused_naming_the_first(house: House) -> None:
    ran = house.cli.run("up")
    assert ran.code == 5
    assert str((house.folder.read_json("up.json") or {})["pid"]) in ran.err


def test_without_a_house_every_command_says_what_to_do(tmp_path: Path) -> None:
    cli = Cli(tmp_path, environment_of(tmp_path, tmp_path / "nothing"))
    for words in (("claim", "--agent", "ada"), ("board",), ("health",), ("doctor",), ("tail",)):
        ran = cli.run(*words)
        assert (ran.code, "coord up" in ran.err) == (5, True), (words, ran)


def test_this_machine_is_seen(house: House) -> None:
    wanted = {"cpu_utilization_ratio", "memory_used_bytes"}
    until(
        lambda: (
            wanted <= {reading["metric"] for row in house.ask("nodes")["rows"] for reading in row["readings"]}
        )
    )
    (row,) = house.ask("nodes", "--inventory")["rows"]
    assert row["inventory"]["cpu"]["cores_logical"] == os.cpu_count()
    assert until(lambda: house.ask("top")["rows"])


def test_an_agent_with_a_credential_of_its_own_is_kept_to_its_own_name(house: House) -> None:
    ran = house.cli.run("register", "ada", "--credential")
    assert ran.code == 0, ran
    path = house.folder.path("agents", "ada.json")
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.timeout(DEMO_SECONDS + 60)
def test_the_demo_tells_its_story_and_every_result_is_right(tmp_path: Path) -> None:
    story = tmp_path / "story.txt"
    with story.open("wb") as out:
        command = [COORD, "demo", str(tmp_path / "demo")]
        environment = environment_of(tmp_path, tmp_path / "unused")
        played = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            code = played.wait(DEMO_SECONDS)
        except subprocess.TimeoutExpired:
            played.send_signal(signal.SIGINT)
            code = played.wait(10)
    told = story.read_text()
    assert code == 0, told[-3000:]
    assert "66 of 66 results are right" in told
    assert "the trainer leaves its update out" in told
    assert "skip batch" in told
    assert "rolled back" in told
    assert "kill -9 eve" in told
    assert "attempt 2" in told


def test_a_demo_makes_no_folder_anew_that_is_somebody_elses(tmp_path: Path) -> None:
    cli = Cli(tmp_path, environment_of(tmp_path, tmp_path / "unused"))
    kept = tmp_path / "mine" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    for folder in (kept.parent, kept):
        ran = cli.run("demo", str(folder))
        assert (ran.code, "Name another folder." in ran.err) == (2, True), ran
    assert kept.read_text() == "mine"
