"""What listens on TCP bounds: how long a body takes, and how long a reader may take nothing."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from coord.events.errors import NoServer
from coord.services.gateway import Gateway, Lines, Request, Response, Route, bind_tcp, serve_tcp

LINE = b"x" * 65_536


def run(scene: Callable[[int], Awaitable[None]], *routes: Route, connections_max: int = 8) -> None:
    """Serve routes on a free port for as long as a scene lasts."""

    async def main() -> None:
        sock = bind_tcp("127.0.0.1", 0)
        async with asyncio.timeout(10), serve_tcp(Gateway(routes, 0.2), sock, connections_max):
            await scene(sock.getsockname()[1])

    asyncio.run(main())


async def said(port: int, raw: bytes) -> tuple[int, Any]:
    """Send bytes, and return the status and the body of what came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


async def _fine(_: Request) -> Response:
    return Response(b"{}")


FINE = Route("POST", "/x", _fine, bytes_max=10)


def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    async def scene(port: int) -> None:
        raw = b"POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{"
        status, body = await said(port, raw)
        assert (status, json.loads(body)["reason"]) == (408, "the body did not arrive in time.")

    run(scene, FINE)


@pytest.mark.parametrize(
    "raw", [b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /x HTTP/9\r\nhost: x\r\n\r\n"]
)
def test_what_is_no_request_is_refused_and_the_next_one_is_answered(raw: bytes) -> None:
    async def scene(port: int) -> None:
        assert (await said(port, raw))[0] == 400
        good = b"POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
        assert (await said(port, good))[0] == 200

    run(scene, FINE)


def test_more_connections_than_may_be_are_told_so() -> None:
    async def scene(port: int) -> None:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        good = b"POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
        while (await said(port, good))[0] != 503:
            await asyncio.sleep(0.01)
        for _, writer in idle:
            writer.close()

    run(scene, FINE, connections_max=2)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/x", "GET, HEAD, POST"), ("HEAD", "/only", "POST"), ("OPTIONS", "/only", "POST")],
)
def test_a_method_that_a_path_does_not_take_is_told_with_those_it_takes(
    method: str, path: str, allowed: str
) -> None:
    async def scene(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 405 ")
        assert f"\r\nallow: {allowed}\r\n".encode() in head
        if method != "HEAD":
            assert json.loads(body)["reason"] == f"'{path}' takes no {method}."

    run(scene, FINE, Route("GET", "/x", _fine), Route("POST", "/only", _fine))


def test_the_head_alone_is_what_get_would_begin_with() -> None:
    async def one(_: Request) -> Lines:
        async def lines() -> AsyncGenerator[bytes, None]:
            raise AssertionError("nobody wants a line")
            yield b""

        return Lines(lines())

    async def scene(port: int) -> None:
        for path, header in (
            (b"/x", b"content-length: 2"),
            (b"/lines", b"content-type: application/x-ndjson"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HEAD " + path + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            assert (head.split()[1], header in head, body) == (b"200", True, b"")

    run(scene, Route("GET", "/x", _fine), Route("GET", "/lines", one))


def test_a_reader_that_takes_nothing_is_hung_up_on() -> None:
    over, ended = [], asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield LINE
        finally:
            ended.set()

    async def answer(_: Request) -> Lines:
        return Lines(endless(), send_seconds=0.05, hung_up=lambda: over.append(1))

    async def scene(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            deaf.sendall(b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")
            await ended.wait()
        assert over == [1]

    run(scene, Route("GET", "/x", answer))


def test_what_goes_on_is_opened_before_any_line_is_there() -> None:
    async def silent() -> AsyncGenerator[bytes, None]:
        await asyncio.Event().wait()
        yield b""

    async def answer(_: Request) -> Lines:
        return Lines(silent(), opening=b": it begins\n\n")

    async def scene(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await reader.readuntil(b": it begins\n\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()

    run(scene, Route("GET", "/x", answer))


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            NoServer, match=rf"nothing can listen on 127\.0\.0\.1:{port}: address already in use\."
        ):
            bind_tcp("127.0.0.1", port)


def test_a_fault_of_ones_own_is_told_in_a_sentence_and_the_next_request_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_: Request) -> Response:
        raise ValueError("secret")

    async def scene(port: int) -> None:
        raw = b"GET /broken HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        status, body = await said(port, raw)
        told = json.loads(body)
        assert (status, told["exit_code"]) == (500, 1)
        assert "a fault of coord's own" in told["reason"]
        assert "secret" not in body.decode()
        good = b"POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
        assert (await said(port, good))[0] == 200

    run(scene, FINE, Route("GET", "/broken", broken))
    assert "secret" in caplog.text
