"""Every file that a program of somebody else's reads has the shape it should have, and a wrong key is found."""

import copy
import json
from functools import cache
from typing import Any, Final

import pytest
from deployed import DEPLOY, documents
from jsonschema import Draft7Validator, Draft202012Validator

FILES: Final = [
    *((path.name, "compose-spec") for path in sorted(DEPLOY.glob("compose*.yaml"))),
    *((f"kubernetes/{path.name}", "kubernetes") for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
      if path.name != "kustomization.yaml"),
    ("collector/otelcol.yaml", "collector"),
    ("jaeger/jaeger.yaml", "jaeger"),
    ("prometheus/prometheus.yaml", "prometheus"),
    ("grafana/provisioning/datasources/coord.yaml", "grafana"),
    ("grafana/provisioning/dashboards/coord.yaml", "grafana"),
    ("grafana/lgtm/coord.yaml", "grafana"),
]  # fmt: skip
WRONG: Final[list[tuple[str, tuple[str | int, ...], Any]]] = [
    ("compose.yaml", ("services", "nats", "restrt"), "always"),
    ("compose.yaml", ("services", "nats", "healthcheck", "tests"), []),
    ("compose.yaml", ("services", "nats", "ports"), "4222:4222"),
    ("kubernetes/nats.yaml", ("spec", "template", "spec", "containers", 0, "livenesProbe"), {}),
    ("kubernetes/nats.yaml", ("spec", "replicas"), "three"),
    ("kubernetes/nats.yaml", ("kind",), "StatefullSet"),
    ("collector/otelcol.yaml", ("exporters", "otlp_grpc/jaeger", "sending_que"), {}),
    ("collector/otelcol.yaml", ("exporters", "otlphttp/other"), {}),
    ("jaeger/jaeger.yaml", ("extensions", "jaeger_storage", "backend"), {}),
    ("prometheus/prometheus.yaml", ("otlp", "promote"), []),
    ("grafana/lgtm/coord.yaml", ("providers", 0, "option"), {}),
]


@cache
def validator(schema: str) -> Any:
    """Return the validator of a schema, which is checked once."""
    rules = json.loads((DEPLOY / "schemas" / f"{schema}.json").read_text())
    kind = Draft7Validator if "draft-07" in rules["$schema"] else Draft202012Validator
    kind.check_schema(rules)
    return kind(rules)


def faults(schema: str, document: Any) -> list[str]:
    return [f"{list(one.absolute_path)}: {one.message}" for one in validator(schema).iter_errors(document)]


@pytest.mark.parametrize(("name", "schema"), FILES)
def test_a_file_has_the_shape_its_reader_wants(name: str, schema: str) -> None:
    for document in documents(DEPLOY / name):
        assert faults(schema, document) == []


@pytest.mark.parametrize(("name", "path", "value"), WRONG, ids=lambda part: str(part)[-40:])
def test_a_wrong_key_or_value_is_found(name: str, path: tuple[str | int, ...], value: Any) -> None:
    document = copy.deepcopy(documents(DEPLOY / name)[-1])
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert faults(dict(FILES)[name], document)
