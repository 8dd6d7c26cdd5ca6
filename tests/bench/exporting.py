"""What the exporter loses, repeats and costs: 5,000 items end while it is killed -9 twice and its collector is away.

    .venv/bin/python -P tests/bench/exporting.py [items]

Once against oteltap over HTTP and once against rotel over gRPC, which passes on to a receiver of ours. A span is
double when the same (trace, span) was kept twice by a receiver that keeps one of each; what was sent again because the
exporter died between the collector's yes and its own is counted apart. Then the same items again, calmly: how many
spans a second, and what each costs of a core.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conftest import Server
from exporters import Exporter, end_items, with_log
from receivers import Grpc, Rotel, Tap, until
from seen_spans import SeenSpan

from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

ITEMS = 5_000
SPANS_AN_ITEM = 3
AWAY_SECONDS = 8.0
PATIENCE_SECONDS = 240.0


@dataclass
class Collector:
    """A collector that can be stopped and started, and what it has seen."""

    name: str
    url: str
    start: Callable[[], Any]
    stop: Callable[[], None]
    seen: Callable[[], list[SeenSpan]]
    close: Callable[[], None]
    variables: dict[str, str]


def oteltap(folder: Path) -> Collector:
    """oteltap over HTTP."""
    tap = Tap(folder)
    return Collector("oteltap (HTTP)", tap.url, tap.start, tap.stop, tap.spans, tap.stop, {})


def rotel(folder: Path) -> Collector:
    """rotel over gRPC."""
    onward = Grpc().start()
    agent = Rotel(folder, onward)

    def close() -> None:
        agent.stop()
        onward.close()

    variables = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    return Collector("rotel (gRPC)", agent.url, agent.start, agent.stop, onward.spans, close, variables)


def say(sentence: str) -> None:
    """Print one line of the report."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def with_server(folder: Path, body: Callable[[Server], None]) -> None:
    """Run on a server with its streams declared."""
    settings = Settings(data=folder / "coord")
    embedded = EmbeddedServer(Folder(settings.data), settings)
    server = Server(Folder(settings.data), settings, embedded, embedded.start())

    async def nothing(_: Log) -> None:
        return

    try:
        with_log(server, nothing)
        body(server)
    finally:
        embedded.stop()


def end(server: Server, first: int, last: int) -> None:
    """Let items be submitted, claimed and completed."""
    with_log(server, lambda log: end_items(log, [f"w-{number}" for number in range(first, last)]))


def hostile(collector: Collector, items: int) -> Callable[[Server], None]:
    """Kill the exporter twice and take the collector away for a while; everything arrives."""

    def body(server: Server) -> None:
        third = items // 3
        collector.start()
        exporter = Exporter(server, collector.url, **collector.variables).start()
        try:
            end(server, 0, third)
            until(lambda: exporter.signal_status("traces")["sent"] > 0, seconds=PATIENCE_SECONDS)
            exporter.kill()
            collector.stop()
            gone_at = clock.monotonic()
            exporter.start()
            end(server, third, 2 * third)
            until(lambda: exporter.signal_status("traces")["trouble"], seconds=PATIENCE_SECONDS)
            exporter.kill()
            exporter.start()
            end(server, 2 * third, items)
            while clock.monotonic() - gone_at < AWAY_SECONDS:
                time.sleep(0.1)
            collector.start()
            until(lambda: exporter.signal_status("traces")["behind"] == 0 and _whole(collector, items),
                  seconds=PATIENCE_SECONDS)  # fmt: skip
        finally:
            exporter.kill()
        _tell(collector, items)

    return body


def calm(collector: Collector, items: int) -> Callable[[Server], None]:
    """Measure how fast a backlog is sent, and at what cost."""

    def body(server: Server) -> None:
        end(server, 0, items)
        collector.start()
        exporter = Exporter(server, collector.url, **collector.variables).start()
        try:
            before, began = exporter.cpu_seconds(), clock.monotonic()
            wanted = SPANS_AN_ITEM * items
            until(lambda: exporter.signal_status("traces")["sent"] >= wanted, seconds=PATIENCE_SECONDS)
            took, cpu = clock.monotonic() - began, exporter.cpu_seconds() - before
        finally:
            exporter.kill()
        say(f"{collector.name}: {wanted:,} spans in {took:.1f} s, {wanted / took:,.0f}/s; "
              f"{cpu / wanted * 1e6:.0f} us of a core a span, {wanted / cpu:,.0f} spans a second of one core")  # fmt: skip

    return body


def _whole(collector: Collector, items: int) -> bool:
    return len({one.identity for one in collector.seen()}) >= SPANS_AN_ITEM * items


def _tell(collector: Collector, items: int) -> None:
    spans = collector.seen()
    roots = {one.attributes["cicd.pipeline.run.id"] for one in spans if one.name.startswith("RUN ")}
    root_ids = {one.identity for one in spans if one.name.startswith("RUN ")}
    unique = {one.identity for one in spans}
    lost = items - len(roots)
    say(f"{collector.name}: {items:,} items ended, exporter killed -9 twice, collector away {AWAY_SECONDS:g} s: "
          f"{len(root_ids):,} unique root spans of {len(roots):,} items, {lost} lost, {len(root_ids) - len(roots)} double; "
          f"{len(unique):,} unique spans in all, {len(spans) - len(unique):,} sent again with the same ids")  # fmt: skip
    assert (lost, len(root_ids), len(unique)) == (0, items, SPANS_AN_ITEM * items)


def main(items: int) -> None:
    """Do all of it."""
    makers = [oteltap, *([rotel] if Rotel.is_here() else [])]
    if len(makers) == 1:
        say("rotel is not installed: only oteltap is sent to")
    for make in makers:
        for scene in (hostile, calm):
            with tempfile.TemporaryDirectory() as name:
                collector = make(Path(name))
                try:
                    with_server(Path(name), scene(collector, items))
                finally:
                    collector.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS)
