"""The manifests mean what they say: names lead somewhere, nothing may more than it needs, the server reads its part."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

import pytest
import yaml
from deployed import DEPLOY, documents, loaded
from nats_confs import variable_of
from nats_servers import CONFIGURATIONS, read_by_server

from coord.services.server.credentials import ROLES
from coord.services.settings import load_settings
from coord.services.supervisor.serve import SERVICES

FOLDER: Final = DEPLOY / "kubernetes"
TEMPLATE: Final = FOLDER / "secrets.template.yaml"
MANIFESTS: Final = [
    document
    for name in loaded(FOLDER / "kustomization.yaml")["resources"]
    for document in documents(FOLDER / name)
]
WORKLOADS: Final = {one["metadata"]["name"]: one for one in MANIFESTS if "template" in one.get("spec", {})}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == kind}


def containers() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for name, one in WORKLOADS.items():
        for container in one["spec"]["template"]["spec"]["containers"]:
            yield name, one["spec"]["template"]["spec"], container


def test_everything_but_the_template_is_applied_and_in_one_namespace() -> None:
    applied = {*loaded(FOLDER / "kustomization.yaml")["resources"], TEMPLATE.name, "kustomization.yaml"}
    assert {path.name for path in FOLDER.iterdir()} == applied
    assert all(one["metadata"].get("namespace", "coord") == "coord" for one in MANIFESTS)


def test_every_service_runs_once_and_as_what_it_is() -> None:
    run = [" ".join(container.get("args", [])) for _, _, container in containers()]
    for service in SERVICES:
        assert len([words for words in run if re.search(rf"coord serve {service}\b", words)]) == 1, service
    kinds = {name: one["kind"] for name, one in WORKLOADS.items()}
    assert kinds.pop("coord-nats") == "StatefulSet"
    assert kinds.pop("hardware") == "DaemonSet"
    assert set(kinds.values()) == {"Deployment"}


def test_no_container_may_more_than_it_needs() -> None:
    for name, pod, container in containers():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }, name  # fmt: skip
        assert pod["automountServiceAccountToken"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name


def test_every_container_has_probes_and_limits() -> None:
    for name, _, container in containers():
        assert "readinessProbe" in container, name
        assert "startupProbe" in container or "livenessProbe" in container, name
        assert {"cpu", "memory"} == container["resources"]["requests"].keys(), name
        assert "memory" in container["resources"]["limits"], name


def test_probes_run_what_the_image_has() -> None:
    scripts = {path.name for path in (DEPLOY / "container").iterdir()}
    for name, _, container in containers():
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            command = container.get(probe, {}).get("exec", {}).get("command")
            assert command is None or command[0] in scripts, (name, probe)


def test_every_name_leads_somewhere() -> None:
    secrets = {one["metadata"]["name"] for one in documents(TEMPLATE)}
    maps, claims = of_kind("ConfigMap"), of_kind("PersistentVolumeClaim")
    for name, pod, container in containers():
        volumes = {one["name"]: one for one in pod.get("volumes", [])}
        own = {one["metadata"]["name"] for one in WORKLOADS[name]["spec"].get("volumeClaimTemplates", [])}
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        # The one that listens on the network has no credential to lose.
        spared = {"credentials", "archive"} if container["name"] == "api" else set()
        assert mounted == (volumes.keys() | own) - spared, name
        for volume in volumes.values():
            assert volume.get("secret", {}).get("secretName") in {None, *secrets}, name
            assert volume.get("configMap", {}).get("name") in {None, *maps}, name
            assert volume.get("persistentVolumeClaim", {}).get("claimName") in {None, *claims}, name
        for source in container.get("envFrom", []):
            assert source.get("secretRef", {}).get("name") in {None, *secrets}, name
            assert source.get("configMapRef", {}).get("name") in {None, *maps}, name


def test_the_archive_sees_the_snapshots_and_the_projector_how_far_the_archive_is() -> None:
    projector, archive = (
        next(one for _, _, one in containers() if f"coord serve {service}" in " ".join(one.get("args", [])))
        for service in ("projector", "archive")
    )
    for name in ("data", "archive"):
        assert [mount for mount in projector["volumeMounts"] if mount["name"] == name] == [
            mount for mount in archive["volumeMounts"] if mount["name"] == name
        ], name
    (place,) = {
        one["value"] for each in (projector, archive) for one in each["env"] if one["name"] == "COORD_ARCHIVE"
    }
    assert place.startswith("/var/lib/archive/")


def test_selectors_choose_the_pods_they_are_meant_for() -> None:
    labels = {name: one["spec"]["template"]["metadata"]["labels"] for name, one in WORKLOADS.items()}
    for name, one in WORKLOADS.items():
        assert one["spec"]["selector"]["matchLabels"].items() <= labels[name].items(), name
    for one in (*of_kind("Service").values(), *of_kind("PodDisruptionBudget").values()):
        selector = one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
        assert [name for name, told in labels.items() if selector.items() <= told.items()], one["metadata"][
            "name"
        ]


def test_settings_are_settings() -> None:
    shared = of_kind("ConfigMap")["coord-settings"]["data"]
    for _, _, container in containers():
        own = {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}
        told = {**shared, **own}
        loaded_ = load_settings(
            environment={key: value for key, value in told.items() if key.startswith("COORD_")}
        )
        assert loaded_.settings.replicas == 3


def test_the_three_servers_keep_apart_and_two_of_them_stay() -> None:
    nats = WORKLOADS["coord-nats"]["spec"]
    assert nats["replicas"] == 3
    (term,) = nats["template"]["spec"]["affinity"]["podAntiAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert of_kind("PodDisruptionBudget")["coord-nats"]["spec"]["maxUnavailable"] == 1


def test_the_server_reads_the_configuration_of_the_cluster(known: Mapping[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    shutil.copytree(CONFIGURATIONS, folder)
    (folder / "cluster.conf").write_text(of_kind("ConfigMap")["coord-nats"]["data"]["cluster.conf"])
    checked = read_by_server("cluster", {**known, "POD_NAME": "coord-nats-0"}, tmp_path, folder)
    assert checked.returncode == 0, checked.stderr
    routes = re.findall(
        r"nats://coord-nats-(\d)\.coord-nats-nodes:6222", (folder / "cluster.conf").read_text()
    )
    assert routes == ["0", "1", "2"]
    assert "coord-nats-nodes" in of_kind("Service")


def test_the_template_makes_the_secrets_of_every_role(known: Mapping[str, str]) -> None:
    filled = Template(TEMPLATE.read_text()).substitute(known)
    made = {one["metadata"]["name"]: one["stringData"] for one in yaml.safe_load_all(filled)}
    assert made.pop("coord-nats") == {
        variable_of(role): known[variable_of(role)] for role in (*ROLES, "route")
    }
    for secret in made.values():
        ((name, text),) = secret.items()
        role = name.removesuffix(".json")
        assert json.loads(text) == {"user": f"~{role}", "password": known[variable_of(role)]}


def test_kubectl_builds_the_same(tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    built = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert built.stdout.count("\nkind: ") + built.stdout.startswith("kind: ") == len(MANIFESTS)
    assert "image: coord:0.1.0" in built.stdout
