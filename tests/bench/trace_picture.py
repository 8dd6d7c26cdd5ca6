"""Draw one exported trace as a waterfall, as Jaeger shows them: from what a receiver got, of a real item.

    .venv/bin/python -P tests/bench/trace_picture.py [OUT.png]

A house is started and exports to oteltap. An agent claims an item and dies; its lease runs out; another agent claims it,
runs a short training for it, and completes it. What oteltap received of that item's trace, and of the run's, is drawn.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from command_line import Cli
from houses import House, running_house
from houses import until as soon
from receivers import Tap, until
from seen_spans import SeenSpan

from coord.services.settings import Settings
from coord.training_worker import Run

OUT: Final = Path(__file__).resolve().parents[2] / "deploy" / "pictures" / "trace.png"
ITEM: Final = "w-corpus"
NS: Final = 1_000_000_000
COLOURS: Final = {
    "RUN": "#17877f", "Queued": "#b9c3cb", "invoke_agent": "#3b82c4", "TRAIN": "#8a5bb5", "life": "#b79ad6",
}  # fmt: skip
WRONG: Final = "#d64545"
INK: Final = "#20262c"
FAINT: Final = "#6d7780"
ROW: Final = 0.42


def live(house: House) -> None:
    """Let an item be tried twice, and a run be made for it."""
    for agent in ("ada", "grace"):
        house.ask("register", agent, "--team", "research")
    house.ask("submit", "Train on the corpus", "--id", ITEM, "--team", "research", "--lease", "2s")
    house.ask("claim", ITEM, "--agent", "ada", "--lease", "2s")
    soon(lambda: "work.lease_expired" in house.cli.run("history", ITEM, "--json").out)
    house.ask("claim", ITEM, "--agent", "grace", "--lease", "60s")
    house.ask("progress", ITEM, "--agent", "grace", "--note", "training")
    settings = Settings(data=house.folder.root)
    with Run("corpus", run_id="corpus-1", work_item=ITEM, settings=settings) as run:
        fit(run)
    house.ask("complete", ITEM, "--agent", "grace")


def fit(run: Run) -> None:
    """Fit a line by gradient descent, a little slowly, and tell the loss of each step."""
    points = [(x / 10, 3 * x / 10 + 1) for x in range(20)]
    slope = offset = 0.0
    for step in range(120):
        faults = [(slope * x + offset - y, x) for x, y in points]
        slope -= 0.1 * sum(fault * x for fault, x in faults) / len(points)
        offset -= 0.1 * sum(fault for fault, _ in faults) / len(points)
        run.log(step, loss=sum(fault * fault for fault, _ in faults) / len(points))
        time.sleep(0.012)


def rows_of(spans: list[SeenSpan]) -> list[tuple[int, SeenSpan]]:
    """Return the spans of traces, one trace after the other, each under its parent, in the order of time."""
    found: list[tuple[int, SeenSpan]] = []
    roots = sorted((span for span in spans if not span.parent), key=lambda span: span.began_ns)
    for root in roots:
        found.append((0, root))
        children = (span for span in spans if span.trace == root.trace and span.parent)
        found += [(1, span) for span in sorted(children, key=lambda span: (span.began_ns, span.ended_ns))]
    return found


def draw(spans: list[SeenSpan], out: Path) -> None:
    """Draw the waterfall into a PNG."""
    from matplotlib import pyplot

    rows = rows_of(spans)
    first = min(span.began_ns for span in spans)
    last = max(span.ended_ns for span in spans)
    whole = (last - first) / NS
    figure, axes = pyplot.subplots(figsize=(12, 1.5 + ROW * len(rows)), dpi=150)
    for place, (depth, span) in enumerate(rows):
        _bar(axes, place, depth, span, first, whole)
    _links(axes, rows, first, whole)
    axes.set_xlim(-0.42 * whole, 1.16 * whole)
    axes.set_ylim(len(rows) - 0.4, -0.9)
    axes.set_yticks([])
    ticks = [whole * part / 4 for part in range(5)]
    axes.set_xticks(ticks, [f"{tick:.1f} s" for tick in ticks], color=FAINT, fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(axis="x", color="#e6eaed", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    root = rows[0][1]
    figure.suptitle(
        f"{root.name}: {root.attributes['coord.work.title']}   {whole:.1f} s, {len(rows)} spans, trace {root.trace[:16]}",
        x=0.02, ha="left", fontsize=11, color=INK, fontweight="bold",
    )  # fmt: skip
    figure.text(
        0.02, 0.015, "as oteltap received it; grey: waiting, red: the lease ran out, dashed: links between spans",
        fontsize=8, color=FAINT,
    )  # fmt: skip
    figure.tight_layout(rect=(0, 0.03, 1, 0.97))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, facecolor="white")
    pyplot.close(figure)


def _bar(axes: Any, place: int, depth: int, span: SeenSpan, first: int, whole: float) -> None:
    began, took = (span.began_ns - first) / NS, (span.ended_ns - span.began_ns) / NS
    colour = WRONG if span.status == 2 else COLOURS[span.name.partition(" ")[0]]
    axes.barh(place, max(took, 0.004 * whole), left=began, height=0.62, color=colour, zorder=3)
    name = span.name if len(span.name) <= 30 else span.name[:29] + "…"
    weight = "bold" if depth == 0 else "normal"
    axes.text(
        -0.41 * whole + depth * 0.02 * whole,
        place,
        name,
        va="center",
        fontsize=9,
        color=INK,
        fontweight=weight,
    )
    told = f"{took:.2f} s" if took >= 1 else f"{took * 1000:.0f} ms"
    if span.status == 2:
        told += f"  {span.attributes.get('error.type', 'error')}"
    axes.text(
        began + max(took, 0.004 * whole) + 0.008 * whole, place, told, va="center", fontsize=8, color=FAINT
    )


def _links(axes: Any, rows: list[tuple[int, SeenSpan]], first: int, whole: float) -> None:
    """Draw each link as a dashed arrow to the span that it points to."""
    places = {span.identity: (place, span) for place, (_, span) in enumerate(rows)}
    for place, (_, span) in enumerate(rows):
        for trace, to, kind in span.links:
            if (trace, to) not in places:
                continue
            other, target = places[trace, to]
            tip = (min(target.ended_ns, span.began_ns) - first) / NS
            begin = (span.began_ns - first) / NS
            axes.annotate(
                "", xy=(tip, other + 0.33), xytext=(begin, place - 0.1), zorder=4,
                arrowprops={"arrowstyle": "->", "linestyle": (0, (3, 2)), "color": INK, "linewidth": 0.9,
                            "connectionstyle": "arc3,rad=0.15"},
            )  # fmt: skip
            axes.text(
                begin - 0.01 * whole, place + 0.12, kind, fontsize=8, color=INK, ha="right", va="center"
            )


def main(out: Path) -> None:
    """Live it, and draw what was received."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        tap = Tap(root).start()

        def exporting(home: Path, environment: dict[str, str]) -> Cli:
            return Cli(home, environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": tap.url})

        try:
            with running_house(root, exporting) as house:
                live(house)
                until(lambda: sum(not span.parent for span in tap.spans()) == 2)
        finally:
            tap.stop()
        draw(tap.spans(), out)
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
