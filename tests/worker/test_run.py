"""`coord run`: one item, held while a command runs."""

import json
import signal
from pathlib import Path

import pytest
from command_line import COORD
from desks import Desk, end_of
from houses import until


def test_the_exit_code_is_the_commands(desk: Desk) -> None:
    codes = {}
    for code in (0, 1, 75, 126):
        item = desk.submit()
        codes[code] = (desk.run(item, "--", "sh", "-c", f"exit {code}").code, item)
    assert [code for code, _ in codes.values()] == list(codes)
    assert desk.ended(codes[0][1])["status"] == "completed"
    assert desk.ended(codes[1][1])["status"] == "failed"
    assert desk.once(codes[75][1], "open")
    assert desk.ended(codes[126][1])["status"] == "failed"


def test_a_command_that_ends_well_and_is_not_taken_as_done_is_7(desk: Desk) -> None:
    """What a shell does after `&&` must not go on."""
    item = desk.submit()
    ran = desk.run(item, "--", "sh", "-c", "echo oops > $COORD_RESULT")
    assert (ran.code, desk.ended(item)["status"]) == (7, "failed")
    assert "its result file is not JSON" in ran.err


def test_a_signal_is_128_and_more(desk: Desk) -> None:
    item = desk.submit()
    assert desk.run(item, "--", "sh", "-c", "kill -TERM $$").code == 143
    assert desk.ended(item)["reason"] == "killed by SIGTERM"


def test_options_of_the_command_are_its_own(desk: Desk) -> None:
    item = desk.submit()
    ran = desk.run(item, "--", "printf", "%s.", "--json", "-x", "--", "{id}")
    assert (ran.code, ran.out) == (0, f"--json.-x.--.{item}.")


def test_what_cannot_be_claimed_is_refused_and_nothing_runs(desk: Desk, marker: Path) -> None:
    ran = desk.run("no-such-item", "--", "touch", str(marker))
    assert (ran.code, ran.out) == (4, "")
    assert "no-such-item" in ran.err
    assert not marker.exists()


def test_it_waits_for_an_item_if_it_is_told_to(desk: Desk) -> None:
    item = desk.submit()
    desk.tell("block", item_id=item, reason="so")
    assert desk.run(item, "--wait", "200ms", "--", "true").code == 4
    process = desk.house.cli.start("run", item, "--agent", desk.capability, "--wait", "--", "true")
    desk.tell("unblock", item_id=item)
    assert end_of(process).code == 0
    assert desk.ended(item)["status"] == "completed"


def test_a_claim_that_is_lost_is_4_whatever_the_command_says(desk: Desk, marker: Path) -> None:
    item = desk.submit()
    desk.tell("register", agent=desk.capability, capabilities=[desk.capability])
    script = f"trap 'exit 0' TERM; touch {marker}; while :; do sleep 0.02; done"
    process = desk.house.cli.start(
        "run", item, "--agent", desk.capability, "--json", "--", "sh", "-c", script
    )
    until(marker.exists)
    desk.tell("cancel", item_id=item)
    ran = end_of(process)
    assert ran.code == 4
    told = json.loads(ran.out)
    assert (told["verdict"], told["exit_code"], told["reason"]) == ("lost", 0, "it is cancelled")


def test_a_program_that_is_not_there_claims_nothing(desk: Desk) -> None:
    item = desk.submit()
    ran = desk.run(item, "--", "no-such-program")
    assert ran.code == 2
    assert (
        ran.err
        == "coord: there is no program 'no-such-program' here. A line for the shell: -- sh -c 'LINE'.\n"
    )
    desk.once(item, "open")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_gives_the_item_back(
    desk: Desk, marker: Path, number: signal.Signals
) -> None:
    item = desk.submit()
    desk.tell("register", agent=desk.capability, capabilities=[desk.capability])
    script = f"trap 'exit 0' TERM; touch {marker}; while :; do sleep 0.02; done"
    process = desk.house.cli.start("run", item, "--agent", desk.capability, "--", "sh", "-c", script)
    until(marker.exists)
    process.send_signal(number)
    assert end_of(process).code == 128 + number
    desk.once(item, "open")


def test_another_agent_in_a_command_is_itself(desk: Desk) -> None:
    item, other = desk.submit(), desk.tell("submit", title="x", team="nobody")["id"]
    desk.tell("register", agent=f"{desk.capability}-2", team="nobody")
    ran = desk.run(item, "--", COORD, "claim", other, "--agent", f"{desk.capability}-2")
    assert ran.code == 0, ran
    assert desk.once(other, "claimed")["agent"] == f"{desk.capability}-2"
