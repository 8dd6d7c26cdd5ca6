"""The manual page: the committed one is the one that is made, no checker finds a fault, and it can be read."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import Cli
from golden import COMPLETIONS, MANUAL, ROOT
from ptys import in_terminal

from coord.services.cli.completion import SCRIPTS
from coord.services.cli.examples import EXAMPLES
from coord.services.cli.manual import _text, mdoc
from coord.services.cli.surface import EXIT_CODES, VERBS


def test_the_committed_page_and_scripts_are_those_that_are_made() -> None:
    assert MANUAL.read_text() == mdoc(), "if this is meant: make documents"
    assert {shell: path.read_text() for shell, path in COMPLETIONS.items()} == SCRIPTS


def test_mandoc_finds_no_fault() -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    ran = subprocess.run(["mandoc", "-Tlint", MANUAL], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_groff_finds_no_fault() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    ran = subprocess.run(
        ["groff", "-ww", "-mandoc", "-Tutf8", "-z", MANUAL], capture_output=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize("shower", [["mandoc", "-Tutf8", "-Owidth=100"], ["groff", "-mandoc", "-Tutf8"]])
def test_the_page_shows_every_verb_option_and_example_as_they_are_typed(shower: list[str]) -> None:
    if shutil.which(shower[0]) is None:
        pytest.skip(f"{shower[0]} is not installed")
    environment = os.environ | {"GROFF_NO_SGR": "1"}
    ran = subprocess.run([*shower, MANUAL], capture_output=True, text=True, check=True, env=environment)
    overstruck = ran.stdout.split("\b")
    shown = "".join([part[:-1] for part in overstruck[:-1]] + overstruck[-1:])
    assert all(f" {verb.name}" in shown for verb in VERBS.values())
    assert all(f" {option.flag}" in shown for verb in VERBS.values() for option in verb.options)
    assert all(f" {example.line}\n" in shown for name in VERBS for example in EXAMPLES.get(name, ()))
    assert all(meaning.rstrip(". ")[:30] in shown for _, meaning in EXIT_CODES)


def test_what_would_be_an_order_to_the_printer_is_escaped() -> None:
    assert _text(r"a\b -x 'y' `z` ▲") == r"a\eb \-x \(aqy\(aq \(oqz\(cq \[u25B2]"


def test_in_a_pipe_the_source_is_printed_and_as_json_too(cli: Cli) -> None:
    assert cli.run("man").out == mdoc()
    assert json.loads(cli.run("man", "--json").out)["mdoc"] == mdoc()


def test_on_a_terminal_it_is_shown_by_man(cli: Cli) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    shown = in_terminal(cli, "man", 90, {"TERM": "dumb", "MANPAGER": "cat", "PAGER": "cat"})
    assert "COORD(1)" in shown
    assert "EXIT STATUS" in shown.replace("\b", "") or "SSTTAATTUUSS" in shown.replace("\b", "")


def test_without_man_the_pages_are_printed(cli: Cli, tmp_path: Path) -> None:
    shown = in_terminal(cli, "man", 90, {"TERM": "dumb", "PATH": str(tmp_path)})
    assert all(f"\ncoord {name} - " in shown for name in VERBS)


def test_what_is_installed_is_there() -> None:
    import tomllib

    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    assert {ROOT / path for paths in told.values() for path in paths} == {MANUAL, *COMPLETIONS.values()}
