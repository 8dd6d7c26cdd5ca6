"""`coord up` as its user sees it: what it says, what it restarts, how it ends."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from coord.events.errors import Exit
from coord.services.folder import Folder
from coord.services.server.process import Identity, identity_of, wait_until
from coord.services.settings import Settings
from coord.services.supervisor.detached import environment_of

SAID_SECONDS = 15.0
PROGRAM = ("-m", "coord.services.supervisor")
IMPATIENT = """
import sys
from coord.services.supervisor import __main__, up
up.START_SECONDS = 0.2
sys.exit(__main__.main(sys.argv[1:]))
"""
TESTS = Path(__file__).parents[1]


class Up:
    """A `coord up` in a process of its own, and what it says."""

    def __init__(self, settings: Settings, services: tuple[str, ...], program: tuple[str, ...]) -> None:
        self.folder = Folder(settings.data)
        command = [sys.executable, *program]
        command += [f"{name.replace('_', '-')}=tiny_services.{name}" for name in services]
        environment = environment_of(settings) | {"PYTHONPATH": str(TESTS)}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def hear(self, pattern: str) -> str:
        """Wait until it says something; return the line."""
        while True:
            line = self._lines.get(timeout=SAID_SECONDS)
            if re.search(pattern, line):
                return line
            assert line, f"ended without saying {pattern}: {self.said}"

    def identity(self, name: str) -> Identity:
        """Return the process of a service, or of the server."""
        record = self.folder.read_json("server.json" if name == "server" else "up.json")
        assert record is not None
        found = identity_of(record["pid"] if name == "server" else record["services"][name])
        assert found is not None
        return found

    def log(self, name: str) -> str:
        return self.folder.path("log", f"{name}.log").read_text()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ask it to end and return its exit status."""
        with suppress(ProcessLookupError):
            self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended and return its exit status."""
        status = self.process.wait(SAID_SECONDS)
        self._reader.join(SAID_SECONDS)
        return status

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.said.append(line)
                self._lines.put(line)
        self._lines.put("")


Start = Callable[..., Up]


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts `coord up` on the test's folder with tiny services."""
    started: list[Up] = []

    def begin(*services: str, settings: Settings = settings, program: tuple[str, ...] = PROGRAM) -> Up:
        started.append(Up(settings, services, program))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.wait()


def test_everything_serves_and_stops_in_order(start: Start) -> None:
    up = start("steady")
    assert re.search(r"nats://127\.0\.0\.1:\d+ after \d\.\d\ds", up.hear("server serves"))
    up.hear("steady serves after")
    up.hear("up on")
    record = up.folder.read_json("up.json")
    assert record is not None
    assert record["pid"] == up.process.pid
    assert record["services"] == {"steady": up.identity("steady").pid}
    everything = [up.identity("steady"), up.identity("server")]
    assert up.stop() == Exit.DONE
    assert "at the end the server said 200" in up.log("steady")
    assert [process.is_alive() for process in everything] == [False, False]
    assert up.folder.read_json("up.json") is None
    assert up.folder.read_json("server.json") is None


def test_sigterm_is_an_end_too(start: Start) -> None:
    up = start("steady")
    up.hear("up on")
    assert up.stop(signal.SIGTERM) == Exit.DONE


def test_a_service_has_nothing_of_the_supervisors_open(start: Start) -> None:
    up = start("steady")
    up.hear("up on")
    opened = Path(f"/proc/{up.identity('steady').pid}/fd")
    assert {os.readlink(one) for one in opened.iterdir()} == {
        os.devnull,
        str(up.folder.path("log", "steady.log")),
    }


def test_a_killed_service_is_started_again(start: Start) -> None:
    up = start("steady")
    up.hear("up on")
    first = up.identity("steady")
    os.kill(first.pid, signal.SIGKILL)
    up.hear(r"steady ended with SIGKILL; started again in 0\.")
    up.hear("steady serves again")
    assert up.identity("steady") != first
    record = up.folder.read_json("up.json")
    assert record is not None
    assert record["restarts"] == {"steady": 1, "server": 0}


def test_a_killed_server_is_started_again_where_it_was(start: Start) -> None:
    up = start("steady")
    up.hear("up on")
    before, address = up.identity("server"), up.folder.read_json("server.json")
    os.kill(before.pid, signal.SIGKILL)
    up.hear("server restarted in .*its process had ended")
    after = up.folder.read_json("server.json")
    assert address is not None
    assert after is not None
    assert after["url"] == address["url"]
    assert up.identity("server") != before
    assert up.stop() == Exit.DONE


def test_a_service_that_keeps_ending_is_started_more_and_more_slowly(start: Start) -> None:
    up = start("short_lived")
    first = up.hear("short-lived ended with status 1;")
    assert "RuntimeError: the moon is full" in first
    waits = [0.1]
    for times in (2, 3, 4):
        said = up.hear(f"{times} times in a row")
        waits.append(float(re.findall(r"in (\d+\.\d)s", said)[0]))
    assert waits == [0.1, 0.2, 0.4, 0.8]


def test_a_service_that_never_serves_ends_the_start_with_its_last_words(start: Start) -> None:
    up = start("steady", "unready")
    assert up.wait() == Exit.UNEXPECTED
    assert "unready does not start: RuntimeError: the moon is" in up.said[-1]
    assert "unready.log" in up.said[-1]
    assert "\x1b" not in "".join(up.said)
    assert up.folder.read_json("up.json") is None


def test_a_reason_that_stays_ends_the_start_at_once(start: Start) -> None:
    up = start("hopeless")
    assert up.wait() == Exit.NO_SERVER
    assert "hopeless does not start: the server refused the credential. Look at it." in up.said[-1]
    assert sum("hopeless ended" in line for line in up.said) == 1


def test_one_that_takes_long_to_serve_does_not_hold_up_the_rest(start: Start) -> None:
    up = start("steady", "silent", program=("-c", IMPATIENT))
    up.hear(r"silent still does not serve after 0\.2s; the rest does\.")
    up.hear("up on")
    assert up.identity("silent").is_alive()
    assert up.stop() == Exit.DONE


def test_a_second_ctrl_c_kills_what_does_not_end(start: Start) -> None:
    up = start("stubborn")
    up.hear("up on")
    stubborn = up.identity("stubborn")
    up.process.send_signal(signal.SIGINT)
    up.hear("stopping")
    assert stubborn.is_alive()
    assert up.stop() == Exit.DONE
    assert any("stubborn is killed: you asked twice" in line for line in up.said)
    assert not stubborn.is_alive()


def test_a_second_up_on_the_folder_is_refused_and_told_by_whom(start: Start) -> None:
    first = start("steady")
    first.hear("up on")
    second = start("steady")
    assert second.wait() == Exit.NO_SERVER
    assert f"is in use by process {first.process.pid}." in second.said[-1]
    assert first.folder.read_json("up.json") is not None
    assert first.stop() == Exit.DONE


def test_when_it_is_killed_everything_ends_and_the_next_one_starts(start: Start) -> None:
    up = start("steady", "stubborn")
    up.hear("up on")
    everything = [up.identity(name) for name in ("steady", "stubborn", "server")]
    up.process.kill()
    assert wait_until(lambda: not any(process.is_alive() for process in everything), 10)
    again = start("steady")
    again.hear("up on")
    assert again.stop() == Exit.DONE


def test_a_folder_that_cannot_be_made_is_one_sentence(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    up = start("steady", settings=Settings(data=tmp_path / "file" / "coord"))
    assert up.wait() == Exit.USAGE
    assert len(up.said) == 1
    assert "cannot be made: Not a directory." in up.said[0]


def test_an_external_server_that_cannot_be_asked_is_refused(start: Start, tmp_path: Path) -> None:
    lender = start("steady", settings=Settings(data=tmp_path / "lender"))
    lender.hear("up on")
    address = lender.folder.read_json("server.json")
    assert address is not None
    url = address["url"].replace("nats://", "nats://user:secret@")
    up = start("steady", settings=Settings(data=tmp_path / "coord", nats=url))
    assert up.wait() == Exit.NO_SERVER
    assert "nats_monitor is not set" in up.said[-1]
    assert "secret" not in "".join(up.said)

    settings = Settings(data=tmp_path / "coord", nats=url, nats_monitor=address["monitor"])
    accepted = start("steady", settings=settings)
    accepted.hear("the external server fsyncs on every message")
    accepted.hear("up on")
    assert "secret" not in json.dumps(accepted.folder.read_json("server.json"))
    assert accepted.stop() == Exit.DONE
    assert lender.identity("server").is_alive()
