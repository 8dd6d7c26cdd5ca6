"""Claims by real processes: one winner, also while everything is killed."""

import json
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from command_line import UNMEASURED
from houses import House, until

ITEMS = 60
AGENT = """
name=$1
while :; do
    claimed=$(coord claim --agent "$name" --lease 2s 2>/dev/null)
    case $? in 0) ;; 4) exit 4 ;; 2) exit 2 ;; *) continue ;; esac
    set -- $claimed
    until coord complete "$1" --agent "$name" >/dev/null 2>&1; do [ $? -eq 4 ] && break; done
done
"""


def test_of_two_hundred_processes_that_claim_one_item_one_wins(house: House) -> None:
    house.ask("submit", "the only one", "--id", "only")
    racers = [
        house.cli.start("claim", "only", "--agent", f"a{n}", environment=UNMEASURED) for n in range(200)
    ]
    told: Counter[int] = Counter()
    for racer in racers:
        racer.communicate(timeout=100)
        told[racer.returncode] += 1
    assert told == {0: 1, 4: 199}
    history = house.ask("history", "only")["events"]
    assert [event["type"] for event in history] == ["work.submitted.v5", "work.claimed.v2"]


def test_every_item_is_completed_once_although_each_process_is_killed(house: House, tmp_path: Path) -> None:
    """Four agents work while the coordinator, the server, the projector and the monitor are killed in turn."""
    script = tmp_path / "agent.sh"
    script.write_text(AGENT)
    lines = "\n".join(json.dumps({"id": f"w-{n}", "title": f"item {n}"}) for n in range(ITEMS))
    assert house.cli.run("submit", "-", stdin=lines.encode()).code == 0
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    agents = [
        subprocess.Popen(
            ["sh", str(script), name], env=house.cli.environment | {"PATH": path}, cwd=house.cli.home
        )
        for name in ("ada", "ben", "cyd", "dan")
    ]
    try:
        done = 0
        for victim in ("coordinator", "server", "projector", "hardware", "coordinator"):
            done = until(partial(_at_least, house, min(done + 8, ITEMS)))
            house.kill(victim)
        until(lambda: _completed(house) == ITEMS, seconds=60)
    finally:
        for agent in agents:
            agent.kill()
            agent.wait()
    tail = house.cli.run("tail", "--from", "1", "--until", "now", "--json")
    entries = [json.loads(line) for line in tail.out.splitlines()]
    for number in range(ITEMS):
        types = [entry["type"] for entry in entries if entry["subject"].endswith(f".work.w-{number}")]
        assert types.count("work.completed.v1") == 1, (number, types)
        assert types[-1] == "work.completed.v1"


def _at_least(house: House, count: int) -> int:
    """Return how many items are completed once there are so many, before that 0."""
    found = _completed(house)
    return found if found >= count else 0


def _completed(house: House) -> int:
    ran = house.cli.run("board", "--limit", "1", "--json")
    return int(ran.document["counts"].get("completed", 0)) if ran.code == 0 else 0


def test_what_a_killed_agent_held_is_finished_by_another(house: House) -> None:
    house.ask("submit", "left alone", "--id", "left")
    held = house.ask("claim", "left", "--agent", "eve", "--lease", "1s")
    again = until(lambda: _claimed(house))
    assert again["item"]["attempt"] == 2
    late = house.cli.run("complete", "left", "--agent", "eve", "--fence", str(held["fence"]))
    assert late.code == 4
    assert "is over" in late.err
    assert house.cli.run("complete", "left", "--agent", "fay").code == 0
    types = [event["type"] for event in house.ask("history", "left")["events"]]
    assert types == [
        "work.submitted.v5", "work.claimed.v2", "work.lease_expired.v2", "work.claimed.v2", "work.completed.v1",
    ]  # fmt: skip


def _claimed(house: House) -> dict[str, Any] | None:
    ran = house.cli.run("claim", "left", "--agent", "fay", "--json")
    return ran.document if ran.code == 0 else None


def test_a_restart_under_the_same_name_cannot_finish_for_its_dead_self(house: House) -> None:
    house.ask("submit", "mine", "--id", "mine")
    first = house.ask("register", "ada")["agent"]["incarnation"]
    house.cli.environment["COORD_INCARNATION"] = str(first)
    house.ask("claim", "mine", "--agent", "ada")
    house.cli.environment["COORD_INCARNATION"] = str(house.ask("register", "ada")["agent"]["incarnation"])
    dead = house.cli.run("complete", "mine", "--agent", "ada")
    assert dead.code == 4
    house.cli.environment["COORD_INCARNATION"] = str(first)
    assert house.cli.run("complete", "mine", "--agent", "ada").code == 0


def test_the_same_request_again_claims_nothing_more_also_after_the_coordinator_was_killed(
    house: House,
) -> None:
    for number in range(2):
        house.ask("submit", f"item {number}")
    first = house.ask("claim", "--agent", "ada", "--request-id", "once")
    house.kill("coordinator")
    words = ("claim", "--agent", "ada", "--request-id", "once", "--json")
    again = until(lambda: (asked := house.cli.run(*words)).code == 0 and asked.out)
    assert json.loads(again)["id"] == first["id"]
    counts = house.ask("board")["counts"]
    assert (counts["claimed"], counts["open"]) == (1, 1)
