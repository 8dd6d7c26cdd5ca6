"""An acceptance check with Phoenix, a trace database: what the exporter sent is there once, by its own interface.

    python3 -m venv /tmp/phoenix && /tmp/phoenix/bin/pip install arize-phoenix
    .venv/bin/python -P tests/bench/phoenix.py /tmp/phoenix/bin/python [items]

Opt-in: Phoenix takes some 850 MB of disk and half a minute to start. The exporter is killed -9 on the way.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.exporting import SPANS_AN_ITEM, end, say, with_server
from conftest import Server
from exporters import Exporter
from receivers import free_port, listens, until

from coord.services import clock

ITEMS = 1_667
START_SECONDS = 180.0
PATIENCE_SECONDS = 240.0
PAGE = 1_000


class Phoenix:
    """Phoenix as a process, with all it keeps in a folder of its own."""

    def __init__(self, python: str, folder: Path) -> None:
        self.port = free_port()
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PHOENIX_"))
        }
        environment = kept | {
            "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(self.port), "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_WORKING_DIR": str(folder), "PHOENIX_TELEMETRY_ENABLED": "false", "HOME": str(folder),
        }  # fmt: skip
        self._log = (folder / "phoenix.txt").open("wb")
        self._process = subprocess.Popen(
            [python, "-m", "phoenix.server.main", "serve"],
            env=environment,
            stdout=self._log,
            stderr=self._log,
        )
        until(lambda: listens(self.port), "Phoenix", START_SECONDS)

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    def spans(self) -> list[tuple[str, str]]:
        """Return trace and span of all spans that it has."""
        found: list[tuple[str, str]] = []
        cursor = ""
        while True:
            page = self._ask(
                f"/v1/projects/default/spans?limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
            )
            found += [(one["context"]["trace_id"], one["context"]["span_id"]) for one in page["data"]]
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return found

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _ask(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as response:
                return json.load(response)
        except OSError:
            return {"data": []}


def main(python: str, items: int) -> None:
    """Send, kill, send on, and count what is there."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "phoenix").mkdir()
        phoenix = Phoenix(python, Path(name) / "phoenix")

        def body(server: Server) -> None:
            exporter = Exporter(server, phoenix.url, OTEL_LOGS_EXPORTER="none").start()
            try:
                end(server, 0, items // 2)
                until(lambda: exporter.signal_status("traces")["sent"] > 0, seconds=PATIENCE_SECONDS)
                exporter.kill()
                exporter.start()
                end(server, items // 2, items)
                began = clock.monotonic()
                until(lambda: len(phoenix.spans()) >= SPANS_AN_ITEM * items, seconds=PATIENCE_SECONDS)
            finally:
                exporter.kill()
            found = phoenix.spans()
            say(f"Phoenix: {items:,} items ended, exporter killed -9 once: {len(set(found)):,} unique spans there, "
                f"{len(found) - len(set(found))} double, {SPANS_AN_ITEM * items - len(set(found))} lost, "
                f"{clock.monotonic() - began:.1f} s after the last end")  # fmt: skip
            assert len(found) == len(set(found)) == SPANS_AN_ITEM * items

        try:
            with_server(Path(name), body)
        finally:
            phoenix.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else ITEMS)
