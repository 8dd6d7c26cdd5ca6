"""Sending over gRPC, and what each status means. Imported only where it is used: it costs 20 MB of memory."""

from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from coord.events.errors import SettingsError, visible
from coord.services.exporter.environment import Endpoint
from coord.services.exporter.http_receiver import AFTER_SECONDS_MAX, RESPONSES
from coord.services.exporter.receiving import WORDS_MAX, Later, Outcome, Refused, TurnedAway, accepted

_SERVICES: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
AGAIN: Final = frozenset(
    (
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    )
)
ABOUT_CONTENT: Final = frozenset(
    (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    )
)
"""RESOURCE_EXHAUSTED without RetryInfo says that the message is too large."""
_CONNECTING: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
"""When to try again is decided by the lane; the channel's own pauses grow to two minutes."""
_DETAILS: Final = "grpc-status-details-bin"


class GrpcReceiver:
    """One channel to one host and port.

    Raises:
        SettingsError: a certificate cannot be used.
    """

    def __init__(self, endpoint: Endpoint, agent: str) -> None:
        self._endpoint = endpoint
        options = (("grpc.primary_user_agent", agent), ("grpc.enable_retries", 0), *_CONNECTING)
        if endpoint.secure:
            self._channel = grpc.secure_channel(endpoint.url, _credentials(endpoint), options)
        else:
            self._channel = grpc.insecure_channel(endpoint.url, options)
        self._call: Any = self._channel.unary_unary(
            _SERVICES[endpoint.signal],
            request_serializer=bytes,
            response_deserializer=RESPONSES[endpoint.signal].FromString,
        )

    def send(self, body: bytes) -> Outcome:
        """Call Export."""
        endpoint = self._endpoint
        try:
            response = self._call(
                body,
                timeout=endpoint.timeout_seconds,
                metadata=tuple(endpoint.headers.items()),
                compression=grpc.Compression.Gzip if endpoint.gzip else grpc.Compression.NoCompression,
            )
        except grpc.RpcError as error:
            return _outcome(error)
        except ValueError as error:
            return TurnedAway(f"the request cannot be sent: {visible(str(error), WORDS_MAX)}", "headers")
        return accepted(response)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def _outcome(error: Any) -> Outcome:
    code = error.code()
    kind = code.name.lower()
    details = " ".join((error.details() or "").split())
    words = f"it answered {code.name}: {visible(details, WORDS_MAX)}"
    after = _after(error)
    if code in AGAIN or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and after is not None):
        return Later(words, kind, after)
    return Refused(words, kind) if code in ABOUT_CONTENT else TurnedAway(words, kind)


def _after(error: Any) -> float | None:
    """Read RetryInfo from the trailing details; None when there is none."""
    for key, value in error.trailing_metadata() or ():
        if key != _DETAILS:
            continue
        status, info = Status(), RetryInfo()
        try:
            status.ParseFromString(value)
            for detail in status.details:
                if detail.Is(RetryInfo.DESCRIPTOR):
                    detail.Unpack(info)
                    delay = info.retry_delay.seconds + info.retry_delay.nanos / 1e9
                    return float(min(max(0.0, delay), AFTER_SECONDS_MAX))
        except DecodeError:
            return None
    return None


def _credentials(endpoint: Endpoint) -> Any:
    paths = (endpoint.certificate, endpoint.client_key, endpoint.client_certificate)
    try:
        roots, key, chain = (None if path is None else path.read_bytes() for path in paths)
    except OSError as error:
        raise SettingsError(
            f"a certificate for {endpoint.shown} cannot be read: {error.strerror}."
        ) from error
    return grpc.ssl_channel_credentials(roots, key, chain)
