"""Where to send and how: the standard OTEL_* variables, read once, each wrong value told in a sentence.

What is set for one signal (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) beats what is set for all. Over HTTP an endpoint for
all gets `/v1/<signal>` behind it, one for a signal is used as it is. Without any endpoint nothing is sent, and the
exporter does not run. Standard library only: `coord up` asks here whether to start the exporter at all.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from coord.events.errors import SettingsError, visible
from coord.services.exporter.shape import SIGNALS, Signal

Protocol = Literal["grpc", "http/protobuf"]
TIMEOUT_MS: Final = 10_000
INTERVAL_MS: Final = 10_000
"""Not OpenTelemetry's minute: a dashboard of what happens now wants it sooner."""
_PREFIX: Final = "OTEL_EXPORTER_OTLP_"
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MILLISECONDS_MAX: Final = 86_400_000
_VALUE_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one signal goes, and how."""

    signal: Signal
    protocol: Protocol
    url: str
    """Whole, with its path, over HTTP; `host:port` over gRPC."""
    headers: Mapping[str, str]
    gzip: bool
    timeout_seconds: float
    secure: bool
    certificate: Path | None
    client_certificate: Path | None
    client_key: Path | None

    @property
    def shown(self) -> str:
        """The receiver for people: nothing in it is secret."""
        return re.sub(r"(?<=://).*@", "***@", self.url).partition("?")[0]


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says of exporting."""

    endpoints: Mapping[Signal, Endpoint]
    """Of the signals that are sent."""
    interval_seconds: float
    """Between two exports of metrics."""
    service_name: str | None
    resource: Mapping[str, str]


def is_wanted(environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether anything is to be sent.

    Raises:
        SettingsError: a variable has a wrong value.
    """
    return bool(read_environment(environment).endpoints)


def read_environment(environment: Mapping[str, str] | None = None) -> Environment:
    """Read the variables.

    Raises:
        SettingsError: one has a wrong value; the message names it, the value and what is allowed.
    """
    read = _Reader(os.environ if environment is None else environment)
    endpoints: dict[Signal, Endpoint] = {}
    if not read.switch("OTEL_SDK_DISABLED"):
        for signal in SIGNALS:
            endpoint = _endpoint(read, signal)
            if endpoint is not None:
                endpoints[signal] = endpoint
    return Environment(
        endpoints=endpoints,
        interval_seconds=read.seconds("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL_MS),
        service_name=read.text("OTEL_SERVICE_NAME") or None,
        resource=read.pairs("OTEL_RESOURCE_ATTRIBUTES"),
    )


def _endpoint(read: "_Reader", signal: Signal) -> Endpoint | None:
    exporter = read.one_of(f"OTEL_{signal.upper()}_EXPORTER", ("otlp", "none"))
    given = read.of(signal, "ENDPOINT")
    if exporter == "none" or not given[1]:
        return None
    protocol = read.one_of(read.of(signal, "PROTOCOL")[0], ("http/protobuf", "grpc"), "http/protobuf")
    url, secure = _grpc(read, signal, given) if protocol == "grpc" else _http(signal, given)
    return Endpoint(
        signal=signal,
        protocol="grpc" if protocol == "grpc" else "http/protobuf",
        url=url,
        headers=_headers(read, read.of(signal, "HEADERS")[0]),
        gzip=read.one_of(read.of(signal, "COMPRESSION")[0], ("none", "gzip"), "none") == "gzip",
        timeout_seconds=read.seconds(read.of(signal, "TIMEOUT")[0], TIMEOUT_MS),
        secure=secure,
        certificate=read.file(read.of(signal, "CERTIFICATE")[0]),
        client_certificate=read.file(read.of(signal, "CLIENT_CERTIFICATE")[0]),
        client_key=read.file(read.of(signal, "CLIENT_KEY")[0]),
    )


def _http(signal: Signal, given: tuple[str, str]) -> tuple[str, bool]:
    name, value = given
    scheme = _parts(name, value, "a URL such as http://127.0.0.1:4318")
    if scheme not in ("http", "https"):
        raise _wrong(name, value, "a URL such as http://127.0.0.1:4318")
    whole = value if name.startswith(f"{_PREFIX}{signal.upper()}_") else f"{value.rstrip('/')}/v1/{signal}"
    return whole, scheme == "https"


def _grpc(read: "_Reader", signal: Signal, given: tuple[str, str]) -> tuple[str, bool]:
    name, value = given
    insecure = read.switch(read.of(signal, "INSECURE")[0])
    with_scheme = value if "://" in value else f"{'http' if insecure else 'https'}://{value}"
    scheme = _parts(name, with_scheme, "a URL such as http://127.0.0.1:4317")
    if scheme not in ("http", "https"):
        raise _wrong(name, value, "a URL such as http://127.0.0.1:4317")
    parts = urlsplit(with_scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or 4317}", scheme == "https"


def _parts(name: str, value: str, allowed: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise _wrong(name, value, allowed) from error
    if not parts.hostname or not value.isprintable() or " " in value:
        raise _wrong(name, value, allowed)
    return parts.scheme


def _headers(read: "_Reader", name: str) -> dict[str, str]:
    found = {key.lower(): value for key, value in read.pairs(name, secret=True).items()}
    for key, value in found.items():
        if not _HEADER_NAME.fullmatch(key) or not value.isprintable() or not value.isascii():
            raise SettingsError(f"{name} holds a header that cannot be sent: '{visible(key, _VALUE_SHOWN)}'.")
    return found


def _wrong(name: str, value: str, allowed: str) -> SettingsError:
    shown = re.sub(r"(?<=://).*@", "***@", value)
    return SettingsError(f"{name} is '{visible(shown, _VALUE_SHOWN)}'; it must be {allowed}.")


class _Reader:
    """The variables, each read as what it is; an empty one is not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._given = {name: value.strip() for name, value in environment.items() if name.startswith("OTEL_")}

    def text(self, name: str) -> str:
        return self._given.get(name, "")

    def of(self, signal: Signal, what: str) -> tuple[str, str]:
        """Return name and value of the variable that holds for a signal: its own, or that for all."""
        own = f"{_PREFIX}{signal.upper()}_{what}"
        name = own if self.text(own) else f"{_PREFIX}{what}"
        return name, self.text(name)

    def one_of(self, name: str, words: tuple[str, ...], default: str = "") -> str:
        value = self.text(name)
        if value and value.lower() not in words:
            raise _wrong(name, value, f"one of {', '.join(words)}")
        return value.lower() or default

    def switch(self, name: str) -> bool:
        return self.one_of(name, ("true", "false")) == "true"

    def seconds(self, name: str, default_ms: int) -> float:
        value = self.text(name)
        if not value:
            return default_ms / 1000
        digits = value.isascii() and value.isdecimal() and len(value) < 10
        if not digits or not 0 < int(value) <= _MILLISECONDS_MAX:
            raise _wrong(name, value, f"a whole number of milliseconds from 1 to {_MILLISECONDS_MAX}")
        return int(value) / 1000

    def pairs(self, name: str, secret: bool = False) -> dict[str, str]:
        """Read `key=value,key2=value2`, percent-encoded."""
        found: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in self.text(name).split(","))):
            key, equals, value = part.partition("=")
            if not equals or not key.strip():
                shown = "(not shown)" if secret else part
                raise _wrong(name, shown, "a list such as key1=value1,key2=value2")
            found[unquote(key.strip())] = unquote(value.strip())
        return found

    def file(self, name: str) -> Path | None:
        value = self.text(name)
        if not value:
            return None
        if not os.path.isfile(value) or not os.access(value, os.R_OK):
            raise _wrong(name, value, "a file that can be read")
        return Path(value)
