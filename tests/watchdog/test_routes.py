"""Routes: what people are told, by a real HTTP server and a real command, and what cannot hold it up."""

import asyncio
import contextlib
import json
import shlex
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import uvloop
from conftest import Server
from told_runs import ToldRun
from told_steps import STEPS_TO_WARM
from watchdogs import Loop, Process, in_loop, until

from coord.events.commands import RaiseAlert, ResolveAlert, Silence
from coord.events.errors import SettingsError
from coord.services import clock
from coord.services.cli.checks import check_routes
from coord.services.log import Log
from coord.services.tasks import end
from coord.services.watchdog.delivering import Command, NotDelivered, Webhook
from coord.services.watchdog.routes import Patience, Routes, routes_of

QUICK = Patience(grace_seconds=0.05, tries=3, again_seconds=0.02, again_seconds_max=0.05)


@dataclass
class Hook:
    """A real HTTP server that keeps what is posted to it."""

    statuses: list[int] = field(default_factory=list)
    """What the next posts are answered with; then 204."""
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    hold: Event | None = None
    """Posts are answered only when it is set."""
    url: str = ""


@pytest.fixture
def hook() -> Any:
    """A webhook on this machine."""
    kept = Hook()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if kept.hold is not None:
                kept.hold.wait(30)
            kept.bodies.append(json.loads(body))
            kept.headers.append(dict(self.headers))
            self.send_response(kept.statuses.pop(0) if kept.statuses else 204)
            self.send_header("Location", kept.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            with contextlib.suppress(OSError):
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}/alerts?team=a"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield kept
    if kept.hold is not None:
        kept.hold.set()
    server.shutdown()
    thread.join()
    server.server_close()


@contextlib.asynccontextmanager
async def routing(loop: Loop, patience: Patience = QUICK, **settings: Any) -> AsyncIterator[None]:
    """Tell people for as long as the context lasts; what happens from here on is told."""
    given = loop.settings.changed(**settings)
    log = await Log.connect(given, loop.server.folder, name="routes")
    task = asyncio.create_task(Routes(log, loop.server.folder, given, routes_of(given), patience).run())
    try:
        await until(lambda: loop.server.folder.path("watchdog", "routed.json").exists() or task.done())
        yield
    finally:
        await end(task)
        await log.close()
        if not task.cancelled():
            task.result()


async def raise_alert(loop: Loop, number: int, severity: Any = "warning", rule: str = "too-odd") -> str:
    """Raise an alert as a watchdog does; return its id."""
    alert_id = f"a-{number}"
    evidence: Any = ({"stream": "EVENTS", "position": 1},)
    command = RaiseAlert(
        request_id=clock.new_id(), alert_id=alert_id, rule=rule, entity_kind="run", entity="r-1",
        severity=severity, summary="it is odd", evidence=evidence,
    )  # fmt: skip
    assert (await loop.gate.coordinator.execute("watchdog", command)).status == "done"
    return alert_id


async def resolve(loop: Loop, alert_id: str) -> None:
    """Resolve an alert."""
    command = ResolveAlert(request_id=clock.new_id(), alert_id=alert_id, reason="it is well")
    assert (await loop.gate.coordinator.execute("watchdog", command)).status == "done"


def told(hook: Hook) -> list[tuple[str, str]]:
    """Return what was posted: change and alert."""
    return [(body["change"], body["alert"]["id"]) for body in hook.bodies]


def noted(loop: Loop, route: str = "webhook") -> dict[str, Any]:
    """Return what is noted of a route."""
    found = loop.server.folder.read_json("watchdog", "routed.json") or {}
    return dict(found.get(route, {}))


def test_an_alert_and_its_end_are_posted_with_evidence_and_directives(server: Server, hook: Hook) -> None:
    async def body(loop: Loop) -> None:
        async with routing(loop, replace(QUICK, grace_seconds=2.0), alert_webhook=hook.url), loop.watchdog():
            run = ToldRun(loop.log, "r-1")
            await run.start()
            await run.steps(STEPS_TO_WARM)
            evidence = await run.hard_batch()
            await until(lambda: hook.bodies)
            await run.steps(60)
            await until(lambda: len(hook.bodies) == 2)
            raised, resolved = hook.bodies
            assert (raised["change"], resolved["change"]) == ("raised", "resolved")
            alert = raised["alert"]
            assert (alert["rule"], alert["entity_kind"], alert["entity"]) == ("loss-spike", "run", "r-1")
            assert (alert["severity"], alert["status"]) == ("warning", "active")
            assert {"stream": "EVENTS", "position": evidence} in raised["evidence"]
            assert [one["action"] for one in raised["directives"]] == ["skip_batch"]
            assert raised["directives"][0]["parameters"] == {"batches": [STEPS_TO_WARM]}
            assert (resolved["alert"]["id"], resolved["alert"]["status"]) == (alert["id"], "resolved")
            assert resolved["alert"]["reason"]
            assert hook.headers[0]["Content-Type"] == "application/json"

    in_loop(server, body)


def test_only_from_the_wanted_severity_up_and_nothing_that_is_silenced(server: Server, hook: Hook) -> None:
    async def body(loop: Loop) -> None:
        slow = replace(QUICK, grace_seconds=2.0)
        async with routing(loop, slow, alert_webhook=hook.url, alert_severity="critical"):
            await raise_alert(loop, 1, "warning")
            await raise_alert(loop, 2, "critical", rule="other")
            silence = Silence(
                request_id=clock.new_id(), alert_id="a-2", by="ada", until_ns=clock.now_ns() + 3_600 * 10**9
            )
            assert (await loop.gate.coordinator.execute("ada", silence)).status == "done"
            await resolve(loop, "a-1")
            await resolve(loop, "a-2")
            await raise_alert(loop, 3, "critical", rule="third")
            await until(lambda: hook.bodies)
            assert told(hook) == [("raised", "a-3")]

    in_loop(server, body)


def test_an_alert_that_takes_anothers_place_is_told_as_worse_and_the_end_once(
    server: Server, hook: Hook
) -> None:
    async def body(loop: Loop) -> None:
        async with routing(loop, alert_webhook=hook.url):
            await raise_alert(loop, 1, "warning")
            await raise_alert(loop, 2, "critical")
            await resolve(loop, "a-1")
            await resolve(loop, "a-2")
            await until(lambda: len(hook.bodies) == 3)
            assert told(hook) == [("raised", "a-1"), ("worse", "a-2"), ("resolved", "a-2")]

    in_loop(server, body)


def test_each_event_is_told_once_over_restarts_and_two_watchdogs(server: Server, hook: Hook) -> None:
    async def body(loop: Loop) -> None:
        async with routing(loop, alert_webhook=hook.url), routing(loop, alert_webhook=hook.url):
            await raise_alert(loop, 1)
            await until(lambda: noted(loop).get("told") == 1)
        await raise_alert(loop, 2, rule="other")
        async with routing(loop, alert_webhook=hook.url):
            await until(lambda: noted(loop).get("told") == 2)
        async with routing(loop, alert_webhook=hook.url):
            await raise_alert(loop, 3, rule="third")
            await until(lambda: noted(loop).get("told") == 3)
        assert told(hook) == [("raised", "a-1"), ("raised", "a-2"), ("raised", "a-3")]

    in_loop(server, body)


def test_what_was_before_a_route_was_set_is_not_told(server: Server, hook: Hook) -> None:
    async def body(loop: Loop) -> None:
        await raise_alert(loop, 1)
        async with routing(loop, alert_webhook=hook.url):
            await raise_alert(loop, 2, rule="other")
            await resolve(loop, "a-1")
            await until(lambda: len(hook.bodies) == 2)
            assert told(hook) == [("raised", "a-2"), ("resolved", "a-1")]

    in_loop(server, body)


def test_a_webhook_that_fails_is_tried_again_and_then_given_up_and_counted(
    server: Server, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(loop: Loop) -> None:
        hook.statuses = [500, 302, 204, 500, 500, 500]
        async with routing(loop, alert_webhook=hook.url):
            await raise_alert(loop, 1)
            await until(lambda: noted(loop).get("told") == 1)
            await raise_alert(loop, 2, rule="other")
            await until(lambda: noted(loop).get("failed") == 1)
            assert noted(loop)["failing"] == 3
            (finding,) = check_routes(loop.server.folder)
            assert (finding.name, finding.verdict) == ("people", "bad")
            assert finding.words.startswith(
                "alert_webhook failed 3 times running: it answered with status 500;"
            )
            await raise_alert(loop, 3, rule="third")
            await until(lambda: noted(loop).get("told") == 2)
            (finding,) = check_routes(loop.server.folder)
            assert (finding.verdict, finding.words) == (
                "warn",
                "told by alert_webhook: 2, given up: 1",
            )
        assert [alert for _, alert in told(hook)] == ["a-1", "a-1", "a-1", "a-2", "a-2", "a-2", "a-3"]
        assert noted(loop)["last_fault"] == "it answered with status 500"
        assert "is not told of a-2: given up, 1 so far" in caplog.text

    in_loop(server, body)


def test_a_webhook_that_hangs_does_not_hold_up_the_other_route_or_the_watchdog(
    server: Server, hook: Hook, tmp_path: Path
) -> None:
    hook.hold = Event()
    line = written_to(tmp_path)

    async def body(loop: Loop) -> None:
        async with routing(loop, alert_webhook=hook.url, alert_command=line), loop.watchdog():
            run = ToldRun(loop.log, "r-1")
            await run.start()
            await run.steps(STEPS_TO_WARM)
            await run.hard_batch()
            await until(lambda: noted(loop, "command").get("told") == 1)
            await run.steps(60)
            await until(lambda: noted(loop, "command").get("told") == 2)
            assert hook.bodies == []

    in_loop(server, body)


def written_to(folder: Path) -> str:
    """Return a command that writes what it is told to a file in a folder."""
    script = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read() + b'\\n')"
    return shlex.join([sys.executable, "-c", script, str(folder / "told $HOME; x")])


def test_a_command_gets_the_alert_on_its_stdin_and_no_shell_reads_it(server: Server, tmp_path: Path) -> None:
    async def body(loop: Loop) -> None:
        async with routing(loop, alert_command=written_to(tmp_path)):
            await raise_alert(loop, 1)
            await resolve(loop, "a-1")
            await until(lambda: noted(loop, "command").get("told") == 2)
        lines = (tmp_path / "told $HOME; x").read_text().splitlines()
        assert [json.loads(line)["change"] for line in lines] == ["raised", "resolved"]

    in_loop(server, body)


def test_the_process_itself_tells_by_what_its_settings_say(server: Server, tmp_path: Path) -> None:
    async def body(loop: Loop) -> None:
        process = Process(server, COORD_ALERT_COMMAND=written_to(tmp_path), COORD_ALERT_SEVERITY="critical")
        try:
            await until(process.has_begun)
            await until(lambda: noted(loop, "command"))
            await raise_alert(loop, 1, "critical")
            await until(lambda: noted(loop, "command").get("told") == 1)
            assert process.stop() == 0
        finally:
            process.kill()

    in_loop(server, body)


def deliver(route: Webhook | Command) -> str:
    """Deliver once; return what went wrong."""

    async def main() -> str:
        try:
            await route.deliver(b"{}")
        except NotDelivered as error:
            return error.message
        return ""

    return asyncio.run(main())


def test_a_command_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    line = f"sh -c 'sleep 60 & echo $$ $! > {tmp_path}/pids; wait'"
    assert deliver(Command(line, seconds=3)) == "it ran for 3 s and was killed."
    gone = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(gone) == 2

    async def until_gone() -> None:
        await until(lambda: not any(_runs(pid) for pid in gone))

    asyncio.run(until_gone())


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_post_that_takes_too_long_is_left_behind(hook: Hook) -> None:
    hook.hold = Event()
    assert deliver(Webhook(hook.url, seconds=0.2)) in ("no answer within 0.2 s.", "TimeoutError: timed out")


@pytest.mark.parametrize(
    ("line", "fault"),
    [("false", "it ended with status 1."), ("/no/such/command --now", "it cannot be run: ")],
)
def test_a_command_that_fails_says_how(line: str, fault: str) -> None:
    assert deliver(Command(line)).startswith(fault)


def test_a_command_that_reads_nothing_is_told_all_the_same() -> None:
    assert deliver(Command("true")) == ""


def test_a_webhook_that_nobody_answers_says_so() -> None:
    assert deliver(Webhook("http://127.0.0.1:9/x")).startswith("ConnectionRefusedError")


def test_a_webhook_with_a_password_sends_it_and_never_shows_it(hook: Hook) -> None:
    url = hook.url.replace("http://", "http://ada:s%20ecret@")
    route = Webhook(url)
    assert deliver(route) == ""
    assert hook.headers[0]["Authorization"] == "Basic YWRhOnMgZWNyZXQ="
    assert route.where == "http://127.0.0.1"


def test_a_command_that_is_no_line_of_words_is_refused(settings: Any) -> None:
    with pytest.raises(SettingsError, match="alert_command cannot be split"):
        routes_of(settings.changed(alert_command="say 'hello"))


def test_without_a_route_nothing_is_done(settings: Any) -> None:
    assert routes_of(settings) == []


def test_a_command_that_ends_without_reading_what_it_is_told_was_told_all_the_same() -> None:
    async def told() -> None:
        command = Command("true")
        for _ in range(10):
            await command.deliver(b"x" * 500_000)

    uvloop.run(told())
