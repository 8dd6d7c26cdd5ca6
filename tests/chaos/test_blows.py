"""Whatever befalls the house: one winner a claim, nothing acknowledged is lost, nothing is stuck, and work goes on soon."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from chaos.campaign import LATE_SECONDS, Plan, Report, run
from chaos.clusters import Cluster, cluster
from chaos.grounds import one_node, small_disk
from chaos.wall_clocks import can_be_set
from command_line import Ran
from houses import until

SEED = 1
RECOVERED_SECONDS = 2.0
GOES_ON_SECONDS = 10.0
SLOWER_HERE = 2.0
"""Tests share two cores with others; the figures of a quiet machine are printed by make chaos."""


def check(report: Report) -> None:
    """Nothing is wrong with a run."""
    print(report.words())  # noqa: T201
    assert report.clean, report.words()
    assert max(report.lateness(), default=0.0) < LATE_SECONDS, report.words()
    assert report.history.outcomes()["done"] > 50, report.words()


def test_one_winner_a_claim_whatever_befalls_a_house(tmp_path: Path) -> None:
    """Processes are killed, the leader is stopped until another one leads, clocks are wrong, and the disk runs full."""
    clocks = () if can_be_set() else ("move-clocks",)
    blows = ("kill-server", "kill-both", "stop-coordinator", *clocks, "fill-disk")
    with small_disk(tmp_path / "disk") as disk, one_node(disk / "house", standbys=1) as ground:
        report = asyncio.run(run(ground, Plan(SEED, blows, pause_seconds=0.7)))
    check(report)
    assert max(report.recoveries("kill-server", "kill-both")) < RECOVERED_SECONDS * SLOWER_HERE


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Cluster]:
    """Three servers, and two coordinators on them."""
    with cluster(tmp_path) as ground, ExitStack() as stack:
        for number in range(2):
            ground.start_coordinator(number, stack)
            asyncio.run(ground.wait_until_led())
        yield ground


def test_three_nodes_go_on_without_their_leader_and_say_when_they_cannot(three: Cluster) -> None:
    """The leader of the log is killed at work; then two of three, so that nobody can confirm anything."""
    report = asyncio.run(run(three, Plan(SEED, ("kill-leader",), 30, 3.0)))
    check(report)
    assert max(report.recoveries("kill-leader")) < GOES_ON_SECONDS * SLOWER_HERE
    leading = asyncio.run(three.wait_until_led())
    cli = three.cli(three.coordinators[leading][0].root, node=leading)
    others = [node for node in three.nodes if node is not three.nodes[leading]]
    for node in others:
        node.kill()
    words = ("submit", "during the pause", "--id", "paused", "--request-id", "r-paused")
    told = cli.run(*words)
    assert (told.code, "claims are paused" in told.err) == (6, True), told
    doctor = cli.run("doctor")
    assert (doctor.code, "claims are paused" in doctor.out) == (7, True), doctor
    for node in others:
        node.start()
    until(lambda: _on_the_leader(three, *words).code == 0)
    until(
        lambda: (
            _on_the_leader(three, "claim", "paused", "--agent", "ada", "--request-id", "r-claim").code == 0
        )
    )


def _on_the_leader(three: Cluster, *words: str) -> Ran:
    """Ask whichever coordinator leads now: when the servers come back, the other one may be the quicker."""
    leading = asyncio.run(three.wait_until_led())
    return three.cli(three.coordinators[leading][0].root, node=leading).run(*words)


@pytest.mark.skipif(bool(can_be_set()), reason=can_be_set() or "it can")
def test_a_clock_is_set_wrong_in_one_process_and_right_again() -> None:
    from chaos.wall_clocks import shift

    reads = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
    with subprocess.Popen(
        ["python3", "-c", reads], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"]},
    ) as child:  # fmt: skip
        assert child.stdin
        assert child.stdout

        def apart() -> tuple[float, float]:
            child.stdin.write("\n")  # type: ignore[union-attr]
            child.stdin.flush()  # type: ignore[union-attr]
            wall, monotonic = map(float, child.stdout.readline().split())  # type: ignore[union-attr]
            return round(wall - _now()[0]), round(monotonic - _now()[1])

        assert apart() == (0, 0)
        for seconds in (3_600, -3_600, 0):
            shift(child.pid, seconds)
            assert apart() == (seconds, 0)
        child.stdin.close()


def _now() -> tuple[float, float]:
    from coord.services import clock

    return clock.now_ns() / 1e9, clock.monotonic()
