"""Evidence of work: process groups whose computing time grows, on this machine, with real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from houses import until

from coord.services.hardware.groups import Groups

IDLE = "import time; print(flush=True); time.sleep(600)"
BUSY = "print(flush=True)\nwhile True: pass"
DEPARTED = f"import os, time; print(flush=True); os.fork() or (os.setsid(), exec({BUSY!r})); time.sleep(600)"
COLLECTED = """
import subprocess, sys, time
print(flush=True)
subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"])
print(flush=True)
time.sleep(600)
"""

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program in a group of its own, and wait for its first line."""
    started: list[subprocess.Popen[bytes]] = []

    def run(program: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, process_group=0)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield run
    for process in started:
        with process:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)


def test_at_the_first_look_whoever_has_computed_has_worked(start: Start) -> None:
    group = start(IDLE).pid
    assert Groups().worked([group]) <= {group}


def test_a_group_that_only_waits_does_not_work(start: Start) -> None:
    idle, busy = start(IDLE).pid, start(BUSY).pid
    groups = Groups()
    until(lambda: idle not in groups.worked([idle, busy]))
    for _ in range(3):
        until(lambda: busy in (worked := groups.worked([idle, busy])) and idle not in worked)


def test_what_has_left_the_group_still_works_for_it(start: Start) -> None:
    departed = start(DEPARTED)
    groups = Groups()
    try:
        for _ in range(3):
            until(lambda: groups.worked([departed.pid]))
    finally:
        children = f"/proc/{departed.pid}/task/{departed.pid}/children"
        with open(children) as listed:
            for pid in listed.read().split():
                os.kill(int(pid), signal.SIGKILL)


def test_the_work_of_children_that_have_ended_counts(start: Start) -> None:
    process = start(COLLECTED)
    groups = Groups()
    groups.worked([process.pid])
    assert process.stdout is not None
    process.stdout.readline()
    assert groups.worked([process.pid])
    until(lambda: not groups.worked([process.pid]))


def test_nothing_and_what_is_gone_do_not_work(start: Start) -> None:
    process = start(IDLE)
    groups = Groups()
    assert groups.worked([]) == set()
    groups.worked([process.pid])
    process.kill()
    process.wait()
    assert groups.worked([process.pid]) == set()
