"""What receivers may answer, over HTTP and gRPC, and what becomes of the items then."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from receivers import Answer, Grpc, Http, free_port, own_certificate

from coord.events.errors import SettingsError
from coord.services.exporter.dead import FILES_MAX, Dead
from coord.services.exporter.delivering import BODY_BYTES_MAX, Delivery, Tally
from coord.services.exporter.encoding import Encoder
from coord.services.exporter.environment import Endpoint, read_environment
from coord.services.exporter.exporter import receiver_of, spans_written
from coord.services.exporter.identity import child_of, root_of
from coord.services.exporter.receiving import Later, Setback, TurnedAway
from coord.services.exporter.records import EndedSpan
from coord.services.folder import Folder

ROOT = root_of("work", "local", "w-1", "e-1")


def span(number: int, name: str = "Queued", **told: Any) -> EndedSpan:
    at = child_of(ROOT, "queued", number)
    return EndedSpan(name, "internal", at, ROOT, 1, 2, told, position=number)


def spans(count: int, bad: tuple[int, ...] = ()) -> list[EndedSpan]:
    return [span(number, "poison" if number in bad else "Queued") for number in range(1, count + 1)]


@pytest.fixture
def http() -> Iterator[Http]:
    receiver = Http()
    yield receiver
    receiver.close()


@pytest.fixture
def rpc() -> Iterator[Grpc]:
    receiver = Grpc().start()
    yield receiver
    receiver.close()


class Way:
    """A delivery of spans to a receiver, as the environment sets it."""

    def __init__(self, url: str, folder: Path, **variables: str) -> None:
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": "3000"}
        given |= {f"OTEL_EXPORTER_OTLP_{name}": value for name, value in variables.items()}
        self.endpoint: Endpoint = read_environment(given).endpoints["traces"]
        self.folder = Folder(folder / "coord")
        self.dead = Dead(self.folder)
        self.tally = Tally()
        self.receiver = receiver_of(self.endpoint)
        encoder = Encoder({"service.name": "coord"}, "1")
        writing = spans_written(encoder, self.tally)
        self.delivery = Delivery("traces", self.receiver, writing, self.dead, self.tally)

    def deliver(self, items: list[EndedSpan]) -> Setback | None:
        """Deliver, and say what stood in the way."""
        return asyncio.run(self.delivery.deliver(items))

    def set_aside(self) -> list[dict[str, Any]]:
        """Return what lies in the folder."""
        return [json.loads(path.read_text()) for path in self.folder.path("exporter", "dead").glob("*.json")]


def names(receiver: Http | Grpc) -> list[int]:
    """Return the positions of the spans taken, by their ids."""
    known = {f"{child_of(ROOT, 'queued', number).span_id:016x}": number for number in range(1, 2000)}
    return sorted(known[one.span] for one in receiver.spans())


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_http_says_later_and_when(http: Http, tmp_path: Path, status: int) -> None:
    http.answers.append(Answer(status, after="7", words="busy"))
    way = Way(http.url, tmp_path)
    assert way.deliver(spans(2)) == Later(f"it answered with status {status}: busy", str(status), 7.0)
    assert way.tally.failed == {str(status): 1}
    assert way.tally.trouble.endswith("busy")
    assert way.deliver(spans(2)) is None
    assert (way.tally.sent, way.tally.trouble, names(http)) == (2, "", [1, 2])


def test_http_may_say_when_as_a_date_or_not_at_all(http: Http, tmp_path: Path) -> None:
    way = Way(http.url, tmp_path)
    for after, wanted in (("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("999999", 600.0)):
        http.answers.append(Answer(503, after=after))
        found = way.deliver(spans(1))
        assert isinstance(found, Later)
        assert found.after_seconds == wanted


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_what_is_wrong_is_found_by_halving_and_set_aside(http: Http, tmp_path: Path, status: int) -> None:
    http.always = Answer(status, words="no such thing", if_has="poison")
    way = Way(http.url, tmp_path)
    assert way.deliver(spans(40, bad=(7, 31))) is None
    assert names(http) == [number for number in range(1, 41) if number not in (7, 31)]
    assert (way.tally.sent, way.tally.rejected, way.tally.set_aside) == (38, 2, 2)
    kept = way.set_aside()
    assert sorted(one["position"] for one in kept) == [7, 31]
    assert kept[0]["reason"] == f"it answered with status {status}: no such thing"
    assert kept[0]["item"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] == "poison"
    assert way.tally.trouble == ""


def test_who_refuses_everything_has_nothing_against_our_items(http: Http, tmp_path: Path) -> None:
    http.always = Answer(400, words="closed")
    way = Way(http.url, tmp_path)
    found = way.deliver(spans(16))
    assert found == TurnedAway("it refuses everything; it answered with status 400: closed", "400")
    assert way.set_aside() == []
    assert len(http.asked) == 2
    http.always = Answer()
    assert way.deliver(spans(16)) is None
    assert way.tally.sent == 16


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 415])
def test_a_wrong_place_or_no_permission_loses_nothing(http: Http, tmp_path: Path, status: int) -> None:
    http.always = Answer(status)
    way = Way(http.url, tmp_path)
    assert isinstance(way.deliver(spans(4)), TurnedAway)
    assert way.tally.turned_away
    assert (way.set_aside(), way.tally.rejected) == ([], 0)


def test_a_partial_rejection_is_counted_and_never_sent_again(http: Http, tmp_path: Path) -> None:
    http.answers.append(Answer(rejected=2, words="too old"))
    way = Way(http.url, tmp_path)
    assert way.deliver(spans(5)) is None
    assert (way.tally.sent, way.tally.rejected, way.tally.last_rejection) == (3, 2, "too old")
    assert len(http.asked) == 1


def test_nobody_there_or_nobody_answering_is_later(http: Http, tmp_path: Path) -> None:
    found = Way(f"http://127.0.0.1:{free_port()}", tmp_path).deliver(spans(1))
    assert isinstance(found, Later)
    assert found.words == "it does not answer: Connection refused"
    http.answers.append(Answer(holds=1.0))
    slow = Way(http.url, tmp_path, TIMEOUT="200").deliver(spans(1))
    assert isinstance(slow, Later)
    assert slow.kind == "ReadTimeoutError"
    assert slow.words == "it does not answer: Read timed out"


def test_headers_and_compression_are_sent_as_set(http: Http, rpc: Grpc, tmp_path: Path) -> None:
    settings = {"HEADERS": "x-tenant=a%20b", "COMPRESSION": "gzip"}
    assert Way(http.url, tmp_path, **settings).deliver(spans(1)) is None
    (_, headers, _) = http.asked[0]
    assert (headers["x-tenant"], headers["content-encoding"]) == ("a b", "gzip")
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["user-agent"].startswith("coord/")
    assert Way(rpc.url, tmp_path, PROTOCOL="grpc", **settings).deliver(spans(1)) is None
    assert rpc.asked[0][1]["x-tenant"] == "a b"


def test_what_is_too_large_for_a_request_goes_in_several(http: Http, tmp_path: Path) -> None:
    way = Way(http.url, tmp_path)
    large = [span(number, note="x" * 300_000) for number in range(1, 31)]
    huge = span(31, note="x" * (BODY_BYTES_MAX + 1))
    assert way.deliver([*large, huge]) is None
    assert names(http) == list(range(1, 31))
    assert max(size for _, _, size in http.asked) <= BODY_BYTES_MAX
    (kept,) = way.set_aside()
    assert (kept["position"], "a request may have" in kept["reason"]) == (31, True)


def test_what_is_set_aside_is_bounded(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "coord")
    dead = Dead(folder)
    dead.put("traces", 1, "no", {})
    for number in range(FILES_MAX - 1):
        folder.path("exporter", "dead", f"{number}.json").touch()
    dead.put("traces", 2, "no", {})
    assert (dead.count(), dead.unkept) == (FILES_MAX, 1)


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.OUT_OF_RANGE,
    ],
)  # fmt: skip
def test_grpc_says_later(rpc: Grpc, tmp_path: Path, code: grpc.StatusCode) -> None:
    rpc.answers.append(Answer(code, words="busy"))
    way = Way(rpc.url, tmp_path, PROTOCOL="grpc")
    assert way.deliver(spans(2)) == Later(f"it answered {code.name}: busy", code.name.lower())
    assert way.deliver(spans(2)) is None
    assert names(rpc) == [1, 2]


def test_grpc_is_exhausted_for_a_time_or_by_the_size(rpc: Grpc, tmp_path: Path) -> None:
    way = Way(rpc.url, tmp_path, PROTOCOL="grpc")
    rpc.answers.append(Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, after="2.5", words="slow down"))
    found = way.deliver(spans(4))
    assert isinstance(found, Later)
    assert found.after_seconds == 2.5
    rpc.always = Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, words="too large", if_has="poison")
    assert way.deliver(spans(4, bad=(3,))) is None
    assert names(rpc) == [1, 2, 4]
    assert [one["position"] for one in way.set_aside()] == [3]


def test_grpc_refuses_one_item_or_us(rpc: Grpc, tmp_path: Path) -> None:
    way = Way(rpc.url, tmp_path, PROTOCOL="grpc")
    rpc.always = Answer(grpc.StatusCode.INVALID_ARGUMENT, words="no", if_has="poison")
    assert way.deliver(spans(8, bad=(2,))) is None
    assert len(names(rpc)) == 7
    rpc.always = Answer(grpc.StatusCode.UNAUTHENTICATED, words="who are you")
    found = way.deliver(spans(1))
    assert found == TurnedAway("it answered UNAUTHENTICATED: who are you", "unauthenticated")
    rpc.always = Answer(rejected=1, words="too old")
    assert way.deliver(spans(3)) is None
    assert (way.tally.sent, way.tally.rejected) == (9, 2)


def test_a_receiver_over_tls_is_believed_by_its_certificate_alone(tmp_path: Path) -> None:
    certificate = own_certificate(tmp_path)
    if certificate is None:
        pytest.skip("openssl is not installed")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("not a certificate")
    receiver = Http(certificate)
    try:
        assert Way(receiver.url, tmp_path, CERTIFICATE=str(certificate)).deliver(spans(3)) is None
        assert names(receiver) == [1, 2, 3]
        for variables in ({}, {"CERTIFICATE": str(nonsense)}):
            found = Way(receiver.url, tmp_path, **variables).deliver(spans(1))
            assert isinstance(found, TurnedAway)
            assert found.kind == "tls"
    finally:
        receiver.close()
    with pytest.raises(SettingsError):
        Way(receiver.url, tmp_path, CERTIFICATE=str(tmp_path / "gone.pem"))
