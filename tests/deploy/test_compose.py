"""The compose files mean what they say: every name in them is one, nothing listens beyond this machine."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from boards.writing import BOARDS, file_name
from deployed import DEPLOY, dashboard, loaded, panels
from made_secrets import made_secrets

from coord.services.settings import load_settings
from coord.services.supervisor.serve import SERVICES

WHOLE: Final = loaded(DEPLOY / "compose.yaml")
LGTM: Final = loaded(DEPLOY / "compose.lgtm.yaml")
OURS: Final = {name: one for name, one in WHOLE["services"].items() if one["image"].startswith("coord:")}
FILES: Final = {"compose.yaml": WHOLE, "compose.lgtm.yaml": LGTM}


def services() -> Iterator[tuple[str, dict[str, Any]]]:
    for document in FILES.values():
        yield from document["services"].items()


def test_every_port_is_on_this_machine_only() -> None:
    ports = [port for _, one in services() for port in one.get("ports", [])]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports), ports


def test_every_image_is_of_one_version_and_what_ends_is_started_again() -> None:
    for name, one in services():
        assert re.fullmatch(r"[a-z0-9/-]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", one["image"]), name
        assert one["restart"] == ("no" if name == "ownership" else "unless-stopped"), name


def test_every_file_that_is_mounted_is_there_and_every_volume_declared() -> None:
    for document in FILES.values():
        for one in document["services"].values():
            for mount in one.get("volumes", []):
                source = mount.partition(":")[0]
                if source.startswith("."):
                    assert (DEPLOY / source).exists(), mount
                    assert mount.endswith(":ro"), mount
                else:
                    assert source in document["volumes"], mount


def test_every_service_of_coord_s_runs_and_reads_settings_that_exist() -> None:
    commands = [one["command"] for one in OURS.values() if "command" in one]
    assert all(words[:2] == ["coord", "serve"] for words in commands)
    assert {words[2] for words in commands} == {*SERVICES}
    for one in OURS.values():
        told = one.get("environment", {})
        coord_s = {key: value for key, value in told.items() if key.startswith("COORD_")}
        load_settings(
            environment={key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for key, value in coord_s.items()}
        )


def test_the_archive_sees_the_snapshots_and_the_projector_how_far_the_archive_is() -> None:
    projector, archive = (OURS[name] for name in ("projector", "archive"))
    assert projector["volumes"] == archive["volumes"]
    assert projector["environment"]["COORD_ARCHIVE"] == archive["environment"]["COORD_ARCHIVE"]


def test_coord_s_containers_may_as_little_as_they_need() -> None:
    for name, one in OURS.items():
        assert one["read_only"], name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert ("user" in one) == (name == "ownership"), name


def test_every_credential_is_a_file_that_is_made_and_belongs_to_the_role(tmp_path: Any) -> None:
    folder = made_secrets(tmp_path)
    for source in WHOLE["secrets"].values():
        assert (folder / source["file"].removeprefix("secrets/")).is_file()
    roles = {"hardware": "monitor", "exporter": "exporter"}
    for words in (one for one in OURS.items() if "secrets" in one[1]):
        name, one = words
        wanted = f"{roles.get(name, 'core')}.json"
        assert one["secrets"] == [wanted]
        assert one["environment"]["COORD_NATS_CREDENTIALS"] == f"/run/secrets/{wanted}"


@pytest.mark.parametrize("document", FILES.values(), ids=FILES)
def test_what_is_waited_for_is_a_service_whose_state_can_be_known(document: dict[str, Any]) -> None:
    for name, one in document["services"].items():
        for other, how in one.get("depends_on", {}).items():
            waited = document["services"][other]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in waited or waited["image"].startswith("coord:"), (name, other)


def test_the_collector_sends_each_signal_to_a_service() -> None:
    collector = loaded(DEPLOY / "collector" / "otelcol.yaml")
    for pipeline in collector["service"]["pipelines"].values():
        for exporter in pipeline["exporters"]:
            endpoint = collector["exporters"][exporter]["endpoint"]
            host = re.sub(r"^https?://", "", endpoint).partition(":")[0]
            assert host in WHOLE["services"], endpoint
        assert set(pipeline["processors"]) <= collector["processors"].keys()
    exporter = WHOLE["services"]["exporter"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert exporter == "http://otel-collector:4318"
    assert set(collector["service"]["extensions"]) == collector["extensions"].keys()


def test_grafana_has_the_data_sources_that_the_boards_ask() -> None:
    provided = loaded(DEPLOY / "grafana" / "provisioning" / "datasources" / "coord.yaml")["datasources"]
    for one in provided:
        assert re.match(r"http://([a-z]+):", one["url"])[1] in WHOLE["services"]  # type: ignore[index]
    known = {one["uid"]: one["type"] for one in provided} | {"tempo": "tempo"}
    for board in BOARDS:
        for panel in panels(file_name(board)):
            uid = panel["datasource"]["uid"]
            assert known[uid] == panel["datasource"]["type"]
        open_rows = [one for one in dashboard(file_name(board))["panels"] if one["type"] != "row"]
        assert "tempo" not in {one["datasource"]["uid"] for one in open_rows}, "only otel-lgtm has Tempo"


def test_dashboards_are_mounted_where_grafana_is_told_to_look() -> None:
    for document, provider in (
        (WHOLE["services"]["grafana"], "provisioning/dashboards"),
        (LGTM["services"]["lgtm"], "lgtm"),
    ):
        told = loaded(DEPLOY / "grafana" / provider / "coord.yaml")["providers"][0]["options"]["path"]
        assert f"./grafana/dashboards:{told}:ro" in document["volumes"]
        home = document["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        assert home == f"{told}/coord-overview.json"


def test_old_spans_are_found_and_late_points_taken() -> None:
    tempo = loaded(DEPLOY / "tempo" / "tempo.yaml")
    assert tempo["storage"]["trace"]["wal"]["ingestion_time_range_slack"] == "72h"
    assert (
        loaded(DEPLOY / "prometheus" / "prometheus.yaml")["storage"]["tsdb"]["out_of_order_time_window"]
        == "30m"
    )
    assert "--web.enable-otlp-receiver" in WHOLE["services"]["prometheus"]["command"]
    jaeger = loaded(DEPLOY / "jaeger" / "jaeger.yaml")
    kept = jaeger["extensions"]["jaeger_query"]["storage"]["traces"]
    assert kept in jaeger["extensions"]["jaeger_storage"]["backends"]
    assert jaeger["exporters"]["jaeger_storage_exporter"]["trace_storage"] == kept
