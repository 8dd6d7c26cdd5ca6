"""Lines of stdin: one that is too long is one faulty line, whatever it ends in, and the lines behind it keep their numbers."""

import io
from pathlib import Path

import pytest

from coord.services.cli import stdin
from coord.services.cli.main import run
from coord.services.cli.stdin import LINE_BYTES_MAX, LIST_BYTES_MAX, lines_of_stdin

Capture = pytest.CaptureFixture[str]
LONG = b"x" * LINE_BYTES_MAX


def feed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Put a text on stdin."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


@pytest.mark.parametrize("behind", [b"y", b"tail of a long line", LONG, LONG + LONG + b"z"])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_rest_of_a_line_that_is_too_long_is_no_line(
    monkeypatch: pytest.MonkeyPatch, behind: bytes, end: bytes
) -> None:
    after = [b"after\n", b"last"] if end else []
    feed(monkeypatch, b"first\n" + LONG + behind + end + b"".join(after))
    first, long, *rest = lines_of_stdin()
    assert (first, long, rest) == (b"first\n", LONG + behind[:1], after)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_may_be_as_long_as_is_allowed(monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    feed(monkeypatch, LONG + end)
    (line,) = lines_of_stdin()
    assert stdin.line_text(line) == LONG.decode()


@pytest.mark.parametrize(
    ("words", "bytes_max"),
    [
        (["submit", "-"], LINE_BYTES_MAX),
        (["release", "-", "--agent", "ada"], LIST_BYTES_MAX),
        (["wait", "-"], LIST_BYTES_MAX),
    ],
)
@pytest.mark.parametrize("filling", [b"x", b" "])
def test_a_line_that_is_too_long_is_told_once_with_its_number(
    here: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    bytes_max: int,
    filling: bytes,
) -> None:
    feed(monkeypatch, b"\n" * 3 + filling * bytes_max + b"tail of a long line\n")
    assert run(words) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "line 4:" in line]
    assert told == [f"coord: line 4: the line has more than {bytes_max} bytes, and is not read."]
