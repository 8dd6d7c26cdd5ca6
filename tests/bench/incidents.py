"""The four training incidents, provoked for real on a real house, with a picture of each drawn from the log.

    python -P tests/bench/incidents.py [--out FOLDER] [--data FOLDER] [incident ...]

Each is a run beside an untouched one of the same seed: a corrupted batch, a learning rate 200 times too high
for one step, three batches that make NaN, and an allocation that fails under a limit. Prints the last canary
of both, and exits with 7 when one ends more than 1 % above the untouched run. Needs the extra `plot`.
"""

import argparse
import json
import math
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from houses import House, running_house

WITHIN = 0.01
SMALL: Final = ("--steps", "900", "--seed", "3", "--checkpoint-every", "50", "--canary-every", "10")
LARGE: Final = (
    "--steps", "40", "--seed", "3", "--batch", "192", "--context", "128", "--width", "128",
    "--canary-every", "5", "--checkpoint-every", "20", "--evaluate-every", "40",
)  # fmt: skip
INCIDENTS: Final = {
    "corrupt-batch": (SMALL, ("--drill", "corrupt-batch@500"), "one batch of noise"),
    "learning-rate": (SMALL, ("--drill", "learning-rate@500x200"), "one step at 200 times the learning rate"),
    "not-finite": (SMALL, ("--drill", "nan-batch@500x3"), "three batches that are not numbers"),
    "out-of-memory": (LARGE, ("--memory-limit", "700MiB"), "an allocation that fails"),
}


@dataclass
class Curve:
    """A run as the log tells it."""

    loss: list[tuple[int, float]] = field(default_factory=list)
    canary: list[tuple[int, float]] = field(default_factory=list)
    left_out: list[tuple[int, float]] = field(default_factory=list)
    directives: list[tuple[int, str]] = field(default_factory=list)
    out_of_memory: list[int] = field(default_factory=list)
    outcome: str = ""


def trained(house: House, run: str, words: tuple[str, ...]) -> Curve:
    """Train a run to its end, and read its curve from the log."""
    process = house.cli.start("train", "--run", run, *words)
    _, said = process.communicate()
    told = said.decode().strip()
    if process.returncode:
        sys.exit(f"coord train {run} ended with {process.returncode}: {told[-400:]}")
    say(f"  {told.splitlines()[-1].partition(';')[0]}")
    return curve_of(house, run)


def curve_of(house: House, run: str) -> Curve:
    """Read what a run told."""
    curve, actions = Curve(), {row["id"]: row["action"] for row in directives_of(house, run)}
    for entry in house.ask("history", run, "--aggregate", "run", "--limit", "1000")["events"]:
        fields = entry["fields"]
        match entry["type"].rpartition(".v")[0]:
            case "run.metrics_recorded":
                for point in fields["points"]:
                    take(curve, point["step"], point["values"])
            case "run.directive_applied":
                curve.directives.append((fields["step"], actions.get(fields["directive_id"], "?")))
            case "run.out_of_memory":
                curve.out_of_memory.append(fields["step"])
            case "run.finished":
                curve.outcome = fields["outcome"]
    return curve


def directives_of(house: House, run: str) -> list[dict[str, Any]]:
    """Ask what the run was asked."""
    (row,) = house.ask("runs", run)["rows"]
    return list(row.get("directives", ()))


def take(curve: Curve, step: int, values: dict[str, Any]) -> None:
    """Add one point."""
    if "loss" in values:
        curve.loss.append((step, float(values["loss"])))
        if values.get("skipped"):
            curve.left_out.append((step, float(values["loss"])))
    if "canary_loss" in values:
        curve.canary.append((step, float(values["canary_loss"])))


def draw(name: str, what: str, untouched: Curve, hurt: Curve, out: Path) -> None:
    """Draw both runs, what was left out, and what was asked."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4.2), dpi=120)
    axes.plot(*zip(*untouched.loss, strict=True), color="#b8c4cf", linewidth=0.8, label="untouched: loss")
    axes.plot(*zip(*finite(hurt.loss), strict=True), color="#3b6ea5", linewidth=0.8, label="this run: loss")
    axes.plot(*zip(*finite(hurt.canary), strict=True), color="#2f8f5b", linewidth=1.6, label="canary")
    top = max(value for _, value in finite(hurt.loss))
    marks = [(step, value if math.isfinite(value) else top) for step, value in hurt.left_out]
    if marks:
        axes.plot(*zip(*marks, strict=True), "^", color="#c0392b", label="update left out ▲")
    for step in hurt.out_of_memory:
        axes.axvline(step, color="#c0392b", linestyle=":", label="allocation failed")
    for step, action in hurt.directives:
        axes.axvline(step, color="#8e5ea2", linewidth=0.8)
        axes.annotate(f"◆ {action} @ {step}", (step, top * 0.92), color="#8e5ea2", fontsize=9)
    axes.set(xlabel="step", ylabel="nats a byte", title=f"{name}: {what}")
    axes.legend(loc="upper right", fontsize=8)
    figure.tight_layout()
    figure.savefig(out / f"{name}.png")
    pyplot.close(figure)


def finite(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return the points that can be drawn."""
    return [(step, value) for step, value in points if math.isfinite(value)]


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Provoke the incidents that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("incidents", nargs="*", metavar="incident", help=", ".join(INCIDENTS))
    parser.add_argument("--out", type=Path, default=Path(".bench"))
    chosen = parser.parse_args()
    wanted = chosen.incidents or list(INCIDENTS)
    if unknown := set(wanted) - set(INCIDENTS):
        parser.error(f"there is no incident {min(unknown)}; there are {', '.join(INCIDENTS)}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    missed: list[str] = []
    untouched: dict[tuple[str, ...], Curve] = {}
    with tempfile.TemporaryDirectory() as home, running_house(Path(home)) as house:
        for name in wanted:
            shape, fault, what = INCIDENTS[name]
            say(f"{name}: {what}")
            if shape not in untouched:
                untouched[shape] = trained(house, f"untouched-{len(untouched)}", shape)
            hurt = trained(house, name, (*shape, *fault))
            draw(name, what, untouched[shape], hurt, chosen.out)
            ratio = hurt.canary[-1][1] / untouched[shape].canary[-1][1]
            asked = ", ".join(f"{action} @ {step}" for step, action in hurt.directives) or "nothing"
            say(
                f"  canary {hurt.canary[-1][1]:.4f} beside {untouched[shape].canary[-1][1]:.4f} untouched:"
                f" {100 * (ratio - 1):+.2f} %; asked: {asked}; updates left out: {len(hurt.left_out)}"
            )
            if not ratio <= 1 + WITHIN:
                missed.append(name)
            say(json.dumps({"incident": name, "ratio": round(ratio, 5), "picture": f"{name}.png"}))
    return 7 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
