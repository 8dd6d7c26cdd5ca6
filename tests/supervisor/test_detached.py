"""`coord up` in the background, and `coord down`."""

from pathlib import Path

import pytest

from coord.events.errors import CoordError, Exit, NoServer, UsageError
from coord.services.folder import Folder
from coord.services.server.process import identity_from
from coord.services.settings import Settings, load_settings
from coord.services.supervisor.detached import down, environment_of, up_detached
from coord.services.supervisor.up import up

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def tiny_services_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


def test_it_serves_when_up_returns_and_is_gone_when_down_returns(settings: Settings) -> None:
    folder = Folder(settings.data)
    assert up(settings, {"steady": "tiny_services.steady"}, detach=True) == Exit.DONE
    running = identity_from(folder.read_json("up.json"))
    try:
        assert running is not None
        assert folder.read_json("server.json") is not None
        assert "steady serves" in folder.path("log", "up.log").read_text()
    finally:
        assert down(settings) == Exit.DONE
    assert not running.is_alive()
    assert folder.read_json("server.json") is None


def test_a_start_that_fails_is_told_as_if_it_were_here(settings: Settings) -> None:
    with pytest.raises(NoServer, match=r"hopeless does not start: the server refused the credential\."):
        up_detached(settings, {"hopeless": "tiny_services.hopeless"})
    with pytest.raises(CoordError, match="unready does not start"):
        up_detached(settings, {"unready": "tiny_services.unready"})


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        up_detached(Settings(data=tmp_path / "file" / "coord"), {"steady": "tiny_services.steady"})


def test_where_nothing_runs_there_is_nothing_to_stop(settings: Settings) -> None:
    with pytest.raises(NoServer, match="nothing runs on the data folder"):
        down(settings)


def test_a_record_left_behind_by_a_dead_one_is_nobodys(settings: Settings) -> None:
    folder = Folder(settings.data)
    folder.make()
    folder.write_json({"pid": 1, "started": "never", "services": {}}, "up.json")
    with pytest.raises(NoServer):
        down(settings)


def test_settings_survive_the_way_through_the_environment(settings: Settings, tmp_path: Path) -> None:
    odd = settings.changed(
        nats="nats://a:b@127.0.0.1:4222",
        allow_unsafe_server=True,
        server_binary=tmp_path / "a b",
        lease_seconds=1.5,
        sample_seconds=0.1,
        site="here",
    )
    for one in (settings, odd):
        read = load_settings(environment=environment_of(one)).settings
        assert environment_of(read) == environment_of(one)


def test_a_setting_of_the_environment_gives_way(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORD_NATS", "nats://127.0.0.1:1")
    monkeypatch.setenv("COORD_SITE", "there")
    environment = environment_of(settings)
    assert "COORD_NATS" not in environment
    assert environment["COORD_SITE"] == settings.site
