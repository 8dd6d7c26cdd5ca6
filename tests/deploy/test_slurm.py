"""The batch script of Slurm. There is no Slurm here: srun and scontrol are stand-ins of two lines that run what they are
given on this machine; the server and the trainer are the real ones, and so is torchrun in the first life (it starts slowly;
the second life is the trainer alone).
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from deployed import DEPLOY
from nats_servers import Running, credentials_file, running_server
from receivers import until

from coord.services.folder import Folder
from coord.services.log import Log, declare_streams
from coord.services.settings import Settings

SCRIPT: Final = DEPLOY / "slurm" / "train.sbatch"
SMALL: Final = (
    "--batch",
    "4",
    "--context",
    "16",
    "--layers",
    "1",
    "--heads",
    "2",
    "--width",
    "16",
    "--checkpoint-every",
    "10",
)
_SRUN: Final = '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do case "$1" in *=*|--overlap) shift;; *) shift 2;; esac; done\nexec "$@"\n'
_SCONTROL: Final = '#!/bin/sh\ncase "$1" in show) echo 127.0.0.1;; *) echo "$@" >>"$SLURM_ASKED";; esac\n'
_TORCHRUN: Final = """#!/bin/sh
[ -z "${{ALONE:-}}" ] || {{ while [ "$1" != -- ]; do shift; done; shift; exec "{python}" -m "$@"; }}
exec "{python}" -m torch.distributed.run "$@"
"""


@pytest.fixture
def server(known: Mapping[str, str], tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path / "server", known) as running:
        settings = Settings(
            data=tmp_path,
            nats=running.address.url,
            nats_credentials=credentials_file(tmp_path, "core", known),
        )
        asyncio.run(declared(settings))
        yield running


async def declared(settings: Settings) -> None:
    """Declare the streams, as a coordinator does."""
    log = await Log.connect(settings, Folder(settings.data), name="deploy")
    try:
        await declare_streams(log, settings)
    finally:
        await log.close()


@pytest.fixture
def job(server: Running, known: Mapping[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a job on one node."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (
        ("srun", _SRUN),
        ("scontrol", _SCONTROL),
        ("torchrun", _TORCHRUN.format(python=sys.executable)),
    ):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    return {
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "RUN": "r-1",
        "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "coord-train", "SLURM_JOB_NODELIST": "n1", "SLURM_JOB_NUM_NODES": "1",
        "SLURM_ASKED": str(tmp_path / "asked"), "COORD_NATS": server.address.url,
        "COORD_NATS_CREDENTIALS": str(credentials_file(tmp_path, "trainer", known)),
    }  # fmt: skip


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(job: dict[str, str]) -> Iterator[Start]:
    """Starts the script; whatever of it is left is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, **more: str) -> "subprocess.Popen[str]":
        command = ["bash", str(SCRIPT), *words]
        one = subprocess.Popen(
            command, env={**job, **more}, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(one)
        return one

    yield begin
    for one in started:
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.communicate()


def test_bash_reads_it() -> None:
    assert subprocess.run(["bash", "-n", SCRIPT], check=False).returncode == 0


def test_it_says_what_it_needs(tmp_path: Path) -> None:
    ran = subprocess.run(
        ["bash", SCRIPT],
        env={"PATH": os.environ["PATH"], "SLURM_JOB_ID": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "export COORD_NATS=" in ran.stderr


def test_a_job_whose_time_is_over_is_queued_again_and_goes_on_where_it_was(
    start: Start, tmp_path: Path
) -> None:
    text = str(DEPLOY.parent / "ARCHITECTURE.md")
    first = start(text, *SMALL, "--steps", "1000000")
    checkpoints = tmp_path / "coord" / "r-1" / "runs" / "r-1" / "checkpoints"
    until(lambda: any(checkpoints.glob("step-[1-9]*")), "a checkpoint", 90)
    first.send_signal(signal.SIGUSR1)
    told = first.communicate(timeout=60)[1]
    assert first.returncode == 0, told
    assert (tmp_path / "asked").read_text() == "requeue 7\n"
    reached = max(int(path.name.removeprefix("step-")) for path in checkpoints.glob("step-*"))
    second = start(text, *SMALL, "--steps", str(reached + 20), SLURM_RESTART_COUNT="1", ALONE="yes")
    told = second.communicate(timeout=60)[1]
    assert second.returncode == 0, told
    assert f"run r-1 goes on before step {reached:,}" in told
