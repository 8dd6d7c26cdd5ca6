"""A command never goes on for long without its claim, and no item is held by nobody."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from desks import Desk, end_of
from houses import until
from standing_still import stop

from coord.services import client, clock
from coord.services.folder import COORDINATOR_SOCKET
from coord.services.server.process import started_of

SLEEP = "trap 'echo asked; exit 0' TERM; echo $$ > {marker}; while :; do sleep 0.05; done"
HEARTBEAT_SECONDS = 9.0
"""Sooner than a heartbeat, or than the end of a claim's waiting, could tell."""
STUBBORN = "trap '' TERM; sleep 600 & echo $! > {marker}; wait; wait; wait"


def started(
    desk: Desk, marker: Path, script: str, *words: str, **item: object
) -> tuple[str, "subprocess.Popen[bytes]"]:
    """Start a worker on one item, and wait until its command writes its pid."""
    item_id = desk.submit(**item)  # type: ignore[arg-type]
    process = desk.start(*words, "--exec", script.replace("{marker}", str(marker)))
    until(lambda: marker.exists() and marker.read_text().strip())
    desk.once(item_id, "claimed")
    return item_id, process


def is_gone(marker: Path) -> bool:
    """Tell whether the command that wrote its pid has ended."""
    return started_of(int(marker.read_text())) is None


@pytest.mark.parametrize("verb", ["evict", "cancel"])
def test_what_is_taken_away_ends_the_command_at_once(desk: Desk, marker: Path, verb: str) -> None:
    item, process = started(desk, marker, SLEEP, "--once")
    taken_at = clock.monotonic()
    if verb == "evict":
        desk.tell("evict", agent=desk.capability, reason="so")
    else:
        desk.tell("cancel", item_id=item)
    ran = end_of(process)
    assert clock.monotonic() - taken_at < HEARTBEAT_SECONDS
    assert is_gone(marker)
    why = f"it is open: {desk.capability} was put out: so" if verb == "evict" else "it is cancelled"
    assert f"{item} is lost: {why}; its command is ended." in ran.err
    assert "asked" in ran.out
    assert "1 lost" in ran.err


def test_a_command_that_does_not_listen_is_killed_with_all_it_started(desk: Desk, marker: Path) -> None:
    item, process = started(desk, marker, STUBBORN, "--once")
    desk.tell("cancel", item_id=item)
    assert "1 lost" in end_of(process).err
    assert is_gone(marker)


def test_a_worker_that_is_killed_takes_its_commands_along_and_the_item_comes_back(
    desk: Desk, marker: Path
) -> None:
    item, process = started(desk, marker, STUBBORN, lease_seconds=1.0)
    process.kill()
    until(lambda: is_gone(marker))
    desk.once(item, "open")
    (expired,) = [one for one in desk.history(item) if one["type"].startswith("work.lease_expired")]
    assert expired["fields"]["silent_seconds"] < 1.0 + 2.0
    process.communicate()


def test_a_worker_that_is_stopped_loses_its_commands_when_their_lease_is_over_and_others_go_on(
    desk: Desk, marker: Path
) -> None:
    """The other one runs for longer than a lease, and its keeper's seconds, without its renewals."""
    going_on = marker.with_name("other")
    other = desk.submit(lease_seconds=1.0)
    desk.tell("register", agent="other", capabilities=[desk.capability])
    script = f"echo $$ > {going_on}; until [ -e {marker}.go ]; do sleep 0.05; done"
    running = desk.house.cli.start("run", other, "--agent", "other", "--", "sh", "-c", script)
    desk.once(other, "claimed")
    item, process = started(desk, marker, STUBBORN, "--once", lease_seconds=1.0)
    stop(process.pid)
    try:
        desk.once(item, "open")
        until(lambda: is_gone(marker))
    finally:
        process.send_signal(signal.SIGCONT)
    assert "1 lost" in end_of(process).err
    assert not is_gone(going_on)
    Path(f"{marker}.go").touch()
    assert end_of(running).code == 0


def test_a_silent_coordinator_costs_the_command_when_the_lease_is_over(desk: Desk, marker: Path) -> None:
    item, process = started(desk, marker, SLEEP, "--once", lease_seconds=1.0)
    coordinator = desk.house.pid("coordinator")
    stop(coordinator)
    try:
        until(lambda: is_gone(marker))
    finally:
        os.kill(coordinator, signal.SIGCONT)
    ran = end_of(process)
    assert f"{item} is lost: no renewal was answered for 1 s" in ran.err
    assert "1 lost" in ran.err


def test_a_command_dies_with_its_worker_even_without_the_keeper(desk: Desk, marker: Path) -> None:
    _, process = started(desk, marker, "echo $$ > {marker}; exec sleep 600")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (keeper,) = {int(pid) for pid in children} - {int(marker.read_text())}
    os.kill(keeper, signal.SIGKILL)
    until(lambda: started_of(keeper) is None)
    process.kill()
    until(lambda: is_gone(marker))
    process.communicate()


def test_a_restart_of_the_coordinator_is_ridden_out(desk: Desk, marker: Path) -> None:
    script = f"echo $$ > {marker}; until [ -e {marker}.go ]; do sleep 0.02; done; echo 5"
    item, process = started(desk, marker, script, "--once")
    fence = desk.item(item)["fence"]
    desk.house.kill("coordinator")
    Path(f"{marker}.go").touch()
    assert end_of(process).code == 0
    shown = desk.ended(item)
    assert (shown["status"], shown["result"], shown["fence"]) == ("completed", 5, fence)


def test_a_claim_that_waits_outlives_the_coordinator(desk: Desk) -> None:
    process = desk.start("--once", "--", "true")
    until(lambda: desk.agent_status() == "active")
    desk.house.kill("coordinator")
    item = desk.submit()
    assert end_of(process).code == 0
    assert desk.ended(item)["status"] == "completed"


def test_the_first_signal_lets_what_runs_end_and_claims_no_more(desk: Desk, marker: Path) -> None:
    script = f"echo $$ > {marker}; until [ -e {marker}.go ]; do sleep 0.02; done"
    item, process = started(desk, marker, script)
    other = desk.submit()
    process.send_signal(signal.SIGTERM)
    Path(f"{marker}.go").touch()
    ran = end_of(process)
    assert ran.code == 0
    assert "nothing more is claimed; 1 running" in ran.err
    assert desk.ended(item)["status"] == "completed"
    assert desk.item(other)["status"] == "open"


def test_the_second_signal_ends_what_runs_and_gives_it_back(desk: Desk, marker: Path) -> None:
    item, process = started(desk, marker, SLEEP)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while b"Once more" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    ran = end_of(process)
    assert ran.code == 128 + signal.SIGINT
    assert "asked" in ran.out
    assert is_gone(marker)
    desk.once(item, "open")


def test_a_worker_that_waits_ends_at_once_and_holds_nothing(desk: Desk) -> None:
    process = desk.start("--", "true")
    until(lambda: desk.agent_status() == "active")
    process.send_signal(signal.SIGTERM)
    asked_at = clock.monotonic()
    assert end_of(process).code == 0
    assert clock.monotonic() - asked_at < HEARTBEAT_SECONDS
    item = desk.submit()
    desk.once(item, "open")


def test_an_agent_that_registers_elsewhere_is_replaced_and_keeps_what_it_holds(
    desk: Desk, marker: Path
) -> None:
    script = f"echo $$ > {marker}; until [ -e {marker}.go ]; do sleep 0.02; done"
    item, process = started(desk, marker, script, lease_seconds=1.0)
    fence = desk.item(item)["fence"]
    desk.tell("register", agent=desk.capability)
    end = clock.monotonic() + 1.5
    until(lambda: desk.item(item) and clock.monotonic() > end)
    assert desk.item(item)["fence"] == fence
    Path(f"{marker}.go").touch()
    ran = end_of(process)
    assert ran.code == 4
    assert desk.ended(item)["status"] == "completed"


def test_a_house_that_is_not_there_is_a_word_and_exit_code_5(desk: Desk, tmp_path: Path) -> None:
    ran = end_of(desk.start("--data", str(tmp_path), "--", "true"))
    assert (ran.code, ran.out) == (5, "")


def test_another_process_of_the_same_agent_keeps_nothing_alive_that_a_dead_one_held(
    desk: Desk, marker: Path
) -> None:
    dead, living = desk.submit(lease_seconds=1.0), desk.submit(lease_seconds=1.0)
    desk.tell("register", agent=desk.capability, capabilities=[desk.capability])
    words = ("--agent", desk.capability, "--", "sh", "-c", f"until [ -e {marker} ]; do sleep 0.02; done")
    first, second = (desk.house.cli.start("run", item, *words) for item in (dead, living))
    for item in (dead, living):
        desk.once(item, "claimed")
    first.kill()
    first.communicate()
    desk.once(dead, "open")
    assert desk.item(living)["status"] == "claimed"
    marker.touch()
    assert end_of(second).code == 0


def test_a_drained_agent_ends_what_it_holds_and_then_its_worker_ends_well(desk: Desk, marker: Path) -> None:
    script = f"echo $$ > {marker}; until [ -e {marker}.go ]; do sleep 0.02; done"
    item, process = started(desk, marker, script, lease_seconds=1.0)
    desk.submit()
    desk.tell("drain", agent=desk.capability)
    assert process.stderr is not None
    while b"is draining. Nothing more is claimed; 1 running" not in process.stderr.readline():
        pass
    Path(f"{marker}.go").touch()
    assert end_of(process).code == 0
    assert desk.ended(item)["status"] == "completed"


@pytest.mark.parametrize(("verb", "code"), [("drain", 0), ("evict", 4)])
def test_a_worker_that_waits_is_told_at_once_that_it_is_given_nothing_more(
    desk: Desk, verb: str, code: int
) -> None:
    process = desk.start("--", "true")
    until(lambda: desk.agent_status() == "active")
    until(lambda: client.health(desk.folder, COORDINATOR_SOCKET, 5.0)["patient"])
    told_at = clock.monotonic()
    desk.tell(verb, agent=desk.capability, reason="the night")
    ran = end_of(process)
    assert clock.monotonic() - told_at < HEARTBEAT_SECONDS
    said = "is drained: it ends what it holds." if verb == "drain" else "was put out."
    assert (ran.code, ran.err.count(f"{desk.capability} {said}")) == (code, 1)


def test_a_reader_that_goes_ends_the_worker_when_its_items_are_done(desk: Desk) -> None:
    item = desk.submit()
    process = desk.start("--exec", "echo; sleep 0.1; exit 0")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert end_of(process).code == 141
    assert desk.ended(item)["status"] == "completed"
