"""How many metrics a training logger takes, what one costs, and what it leaves on the disk.

Each tool is told five metrics a step, as fast as it takes them, in a process of its own; closing and flushing count,
and so does the CPU of its threads and children. What was on the disk before is not counted. A tool that cannot be
imported is missing, and said to be.

`telemetry_peers.py` runs this file with the interpreter that has the tools: nothing of coord is imported but by coord's own.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.loggers import TOOLS, cpu_seconds, metrics

METRICS_A_STEP: Final = 5
_SECONDS_MAX: Final = 300


def measure(tool: str, folder: Path, steps: int) -> dict[str, float]:
    """Tell a tool so many steps; seconds, CPU seconds and bytes on the disk, each of the whole."""
    given = [metrics(step) for step in range(steps)]
    logger = TOOLS[tool](folder)
    before = bytes_below(folder)
    began, cpu_began = time.monotonic(), cpu_seconds()
    for step, values in enumerate(given):
        logger.log(step, values)
    logger.close()
    seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu_began
    return {"seconds": seconds, "cpu_seconds": cpu, "bytes": bytes_below(folder) - before}


def bytes_below(folder: Path) -> int:
    """Return what lies in a folder and below it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure_apart(tool: str, python: str, folder: Path, steps: int) -> dict[str, float] | str:
    """Measure a tool in a process of its own; or say why that does not go."""
    command = [python, "-W", "ignore", __file__, tool, str(folder), str(steps)]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=folder, timeout=_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return f"took more than {_SECONDS_MAX} s"
    if ran.returncode:
        last = (ran.stderr.strip() or "it said nothing").splitlines()[-1]
        return "not installed" if "ModuleNotFoundError" in last else f"failed: {last[:80]}"
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))) + "\n")
