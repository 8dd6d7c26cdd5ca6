"""HTTP as people use it: curl, Prometheus and a reader of Arrow, on a real house."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import nanoarrow
import pytest
from command_line import Cli
from houses import House, running_house, until
from prometheus_server import scraping_prometheus, tool

from coord.events.answer import ARROW, AS_OF, TRUNCATED
from coord.services import clock
from coord.services.folder import HTTP_PLACE

pytestmark = pytest.mark.timeout(180)
SECONDS: Final = "20"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that answers over HTTP, with two items."""
    tool("curl")

    def listening(home: Path, environment: dict[str, str]) -> Cli:
        return Cli(home, environment | {"COORD_HTTP_PORT": "0", "COORD_SAMPLE_SECONDS": "0.2"})

    with running_house(tmp_path_factory.mktemp("http"), listening) as running:
        for name in ("w-1", "w-2"):
            running.ask("submit", f"do {name}", "--id", name)
        yield running


@pytest.fixture(scope="module")
def url(house: House) -> str:
    told: Any = house.folder.read_json(HTTP_PLACE)
    return str(told["url"])


@pytest.fixture(scope="module")
def token(house: House) -> str:
    return str(house.ask("token", "create", "tests")["token"])


class Got:
    """What curl printed."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def curl(*words: str, given: bytes | None = None) -> Got:
    """Ask as a person does."""
    command = ["curl", "--silent", "--show-error", "--include", "--max-time", SECONDS, *words]
    ran = subprocess.run(command, input=given, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return Got(ran.stdout)


def with_token(token: str) -> tuple[str, str]:
    return "--header", f"Authorization: Bearer {token}"


def test_a_question_is_asked_by_a_line_of_curl(url: str, token: str) -> None:
    got = curl(*with_token(token), f"{url}/v1/questions/board?limit=1&status=open", "-H", "coord-after: now")
    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    assert [row["id"] for row in got.document["rows"]] == ["w-1"]
    assert got.document["truncated"]
    body = '{"limit": 1, "status": "open"}'
    posted = curl(*with_token(token), f"{url}/v1/questions/board", "--json", body).document
    assert [row["id"] for row in posted["rows"]] == ["w-1"]


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/v1/questions/board?limit=1001", 400, "limit is 1001"),
        ("/v1/questions/bored", 400, "there is no question 'bored'"),
        ("/v1/questions/show?id=w-9", 409, "there is no item w-9"),
        ("/v1/questions/board?status=shut", 400, "is 'shut': it must be 'open'"),
        ("/v1/tail?from=x", 400, "from is 'x'; it must be a whole number"),
        ("/v1/tail?until=now", 400, "tail has no 'until'"),
        ("/v1/rebuild", 404, "there is no GET '/v1/rebuild' here"),
        ("/", 404, "there is no GET '/' here"),
    ],
)
def test_what_is_wrong_is_one_sentence(url: str, token: str, path: str, status: int, sentence: str) -> None:
    got = curl(*with_token(token), url + path)
    assert got.status == status
    assert sentence in got.document["reason"]
    assert "\n" not in got.document["reason"]


def test_a_path_that_is_there_says_how_it_is_asked(url: str, token: str) -> None:
    for path, method, allowed in (
        ("questions/board", "DELETE", "GET, HEAD, POST"),
        ("tail", "POST", "GET, HEAD"),
    ):
        got = curl(*with_token(token), "-X", method, f"{url}/v1/{path}")
        assert (got.status, got.headers["allow"]) == (405, allowed)
    for path in ("questions/board", "tail"):
        assert curl(*with_token(token), "--head", f"{url}/v1/{path}").status == 200


def test_nothing_is_changed_here(url: str, token: str) -> None:
    for path in ("/v1/commands/submit", "/v1/rebuild"):
        assert curl(*with_token(token), url + path, "--json", "{}").status == 404


def test_what_needs_no_token_and_what_does(url: str) -> None:
    assert curl(f"{url}/healthz").document["status"] == "serving"
    assert curl(f"{url}/readyz").document["status"] == "ready"
    assert curl(f"{url}/openapi.json").document["openapi"] == "3.1.0"
    for path in ("/v1/questions/board", "/v1/tail", "/metrics"):
        got = curl(url + path)
        assert (got.status, got.document["reason"]) == (401, "this takes a token.")


def test_a_rebound_name_and_another_site_s_page_are_refused(url: str, token: str) -> None:
    port = url.rpartition(":")[2]
    rebound = curl(*with_token(token), "-H", f"Host: evil.example:{port}", f"{url}/v1/questions/board")
    assert (rebound.status, rebound.document["reason"]) == (
        403,
        "this service answers to its own address alone.",
    )
    page = curl(*with_token(token), "-H", "Origin: http://evil.example", f"{url}/v1/questions/board")
    assert (page.status, page.document["reason"]) == (403, "no page of another site may ask here.")


def test_what_is_too_large_is_refused(url: str, token: str) -> None:
    body = b'{"team": "' + b"x" * 70_000 + b'"}'
    asked = (*with_token(token), f"{url}/v1/questions/board")
    got = curl(*asked, "--json", "@-", "-H", "Expect:", given=body)
    assert (got.status, got.document["reason"]) == (413, "the body is larger than 65536 bytes.")
    assert curl(*asked, "-H", f"x-much: {'x' * 20_000}").status == 431
    assert curl(f"{url}/healthz").status == 200


def test_a_token_is_listed_by_name_and_revoked_at_once(house: House, url: str) -> None:
    made = house.ask("token", "create", "short-lived", "--for", "metrics")["token"]
    assert curl(*with_token(made), f"{url}/metrics").status == 200
    assert curl(*with_token(made), f"{url}/v1/questions/board").status == 403
    listed = house.cli.run("token", "list")
    assert re.search(r"short-lived +/metrics alone", listed.out)
    assert made not in listed.out
    house.ask("token", "revoke", "short-lived")
    assert curl(*with_token(made), f"{url}/metrics").status == 401


def read_arrow(raw: bytes) -> tuple[Any, list[dict[str, Any]]]:
    stream = nanoarrow.ArrayStream.from_readable(raw)
    return stream.schema, stream.read_all().to_pylist()


def test_many_rows_come_as_arrow(house: House, url: str, token: str) -> None:
    lines = "\n".join(json.dumps({"title": f"many {place}", "team": "many"}) for place in range(1_000))
    for _ in range(2):
        assert house.cli.run("submit", "-", stdin=lines.encode()).code == 0
    asked = (*with_token(token), "-H", f"Accept: {ARROW}", "-H", "coord-after: now")
    got = curl(*asked, f"{url}/v1/questions/board?team=many&limit=1500")
    assert (got.status, got.headers["content-type"], got.headers[TRUNCATED]) == (200, ARROW, "true")
    schema, rows = read_arrow(got.body)
    assert len(rows) == 1_500
    assert {row["team"] for row in rows} == {"many"}
    assert json.loads(rows[0]["capabilities"]) == []
    told = {key.decode(): value.decode() for key, value in schema.metadata.items()}
    assert told[TRUNCATED] == "true"
    assert json.loads(told[AS_OF])["position"] == json.loads(got.headers[AS_OF])["position"] > 0
    whole = curl(*asked, f"{url}/v1/questions/board?team=many&limit=2000")
    assert (len(read_arrow(whole.body)[1]), whole.headers[TRUNCATED]) == (2_000, "false")
    many = curl(*asked, f"{url}/v1/questions/board?limit=100001")
    assert (many.status, many.document["reason"]) == (
        400,
        "board: limit is 100001: it must be less than or equal to 100000.",
    )
    refused = curl(*asked, f"{url}/v1/questions/show?id=w-1")
    assert (refused.status, "is no list" in refused.document["reason"]) == (400, True)


def test_readings_come_as_arrow_as_they_were_taken(house: House, url: str, token: str) -> None:
    path = f"{url}/v1/questions/readings?metric=load_average_1m&limit=5000"
    asked = (*with_token(token), "-H", f"Accept: {ARROW}", path)
    rows = until(lambda: read_arrow(curl(*asked).body)[1])
    assert rows == sorted(rows, key=lambda row: row["at_ns"])
    assert rows[0].keys() == {"at_ns", "node", "device", "value", "recorded_at_ns"}


@contextmanager
def listening(url: str, token: str, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = ["curl", "--silent", "--no-buffer", *with_token(token), *words, url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def messages(process: "subprocess.Popen[bytes]", last: int) -> list[dict[str, Any]]:
    """Read messages until one at or behind a position has come; each has its position as its id."""
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    position = 0
    for line in process.stdout:
        if line.startswith(b"id: "):
            position = int(line.removeprefix(b"id: "))
        elif line.startswith(b"data: "):
            found.append(json.loads(line.removeprefix(b"data: ")))
            assert found[-1]["position"] == position
            if position >= last:
                break
    return found


def test_the_log_is_heard_as_it_is_written_and_after_a_break_from_there_on(
    house: House, url: str, token: str
) -> None:
    first = house.ask("submit", "first", "--id", f"l-{clock.new_id()[-6:]}")["position"]
    tail = f"{url}/v1/tail"
    with listening(f"{tail}?from={first}&aggregate=work", token) as process:
        assert [one["position"] for one in messages(process, first)] == [first]
        second = house.ask("submit", "second")["position"]
        assert messages(process, second)[-1]["position"] == second
    third = house.ask("submit", "third")["position"]
    with listening(f"{tail}?type=work.", token, "-H", f"Last-Event-ID: {second}") as process:
        heard = messages(process, third)
        assert (heard[0]["position"], heard[0]["type"]) == (third, heard[0]["type"])
    assert until(lambda: curl(f"{url}/healthz").document["listening"] == 0)


def test_a_tail_begins_at_once_and_ends_soon_after_its_token_is_revoked(house: House, url: str) -> None:
    made = house.ask("token", "create", "listener")["token"]
    with listening(f"{url}/v1/tail?entity=nobody", made) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b": the log as it is written\n"
        house.ask("token", "revoke", "listener")
        told = process.stdout.read().decode().split()
        assert told[:2] == ["event:", "cut"]
        assert "your token was revoked." in " ".join(told)
        assert process.wait() == 0


def test_a_tail_outlasts_the_projector(house: House, url: str, token: str) -> None:
    first = house.ask("submit", "before")["position"]
    with listening(f"{url}/v1/tail?from={first}", token) as process:
        messages(process, first)
        house.kill("projector")
        second = house.ask("submit", "after")["position"]
        assert [one["position"] for one in messages(process, second)][-1] == second
    assert until(lambda: curl(f"{url}/readyz").status == 200)


def test_prometheus_scrapes_it(house: House, url: str, tmp_path: Path) -> None:
    made = house.ask("token", "create", "prometheus", "--for", "metrics")["token"]
    (tmp_path / "token").write_text(made)
    with scraping_prometheus(tmp_path, url.removeprefix("http://"), tmp_path / "token") as prometheus:

        def value(query: str) -> list[str]:
            return [one["value"][1] for one in prometheus.ask("query", query=query)["result"]]

        assert until(lambda: value("up") == ["1"])
        assert until(lambda: value('sum(cicd_pipeline_run_active{coord_site="local"}) > 1'))
        assert until(lambda: value('count(system_memory_limit_bytes{host_name!=""})') == ["1"])
        assert value('coord_stream_utilization_ratio{coord_stream="EVENTS"} < 1')
        assert value("coord_health_score_ratio <= 1")


def test_doctor_looks_and_a_port_that_is_taken_is_told(house: House, url: str) -> None:
    checked = {one["name"]: one for one in house.cli.run("doctor", "--json").document["checks"]}
    assert checked["http"]["verdict"] in ("ok", "warn")
    assert url in checked["http"]["words"]
    ran = house.cli.run("serve", "api", "--http-port", url.rpartition(":")[2])
    assert ran.code == 5
    assert "address already in use. Choose another port." in ran.err


def test_without_a_port_it_does_not_listen(house: House) -> None:
    environment = {name: value for name, value in house.cli.environment.items() if name != "COORD_HTTP_PORT"}
    ran = Cli(house.cli.home, environment).run("serve", "api")
    assert (ran.code, "http_port is not set. Say where to listen" in ran.err) == (2, True)
