"""One request, and every way in which it can end, as an error with its exit code."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from scripted_service import AS_OF, HANG_UP, RESET, SILENCE, Service, done, refused, said, streamed

from coord.events.errors import CoordError, NoServer, NothingThere, OutcomeUnknown, Refused, UsageError
from coord.services import client, clock
from coord.services.folder import COORDINATOR_SOCKET, PROJECTOR_SOCKET, Folder, bind_socket

Start = Callable[..., Service]
COMMAND = {"request_id": "r-1", "agent": "a1", "item_id": None}


def tell(data: Path, seconds: float = 5.0, **options: Any) -> dict[str, Any]:
    return client.tell(Folder(data), "claim", COMMAND, "a1", seconds, **options)


def read_lines(data: Path, seconds: float | None = 5.0) -> list[bytes]:
    return list(client.lines(Folder(data), PROJECTOR_SOCKET, "GET", "/v1/tail?from=1", seconds))


def test_a_command_is_one_post_with_its_actor_and_without_what_was_not_given(
    data: Path, service: Start
) -> None:
    coordinator = service(done())
    assert tell(data)["item"]["fence"] == 7
    (heard,) = coordinator.heard
    assert heard.line == "POST /v1/commands/claim HTTP/1.1"
    assert heard.headers["coord-actor"] == "a1"
    assert heard.headers["connection"] == "close"
    assert heard.body == {"request_id": "r-1", "agent": "a1"}


@pytest.mark.parametrize(
    ("code", "exit_code", "kind"),
    [
        ("taken", 4, Refused),
        ("nothing_to_claim", 3, NothingThere),
        ("no_leader", 5, NoServer),
        ("of_a_later_version", 9, CoordError),
    ],
)
def test_a_refusal_is_the_error_of_its_exit_code(
    data: Path, service: Start, code: str, exit_code: int, kind: type[CoordError]
) -> None:
    service(refused(code, exit_code, "w-1 is held by a2.", "Claim another."))
    with pytest.raises(kind) as caught:
        tell(data)
    assert type(caught.value) is kind
    assert str(caught.value) == "w-1 is held by a2. Claim another."
    assert caught.value.reply is not None
    assert caught.value.reply["code"] == code


def test_a_malformed_command_is_a_usage_error(data: Path, service: Start) -> None:
    service(said({"status": "invalid", "reason": "agent is '': too short.", "exit_code": 2}, 400))
    with pytest.raises(UsageError, match="too short"):
        tell(data)


def test_an_unknown_outcome_of_the_coordinator_names_the_request_id(data: Path, service: Start) -> None:
    service(said({"status": "unknown", "reason": "the server did not answer.", "exit_code": 6}, 504))
    with pytest.raises(OutcomeUnknown, match="Ask again with: --request-id r-1"):
        tell(data)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HANG_UP, id="hung up"),
        pytest.param(RESET, id="reset"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-le", id="half a head"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{}", id="half a body"),
        pytest.param(done().replace(b"length: ", b"length: 9"), id="a whole document of half a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{}", id="half a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}", id="no chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}", id="a negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n{}", id="no length"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n{}", id="headers without end"),
        pytest.param(b"\x16\x03\x01 this is no HTTP\r\n\r\n", id="another protocol"),
        pytest.param(said(b"Internal Server Error", 500), id="a text"),
        pytest.param(said(b"[" * 100_000), id="nested without end"),
        pytest.param(said(b'{"status": "done"'), id="half a document"),
        pytest.param(said([]), id="a list"),
        pytest.param(said({"status": "later"}), id="a status nobody knows"),
    ],
)
def test_whatever_comes_after_the_request_was_sent_and_is_no_reply_is_unknown(
    data: Path, service: Start, answer: bytes
) -> None:
    service(answer)
    with pytest.raises(OutcomeUnknown) as caught:
        tell(data)
    assert "--request-id r-1" in caught.value.hint
    assert caught.value.reply is not None
    assert caught.value.reply["request_id"] == "r-1"


def test_an_answer_that_does_not_come_in_time_is_unknown(data: Path, service: Start) -> None:
    service(SILENCE)
    with pytest.raises(OutcomeUnknown, match=r"no answer came within 0\.2 s"):
        tell(data, 0.2)


@pytest.mark.parametrize("left", ["nothing", "a socket nobody listens on", "a file", "no folder"])
def test_without_a_service_nothing_is_sent(data: Path, left: str) -> None:
    if left == "a socket nobody listens on":
        bind_socket(Folder(data), COORDINATOR_SOCKET).close()
    elif left == "a file":
        (data / COORDINATOR_SOCKET).write_text("")
    elif left == "no folder":
        data.rmdir()
    with pytest.raises(NoServer) as caught:
        tell(data)
    assert str(data) in caught.value.message
    assert "coord up" in caught.value.hint


def test_a_data_folder_may_have_a_path_longer_than_a_socket_address(tmp_path: Path) -> None:
    data = tmp_path / ("deep" * 40)
    listening = bind_socket(Folder(data), COORDINATOR_SOCKET)
    listening.close()
    with pytest.raises(NoServer, match="no coordinator runs"):
        tell(data)


def test_a_service_that_is_being_started_again_is_waited_for(
    data: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    Folder(data).write_json({"pid": os.getpid()}, "up.json")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            service(done())

    monkeypatch.setattr("time.sleep", pause)
    assert tell(data)["id"] == "w-1"
    assert len(pauses) == 3


def test_a_supervised_service_is_not_waited_for_without_end(data: Path) -> None:
    Folder(data).write_json({"pid": os.getpid()}, "up.json")
    with pytest.raises(NoServer, match=f"though process {os.getpid()} minds it"):
        tell(data, connect_seconds=0.1)


@pytest.mark.parametrize("record", [{}, {"pid": "x"}, {"pid": 0}, {"pid": -1}, {"pid": 2**22 + 1}])
def test_a_supervisor_that_is_gone_is_not_waited_for(data: Path, record: dict[str, Any]) -> None:
    Folder(data).write_json(record, "up.json")
    with pytest.raises(NoServer, match="no coordinator runs"):
        tell(data)


def test_ctrl_c_after_the_request_was_sent_names_the_request_id(
    data: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service(SILENCE)

    def stop(*_: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(socket.SocketIO, "readinto", stop)
    with pytest.raises(KeyboardInterrupt, match=r"you stopped waiting.*--request-id r-1"):
        tell(data)


def test_a_question_is_answered(data: Path, projector: Start) -> None:
    asked = projector(said({"as_of": AS_OF, "rows": []}))
    answer = client.ask(Folder(data), "board", {"limit": 3, "team": None}, 5.0)
    assert answer["as_of"]["position"] == 9
    assert asked.heard[0].line == "POST /v1/questions/board HTTP/1.1"
    assert asked.heard[0].body == {"limit": 3}


def test_a_question_may_be_refused(data: Path, projector: Start) -> None:
    projector(refused("unknown_id", 4, "there is no item x."))
    with pytest.raises(Refused, match="there is no item x"):
        client.ask(Folder(data), "show", {"id": "x"}, 5.0)


@pytest.mark.parametrize("answer", [HANG_UP, SILENCE, said({}), said(b"no JSON", 500)])
def test_a_question_without_an_answer_is_unknown_and_has_changed_nothing(
    data: Path, projector: Start, answer: bytes | None
) -> None:
    projector(answer)
    with pytest.raises(OutcomeUnknown, match="Nothing has changed"):
        client.ask(Folder(data), "board", {}, 0.2)


def test_lines_come_one_by_one_wherever_the_chunks_end(data: Path, projector: Start) -> None:
    lines = [{"position": number} for number in range(3)]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:20], body[20:]))
    projector(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert [json.loads(line) for line in read_lines(data)] == lines


def test_lines_that_break_off_are_not_taken_for_the_end(data: Path, projector: Start) -> None:
    projector(streamed({"position": 1}, whole=False))
    with pytest.raises(OutcomeUnknown, match="the answer broke off"):
        read_lines(data)


def test_lines_may_be_refused(data: Path, projector: Start) -> None:
    projector(said({"status": "invalid", "reason": "from is 'x'.", "exit_code": 2}, 400))
    with pytest.raises(UsageError, match="from is"):
        read_lines(data)


def test_a_new_request_id_is_a_uuid_of_version_7() -> None:
    made = clock.new_id()
    assert str(UUID(made)) == made
    assert UUID(made).version == 7


def test_a_service_tells_how_it_is_without_being_waited_for(data: Path, service: Start) -> None:
    with pytest.raises(NoServer, match=r"nobody listens on coordinator\.sock"):
        client.health(Folder(data), COORDINATOR_SOCKET, 1.0)
    service(said({"status": "leading"}))
    assert client.health(Folder(data), COORDINATOR_SOCKET, 1.0)["status"] == "leading"


@pytest.mark.parametrize(
    ("trace", "sent"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("nonsense\r\nx: y", False),
        ("", False),
    ],
)
def test_the_trace_of_the_environment_goes_with_a_command(
    data: Path, service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, trace: str, sent: bool
) -> None:
    monkeypatch.setenv("TRACEPARENT", trace)
    asked = service(done())
    client.tell(Folder(data), "claim", {"request_id": "r"}, "a1", 5)
    assert asked.heard[0].headers.get("traceparent") == (trace if sent else None)
    assert asked.heard[0].headers["coord-actor"] == "a1"
