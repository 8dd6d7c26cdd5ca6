"""Several ranks under torchrun: the same training as one, and of one mind."""

import subprocess
import sys
from pathlib import Path

import pytest
from trainers import DRIVER, Remembering, lines_of, trainer_on

from coord.training_worker.drills import read_drill

STEPS = 100
WAIT_SECONDS = 110


def test_two_ranks_give_the_losses_of_one_whatever_happens_on_one_of_them(tmp_path: Path) -> None:
    """The last row of batch 90, which is rank 1's, is not a number; rank 0 alone hears a directive."""
    for name in ("two", "one"):
        (tmp_path / name).mkdir()
    losses = tmp_path / "two" / "losses"
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "--",
            DRIVER, str(tmp_path / "two"), str(losses), str(STEPS), "--drill", "nan-batch@90",
            "--ask", '95 roll_back {"before_step": 60, "skip_batches": [61]}',
        ],
        capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("threads of the group that are left: []") == 2
    assert "step 90, batch 90: the loss is nan; its update is left out" in done.stderr
    run = Remembering().ask(95, "roll_back", before_step=60, skip_batches=[61])
    trainer_on(tmp_path / "one", run, steps=STEPS, drills=(read_drill("nan-batch@90"),)).train()
    told = [line for line in lines_of(losses) if isinstance(line, list)]
    steps = [*range(96), *range(60, STEPS)]
    assert [step for step, *_ in told] == [step for step, _ in run.points] == steps
    assert [batch for *_, batch in told] == run.batches()
    assert [float.fromhex(loss) for _, loss, _ in told] == pytest.approx(
        [values["loss"] for _, values in run.points], rel=1e-3, nan_ok=True
    )
    assert {"applied": "roll_back", "step": 96} in lines_of(losses)
