"""A real browser: Chromium, driven by its DevTools protocol over two pipes, so that no library stands between.

Every request that a page makes is kept, and what comes to it over a websocket: the dashboard is drawn onto a
canvas, and its letters are nowhere else. Nothing sleeps: a wait reads what Chromium says until it holds.
"""

import base64
import fcntl
import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from coord.services import clock

ANSWER_SECONDS = 20.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
_ESCAPE = re.compile(r"\x1b\[[0-9;:?<>=]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_NOT_FETCHED = ("data:", "blob:", "about:", "chrome:", "devtools:")


def need_chromium() -> str:
    """Return where Chromium is; the test is skipped where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    return found


class Browser:
    """Chromium and one page of it."""

    def __init__(self, process: "subprocess.Popen[bytes]", into: int, out: int) -> None:
        self._process = process
        self._into, self._out = into, out
        self._read = b""
        self._asked = 0
        self._session = ""
        self.seen = Seen()
        """What the page asked for and was sent."""

    def begin(self) -> None:
        """Attach to a page."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for area in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{area}.enable")

    def open(self, url: str, width: int = 1200, height: int = 760) -> None:
        """Open an address in a window of so many pixels."""
        self.resize(width, height)
        told = self.ask("Page.navigate", url=url)
        assert not told.get("errorText"), (url, told)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, in pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def press(self, key: str) -> None:
        """Press a key: a character, or a name such as `Enter`, `Escape`, `ArrowDown`."""
        text = {"text": key} if len(key) == 1 else ({"text": "\r"} if key == "Enter" else {})
        code = _CODES.get(key, ord(key.upper()[0]))
        told: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, **text}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **told)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **{**told, "text": ""})

    def click(self, x: float, y: float) -> None:
        """Click at a point of the window, in pixels."""
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def evaluate(self, expression: str) -> Any:
        """Return what a JavaScript expression gives."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def wait_until(self, true: Callable[[], bool], seconds: float = ANSWER_SECONDS) -> None:
        """Wait until something holds; each look takes in what Chromium says meanwhile."""
        end = clock.monotonic() + seconds
        while not true():
            assert clock.monotonic() < end, (
                f"it did not come about in the browser; it showed {self.seen.text[-600:]!r}"
            )
            self._listen(0.05)

    def wait_for(self, *wanted: str, seconds: float = ANSWER_SECONDS) -> None:
        """Wait until all of these were drawn since `seen.text` was last emptied."""
        self.wait_until(lambda: all(one in self.seen.text for one in wanted), seconds)

    def ask(self, method: str, **parameters: Any) -> Any:
        """Send a command of the protocol, and return its answer."""
        self._asked += 1
        message: dict[str, Any] = {"id": self._asked, "method": method, "params": parameters}
        if self._session and not method.startswith("Target."):
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        end = clock.monotonic() + ANSWER_SECONDS
        while True:
            for told in self._listen(max(0.0, end - clock.monotonic())):
                if told.get("id") == self._asked:
                    assert "error" not in told, (method, told["error"])
                    return told["result"]
            assert clock.monotonic() < end, f"{method} was not answered within {ANSWER_SECONDS:g} s"

    def _listen(self, seconds: float) -> list[Any]:
        """Return what Chromium says next, within `seconds`; its events are kept."""
        ready, _, _ = select.select([self._out], [], [], seconds)
        if not ready:
            return []
        arrived = os.read(self._out, 1 << 16)
        assert arrived, f"chromium ended with {self._process.wait(5)}"
        *whole, self._read = (self._read + arrived).split(b"\0")
        told = [json.loads(one) for one in whole]
        for one in told:
            self.seen.take(one.get("method", ""), one.get("params", {}))
        return told


@dataclass
class Seen:
    """What a page asked for, and what it was sent."""

    requests: list[str] = field(default_factory=list)
    """Addresses, those of websockets among them."""
    faults: list[str] = field(default_factory=list)
    """What the page's console calls an error."""
    text: str = ""
    """Letters that came over websockets, without the escapes between them."""

    def take(self, method: str, told: dict[str, Any]) -> None:
        """Take in an event of the protocol."""
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(told["url"])
        elif method == "Network.webSocketFrameReceived":
            frame = told["response"]
            if frame["opcode"] == 2:
                self.text += _ESCAPE.sub("", base64.b64decode(frame["payloadData"]).decode("utf-8", "ignore"))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.faults.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def foreign(self) -> list[str]:
        """Return the requests to other hosts than this one."""
        asked = (one for one in self.requests if not one.startswith(_NOT_FETCHED))
        return [one for one in asked if urlsplit(one).hostname not in ("127.0.0.1", "localhost")]


_CODES = {
    "Enter": 13,
    "Escape": 27,
    "Tab": 9,
    "ArrowUp": 38,
    "ArrowDown": 40,
    "ArrowLeft": 37,
    "ArrowRight": 39,
}


_BEGIN = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads its commands from descriptor 3 and answers on descriptor 4."""


def _pipe() -> Iterator[int]:
    """Make a pipe of descriptors that are neither 3 nor 4."""
    for low in os.pipe():
        yield fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(low)


@contextmanager
def browser(root: Path) -> Iterator[Browser]:
    """Run Chromium with a profile of its own below `root`."""
    path = need_chromium()
    to_it, into, out, from_it = (*_pipe(), *_pipe())
    command = [sys.executable, "-c", _BEGIN, str(to_it), str(from_it), path, *_FLAGS]
    command += [f"--user-data-dir={root / 'profile'}", "about:blank"]
    environment = {**os.environ, "HOME": str(root), "XDG_CONFIG_HOME": str(root), "XDG_CACHE_HOME": str(root)}
    process = subprocess.Popen(
        command, pass_fds=(to_it, from_it), env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_it)
    os.close(from_it)
    try:
        opened = Browser(process, into, out)
        opened.begin()
        yield opened
    finally:
        os.close(into)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        os.close(out)
