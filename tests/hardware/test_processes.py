"""The process listing, on a /proc out of files: who used how much since the last look."""

import os
from collections.abc import Sequence

from machines import Machine

from coord.services.hardware.processes import LISTED_EACH_MAX, Listing, Processes

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def process(
    machine: Machine,
    pid: int,
    ticks: int,
    pages: int = 1,
    name: str = "work",
    parent: int = 1,
    start: int = 5,
    state: str = "S",
) -> None:
    between = " ".join(["0"] * 9)
    machine.write(
        f"/proc/{pid}/stat",
        f"{pid} ({name}) {state} {parent} {between} {ticks} 0 0 0 20 0 1 0 {start} 4096 {pages} 0 0\n",
    )


def shares(listing: Listing) -> dict[int, float]:
    return {process.pid: process.cpu_ratio for process in listing.processes}


def pids(listing: Listing) -> Sequence[int]:
    return [process.pid for process in listing.processes]


def test_a_share_is_of_one_core_since_the_last_look(machine: Machine) -> None:
    processes = Processes()
    process(machine, 10, ticks=100)
    process(machine, 11, ticks=100)
    processes.look(machine.root, 1.0, {})
    process(machine, 10, ticks=100 + 3 * TICKS)
    assert shares(processes.look(machine.root, 3.0, {})) == {10: 1.5, 11: 0.0}


def test_a_pid_that_was_given_again_starts_anew(machine: Machine) -> None:
    processes = Processes()
    process(machine, 10, ticks=50 * TICKS, start=5)
    processes.look(machine.root, 1.0, {})
    process(machine, 10, ticks=TICKS, start=99)
    assert shares(processes.look(machine.root, 2.0, {})) == {10: 1.0}


def test_a_name_may_hold_parentheses_and_spaces(machine: Machine) -> None:
    process(machine, 10, ticks=0, pages=3, name="a) R (b")
    listing = Processes().look(machine.root, 1.0, {})
    assert [(one.name, one.memory_bytes) for one in listing.processes] == [("a) R (b", 3 * PAGE)]


def test_kernel_threads_are_counted_and_not_listed(machine: Machine) -> None:
    process(machine, 2, ticks=0, name="kthreadd", parent=0)
    process(machine, 3, ticks=0, name="kworker", parent=2)
    process(machine, 10, ticks=0)
    listing = Processes().look(machine.root, 1.0, {})
    assert (pids(listing), listing.total) == ([10], 3)


def test_what_has_ended_and_was_not_reaped_is_counted_and_not_listed(machine: Machine) -> None:
    process(machine, 10, ticks=0, pages=0, state="Z")
    assert Processes().look(machine.root, 1.0, {}) == Listing((), 1)


def test_a_process_that_ended_meanwhile_is_absent(machine: Machine) -> None:
    (machine.folder / "proc/77").mkdir(parents=True)
    assert Processes().look(machine.root, 1.0, {}) == Listing((), 0)


def test_the_biggest_of_each_measure_are_listed(machine: Machine) -> None:
    processes = Processes()
    for pid in range(100, 200):
        process(machine, pid, ticks=0, pages=pid)
    processes.look(machine.root, 1.0, {})
    for pid in range(100, 120):
        process(machine, pid, ticks=pid, pages=pid)
    listing = processes.look(machine.root, 2.0, {150: 4096, 999_999: 1})
    by_cpu = list(range(119, 119 - LISTED_EACH_MAX, -1))
    by_memory = list(range(199, 199 - LISTED_EACH_MAX, -1))
    assert pids(listing) == [*by_cpu, *by_memory, 150]
    assert [one.pid for one in listing.processes if one.gpu_memory_bytes == 4096] == [150]
    assert listing.total == 100


def test_this_process_is_found_on_this_machine() -> None:
    used = bytearray(64 * 1024 * 1024)
    listing = Processes().look("", 1.0, {os.getpid(): 1})
    (found,) = [one for one in listing.processes if one.pid == os.getpid()]
    assert found.memory_bytes > len(used)
    assert found.gpu_memory_bytes == 1
