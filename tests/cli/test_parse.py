"""The quick reader of command lines, and typer behind it: where both read a line, they read the same."""

from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coord.events.errors import CoordError
from coord.services.cli import app
from coord.services.cli.parse import Parsed, everywhere, parse
from coord.services.cli.surface import VERBS
from coord.services.cli.verb import Option, Verb

VALUES = st.one_of(
    st.sampled_from(["a1", "", "-", "--", "--json", "-x", "1=2", "a b", "é", "\udcff"]), st.text()
)
EVERYWHERE = everywhere()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read a line with typer alone; None when it is refused."""
    seen: list[Parsed] = []

    def note(parsed: Parsed) -> int:
        seen.append(parsed)
        return 0

    monkeypatch.setattr(app, "perform", note)

    def read(words: list[str]) -> Parsed | None:
        seen.clear()
        try:
            app.run(words)
        except CoordError:
            return None
        return seen[0] if seen else None

    return read


def written(option: Option, value: str, joined: bool) -> list[str]:
    if not option.metavar:
        return [option.flag]
    return [f"{option.flag}={value}"] if joined else [option.flag, value]


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Lines of one verb with options of its own and of all verbs, in any order, and not always right."""
    verb: Verb = draw(st.sampled_from(list(VERBS.values())))

    def options(among: tuple[Option, ...], most: int) -> list[list[str]]:
        if not among:
            return []
        drawn = st.builds(written, st.sampled_from(among), VALUES, st.booleans())
        return draw(st.lists(drawn, max_size=most))

    arguments = [[value] for value in draw(st.lists(VALUES, max_size=len(verb.arguments) + 1))]
    behind = draw(st.permutations([*options(verb.options, 3), *options(EVERYWHERE, 1), *arguments]))
    return [*chain(*options(EVERYWHERE, 1)), verb.name, *chain(*behind)]


@given(command_lines())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_read_without_typer_is_what_typer_reads(typed: Any, words: list[str]) -> None:
    quick = parse(words)
    if quick is not None:
        assert typed(words) == quick


@pytest.mark.parametrize(
    "words",
    [
        ["claim"],
        ["claim", "w-1", "--agent", "a1", "--lease", "30s", "--request-id", "r"],
        ["--data", "/tmp/x", "--json", "claim", "--agent=a1"],
        ["submit", "A title", "--capability", "gpu", "--capability", "big", "--json"],
        ["complete", "-", "--agent", "a1", "--data", "/tmp/x"],
        ["tail", "--from", "1", "--until", "now", "--json"],
        ["up", "--detach", "--nats", "nats://h:1", "--allow-unsafe-server", "--lease-seconds", "5"],
        ["top", "--node", "n1"],
        ["--node", "n1", "top"],
    ],
)
def test_an_ordinary_line_is_read_by_both(typed: Any, words: list[str]) -> None:
    assert parse(words) == typed(words)
    assert parse(words) is not None


def test_a_verbs_own_option_wins_behind_the_verb_and_the_setting_before_it() -> None:
    behind, before = parse(["top", "--node", "n1"]), parse(["--node", "n1", "top"])
    assert behind is not None
    assert before is not None
    assert (behind.values, behind.flags) == ({"node": "n1"}, {})
    assert (before.values, before.flags) == ({}, {"node": "n1"})


@pytest.mark.parametrize(
    "words",
    [
        [], [""], ["--help"], ["claim", "--help"], ["-h"], ["clam"], ["claim", "--agnt", "a"], ["claim", "--agent"],
        ["claim", "a", "b"], ["show"], ["board", "--json=1"], ["--", "claim"], ["claim", "--", "x"], ["--version"],
        ["-x"], ["claim", "-x"],
    ],
)  # fmt: skip
def test_anything_else_is_left_to_typer(words: list[str]) -> None:
    assert parse(words) is None
