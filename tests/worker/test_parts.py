"""The parts of a worker alone: the keeper, what is passed on, what an end means."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from houses import until

from coord.services import clock
from coord.services.server.process import started_of
from coord.services.worker import claiming
from coord.services.worker import keeper as keepers
from coord.services.worker.keeper import Keeper
from coord.services.worker.loop import Loop
from coord.services.worker.outcome import RESULT_BYTES_MAX, outcome_of
from coord.services.worker.passing import LINE_BYTES_MAX, ROW_BYTES_MAX, Outlet, Stream, last_bytes, last_line
from coord.services.worker.plan import Plan
from coord.services.worker.template import program


@pytest.fixture
def sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sh", "-c", "sleep 600 & wait"], process_group=0)


def test_the_keeper_ends_what_it_was_told_of_when_its_worker_has_gone(
    sleeper: "subprocess.Popen[bytes]",
) -> None:
    keeper = Keeper()
    keeper.guard(sleeper.pid, clock.monotonic() + 600)
    keeper.close()
    assert sleeper.wait(5) == -signal.SIGKILL


def test_the_keeper_leaves_alone_what_it_is_to_forget(sleeper: "subprocess.Popen[bytes]") -> None:
    keeper = Keeper()
    keeper.guard(sleeper.pid, clock.monotonic() + 600)
    keeper.forget(sleeper.pid)
    keeper.close()
    assert sleeper.poll() is None
    os.killpg(sleeper.pid, signal.SIGKILL)
    sleeper.wait(5)


def test_the_keeper_ends_a_group_some_seconds_after_its_lease(sleeper: "subprocess.Popen[bytes]") -> None:
    keeper = Keeper()
    keeper.guard(sleeper.pid, clock.monotonic() - keepers.KILL_SECONDS + 0.2)
    assert sleeper.wait(5) == -signal.SIGKILL
    keeper.close()


def test_the_keeper_survives_the_signals_of_a_terminal() -> None:
    keeper = Keeper()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        until(lambda: os.getpgid(keeper.pid) == keeper.pid)
        os.kill(keeper.pid, number)
    assert started_of(keeper.pid) is not None
    keeper.close()


def test_an_outlet_never_waits_and_asks_for_a_pause_when_it_is_full() -> None:
    loop = Loop()
    reading, writing = os.pipe()
    outlet = Outlet(loop, writing, lambda _: None)
    began = clock.monotonic()
    while not outlet.is_full:
        outlet.write(b"x" * 10_000)
    assert clock.monotonic() - began < 5
    seen: list[bool] = []
    outlet.when_room(lambda: seen.append(True))
    received = bytearray()
    loop.watch(reading, reads=lambda: received.extend(os.read(reading, 65_536)))
    loop.run(lambda: bool(seen) and len(received) >= ROW_BYTES_MAX)
    assert set(received) == {ord("x")}
    loop.close()
    os.close(reading)
    os.close(writing)


def test_an_outlet_without_a_reader_says_so_once_and_takes_everything() -> None:
    loop = Loop()
    reading, writing = os.pipe()
    os.close(reading)
    gone: list[bool] = []
    outlet = Outlet(loop, writing, lambda error: gone.append(isinstance(error, BrokenPipeError)))
    outlet.write(b"a")
    outlet.write(b"b" * ROW_BYTES_MAX)
    assert (gone, outlet.is_full) == ([True], False)
    loop.close()
    os.close(writing)


@pytest.mark.parametrize(
    ("pieces", "passed"),
    [
        ([b"a\nb", b"c\n"], b"m a\nm bc\n"),
        ([b"a"], b"m a\n"),
        ([b"\n\n"], b"m \nm \n"),
        ([b"x" * LINE_BYTES_MAX, b"y\n"], b"m " + b"x" * LINE_BYTES_MAX + b"\nm y\n"),
    ],
)
def test_each_line_is_marked(pieces: list[bytes], passed: bytes) -> None:
    loop = Loop()
    out_reading, out_writing = os.pipe()
    reading, writing = os.pipe()
    stream = Stream(loop, reading, Outlet(loop, out_writing, lambda _: None), b"m ", last_bytes(3))
    for piece in pieces:
        os.write(writing, piece)
        stream._read()
    os.close(writing)
    stream.finish()
    assert os.read(out_reading, 65_536) == passed
    assert stream.kept == b"".join(pieces)[-3:]
    loop.close()
    os.close(out_reading)
    os.close(out_writing)


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        ([b"a\n", b"b\n"], b"b\n"),
        ([b"a\nb", b"c\n\n", b"\n"], b"bc\n\n\n"),
        ([b"only"], b"only"),
        ([b"x" * 20, b"y\n"], b"x" * 9 + b"y\n"),
        ([b"a\n", b"  \n"], b"a\n  \n"),
    ],
)
def test_the_last_line_that_is_not_empty_is_kept(pieces: list[bytes], line: bytes) -> None:
    keep = last_line(10)
    kept = b""
    for piece in pieces:
        kept = keep(kept, piece)
    assert kept == line


@pytest.mark.parametrize(
    ("last", "file", "verb", "result"),
    [
        (b'{"a": 1}\n', b"", "complete", {"a": 1}),
        (b'{"a": 1}\n', b" 2 ", "complete", 2),
        (b"not json", b"", "complete", None),
        (b'{"a": 1, "a": 2}', b"", "complete", None),
        (b"NaN", b"", "complete", None),
        (b"\xff", b"", "complete", None),
        (b"[" * 100_000, b"", "complete", None),
        (b"1" * (RESULT_BYTES_MAX + 1), b"", "complete", None),
        (b"", b"NaN", "fail", None),
        (b"", b"\xff", "fail", None),
        (b"", b'{"a":1,"a":2}', "fail", None),
        (b"", b"1" * (RESULT_BYTES_MAX + 1), "fail", None),
    ],
)
def test_a_result_is_json_or_none_and_a_file_must_be(
    last: bytes, file: bytes, verb: str, result: object
) -> None:
    outcome = outcome_of(0, last, file, b"")
    assert (outcome.verb, outcome.fields.get("result")) == (verb, result)


@pytest.mark.parametrize(
    ("code", "verb"),
    [(1, "fail"), (75, "release"), (126, "fail"), (127, "fail"), (-9, "fail"), (-64, "fail")],
)
def test_an_exit_code_has_one_meaning(code: int, verb: str) -> None:
    outcome = outcome_of(code, b"", b"", b"why\0 " * 2_000)
    assert (outcome.verb, outcome.stops) == (verb, False)
    assert len(outcome.fields["reason"]) <= 2_000
    assert "\0" not in outcome.fields["reason"]


def test_a_loop_calls_what_is_due_in_order_and_not_what_was_called_off() -> None:
    loop = Loop()
    seen: list[int] = []
    off = loop.after(0.0, lambda: seen.append(0))
    loop.after(0.02, lambda: seen.append(2))
    loop.after(0.01, lambda: seen.append(1))
    off.cancel()
    loop.run(lambda: len(seen) == 2)
    assert seen == [1, 2]
    loop.close()


def test_a_worker_imports_little() -> None:
    program = "import sys, coord.services.cli.worker; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {
        "asyncio",
        "msgspec",
        "nats",
        "psutil",
        "pydantic",
        "pynvml",
        "shutil",
        "ssl",
        "tempfile",
        "typer",
    }
    assert not heavy & set(ran.stdout.split())


class Told:
    """A command that is under way for as long as nobody answers it."""

    def __init__(
        self,
        told: "list[Told]",
        verb: str,
        fields: Mapping[str, Any],
        answered: Callable[["Told", Any], object],
        _: float,
        request_id: str = "r-1",
    ) -> None:
        self.verb, self.fields, self.answered, self.request_id = verb, fields, answered, request_id
        self.sent_at, self.tries = 1.0, 1
        told.append(self)

    def drop(self) -> None:
        """Ask no more."""


def test_what_a_claim_had_won_when_it_was_called_off_is_given_back_as_unbegun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Told] = []
    monkeypatch.setattr(claiming, "Asking", Told)
    claims = claiming.Claims(told, Plan("ada", program(["true"])), print, print)  # type: ignore[arg-type]
    claims.ask(1, 30.0, 0.0)
    claims.call_off()
    _, again = told
    assert (again.verb, again.request_id, claims.is_open) == ("claim", "r-1", True)
    again.answered(again, {"item": {"id": "w-1", "incarnation": 3, "fence": 7}})
    release = told[2]
    assert (release.verb, release.fields["fence"], release.fields["unbegun"]) == ("release", 7, True)
    release.answered(release, {})
    assert not claims.is_open
