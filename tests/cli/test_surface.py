"""What `coord` can do is frozen: a change of the surface is a change of tests/data/commands.txt."""

import re
from importlib import import_module

import pytest
from golden import COMMANDS

from coord.events.errors import Exit
from coord.services.cli import app
from coord.services.cli.examples import EXAMPLES
from coord.services.cli.main import run
from coord.services.cli.page import TOUR, front_page, line_of, reference, table, usage
from coord.services.cli.surface import EXIT_CODES, VERBS


def test_verbs_arguments_and_options_are_those_of_the_golden_list() -> None:
    assert reference() == COMMANDS.read_text(), "if this is meant: make documents"


@pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
def test_a_verb_has_a_function_and_a_help_page(
    verb: object, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    name = request.node.callspec.id
    module, _, function = VERBS[name].run.partition(":")
    assert callable(getattr(import_module(f"coord.services.cli.{module}"), function))
    assert run([name, "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"coord {name} - ")
    assert f"  coord {line_of(VERBS[name])}" in page
    assert all(option.flag in page for option in VERBS[name].options)
    assert all(argument.what.split()[0] in page for argument in VERBS[name].arguments)
    assert "--json" in page
    assert all(example.line in page for example in EXAMPLES[name])
    assert max(map(len, page.splitlines())) <= 80


def test_the_front_page_names_every_verb_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    page = capsys.readouterr().out
    assert page.splitlines() == front_page()
    assert all(f"  {usage(verb)} " in page for verb in VERBS.values())
    assert [code for code, _ in EXIT_CODES] == [int(code) for code in Exit]
    assert all(f"  {code}  {meaning}" in page for code, meaning in EXIT_CODES)
    assert all(f"  {line}" in page for line in TOUR)
    assert max(map(len, page.splitlines())) <= 80


def test_verbs_stand_in_columns_by_group() -> None:
    page = front_page()
    places = {
        line.index(verb.what[:20]) for verb in VERBS.values() for line in page if verb.what[:20] in line
    }
    assert len(places) == 1
    assert [line for line in page if line in {verb.group for verb in VERBS.values()}] == list(
        dict.fromkeys(verb.group for verb in VERBS.values())
    )


@pytest.mark.parametrize("words", [["--help"], ["direct", "--help"]])
@pytest.mark.parametrize("columns", [45, 60, 79])
def test_a_page_fits_a_narrow_place(
    words: list[str], columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run(words) == 0
    shown = [
        line for line in capsys.readouterr().out.splitlines() if not line.startswith(("    coord", "  coord"))
    ]
    assert max(map(len, shown)) <= columns


@pytest.mark.parametrize("words", [["--help"], ["claim", "-h"]])
def test_a_page_is_coloured_where_that_is_asked_for_and_says_the_same(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 0
    plain = capsys.readouterr().out
    assert "\x1b" not in plain
    assert run(["--color", "always", *words]) == 0
    painted = capsys.readouterr().out
    assert "\x1b[1mUsage\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9]+m", "", painted) == plain


def test_a_line_that_asks_for_nothing_is_shown_the_page_and_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == front_page()


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("coord ")


def test_the_table_of_readme_has_a_row_for_every_verb() -> None:
    assert table().count("\n| `coord ") == len(VERBS)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["clam"], "there is no command 'clam'. Did you mean 'claim'?"),
        (["xyzzy", "SELECT 1"], "there is no command 'xyzzy'. coord --help lists what there is."),
        ([""], "there is no command ''."),
        (["\x1b[2J"], "there is no command '\\x1b[2J'."),
        (["x" * 9_999], "there is no command 'xxx"),
        (["claim", "--agnt", "a1"], "no such option: --agnt"),
        (["claim", "--agent"], "option '--agent' requires an argument. Try: coord claim --help"),
        (["claim", "a", "b"], "got unexpected extra argument(s) (b). Try: coord claim --help"),
        (["show"], "missing argument 'ID'. Try: coord show --help"),
        (["board", "--json=1"], "option '--json' does not take a value."),
        (["--data"], "option '--data' requires an argument."),
        (["claim", "--", "--agent"], "the item is '--agent', which looks like an option."),
    ],
)
def test_a_faulty_line_is_one_sentence_on_stderr(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORD_AGENT", "a1")
    assert run(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"coord: {sentence}")
    assert said.err.count("\n") == 1
    assert len(said.err) < 300


def test_typers_errors_are_known_by_their_root() -> None:
    assert app._ClickError.__name__ == "ClickException"
