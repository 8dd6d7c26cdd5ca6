"""The standard variables: what they mean, and that a wrong value is told in a sentence."""

import pytest

from coord.events.errors import SettingsError
from coord.services.exporter.environment import is_wanted, read_environment

ALL = "OTEL_EXPORTER_OTLP_ENDPOINT"
HERE = {ALL: "http://127.0.0.1:4318"}


def test_without_an_endpoint_nothing_is_wanted() -> None:
    assert not is_wanted({})
    assert not is_wanted({ALL: "  "})
    assert not is_wanted({**HERE, "OTEL_SDK_DISABLED": "true"})
    assert not is_wanted(
        {**HERE, **{f"OTEL_{one}_EXPORTER": "none" for one in ("TRACES", "METRICS", "LOGS")}}
    )
    assert is_wanted(HERE)


def test_an_endpoint_for_all_gets_the_signal_behind_it_and_one_for_a_signal_does_not() -> None:
    own = "http://traces.example:9/anything?x=1"
    found = read_environment(
        {ALL: "http://127.0.0.1:4318/", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": own}
    ).endpoints
    assert found["metrics"].url == "http://127.0.0.1:4318/v1/metrics"
    assert found["logs"].url == "http://127.0.0.1:4318/v1/logs"
    assert found["traces"].url == own
    assert found["traces"].shown == "http://traces.example:9/anything"
    assert read_environment({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": own}).endpoints.keys() == {"logs"}


def test_defaults_are_opentelemetrys_and_ten_seconds() -> None:
    environment = read_environment(HERE)
    one = environment.endpoints["traces"]
    assert (one.protocol, one.gzip, one.timeout_seconds, one.secure) == ("http/protobuf", False, 10.0, False)
    assert (environment.interval_seconds, environment.service_name, environment.resource) == (10.0, None, {})


@pytest.mark.parametrize(
    ("endpoint", "insecure", "place", "secure"),
    [
        ("http://127.0.0.1:4317", "", "127.0.0.1:4317", False),
        ("https://collector", "", "collector:4317", True),
        ("collector:9999", "", "collector:9999", True),
        ("collector:9999", "true", "collector:9999", False),
        ("http://[::1]:4317", "", "[::1]:4317", False),
    ],
)
def test_over_grpc_an_endpoint_is_a_host_and_a_port(
    endpoint: str, insecure: str, place: str, secure: bool
) -> None:
    found = read_environment(
        {ALL: endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_INSECURE": insecure}
    ).endpoints["traces"]
    assert (found.url, found.secure, found.protocol) == (place, secure, "grpc")


def test_what_is_set_for_one_signal_beats_what_is_set_for_all() -> None:
    found = read_environment(
        {
            **HERE,
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20x,x-tenant=a",
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "x-tenant=b",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
            "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "500",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "none",
            "OTEL_SERVICE_NAME": "lab",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod,service.namespace=a%2Cb",
            "OTEL_METRIC_EXPORT_INTERVAL": "2000",
        }
    )
    traces, metrics, logs = (found.endpoints[name] for name in ("traces", "metrics", "logs"))
    assert traces.headers == {"authorization": "Bearer x", "x-tenant": "a"}
    assert logs.headers == {"x-tenant": "b"}
    assert (traces.timeout_seconds, metrics.timeout_seconds) == (2.5, 0.5)
    assert (traces.gzip, logs.gzip) == (False, True)
    assert (found.service_name, found.interval_seconds) == ("lab", 2.0)
    assert found.resource == {"deployment.environment.name": "prod", "service.namespace": "a,b"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (ALL, "127.0.0.1:4318", "it must be a URL such as http://127.0.0.1:4318."),
        (ALL, "ftp://x", "it must be a URL"),
        (ALL, "http://x:99999", "it must be a URL"),
        (ALL, "http://user:secret@ x", "it must be a URL"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "it must be one of http/protobuf, grpc."),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grcp", "it must be one of http/protobuf, grpc."),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "it must be one of none, gzip."),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "it must be a whole number of milliseconds"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "it must be a whole number of milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-5", "it must be a whole number of milliseconds"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/not/there.pem", "it must be a file that can be read."),
        ("OTEL_TRACES_EXPORTER", "zipkin", "it must be one of otlp, none."),
        ("OTEL_SDK_DISABLED", "maybe", "it must be one of true, false."),
        ("OTEL_RESOURCE_ATTRIBUTES", "just-a-word", "it must be a list such as key1=value1,key2=value2."),
        ("OTEL_EXPORTER_OTLP_HEADERS", "sesame", "it must be a list"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a%20b=c", "holds a header that cannot be sent"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        is_wanted({**HERE, name: value})
    assert name in caught.value.message
    assert said in caught.value.message
    assert caught.value.exit_code == 2
    assert "secret" not in str(caught.value)
    assert "sesame" not in str(caught.value)
