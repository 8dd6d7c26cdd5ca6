"""Who may come in over HTTP: the names we answer to, the pages that may ask, and tokens."""

import asyncio
import json
import stat
from collections.abc import Mapping
from typing import Any

import pytest

from coord.events.errors import CoordError, Refused
from coord.services.api.guard import Guard, own_names
from coord.services.api.tokens import PREFIX, Tokens, known_tokens, make_token, revoke_token
from coord.services.folder import Folder
from coord.services.settings import Settings

PORT = 8778
NAMES = own_names("127.0.0.1", PORT, ("coord.example",))


@pytest.fixture
def folder(settings: Settings) -> Folder:
    made = Folder(settings.data)
    made.make()
    return made


def asked(
    folder: Folder, path: str = "/v1/questions/board", **headers: str
) -> tuple[int, Any, Mapping[str, str]]:
    """Send a request through the door; returns the status, what was said, and its headers."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive() -> Any:
        raise AssertionError("nobody reads a body at the door")

    told = {"host": f"127.0.0.1:{PORT}", **headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in told.items() if value]
    scope = {"type": "http", "path": path, "headers": raw}
    asyncio.run(Guard(inside, NAMES, Tokens(folder))(scope, receive, send))
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], json.loads(sent[1]["body"]), answered


def bearer(token: str) -> str:
    return f"Bearer {token}"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"127.0.0.1:{PORT}", 200), (f"localhost:{PORT}", 200), (f"LOCALHOST:{PORT}", 200), (f"[::1]:{PORT}", 200),
        ("coord.example", 200), (f"coord.example:{PORT}", 200),
        ("evil.example", 403), (f"evil.example:{PORT}", 403), ("127.0.0.1", 403), ("127.0.0.1:1", 403), ("", 403),
        (f"127.0.0.1:{PORT}@evil.example", 403), (f"localhost.evil.example:{PORT}", 403),
    ],
)  # fmt: skip
def test_it_answers_to_its_own_names_alone(folder: Folder, host: str, status: int) -> None:
    """A name that somebody has pointed at this machine is none of ours."""
    assert asked(folder, "/healthz", host=host)[0] == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("", 200), (f"http://127.0.0.1:{PORT}", 200), (f"http://localhost:{PORT}", 200), ("https://coord.example", 200),
        ("http://evil.example", 403), ("null", 403), ("http://127.0.0.1:3000", 403), ("http://[", 403),
    ],
)  # fmt: skip
def test_no_page_of_another_site_may_ask(folder: Folder, origin: str, status: int) -> None:
    token = make_token(folder, "t", "read", 0)
    assert asked(folder, origin=origin, authorization=bearer(token))[0] == status


def test_without_a_token_it_says_so_and_what_to_send(folder: Folder) -> None:
    status, said, headers = asked(folder)
    assert (status, said["reason"]) == (401, "this takes a token.")
    assert headers["www-authenticate"] == 'Bearer realm="coord"'


@pytest.mark.parametrize(
    "given", ["Bearer x", "Bearer", "Basic Y29vcmQ=", "Bearer " + PREFIX + "0" * 64, "\xff"]
)
def test_a_token_that_is_not_known_is_refused(folder: Folder, given: str) -> None:
    make_token(folder, "t", "read", 0)
    status, said, _ = asked(folder, authorization=given)
    assert (status, said["reason"]) == (401, "this token is not known.")


def test_a_token_opens_what_it_is_for_and_no_more(folder: Folder) -> None:
    read, scrape = make_token(folder, "notebook", "read", 0), make_token(folder, "prometheus", "metrics", 0)
    assert asked(folder, authorization=bearer(read))[0] == 200
    assert asked(folder, "/metrics", authorization=bearer(read))[0] == 200
    assert asked(folder, "/metrics", authorization=bearer(scrape))[0] == 200
    status, said, _ = asked(folder, authorization=bearer(scrape))
    assert (status, said["reason"]) == (403, "the token prometheus is for /metrics alone.")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_what_tells_nothing_of_the_house_takes_no_token(folder: Folder, path: str) -> None:
    assert asked(folder, path)[0] == 200


def test_a_token_that_is_revoked_is_refused_at_once(folder: Folder) -> None:
    tokens, token = Tokens(folder), make_token(folder, "t", "read", 7)
    known = tokens.whose(token)
    assert known is not None
    assert (known.name, known.made_at_ns) == ("t", 7)
    revoke_token(folder, "t")
    assert tokens.whose(token) is None
    with pytest.raises(Refused, match="there is no token t"):
        revoke_token(folder, "t")


def test_only_digests_are_kept_and_only_their_owner_reads_them(folder: Folder) -> None:
    token = make_token(folder, "t", "read", 0)
    path = folder.path("api", "tokens.json")
    assert token not in path.read_text()
    assert token.removeprefix(PREFIX) not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({make_token(folder, name, "read", 0) for name in ("a", "b")}) == 2


def test_a_name_is_taken_once(folder: Folder) -> None:
    first = make_token(folder, "t", "read", 0)
    with pytest.raises(Refused, match="there is a token t already"):
        make_token(folder, "t", "metrics", 0)
    assert Tokens(folder).whose(first)


@pytest.mark.parametrize("text", ["{", "[]", "7"])
def test_a_damaged_file_lets_nobody_in_and_is_not_written_over(folder: Folder, text: str) -> None:
    token = make_token(folder, "t", "read", 0)
    folder.path("api", "tokens.json").write_text(text)
    assert Tokens(folder).whose(token) is None
    if text == "{":
        with pytest.raises(CoordError, match="is damaged"):
            make_token(folder, "u", "read", 0)
        assert folder.path("api", "tokens.json").read_text() == text


def test_records_that_do_not_fit_are_no_tokens(folder: Folder) -> None:
    folder.make("api")
    good = {"scope": "read", "made_at_ns": 1, "sha256": "0" * 64}
    strange = {"a b": good, "x": {**good, "scope": "all"}, "y": {**good, "sha256": "é"}, "z": 7, "ok": good}
    folder.write_json(strange, "api", "tokens.json")
    assert list(known_tokens(folder)) == ["ok"]


def test_on_every_address_the_names_of_this_machine_hold_and_no_others() -> None:
    assert f"localhost:{PORT}" in own_names("0.0.0.0", PORT, ())
    assert f"localhost:{PORT}" not in own_names("10.0.0.5", PORT, ())
    assert f"[fd00::5]:{PORT}" in own_names("fd00::5", PORT, ())
