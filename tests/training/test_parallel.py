"""Several ranks under torchrun: the same training as one, and of one mind."""

import subprocess
import sys
from pathlib import Path

import pytest
from trainers import DRIVER, Remembering, lines_of, trainer_on

from coord.training_worker.drills import read_drill

STEPS = 100
WAIT_SECONDS = 110


def test_two_ranks_give_the_losses_of_one_and_leave_out_what_is_no_number_on_one_of_them(
    tmp_path: Path,
) -> None:
    """The last row of batch 90, which is rank 1's, is not a number."""
    for name in ("two", "one"):
        (tmp_path / name).mkdir()
    losses = tmp_path / "two" / "losses"
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "--",
            DRIVER, str(tmp_path / "two"), str(losses), str(STEPS), "--drill", "nan-batch@90",
        ],
        capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "step 90, batch 90: the loss is nan; its update is left out" in done.stderr
    run = Remembering()
    trainer_on(tmp_path / "one", run, steps=STEPS, drills=(read_drill("nan-batch@90"),)).train()
    told = lines_of(losses)
    assert [step for step, *_ in told] == list(range(STEPS))
    assert [float.fromhex(loss) for _, loss, _ in told] == pytest.approx(
        list(run.losses.values()), rel=1e-3, nan_ok=True
    )
