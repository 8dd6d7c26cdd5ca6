"""An external server is used only if it fsyncs on every message, as far as it can be asked."""

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import Server

from coord.events.errors import NoServer, UnsafeServer
from coord.services.folder import Folder
from coord.services.server.binary import find_binary
from coord.services.server.embedded import Address
from coord.services.server.external import check_external, write_address
from coord.services.server.process import end_child, wait_until
from coord.services.settings import Settings

Start = Callable[[str], Address]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server of somebody else's with the given lines in its configuration."""
    with ExitStack() as stack:

        def started(lines: str) -> Address:
            folder = tmp_path / f"server-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            (folder / "server.conf").write_text(
                f'host: 127.0.0.1\nport: -1\nhttp: "127.0.0.1:-1"\nports_file_dir: "{folder}"\n{lines}\n'
                .replace("STORE", str(folder / "store"))
            )  # fmt: skip
            binary = find_binary(Settings(data=folder))
            child = stack.enter_context(
                subprocess.Popen([binary, "-c", folder / "server.conf"], stderr=subprocess.DEVNULL)
            )
            stack.callback(end_child, child)
            ports = folder / f"nats-server_{child.pid}.ports"
            assert wait_until(lambda: ports.exists() and ports.read_text().endswith("}"), 10)
            told = json.loads(ports.read_text())
            return Address(told["nats"][0], told["monitoring"][0])

        yield started


def external(tmp_path: Path, address: Address, unsafe: bool = False) -> Settings:
    return Settings(
        data=tmp_path / "coord",
        nats=address.url,
        nats_monitor=address.monitor or None,
        allow_unsafe_server=unsafe,
    )


ALWAYS = 'jetstream { store_dir: "STORE", sync_interval: always }'


def test_a_server_that_fsyncs_every_message_is_taken(start: Start, tmp_path: Path) -> None:
    address = start(ALWAYS)
    checked = check_external(external(tmp_path, address))
    assert checked.address == address
    assert checked.warning == ""


@pytest.mark.parametrize("interval", ["", ", sync_interval: 1s"], ids=["default", "every second"])
def test_a_server_that_fsyncs_later_is_refused(start: Start, tmp_path: Path, interval: str) -> None:
    settings = external(tmp_path, start(f'jetstream {{ store_dir: "STORE"{interval} }}'))
    with pytest.raises(UnsafeServer, match="acknowledges before it fsyncs") as caught:
        check_external(settings)
    assert "--allow-unsafe-server" in caught.value.hint


def test_who_accepts_the_loss_is_warned(start: Start, tmp_path: Path) -> None:
    settings = external(tmp_path, start('jetstream { store_dir: "STORE" }'), unsafe=True)
    assert "acknowledges before it fsyncs" in check_external(settings).warning


def test_a_server_that_cannot_be_asked_is_refused(start: Start, tmp_path: Path) -> None:
    address = start(ALWAYS)
    with pytest.raises(UnsafeServer, match="nats_monitor is not set"):
        check_external(external(tmp_path, Address(address.url, "")))
    with pytest.raises(UnsafeServer, match=r"cannot be read at http://127\.0\.0\.1:1: no answer"):
        check_external(external(tmp_path, Address(address.url, "http://127.0.0.1:1")))
    with pytest.raises(UnsafeServer, match=r"cannot be read at .*: status 404"):
        check_external(external(tmp_path, Address(address.url, address.monitor + "/wrong")))


def test_the_monitoring_port_of_another_server_proves_nothing(start: Start, tmp_path: Path) -> None:
    lax, strict = start('jetstream { store_dir: "STORE" }'), start(ALWAYS)
    with pytest.raises(UnsafeServer, match="is another server's"):
        check_external(external(tmp_path, Address(lax.url, strict.monitor)))


def test_a_server_without_jetstream_is_no_use(start: Start, tmp_path: Path) -> None:
    with pytest.raises(NoServer, match="has no JetStream"):
        check_external(external(tmp_path, start("")))


def test_where_nobody_listens_there_is_no_server(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"nats://user:secret@127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(NoServer, match=r"no server answers at .*: connection refused\.") as caught:
            check_external(external(tmp_path, Address(url, "")))
    assert "secret" not in str(caught.value)


def test_what_is_no_nats_server_is_none(tmp_path: Path) -> None:
    def speak(listener: socket.socket) -> None:
        with listener.accept()[0] as other:
            other.sendall(b"220 mail.example ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        speaker = threading.Thread(target=speak, args=(listener,))
        speaker.start()
        url = f"nats://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NoServer, match="what answers there is no NATS server"):
            check_external(external(tmp_path, Address(url, "")))
        speaker.join()


def test_the_address_on_disk_holds_no_password(settings: Settings) -> None:
    folder = Folder(settings.data)
    folder.make()
    write_address(folder, settings, Address("nats://user:secret@host:4222", "http://host:8222"))
    record = folder.read_json("server.json")
    assert record is not None
    assert record["url"] == "nats://host:4222"
    assert record["embedded"] is False


def test_our_own_embedded_server_passes_its_own_check(server: Server, tmp_path: Path) -> None:
    assert check_external(external(tmp_path, server.address)).warning == ""
