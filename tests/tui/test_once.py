"""`coord tui --once`: one picture as text, with a house and without; and what the verb refuses."""

from pathlib import Path

import pytest
from command_line import COORD, Cli
from houses import environment_of, running_house


@pytest.fixture
def nobody(tmp_path: Path) -> Cli:
    """A command line without a house."""
    return Cli(tmp_path, environment_of(tmp_path, tmp_path / "data"))


def test_every_view_is_printed_in_the_size_that_is_asked_for(tmp_path: Path) -> None:
    """Plain in a pipe; as of a past moment, with a filter, with colours."""
    with running_house(tmp_path) as house:
        house.cli.run("submit", "hash the README", "--id", "w-1")
        house.cli.run("submit", "lint", "--id", "w-2")
        for number, view in ((1, "overview"), (8, "health")):
            ran = house.cli.run("tui", "--once", "--view", view, "--size", "80x24")
            assert (ran.code, ran.err) == (0, "")
            lines = ran.out.split("\n")
            assert len(lines) == 25
            assert lines[0].startswith(" coord ● LIVE")
            assert f"[{number} " in lines[1]
        first = house.ask("history", "w-1")["events"][0]["position"]
        then = house.cli.run("tui", "--once", "--view", "work", "--at", f"#{first}").out
        assert "◀ REPLAY" in then
        assert ("w-1" in then, "w-2" in then) == (True, False)
        only = house.cli.run("tui", "--once", "--view", "work", "--filter", "lint").out
        assert ("filter ▸ lint" in only, "w-1" in only) == (True, False)
        opened = house.cli.run("tui", "--once", "--view", "work", "--chosen", "w-2", "--ascii").out
        assert opened.isascii()
        assert "w-2" in opened
        coloured = house.cli.run("tui", "--once", "--color", "always", "--theme", "light").out
        assert "\x1b[" in coloured


def test_without_a_house_the_picture_says_so_and_the_exit_code_too(nobody: Cli) -> None:
    """5, with the sentence on stderr."""
    ran = nobody.run("tui", "--once")
    assert ran.code == 5
    assert "✖ LOST" in ran.out
    assert "coord up" in ran.out
    assert ran.err.startswith("coord: no projector runs on the data folder")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--once", "--view", "pictures"), "there is no view 'pictures'."),
        (("--once", "--theme", "pink"), "there is no theme 'pink'."),
        (("--once", "--size", "huge"), "--size is 'huge'"),
        (("--once", "--size", "0x10"), "--size is '0x10'"),
        (("--once", "--size", "10x3"), "--size is 10x3; a picture needs at least 40x8."),
        (("--once", "--at", "bananas"), "--at is 'bananas'"),
        (("--size", "80x24"), "--size is for --once"),
        (("--port", "80"), "--port is for --web"),
        ((), "the dashboard needs a terminal"),
        (("--web", "--bind", "0.0.0.0"), "there are no passwords"),
        (("--web", "--bind", "here"), "--bind is 'here'"),
        (("--web", "--public-url", "ftp://x"), "--public-url is 'ftp://x'"),
    ],
)
def test_a_slip_is_answered_by_one_sentence(nobody: Cli, words: tuple[str, ...], sentence: str) -> None:
    """On stderr, with exit code 2."""
    ran = nobody.run("tui", *words)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err
    assert ran.err.count("\n") == 1


def test_one_picture_imports_neither_textual_nor_pydantic(tmp_path: Path) -> None:
    """Nor does the first picture of the live dashboard."""
    cli = Cli(tmp_path, environment_of(tmp_path, tmp_path / "data") | {"PYTHONPROFILEIMPORTTIME": "1"})
    told = cli.run("tui", "--once").err
    modules = {
        line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")
    }
    assert "coord.tui.frame" in modules
    heavy = {"textual", "rich", "pydantic", "nats", "duckdb", "typer"} & modules
    assert heavy == set(), f"{COORD} tui --once imports {heavy}"
