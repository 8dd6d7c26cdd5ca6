"""Settings: who wins, where each came from, and every wrong one in a sentence."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from coord.events.errors import Exit, SettingsError
from coord.services.setting_kinds import parse_duration
from coord.services.settings import (
    FILE_BYTES_MAX,
    LINE_LENGTH_MAX,
    Loaded,
    Settings,
    describe,
    load_settings,
    shown,
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder, with nothing of COORD_* set."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COORD_")]:
        monkeypatch.delenv(name)


def load(
    text: str | bytes | None = None, *, flags: dict[str, Any] | None = None, **environment: str
) -> Loaded:
    """Load settings with this coord.toml, these flags and this environment."""
    if text is not None:
        Path("coord.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return load_settings(flags, environment)


def fault(text: str | bytes | None = None, *, flags: dict[str, Any] | None = None, **environment: str) -> str:
    """Return the sentence with which these settings are refused."""
    with pytest.raises(SettingsError) as refused:
        load(text, flags=flags, **environment)
    assert refused.value.exit_code == Exit.USAGE
    assert str(refused.value).isprintable()
    assert len(refused.value.message) < 400
    return refused.value.message


def test_without_anything_every_setting_has_its_default() -> None:
    loaded = load()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.settings.site == "local"
    assert loaded.settings.nats is None
    assert os.path.isabs(loaded.settings.data)


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() -> None:
    text = 'site = "file"\npool = "file"\nnode = "file"\n'
    loaded = load(text, flags={"site": "flag"}, COORD_SITE="environment", COORD_POOL="environment")
    chosen = loaded.settings
    assert (chosen.site, chosen.pool, chosen.node, chosen.log_level) == (
        "flag",
        "environment",
        "file",
        "info",
    )
    origins = [loaded.origins[name] for name in ("site", "pool", "node", "log_level")]
    assert origins == ["--site", "COORD_POOL", "coord.toml", "default"]


def test_a_flag_that_was_not_given_hides_nothing() -> None:
    loaded = load(flags={"site": None}, COORD_SITE="environment")
    assert (loaded.settings.site, loaded.origins["site"]) == ("environment", "COORD_SITE")


def test_a_named_file_is_read_instead_and_must_exist() -> None:
    Path("other.toml").write_text('site = "other"')
    loaded = load('site = "here"', COORD_CONFIG="other.toml")
    assert (loaded.settings.site, loaded.origins["site"]) == ("other", "other.toml")
    assert load_settings({}, {}, "other.toml").settings.site == "other"
    with pytest.raises(SettingsError, match="no such settings file"):
        load_settings({}, {}, "missing.toml")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="not changed"):
        load().settings.site = "x"  # type: ignore[misc]


def test_every_setting_is_described_and_can_be_set_in_the_environment() -> None:
    described = describe()
    assert list(described) == list(Settings.known)
    assert all(described.values())
    assert load(COORD_LEASE_SECONDS="2m", COORD_ALLOW_UNSAFE_SERVER="yes").settings.lease_seconds == 120


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("30s", 30), ("1.5m", 90), ("2h", 7_200), ("500ms", 0.5), ("1d", 86_400)],
)
def test_a_time_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "30 s", "-1", "1e3", "1h30m", "inf", "٣0s", "0x10", "30S", "1_000"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a time such as"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("lease_seconds = -1", "a time from 1s to 86400s"),
        ("lease_seconds = nan", "a time from 1s to 86400s"),
        ("lease_seconds = inf", "a time from 1s to 86400s"),
        ('lease_seconds = "soon"', "a time from 1s to 86400s"),
        ("lease_seconds = true", "a time from 1s to 86400s"),
        ("lease_seconds = 2026-01-01", "a time from 1s to 86400s"),
        ("lease_seconds = " + "9" * 400, "a time from 1s to 86400s"),
        ("server_port = 65536", "a whole number from 0 to 65535"),
        ("server_port = 4222.0", "a whole number from 0 to 65535"),
        ("server_port = false", "a whole number from 0 to 65535"),
        ('server_port = "-1"', "a whole number from 0 to 65535"),
        ("server_port = 0x" + "f" * 1_000, "a whole number from 0 to 65535"),
        (f'server_port = "{"0" * 30}4222"', "a whole number from 0 to 65535"),
        ('site = "a.b"', "1 to 64 letters"),
        ('site = ""', "1 to 64 letters"),
        ("site = 7", "1 to 64 letters"),
        ('site = "\\u001b[31m"', "1 to 64 letters"),
        ('allow_unsafe_server = "maybe"', "true or false"),
        ("allow_unsafe_server = 1", "true or false"),
        ('data = ""', "a path"),
        ("data = []", "a path"),
        ('data = "\\u0000"', "a path"),
        ('data = "~nobody-of-this-name/x"', "an absolute path"),
        ('nats = "127.0.0.1:4222"', "a URL such as nats://"),
        ('nats = "http://127.0.0.1:4222"', "a URL such as nats://"),
        ('nats = "nats://"', "a URL such as nats://"),
        ('nats = "nats://h:99999"', "a URL such as nats://"),
        ('nats = "nats://a b"', "a URL such as nats://"),
        ('nats = "nats://h\\n"', "a URL such as nats://"),
        ('nats = "nats://[::1"', "a URL such as nats://"),
        ('nats_monitor = "ftp://h"', "a URL such as http://"),
        ('http_address = "coord.example"', "an address of this machine"),
        ("http_address = 7", "an address of this machine"),
        ('http_hosts = ""', "names with commas"),
        ('http_hosts = "a,,b"', "names with commas"),
        ('http_hosts = "http://a"', "names with commas"),
        ('log_level = "loud"', "one of debug, info, warning, error"),
        ("log_level = []", "one of debug, info, warning, error"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_file_key_value_and_what_is_allowed(
    line: str, allowed: str
) -> None:
    key = line.partition(" ")[0]
    sentence = fault(line)
    assert sentence.startswith(f"coord.toml: {key} is '")
    assert f"it must be {allowed}" in sentence
    assert sentence.endswith(".")


def test_where_http_listens_is_an_address_and_its_names_are_a_list() -> None:
    told = load(COORD_HTTP_ADDRESS="localhost", COORD_HTTP_HOSTS="a.example, [::1]:80").settings
    assert (told.http_address, told.http_hosts, told.http_port) == ("127.0.0.1", "a.example,[::1]:80", None)


def test_a_wrong_value_names_the_variable_or_the_flag_it_came_from() -> None:
    assert fault(COORD_SERVER_PORT="many").startswith("COORD_SERVER_PORT: server_port is 'many'")
    assert fault(flags={"server_port": "many"}).startswith("--server-port: server_port is 'many'")
    assert fault(COORD_NATS="").startswith("COORD_NATS: nats is ''")


def test_a_wrong_value_is_refused_even_where_a_better_one_wins() -> None:
    assert "coord.toml" in fault("server_port = -1", COORD_SERVER_PORT="4222")


@pytest.mark.parametrize(
    "text", ["sit = 1", "[server]\nport = 1", "site.name = 1", '"\\u001b[31m" = 1', "Site = 1"]
)
def test_an_unknown_key_is_an_error(text: str) -> None:
    assert "there is no setting '" in fault(text) or "is not a" in fault(text) or "it must be" in fault(text)


def test_an_unknown_variable_is_an_error_and_the_known_ones_are_named() -> None:
    with pytest.raises(SettingsError, match="COORD_SIT: there is no setting 'sit'") as refused:
        load(COORD_SIT="x")
    assert "site" in refused.value.hint
    assert load(COORD_INCARNATION="7", COORDINATE="x", PATH="/bin").settings.site == "local"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("site", "is not TOML"),
        ("site = 'a'\nsite = 'b'", "is not TOML"),
        (b"site = 'a\x00'", "is not TOML"),
        (b"\xef\xbb\xbfsite = 'a'", "is not TOML"),
        ("server_port = " + "9" * 4_400, "more than 1024"),
        ("server_port = " + "9" * 900, "it must be a whole number"),
        ("data = '''\n" + "x\n" * 100 + "'''", ""),
        ("site = 'a'".encode("utf-16"), "is not UTF-8"),
        (b"site = '\xe9'", "is not UTF-8"),
        (bytes(range(256)) * 4, "is not UTF-8"),
        (b"#" * FILE_BYTES_MAX + b"\n", "is larger than"),
        ("#" * (LINE_LENGTH_MAX + 1), "has a line of more than 1024 characters"),
        ("x = " + "[\n" * 7_000, "nested too deep"),
        ("x = " + "[{a=\n" * 1_000, "is not TOML"),
        ("server_port = 1" + "0" * 4_095 + "\n", "more than 1024"),
    ],
)
def test_a_file_that_is_no_settings_file_is_refused_with_the_reason(text: str | bytes, reason: str) -> None:
    if reason:
        assert reason in fault(text)
    else:
        assert load(text).settings.data


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "site = 'a'\r\n"])
def test_an_empty_or_plain_file_is_fine(text: str) -> None:
    assert load(text).settings.pool == "main"


HOSTILE = {
    "a dotted key": "a" + ".a" * 32_000 + " = 1",
    "a known dotted key": "data" + ".a" * 30_000 + " = 1",
    "many dotted keys": "\n".join(f"k{number}" + ".a" * 500 + " = 1" for number in range(15)),
    "a header": "[a" + ".a" * 32_000 + "]",
    "many headers": "\n".join(f"[a{number}" + ".a" * 500 + "]" for number in range(15)),
    "many tables": "".join(f"[a.b{number}]\n" for number in range(1_000)),
    "brackets": "data = " + "[" * 60_000,
    "lines of brackets": "data = " + "[\n" * 8_000,
    "a long number": "server_port = " + "9" * 60_000,
    "a long hexadecimal number": "server_port = 0x" + "f" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_quickly(name: str) -> None:
    began = time.process_time()
    fault(HOSTILE[name])
    assert time.process_time() - began < 2


def test_a_hostile_file_is_refused_cheaply() -> None:
    for name, text in HOSTILE.items():
        Path(f"{name}.toml").write_text(text)
    loads = (
        "import glob\n"
        "from coord.services.settings import load_settings\n"
        "from coord.events.errors import SettingsError\n"
        "for path in glob.glob('*.toml'):\n"
        "    try: load_settings({}, {}, path)\n"
        "    except SettingsError: continue\n"
        "    raise SystemExit(f'{path} was taken')\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", loads], capture_output=True, text=True, check=True, timeout=30
    )
    assert int(done.stdout) * 1024 < 100 * 2**20


def test_a_file_that_is_no_file_is_refused_without_waiting() -> None:
    os.mkfifo("fifo.toml")
    Path("folder.toml").mkdir()
    Path("loop.toml").symlink_to("loop.toml")
    Path("dangling.toml").symlink_to("nowhere")
    for path, reason in {
        "fifo.toml": "not a regular file",
        "folder.toml": "Is a directory",
        "/dev/zero": "not a regular file",
        "loop.toml": "symbolic links",
        "dangling.toml": "no such settings file",
        "coord.toml/x": "no such settings file",
        "x" * 300: "File name too long",
        "a\0b": "is no path",
        "\x1b[31m": "no such settings file",
    }.items():
        with pytest.raises(SettingsError) as refused:
            load_settings({}, {}, path)
        assert reason in refused.value.message
        assert refused.value.message.isprintable()


@pytest.mark.parametrize("make", ["fifo", "folder", "loop", "dangling"])
def test_a_coord_toml_that_cannot_be_read_is_not_passed_over(make: str) -> None:
    path = Path("coord.toml")
    if make == "fifo":
        os.mkfifo(path)
    elif make == "folder":
        path.mkdir()
    else:
        path.symlink_to("coord.toml" if make == "loop" else "nowhere")
    fault()


def test_an_unreadable_file_is_refused() -> None:
    path = Path("coord.toml")
    path.write_text("site = 'x'")
    path.chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65_534)
    try:
        assert "Permission denied" in fault()
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    "url",
    [
        "nats://user:hunter2@host:99999",
        "nats://user:hunter2@host:x",
        "nats://user:hun@hunter2@h:99999",
        "nats://user:hun/hunter2@host:99999",
        "user:hunter2@host",
        "ftp://user:hunter2@host",
        "nats://user:hunter2@ho st",
        "nats://user:hunter2\n@host",
        "user:hunter2\n@host",
    ],
)
def test_a_password_in_a_url_is_never_shown(url: str) -> None:
    assert "hunter2" not in fault(COORD_NATS=url)
    assert "hunter2" not in shown(url) or "://" not in url


def test_settings_are_shown_without_passwords_and_paths_as_they_are() -> None:
    loaded = load(COORD_NATS="nats://user:hun@ter2@h:4222", COORD_DATA="/srv/me@home/coord")
    assert shown(loaded.settings.nats) == "nats://***@h:4222"
    assert shown(loaded.settings.data) == "/srv/me@home/coord"
    assert shown(None) == ""


def test_without_a_home_the_data_folder_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/nowhere")
    assert load().settings.data == "/nowhere/.local/share/coord"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert load().settings.data == "/nowhere/.local/share/coord"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert load().settings.data == "/data/coord"


def test_a_folder_may_start_at_home_and_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert load(COORD_DATA="~/x").settings.data == "/home/ada/x"
    assert load(flags={"data": Path("x")}).settings.data == str(tmp_path / "x")


@pytest.mark.parametrize("given", ["x", "a//b/./c/", "../up", "/", "/x/..", "~", "~/y/", " "])
def test_a_path_is_made_absolute_as_pathlib_does_it(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert load(COORD_DATA=given).settings.data == str(Path(given).expanduser().absolute())
