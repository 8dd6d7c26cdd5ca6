"""What a worker's exit code tells of all that it claimed."""

import signal
from typing import Any

import pytest

from coord.services.cli.worker import _code_of_run, _code_of_work
from coord.services.worker.holding import Holding
from coord.services.worker.worker import Worker

KINDS = ("completed", "failed", "released", "lost", "unknown")


def ended(wanting: tuple[str, ...] = (), stops: int = 0, drained: bool = False, **counts: int) -> Worker:
    """Return a worker that has ended."""
    worker = Worker.__new__(Worker)
    worker.counts = dict.fromkeys(KINDS, 0) | counts
    worker.fault, worker.is_reader_gone, worker.is_drained = None, False, drained
    worker.wanting, worker.asked_to_stop, worker.signal = set(wanting), stops, int(signal.SIGTERM)
    return worker


@pytest.mark.parametrize(("told", "code"), [
    ({"completed": 2, "released": 1}, 0),
    ({"failed": 1, "completed": 1}, 0),
    ({"failed": 1, "completed": 1, "wanting": ("w-1",)}, 7),
    ({"unknown": 1, "completed": 1}, 6),
    ({"unknown": 1, "failed": 1, "wanting": ("w-1",)}, 6),
    ({}, 3),
    ({"drained": True}, 0),
    ({"drained": True, "lost": 1, "wanting": ("w-1",)}, 7),
    ({"stops": 1, "failed": 1, "wanting": ("w-1",)}, 0),
    ({"stops": 2, "released": 1}, 143),
])  # fmt: skip
def test_a_worker_tells_the_worst_of_what_it_claimed(told: dict[str, Any], code: int) -> None:
    assert _code_of_work(ended(**told)) == code


@pytest.mark.parametrize(("verdict", "exited", "code"), [
    ("completed", 0, 0), ("failed", 9, 9), ("failed", -9, 137), ("lost", 0, 4), ("unknown", 0, 6), ("released", None, 2),
])  # fmt: skip
def test_one_item_tells_its_commands_code_or_why_that_says_nothing(
    verdict: str, exited: int | None, code: int
) -> None:
    holding = Holding.__new__(Holding)
    holding.verdict, holding.code = verdict, exited
    assert _code_of_run(holding) == code
