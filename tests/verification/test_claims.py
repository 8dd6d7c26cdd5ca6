"""The figures of README: each is marked, each mark can be measured, and what is not true is said so."""

import math
from pathlib import Path
from typing import Final

import pytest

from coord.events.errors import FoundWanting, NothingThere
from coord.services.verification.claims import CLAIMS, Claim, Stated, Verdict, choose, claims_in
from coord.services.verification.measuring import MEASUREMENTS

ROOT: Final = Path(__file__).resolve().parents[2]
COSTS: Final = "## What it costs here"


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the table under a heading, without its head."""
    part = text.partition(heading)[2].partition("\n##")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def faults(text: str) -> list[str]:
    """Return what is wrong with the marks of the cost table."""
    found = []
    for row in rows(text, COSTS):
        names = [one.name for one in claims_in("|".join(row))]
        if not names:
            found.append(f"{row[0]}: no figure is marked as a claim")
        for name in names:
            bar = CLAIMS[name].bar_told
            if bar not in row[-1]:
                found.append(f"{name}: its bar {bar} is not {row[-1]}")
    return found


def test_every_figure_of_the_cost_table_can_be_measured_again() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(rows(text, COSTS)) >= 7
    assert faults(text) == []


def test_a_row_without_a_mark_and_a_bar_that_was_moved_are_found() -> None:
    text = (ROOT / "README.md").read_text()
    (fault,) = faults(text.replace(" <!-- claim up-ready -->", ""))
    assert "no figure is marked" in fault
    (fault,) = faults(text.replace("| < 1.5 s |", "| < 3 s |"))
    assert "up-ready" in fault


def test_each_claim_names_a_measurement_that_is_there() -> None:
    assert {claim.measure for claim in CLAIMS.values()} == MEASUREMENTS.keys()


def test_figures_are_read_with_their_thousands() -> None:
    text = (
        "1,438.5 s <!-- claim million-stop -->, 0.50 x <!-- claim cycles-ratio -->, 12 s and"
        " -0.3 % <!-- claim incident-not-finite -->"
    )
    assert claims_in(text) == [
        Stated("million-stop", 1438.5), Stated("cycles-ratio", 0.5), Stated("incident-not-finite", -0.3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 s <!-- claim nobody-knows -->", "names no claim"),
        ("1 ms <!-- claim up-ready -->", "stands no figure in s"),
        ("fast <!-- claim up-ready -->", "stands no figure in s"),
        ("1 s <!-- claim up-ready --> or 2 s <!-- claim up-ready -->", "claimed twice"),
    ],
)
def test_a_mark_that_cannot_be_read_is_said_so(text: str, sentence: str) -> None:
    with pytest.raises(FoundWanting, match=sentence):
        claims_in(text)


LESS = Claim("time", "s", "house", 1.5)
MORE = Claim("ratio", "x", "cycles", 0.4, "more")
FREE = Claim("time", "s", "house")
CHANCE = Claim("above", "%", "incidents", 1, factor=math.inf)


@pytest.mark.parametrize(
    ("claim", "stated", "measured", "word"),
    [
        (LESS, 0.9, 0.9, "true"),
        (LESS, 0.9, 0.1, "true"),
        (LESS, 0.9, 1.4, "true"),
        (LESS, 0.9, 1.5, "bar missed"),
        (LESS, 0.5, 1.2, "not as stated"),
        (LESS, 0.9, None, "not measured"),
        (MORE, 0.5, 0.9, "true"),
        (MORE, 0.5, 0.4, "true"),
        (MORE, 0.5, 0.39, "bar missed"),
        (MORE, 1.2, 0.5, "not as stated"),
        (FREE, 3.0, 6.0, "true"),
        (FREE, 3.0, 6.1, "not as stated"),
        (CHANCE, 0.1, 0.9, "true"),
        (CHANCE, 0.0, 0.9, "true"),
        (CHANCE, -0.3, 0.9, "true"),
        (CHANCE, 0.1, 1.0, "bar missed"),
    ],
)
def test_a_figure_is_true_within_its_bar_and_near_what_is_stated(
    claim: Claim, stated: float, measured: float | None, word: str
) -> None:
    assert Verdict("it", claim, stated, measured).word == word


def test_a_figure_that_is_not_stated_is_said_so() -> None:
    with pytest.raises(NothingThere, match=r"no figure called 'up-redy'\. Near it: up-ready"):
        choose([Stated("up-ready", 1.0), Stated("million-kill", 2.0)], "up-redy")
