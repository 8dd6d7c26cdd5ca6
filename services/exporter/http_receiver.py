"""Sending over HTTP: protobuf in a POST, and what each status means."""

import gzip
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import urllib3
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from coord.events.errors import SettingsError, visible
from coord.services import clock
from coord.services.exporter.environment import Endpoint
from coord.services.exporter.receiving import (
    WORDS_MAX,
    Accepted,
    Later,
    Outcome,
    Refused,
    TurnedAway,
    accepted,
)

RESPONSES: Final[dict[str, Any]] = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}
AGAIN: Final = frozenset((408, 429, 502, 503, 504))
"""Asked for again; 408 is what proxies say for 504."""
ABOUT_CONTENT: Final = frozenset((400, 413, 422, 500, 501))
"""Something in the request; that a server which says so of everything is not of that opinion is asked apart."""
ANSWER_BYTES_MAX: Final = 64 * 1024
AFTER_SECONDS_MAX: Final = 600.0
_AROUND: Final = re.compile(
    r"^.*\[Errno -?\d+\] |^\w+\(host=[^)]*\): |^<[^>]*>: |\.? \((?:read|connect) timeout=[^)]*\)$"
)
_TYPE: Final = "application/x-protobuf"


class HttpReceiver:
    """One connection to one URL.

    Raises:
        SettingsError: a certificate cannot be used.
    """

    def __init__(self, endpoint: Endpoint, agent: str) -> None:
        self._endpoint = endpoint
        self._headers = {"content-type": _TYPE, "user-agent": agent, **endpoint.headers}
        if endpoint.gzip:
            self._headers["content-encoding"] = "gzip"
        try:
            self._pool = urllib3.PoolManager(retries=False, maxsize=1, **_tls(endpoint))
        except (OSError, ValueError) as error:
            raise SettingsError(f"the certificates for {endpoint.shown} cannot be used: {error}.") from error

    def send(self, body: bytes) -> Outcome:
        """Post it."""
        endpoint = self._endpoint
        try:
            response = self._pool.request(
                "POST",
                endpoint.url,
                body=gzip.compress(body, 6) if endpoint.gzip else body,
                headers=self._headers,
                timeout=urllib3.Timeout(total=endpoint.timeout_seconds),
                redirect=False,
                preload_content=False,
            )
            try:
                answer = response.read(ANSWER_BYTES_MAX)
            finally:
                response.drain_conn()
                response.release_conn()
        except urllib3.exceptions.SSLError as error:
            return TurnedAway(f"its certificate is not accepted: {_words(error)}", "tls")
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return Later(f"it does not answer: {_words(error)}", type(error).__name__)
        return self._outcome(response.status, answer, response.headers.get("retry-after", ""))

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def _outcome(self, status: int, answer: bytes, retry_after: str) -> Outcome:
        if 200 <= status < 300:
            return _read(answer, RESPONSES[self._endpoint.signal]())
        words, kind = f"it answered with status {status}{_message(answer)}", str(status)
        if status in AGAIN:
            return Later(words, kind, _after(retry_after))
        return Refused(words, kind) if status in ABOUT_CONTENT else TurnedAway(words, kind)


def _read(answer: bytes, response: Any) -> Accepted:
    """Read the answer to a request that was taken; one that cannot be read was still a yes."""
    try:
        response.ParseFromString(answer)
    except DecodeError:
        return Accepted()
    return accepted(response)


def _message(answer: bytes) -> str:
    """Return what the server said beside the status: a protobuf Status, or a line of text."""
    status = Status()
    try:
        status.ParseFromString(answer)
        text = status.message
    except DecodeError:
        text = answer.decode("utf-8", "replace")
    line = " ".join(text.split())
    return f": {visible(line, WORDS_MAX)}" if line else ""


def _after(text: str) -> float | None:
    """Read Retry-After: seconds, or a moment."""
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return min(float(text), AFTER_SECONDS_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, moment.timestamp() - clock.now_ns() / 1e9), AFTER_SECONDS_MAX)


def _tls(endpoint: Endpoint) -> dict[str, Any]:
    if not endpoint.secure:
        return {}
    paths = {
        "ca_certs": endpoint.certificate,
        "cert_file": endpoint.client_certificate,
        "key_file": endpoint.client_key,
    }
    return {name: str(path) for name, path in paths.items() if path is not None}


def _words(error: BaseException) -> str:
    """Say what went wrong without what the library says around it: `Connection refused`."""
    text = " ".join(str(getattr(error, "reason", None) or error).split())
    told = _AROUND.sub("", text).strip() or type(error).__name__
    return visible(told, WORDS_MAX)
