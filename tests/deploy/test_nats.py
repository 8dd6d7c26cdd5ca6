"""deploy/nats: what nats-server itself makes of it, alone and three together, with coord on it."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from command_line import Cli
from houses import environment_of
from nats_confs import users_conf
from nats_servers import (
    CONFIGURATIONS,
    NODES,
    Running,
    credentials_file,
    cut,
    read_by_server,
    running_cluster,
    running_server,
)
from receivers import until

from coord.events.errors import CoordError
from coord.services.folder import Folder
from coord.services.log import Log, declare_streams
from coord.services.log.connection import NatsError
from coord.services.server.configuration import write_configuration
from coord.services.server.external import check_external
from coord.services.server.probe import log_in
from coord.services.settings import Settings

ALIKE: Final = (
    "max_payload", "max_pending", "max_connections", "write_deadline", "sync_interval", "max_file_store",
    "max_memory_store",
)  # fmt: skip


def external(folder: Path, server: Running, known: Mapping[str, str], role: str = "core") -> Settings:
    return Settings(
        data=folder / "data",
        nats=server.address.url,
        nats_monitor=server.address.monitor,
        nats_credentials=credentials_file(folder, role, known),
    )


def test_the_users_are_those_the_embedded_server_writes() -> None:
    assert (CONFIGURATIONS / "users.conf").read_text() == users_conf()


def test_another_site_is_one_replacement_away() -> None:
    assert users_conf("harbour") == users_conf().replace(".local.", ".harbour.").replace(
        r"s/\.harbour\./", r"s/\.local\./"
    )


def test_the_limits_are_those_of_the_embedded_server(tmp_path: Path) -> None:
    written = Path(write_configuration(Folder(tmp_path), Settings(data=tmp_path), 0)).read_text()
    ours = (CONFIGURATIONS / "server.conf").read_text()
    for name in ALIKE:
        pattern = re.compile(rf"^\s*{name}: (\S+)", re.MULTILINE)
        assert pattern.findall(ours) == pattern.findall(written), name


@pytest.mark.parametrize("name", ["nats", *NODES])
def test_the_server_accepts_its_configuration(name: str, known: Mapping[str, str], tmp_path: Path) -> None:
    checked = read_by_server(name, known, tmp_path)
    assert checked.returncode == 0, checked.stderr


def test_a_password_that_is_not_set_is_missed(known: Mapping[str, str], tmp_path: Path) -> None:
    fewer = {name: value for name, value in known.items() if name != "NATS_CORE_PASSWORD"}
    checked = read_by_server("nats", fewer, tmp_path)
    assert checked.returncode != 0
    assert "NATS_CORE_PASSWORD" in checked.stderr


def test_nobody_comes_in_without_a_password(known: Mapping[str, str], tmp_path: Path) -> None:
    with running_server(tmp_path / "server", known) as server:
        url = server.address.url
        assert log_in(url, "~trainer", known["NATS_TRAINER_PASSWORD"]).accepted
        assert not log_in(url, "~core", known["NATS_TRAINER_PASSWORD"]).accepted
        assert not log_in(url, "", "").accepted


NAMES: Final = ("EVENTS", "SAMPLES", "KV_coord")


async def _declared(settings: Settings, names: Sequence[str] = NAMES) -> dict[str, int]:
    """Declare the streams as a coordinator does, and return how many servers keep each."""
    log = await Log.connect(settings, Folder(settings.data), name="deploy")
    try:
        await declare_streams(log, settings)
        infos = [await log.jetstream.stream_info(name) for name in names]
        return {name: info.config.num_replicas or 1 for name, info in zip(names, infos, strict=True)}
    finally:
        await log.close()


async def _holder_of_samples(settings: Settings) -> int:
    log = await Log.connect(settings, Folder(settings.data), name="deploy")
    try:
        cluster = (await log.jetstream.stream_info("SAMPLES")).cluster
        assert cluster is not None
        return int(str(cluster.leader).removeprefix("coord-")) - 1
    finally:
        await log.close()


def test_three_servers_keep_everything_three_times_and_two_go_on(
    known: Mapping[str, str], tmp_path: Path
) -> None:
    """A lower setting takes nothing back."""
    with running_cluster(tmp_path, known) as servers:
        alone = external(tmp_path, servers[0], known)
        three = alone.changed(replicas=3)
        assert check_external(three).warning == ""
        everywhere = {"EVENTS": 3, "SAMPLES": 3, "KV_coord": 3}
        assert _patient(lambda: asyncio.run(_declared(three))) == everywhere
        cut(servers[2])
        assert _patient(lambda: asyncio.run(_declared(alone))) == everywhere


def test_a_log_that_was_begun_on_one_server_is_spread(known: Mapping[str, str], tmp_path: Path) -> None:
    """Telemetry stays where it is, and whoever declares does not wait for it when that server is lost."""
    with running_cluster(tmp_path, known) as servers:
        alone = external(tmp_path, servers[0], known)
        assert set(_patient(lambda: asyncio.run(_declared(alone))).values()) == {1}
        three = alone.changed(replicas=3)
        told = _patient(lambda: asyncio.run(_declared(three)))
        assert told == {"EVENTS": 3, "SAMPLES": 1, "KV_coord": 3}
        holder = asyncio.run(_holder_of_samples(three))
        cut(servers[holder])
        left = external(tmp_path, servers[holder - 1], known).changed(replicas=3)
        assert _patient(lambda: asyncio.run(_declared(left, ("EVENTS",)))) == {"EVENTS": 3}


def _patient(work: Callable[[], Any]) -> Any:
    """A cluster that is choosing its leader answers nobody for a while."""
    kept: list[Any] = []

    def tried() -> bool:
        try:
            kept.append(work())
        except (CoordError, NatsError):
            return False
        return True

    until(tried)
    return kept[-1]


def test_the_hook_for_certificates_works(known: Mapping[str, str], tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    configuration = tmp_path / "conf"
    shutil.copytree(CONFIGURATIONS, configuration)
    whole = configuration / "nats.conf"
    whole.write_text(whole.read_text().replace('# include "tls.conf"', 'include "tls.conf"'))
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    files = {"NATS_CERT": str(certificate), "NATS_KEY": str(key)}
    with running_server(tmp_path / "server", {**known, **files}, whole) as server:
        url = server.address.url.replace("nats://", "tls://")
        ran = Cli(tmp_path, environment_of(tmp_path, tmp_path / "data") | {
            "COORD_NATS": url, "COORD_NATS_MONITOR": server.address.monitor, "SSL_CERT_FILE": str(certificate),
            "COORD_NATS_CREDENTIALS": str(credentials_file(tmp_path, "core", known)),
        }).run("doctor", "--json")  # fmt: skip
        assert ran.out, ran
        checks = {one["name"]: one["words"] for one in ran.document["checks"]}
        assert "not there" in checks["EVENTS"], checks
        assert "not there yet" in checks["disk"]
