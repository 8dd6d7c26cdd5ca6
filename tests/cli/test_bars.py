"""Progress: a bar on a terminal's stderr, a sentence elsewhere, nothing with --json, and nothing where it is quick."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import COORD, UNMEASURED, Cli
from ptys import in_terminal_process
from scripted_service import Heard, Service, done

from coord.services.cli import bars
from coord.services.cli.bars import Bar, bar, waiting

Capture = pytest.CaptureFixture[str]
Start = Callable[..., Service]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell at once, and every time."""
    for name in ("SENTENCE_SECONDS", "BAR_SECONDS", "SENTENCES_EVERY_SECONDS", "_REFRESH_SECONDS"):
        monkeypatch.setattr(bars, name, 0.0)


def test_what_is_quick_says_nothing(capsys: Capture) -> None:
    with bar("counting", "lines", 10) as told:
        told.to(5)
    assert capsys.readouterr() == ("", "")


def test_where_no_terminal_listens_it_is_a_sentence_with_rate_and_time_left(
    soon: None, capsys: Capture
) -> None:
    with bar("counting", "lines", 10, quiet=False) as told:
        told._began -= 10
        told.to(4, words="1 refused")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "coord: counting: 4 of 10 lines, 0.4 a second, 15s left, 1 refused\n")


def test_sentences_come_seldom(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(bars, "SENTENCE_SECONDS", 0.0)
    with bar("counting", "lines") as told:
        for number in range(1, 9):
            told.to(number)
    assert capsys.readouterr().err.count("counting") == 1


def test_with_json_nothing_is_said(soon: None, capsys: Capture) -> None:
    with bar("counting", "lines", 10, quiet=True, ticking=True) as told:
        told.to(4)
    assert capsys.readouterr() == ("", "")


def test_what_is_only_waited_for_is_looked_at_meanwhile(soon: None, capsys: Capture) -> None:
    looked: list[int] = []

    def look() -> tuple[int, int]:
        looked.append(1)
        return len(looked), 5

    with waiting("starting", look, "services serve"):
        while len(looked) < 2:
            time.sleep(0.01)
    assert re.match(
        r"coord: starting: 1 of 5 services serve, .* a second, \S+ left\n", capsys.readouterr().err
    )


def test_it_ends_with_the_work_whatever_ends_that(soon: None, capsys: Capture) -> None:
    with pytest.raises(KeyError), bar("counting", ticking=True):
        raise KeyError
    capsys.readouterr()


@pytest.mark.parametrize(
    ("total", "done_", "words"),
    [(None, 0, "0 lines, 10s so far"), (None, 50, "50 lines, 5.0 a second"), (20, 20, "20 of 20 lines, 2.0 a second"),
     (2000, 1000, "1,000 of 2,000 lines, 100 a second, 10s left")],
)  # fmt: skip
def test_how_far_it_is_in_words(total: float | None, done_: float, words: str) -> None:
    told = Bar("x", "lines", total, quiet=True)
    told.to(done_)
    assert told.told(told._began + 10) == words


_SCRIPT = """
import sys
from coord.services.cli import bars
from coord.services.cli.terminal import out
bars.BAR_SECONDS = bars._REFRESH_SECONDS = 0.0
with bars.bar("counting", "lines", 4) as told:
    for number in range(1, 5):
        told.to(number)
        with told.aside():
            out(f"line {number}")
"""


@pytest.mark.parametrize("environment", [{"TERM": "xterm"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_on_a_terminal_it_is_a_bar_that_leaves_the_data_alone(
    cli: Cli, environment: dict[str, str], tmp_path: Path
) -> None:
    python = str(Path(COORD).with_name("python"))
    with open(tmp_path / "out", "wb") as data:
        shown = in_terminal_process([python, "-c", _SCRIPT], cli.environment | environment, 100, stdout=data)
    assert (tmp_path / "out").read_text() == "line 1\nline 2\nline 3\nline 4\n"
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "counting ━" in plain
    assert "2 of 4 lines" in plain
    assert ("\x1b[38" in shown or "\x1b[32" in shown) == ("NO_COLOR" not in environment)
    assert shown.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))


def test_data_and_bar_share_a_terminal(cli: Cli) -> None:
    python = str(Path(COORD).with_name("python"))
    shown = in_terminal_process([python, "-c", _SCRIPT], cli.environment | {"TERM": "xterm"}, 100)
    assert [f"line {number}" in shown for number in range(1, 5)] == [True] * 4


def test_many_lines_from_a_file_are_counted_and_the_bar_says_of_how_many(
    cli: Cli, service: Start, tmp_path: Path
) -> None:
    service(lambda heard: done(heard.body["item_id"], status="cancelled"))
    (tmp_path / "items").write_text("".join(f"w-{number}\n" for number in range(30)))
    script = (
        "import sys; from coord.services.cli import bars; bars.BAR_SECONDS = 0.0\n"
        "from coord.services.cli.main import run; sys.exit(run(['cancel', '-']))"
    )
    python = str(Path(COORD).with_name("python"))
    with open(tmp_path / "items", "rb") as items, open(tmp_path / "out", "wb") as data:
        shown = in_terminal_process(
            [python, "-c", script], cli.environment | {"TERM": "xterm"}, 100, stdin=items, stdout=data
        )
    assert (tmp_path / "out").read_text().split()[::2] == [f"w-{number}" for number in range(30)]
    assert " of 30 lines" in shown


def test_without_a_bar_rich_is_not_loaded(cli: Cli, service: Start) -> None:
    def answer(heard: Heard) -> bytes:
        return done(heard.body["item_id"])

    service(answer)
    script = (
        "import sys; from coord.services.cli.main import run; code = run(['cancel', '-']);"
        "print('rich' in sys.modules, file=sys.stderr); sys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], input="w-1\n", env=cli.environment | UNMEASURED,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stderr == "False\n"
