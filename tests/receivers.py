"""Receivers of OpenTelemetry to send to: two made by others, and two of ours that can be told to misbehave.

Tap     oteltap, over HTTP: prints what it received
Rotel   a collector, over gRPC: passes on what it received, to another receiver over gRPC
Http    ours: answers what a test says
Grpc    ours, by the service that OpenTelemetry publishes: answers what a test says
"""

import contextlib
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from seen_spans import SeenSpan, attributes_of, span_of

from coord.services import clock

WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.05
OTELTAP = Path(sys.executable).with_name("oteltap")
_REQUESTS: dict[str, Any] = {
    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
    "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "/v1/logs": logs_service_pb2.ExportLogsServiceRequest,
}


def until(condition: Callable[[], Any], what: str = "the condition", seconds: float = WAIT_SECONDS) -> Any:
    """Wait until something holds, and return it; what is asked is long to read, so it is not asked all the time."""
    end = clock.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert clock.monotonic() < end, f"{what} did not come about in {seconds:g} s"
        time.sleep(LOOK_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Tap:
    """oteltap on a port of its own; it may be stopped and started again, and remembers."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.path = folder / f"tap-{self.port}.ndjson"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Tap":
        """Listen."""
        with self.path.open("ab", buffering=0) as out:
            out.write(b"\n")  # what a crash left of a line is none, and not the beginning of the next
            self._process = subprocess.Popen(
                [OTELTAP, "--port", str(self.port)], stdout=out, stderr=subprocess.DEVNULL
            )
        until(lambda: listens(self.port))
        return self

    def stop(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def seen(self) -> Iterator[dict[str, Any]]:
        """Yield everything received, as JSON; a line that is not whole, or not yet, is none."""
        for line in self.path.read_bytes().splitlines() if self.path.exists() else ():
            with contextlib.suppress(json.JSONDecodeError):
                yield from (told for told in [json.loads(line)] if isinstance(told, dict))

    def spans(self) -> list[SeenSpan]:
        """Return the spans received, again where they came again."""
        return [span_of(one) for one in self.seen() if "spanId" in one and "name" in one]

    def lines(self) -> list[dict[str, Any]]:
        """Return the log records received."""
        return [one for one in self.seen() if "severityNumber" in one]

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics received."""
        return [one for one in self.seen() if {"gauge", "sum", "histogram"} & one.keys()]


@dataclass(frozen=True)
class Answer:
    """What a receiver of ours says once: a status, and what goes with it."""

    status: Any = None
    """HTTP's number, or gRPC's code; None: yes."""
    after: str = ""
    rejected: int = 0
    words: str = ""
    if_has: str = ""
    """Only to a request in which this text stands; others are taken."""
    holds: float = 0.0
    """Seconds for which no answer comes."""


@dataclass
class Script:
    """What a receiver of ours answers, and what it was asked."""

    answers: "deque[Answer]" = field(default_factory=deque)
    """One a request, in order; then yes."""
    always: Answer = Answer()
    """When there are no more of those."""
    taken: list[Any] = field(default_factory=list)
    """Requests that were answered with yes, as protobuf."""
    asked: list[tuple[str, dict[str, str], int]] = field(default_factory=list)
    """Of every request: path or method, headers, and bytes."""

    def answer(self, place: str, headers: dict[str, str], body: bytes, request: Any) -> Answer:
        """Say what is answered now."""
        self.asked.append((place, headers, len(body)))
        answer = self.answers.popleft() if self.answers else self.always
        if answer.if_has and answer.if_has.encode() not in body:
            answer = Answer()
        if answer.holds:
            threading.Event().wait(answer.holds)
        if answer.status is None:
            self.taken.append(request)
        return answer

    def spans(self) -> list[SeenSpan]:
        """Return the spans taken, again where they came again."""
        return [
            span_of(span)
            for request in map(MessageToDict, self.taken)
            for resource in request.get("resourceSpans", ())
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of what was taken."""
        found = []
        for request in map(MessageToDict, self.taken):
            for of in ("resourceSpans", "resourceMetrics", "resourceLogs"):
                found += [attributes_of(one["resource"]) for one in request.get(of, ())]
        return found

    def metrics(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return each metric taken, after the attributes of its resource."""
        return [
            (attributes_of(one["resource"]), metric)
            for request in map(MessageToDict, self.taken)
            for one in request.get("resourceMetrics", ())
            for scope in one["scopeMetrics"]
            for metric in scope["metrics"]
        ]


class Http(Script):
    """Our receiver over HTTP."""

    def __init__(self, certificate: Path | None = None) -> None:
        """Listen; with a certificate (and its key in the same file) over TLS."""
        super().__init__()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._posted())
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _posted(self) -> type[http.server.BaseHTTPRequestHandler]:
        script = self

        class Posted(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                request: Any = _REQUESTS.get(self.path, trace_service_pb2.ExportTraceServiceRequest)()
                request.ParseFromString(body)
                headers = {key.lower(): value for key, value in self.headers.items()}
                answer = script.answer(self.path, headers, body, request)
                said = _said(self.path, answer) if answer.status is None else answer.words.encode()
                with contextlib.suppress(OSError):
                    self.send_response(answer.status or 200)
                    if answer.after:
                        self.send_header("retry-after", answer.after)
                    self.send_header("content-length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Posted


def _said(path: str, answer: Answer) -> bytes:
    if path.endswith("metrics"):
        response: Any = metrics_service_pb2.ExportMetricsServiceResponse()
        partial = "rejected_data_points"
    elif path.endswith("logs"):
        response, partial = logs_service_pb2.ExportLogsServiceResponse(), "rejected_log_records"
    else:
        response, partial = trace_service_pb2.ExportTraceServiceResponse(), "rejected_spans"
    if answer.rejected or answer.words:
        setattr(response.partial_success, partial, answer.rejected)
        response.partial_success.error_message = answer.words
    return bytes(response.SerializeToString())


class Grpc(Script):
    """Our receiver over gRPC; it may be stopped and started again on its port."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self._server: Any = None

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Grpc":
        """Listen."""
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        services: list[tuple[Any, Any, Callable[..., Any], str]] = [
            (trace_service_pb2_grpc.TraceServiceServicer, trace_service_pb2_grpc.add_TraceServiceServicer_to_server,
             trace_service_pb2.ExportTraceServiceResponse, "traces"),
            (metrics_service_pb2_grpc.MetricsServiceServicer,
             metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server,
             metrics_service_pb2.ExportMetricsServiceResponse, "metrics"),
            (logs_service_pb2_grpc.LogsServiceServicer, logs_service_pb2_grpc.add_LogsServiceServicer_to_server,
             logs_service_pb2.ExportLogsServiceResponse, "logs"),
        ]  # fmt: skip
        for base, add, _, name in services:
            add(self._servicer(base, name), self._server)
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()
        return self

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None

    def _servicer(self, base: Any, name: str) -> Any:
        script = self

        class Servicer(base):  # type: ignore[misc]
            def Export(self, request: Any, context: Any) -> Any:
                headers = {str(key): str(value) for key, value in context.invocation_metadata()}
                answer = script.answer(name, headers, request.SerializeToString(), request)
                if answer.status is not None:
                    if answer.after:
                        context.set_trailing_metadata((("grpc-status-details-bin", _retry(answer.after)),))
                    context.abort(answer.status, answer.words)
                response: Any = type(_response(name))()
                response.ParseFromString(_said(name, answer))
                return response

        return Servicer()


def _response(name: str) -> Any:
    return {
        "traces": trace_service_pb2.ExportTraceServiceResponse,
        "metrics": metrics_service_pb2.ExportMetricsServiceResponse,
        "logs": logs_service_pb2.ExportLogsServiceResponse,
    }[name]()


def _retry(seconds: str) -> bytes:
    from google.rpc.error_details_pb2 import RetryInfo
    from google.rpc.status_pb2 import Status

    info = RetryInfo()
    info.retry_delay.FromNanoseconds(round(float(seconds) * 1e9))
    status = Status(code=8)
    status.details.add().Pack(info)
    return bytes(status.SerializeToString())


class Rotel:
    """The collector; what it receives goes on to another receiver over gRPC. It may be stopped and started again."""

    def __init__(self, folder: Path, onward: Grpc) -> None:
        self.port = free_port()
        self._folder = folder
        self._onward = onward
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def is_here() -> bool:
        """Tell whether it is installed."""
        return find_spec("rotel") is not None

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Rotel":
        """Listen."""
        spec = find_spec("rotel")
        assert spec is not None
        assert spec.origin is not None
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ROTEL_"))}
        with (self._folder / "rotel.txt").open("ab") as out:
            self._process = subprocess.Popen(
                [
                    Path(spec.origin).with_name("rotel-agent"), "start",
                    "--otlp-grpc-endpoint", f"127.0.0.1:{self.port}",
                    "--otlp-http-endpoint", f"127.0.0.1:{free_port()}",
                    "--exporter", "otlp", "--otlp-exporter-protocol", "grpc",
                    "--otlp-exporter-endpoint", self._onward.url,
                    "--batch-timeout", "50ms",
                    "--pid-file", str(self._folder / "rotel.pid"), "--log-file", str(self._folder / "rotel.log"),
                ],
                env=kept, stdout=out, stderr=out,
            )  # fmt: skip
        until(lambda: listens(self.port))
        return self

    def stop(self) -> None:
        """End it in good order: what it holds goes on first."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def own_certificate(folder: Path) -> Path | None:
    """Make a certificate for this machine, with its key in the same file; None where openssl is missing."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    path = folder / "own.pem"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"), "-out", str(path)]
    subprocess.run(made, check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "key.pem").read_text())
    return path
