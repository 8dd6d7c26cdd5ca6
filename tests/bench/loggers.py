"""What telling the metrics of a step costs a training loop: coord's Run beside TensorBoard, W&B and trackio.

Two loops a tool, in a process of its own, on the same machine in turn. Calls: 5,000 of five metrics one after
the other; of each its wall time, of all the CPU of the calling thread, less that of calling nothing; what the
imports left to the garbage collector is collected before. Steps: 1,000 of 5 ms, which sleep and log once; all CPU of the process, its other threads and its children,
closing and flushing included, less that of the same loop without a logger. So nothing that a tool does beside
the step stays uncounted but servers: of coord's, the server's own share is told in a line below.

Run it: python -P tests/bench/loggers.py --python PATH [--tools coord tensorboard wandb trackio] [--json]. PATH
is an interpreter that has the others, in an environment of its own:
    python -m venv /tmp/loggers && /tmp/loggers/bin/pip install torch tensorboard wandb trackio
Bars: a call of coord's <= 5 us CPU; and it adds less to a step than any other.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

CALLS: Final = 5_000
STEPS: Final = 1_000
STEP_SECONDS: Final = 0.005
SETTLE_SECONDS: Final = 0.5
CALL_BAR_US: Final = 5.0
OTHERS: Final = ("tensorboard", "wandb", "trackio")
_TICKS: Final = os.sysconf("SC_CLK_TCK")

Metrics = dict[str, float]


class Logger(NamedTuple):
    """One tool: how a step is told, and how it is ended."""

    log: Callable[[int, Metrics], None]
    close: Callable[[], Any]


def coord(folder: Path) -> Logger:
    """Say it to a real server, whose data folder is given."""
    from coord.services.settings import Settings
    from coord.training_worker import Run

    run = Run("bench", settings=Settings(data=folder))
    return Logger(lambda step, values: run.log(step, **values), lambda: run.finish("completed", STEPS))


def tensorboard(folder: Path) -> Logger:
    """Write events files."""
    from torch.utils.tensorboard import SummaryWriter  # type: ignore[attr-defined,import-untyped,unused-ignore]

    writer = SummaryWriter(str(folder))

    def log(step: int, values: Metrics) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    return Logger(log, writer.close)


def wandb(folder: Path) -> Logger:
    """Write W&B's offline files; its own looks at the machine are off."""
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true")
    import wandb as tool  # type: ignore[import-not-found,unused-ignore]

    run = tool.init(
        project="bench", dir=str(folder), settings=tool.Settings(console="off", x_disable_stats=True)
    )
    return Logger(lambda step, values: run.log(values, step=step), run.finish)


def trackio(folder: Path) -> Logger:
    """Write trackio's local database; its own looks at the machine are off."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio as tool  # type: ignore[import-not-found,unused-ignore]

    run = tool.init(project="bench", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return Logger(lambda step, values: run.log(values, step=step), tool.finish)


def mlflow(folder: Path) -> Logger:
    """Write into MLflow's local database, a batch a step; its own looks at the machine are off."""
    os.environ.update(
        MLFLOW_TRACKING_URI=f"sqlite:///{folder}/mlflow.db", MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="false"
    )
    import mlflow as tool  # type: ignore[import-not-found,unused-ignore]

    tool.start_run()
    return Logger(lambda step, values: tool.log_metrics(values, step=step), tool.end_run)


def aim(folder: Path) -> Logger:
    """Write into Aim's local repository; its own looks at the machine and the terminal are off."""
    from aim import Run  # type: ignore[import-not-found,unused-ignore]

    run = Run(repo=str(folder), system_tracking_interval=None, capture_terminal_logs=False)

    def log(step: int, values: Metrics) -> None:
        run.track(values, step=step)

    return Logger(log, run.close)


TOOLS: Final[dict[str, Callable[[Path], Logger]]] = {
    "coord": coord, "tensorboard": tensorboard, "wandb": wandb, "trackio": trackio, "mlflow": mlflow, "aim": aim,
}  # fmt: skip


def metrics(step: int) -> Metrics:
    """Return the five metrics of a step."""
    return {
        "loss": 3.0 / (step + 1), "gradient_norm": 1.25, "learning_rate": 3e-4 - 1e-9 * step,
        "step_seconds": 0.005, "tokens_per_second": 81_920.0 + step,
    }  # fmt: skip


def cpu_seconds() -> float:
    """Return the CPU that this process and everything below it have used."""
    return time.process_time() + sum(cpu_of(pid) for pid in _below(os.getpid()))


def cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _below(pid: int) -> Iterable[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def calls(log: Callable[[int, Metrics], None]) -> dict[str, float]:
    """Log a row of steps, and return what one call took of the calling thread and of the wall clock."""
    given = [metrics(step) for step in range(CALLS)]
    wall_ns: list[int] = []
    gc.collect()
    began_ns = time.thread_time_ns()
    for step, values in enumerate(given):
        before = time.perf_counter_ns()
        log(step, values)
        wall_ns.append(time.perf_counter_ns() - before)
    cpu_ns = time.thread_time_ns() - began_ns
    wall_ns.sort()
    return {
        "call_cpu_us": cpu_ns / CALLS / 1e3,
        "call_p50_us": wall_ns[CALLS // 2] / 1e3,
        "call_p99_us": wall_ns[CALLS * 99 // 100] / 1e3,
    }


def steps(log: Callable[[int, Metrics], None], first: int) -> None:
    """Log once a step of 5 ms."""
    due = time.monotonic()
    for step in range(first, first + STEPS):
        log(step, metrics(step))
        due += STEP_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))


def measure(tool: str, folder: Path) -> dict[str, float]:
    """Measure one tool in this process."""
    nothing: Callable[[int, Metrics], None] = lambda step, values: None  # noqa: ARG005
    empty = calls(nothing)
    idle = cpu_seconds()
    steps(nothing, 0)
    idle = cpu_seconds() - idle

    logger = TOOLS[tool](folder)
    time.sleep(SETTLE_SECONDS)
    logger.log(0, metrics(0))
    found = calls(logger.log)
    found["call_cpu_us"] -= empty["call_cpu_us"]
    logger.close()
    time.sleep(SETTLE_SECONDS)

    logger = TOOLS[tool](folder)
    logger.log(0, metrics(0))
    time.sleep(SETTLE_SECONDS)
    busy = cpu_seconds()
    steps(logger.log, 1)
    logger.close()
    time.sleep(SETTLE_SECONDS)
    found["step_cpu_us"] = (cpu_seconds() - busy - idle) / STEPS * 1e6
    return found


def measure_apart(tool: str, python: str, folder: Path) -> dict[str, float]:
    """Measure one tool in a process of its own; a sentence and an exit when that does not go."""
    ran = subprocess.run(
        [python, "-W", "ignore", __file__, "--measure", tool, "--folder", str(folder)],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    if ran.returncode:
        last = (ran.stderr.strip() or "it said nothing").splitlines()[-1]
        sys.exit(
            f"{tool} cannot be measured with {python}: {last}\n"
            "Install what is missing, in an environment of its own, and name that: "
            "PYTHON -m pip install torch tensorboard wandb trackio"
        )
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def measure_coord(folder: Path) -> dict[str, float]:
    """Measure coord's own with a server of its own, and what the server took."""
    import asyncio

    from coord.services.folder import Folder
    from coord.services.log import Log, declare_streams
    from coord.services.server import EmbeddedServer
    from coord.services.settings import Settings

    settings = Settings(data=folder / "coord")
    server = EmbeddedServer(Folder(settings.data), settings)
    server.start()

    async def declare() -> None:
        log = await Log.connect(settings, Folder(settings.data))
        await declare_streams(log, settings)
        await log.close()

    try:
        asyncio.run(declare())
        assert server.pid is not None
        before = cpu_of(server.pid)
        found = measure_apart("coord", sys.executable, Path(settings.data))
        found["server_cpu_seconds"] = cpu_of(server.pid) - before
        return found
    finally:
        server.stop()


def table(found: dict[str, dict[str, float]]) -> str:
    """Write the figures, each with how many times coord's it is."""
    names = ("call_cpu_us", "call_p50_us", "call_p99_us", "step_cpu_us")
    own = found["coord"]
    lines = [
        f"{'':12} {'call, CPU us':>16} {'wall p50 us':>16} {'wall p99 us':>16} {'CPU us a 5 ms step':>20}"
    ]
    for tool, figures in found.items():
        cells = (f"{figures[name]:9.1f} {figures[name] / own[name]:5.1f}x" for name in names)
        lines.append(f"{tool:12} " + " ".join(f"{cell:>16}" for cell in cells))
    lines.append(f"coord's server: {own['server_cpu_seconds']:.2f} s of CPU in all, for both loops")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure every tool in turn, three times, and print the medians."""
    parser = argparse.ArgumentParser(description="What telling the metrics of a step costs.")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has the other tools")
    parser.add_argument("--tools", nargs="*", choices=OTHERS, default=list(OTHERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", choices=TOOLS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.measure:
        sys.stdout.write("\n" + json.dumps(measure(given.measure, given.folder)) + "\n")
        return 0
    rounds: dict[str, list[dict[str, float]]] = {}
    for _ in range(given.rounds):
        for tool in ("coord", *given.tools):
            with tempfile.TemporaryDirectory(prefix="coord-loggers-") as folder:
                one = (
                    measure_coord(Path(folder))
                    if tool == "coord"
                    else measure_apart(tool, given.python, Path(folder))
                )
            rounds.setdefault(tool, []).append(one)
    found = {
        tool: {name: median(one[name] for one in runs) for name in runs[0]} for tool, runs in rounds.items()
    }
    sys.stdout.write((json.dumps(found) if given.json else table(found)) + "\n")
    own = found["coord"]
    cheapest = min((found[tool]["step_cpu_us"] for tool in given.tools), default=own["step_cpu_us"])
    return 0 if own["call_cpu_us"] <= CALL_BAR_US and own["step_cpu_us"] <= cheapest else 7


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
