"""The small parts of the supervisor: the brake, readiness, logs, one service alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coord.events.errors import FolderTaken, NoServer, UsageError
from coord.services.folder import Folder
from coord.services.ready import READY_VARIABLE, tell_ready
from coord.services.settings import Settings
from coord.services.supervisor.brake import FIRST_SECONDS, LONGEST_SECONDS, STEADY_SECONDS, Brake
from coord.services.supervisor.children import LOG_BYTES_MAX, set_aside
from coord.services.supervisor.serve import ALONE, SERVICES, serve


def test_the_wait_doubles_up_to_a_limit() -> None:
    brake = Brake()
    waits = [brake.after(0.0) for _ in range(30)]
    assert waits[:4] == [FIRST_SECONDS * factor for factor in (1, 2, 4, 8)]
    assert waits[-1] == max(waits) == LONGEST_SECONDS


def test_after_a_steady_life_the_wait_begins_anew() -> None:
    brake = Brake()
    for _ in range(5):
        brake.after(0.0)
    assert brake.after(STEADY_SECONDS) == FIRST_SECONDS


def test_readiness_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, told = os.pipe()
    monkeypatch.setenv(READY_VARIABLE, str(told))
    tell_ready()
    tell_ready()
    with open(heard, "rb") as listener:
        assert listener.read() == b"ready\n"


@pytest.mark.parametrize("value", [None, "", "x", "99999"])
def test_readiness_is_told_to_nobody_when_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(READY_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(READY_VARIABLE, value)
    tell_ready()


def test_a_log_too_large_is_set_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a" * (LOG_BYTES_MAX + 1))
        set_aside(log)
        writer.write(b"after")
        assert log.read_bytes() == b"after"
        set_aside(log)
    assert log.read_bytes() == b"after"
    assert (tmp_path / "x.log.1").stat().st_size == LOG_BYTES_MAX + 1


def test_a_service_that_does_not_exist_is_a_wrong_request(settings: Settings) -> None:
    with pytest.raises(UsageError, match="there is no service 'typo'") as caught:
        serve("typo", settings)
    assert ", ".join(SERVICES) in caught.value.hint


def test_what_a_service_refuses_reaches_its_caller(settings: Settings) -> None:
    with pytest.raises(NoServer, match="refused the credential"):
        serve("hopeless", settings, {"hopeless": "tiny_services.hopeless"})


@pytest.mark.parametrize("name", sorted(ALONE))
def test_what_tells_everything_twice_if_there_are_two_is_refused_beside_another(
    settings: Settings, name: str
) -> None:
    held = Folder(settings.data).hold(name)
    with pytest.raises(FolderTaken, match=f"{name} .* is run already by process {os.getpid()}"):
        serve(name, settings, {name: "tiny_services.hopeless"})
    os.close(held)
    for _ in range(2):
        with pytest.raises(NoServer, match="refused the credential"):
            serve(name, settings, {name: "tiny_services.hopeless"})


def test_what_services_share_starts_no_thread_and_can_be_forked() -> None:
    asked = "from coord.services.supervisor import up; import os; up.import_shared(); print(os.listdir('/proc/self/task'))"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert len(told.stdout.split(",")) == 1
