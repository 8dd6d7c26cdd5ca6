"""What is run for an item: fields in braces, and nobody's words in a shell's line."""

import subprocess

import pytest

from coord.events.errors import UsageError
from coord.services.worker.template import CannotBegin, line_for_shell, program

ITEM = {
    "id": "w-1", "agent": "ada", "incarnation": 3, "fence": 7, "attempt": 2, "priority": 5, "title": "a 'b' $(c)",
    "body": {"file": "x y", "n": [1, {"k": None}], "deep": {"er": "z"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("do {id} {attempt}/{fence} {team}.", "do w-1 2/7 ."),
        ("do '{id}' \"{agent}\" {request}", "do 'w-1' \"ada\" r-1"),
        ("do {title}", 'do "${COORD_TITLE}"'),
        ("do --file={body.file}", 'do --file="${coord_body_file}"'),
        ("do ${title} {a,b} {print} {} { id } {body.}", "do ${title} {a,b} {print} {} { id } {body.}"),
        (r"do \"{title}", r'do \""${COORD_TITLE}"'),
        ("do 'x' {title}", "do 'x' \"${COORD_TITLE}\""),
    ],
)
def test_names_are_put_in_and_words_become_variables(line: str, made: str) -> None:
    assert line_for_shell(line).filled(ITEM, "r-1").words == ("/bin/sh", "-c", made)


def test_variables_hold_the_words_and_json_for_what_is_no_text() -> None:
    started = line_for_shell("do {body.file} {body.n} {body.deep.er} {body}").filled(ITEM, "r-1")
    assert started.variables == {
        "coord_body_file": "x y",
        "coord_body_n": '[1,{"k":null}]',
        "coord_body_deep_er": "z",
        "coord_body": '{"file":"x y","n":[1,{"k":null}],"deep":{"er":"z"}}',
    }


@pytest.mark.parametrize(
    "line", ["do '{title}'", 'do "{title}"', "sh -c 'do {body.x}'", "a \"b 'c' {body}\" d"]
)
def test_words_in_quotes_are_refused(line: str) -> None:
    with pytest.raises(UsageError, match="stands in quotes"):
        line_for_shell(line)


def test_what_a_body_lacks_cannot_be_begun() -> None:
    for line in ("do {body.none}", "do {body.file.x}", "do {body.n.k}"):
        with pytest.raises(CannotBegin):
            line_for_shell(line).filled(ITEM, "r-1")


def test_a_program_gets_the_words_themselves() -> None:
    started = program(["p", "{title}", "-{body.file}-", "${id}"]).filled(ITEM, "r-1")
    assert (started.words, started.variables) == (("p", "a 'b' $(c)", "-x y-", "${id}"), {})


@pytest.mark.parametrize(
    "words", ["'", '"', "$(echo no)", "`echo no`", "\\", "a\nb", "*", "~", "; echo no", "-n", "é\x1b[2J"]
)
def test_a_shell_sees_any_words_as_one_word(words: str) -> None:
    started = line_for_shell("printf '%s|' x{title}y {body}").filled({"title": words, "body": words}, "r")
    environment = {**started.variables, "COORD_TITLE": words}
    ran = subprocess.run(started.words, env=environment, capture_output=True, check=True)
    assert ran.stdout.decode() == f"x{words}y|{words}|"
