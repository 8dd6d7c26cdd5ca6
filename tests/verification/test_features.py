"""Features as they are written, which one a name means, and what --status makes of them."""

from pathlib import Path
from typing import Any

import pytest
from verification.conftest import Lamp

from coord.events.errors import NothingThere, UsageError
from coord.events.verification import scenario_id
from coord.services.verification.features import Feature, Scenario, choose, own_place, read_features
from coord.services.verification.status import Standing, markdown, standings

OWN = own_place()
LAMPS = [
    Feature("the_lamp", "The lamp", "There is light.",
            (Scenario("The lamp", "The lamp is on"), Scenario("The lamp", "The lamp hangs"))),
    Feature("sun", "Sunlight", "It is day.", (Scenario("Sunlight", "The sun is up"),)),
]  # fmt: skip


def test_a_feature_is_read_with_its_promise_and_its_scenarios(lamp: Lamp) -> None:
    (feature,) = read_features(lamp.folder)
    assert (feature.name, feature.title) == ("lamp", "The lamp")
    assert feature.promise == "There is light when somebody wants it."
    assert [one.id for one in feature.scenarios] == ["the-lamp-is-on", "the-lamp-hangs-from-the-ceiling"]


def test_what_a_step_quotes_is_no_scenario(tmp_path: Path) -> None:
    text = 'Feature: A\n  Scenario: B\n    When it says\n      """\n      Scenario: C\n      """\n'
    (tmp_path / "a.feature").write_text(text)
    (feature,) = read_features(tmp_path)
    assert [one.title for one in feature.scenarios] == ["B"]


def test_two_scenarios_of_one_title_are_refused(lamp: Lamp) -> None:
    (lamp.folder / "other.feature").write_text("Feature: Other\n\n  Scenario: the lamp is ON\n")
    with pytest.raises(UsageError, match="two scenarios are called 'the lamp is ON'"):
        read_features(lamp.folder)


def test_an_outline_is_refused(lamp: Lamp) -> None:
    (lamp.folder / "other.feature").write_text("Feature: Other\n\n  Scenario Outline: many lamps\n")
    with pytest.raises(UsageError, match="'many lamps' is an outline"):
        read_features(lamp.folder)


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        (None, ["The lamp is on", "The lamp hangs", "The sun is up"]),
        ("The lamp", ["The lamp is on", "The lamp hangs"]),
        ("the-lamp", ["The lamp is on", "The lamp hangs"]),
        ("the_lamp", ["The lamp is on", "The lamp hangs"]),
        ("gherkin/the_lamp.feature", ["The lamp is on", "The lamp hangs"]),
        ("the sun is up", ["The sun is up"]),
        ("the-lamp-is-on", ["The lamp is on"]),
        ("hangs", ["The lamp hangs"]),
        ("is", ["The lamp is on", "The sun is up"]),
    ],
)
def test_a_name_means_a_feature_a_scenario_or_a_part(text: str | None, titles: list[str]) -> None:
    assert [one.title for one in choose(LAMPS, text)] == titles


@pytest.mark.parametrize("text", ["the moon", "", "!?", "x" * 5_000])
def test_a_name_that_means_nothing_is_said_so(text: str) -> None:
    with pytest.raises(NothingThere, match="no feature or scenario is called"):
        choose(LAMPS, text)


def row(title: str, outcome: str, commit: str = "c1") -> dict[str, Any]:
    """Make a row of the answer."""
    told = {"id": scenario_id(title), "feature": "The lamp", "scenario": title, "outcome": outcome}
    return told | {"commit": commit, "recorded_at_ns": 86_400_000_000_000}


def test_what_is_written_and_what_was_recorded_are_put_together() -> None:
    found = standings(LAMPS, [row("The lamp is on", "passed"), row("A candle burns", "failed")])
    assert [(one.scenario, one.outcome, one.wanting) for one in found] == [
        ("The lamp is on", "passed", False),
        ("The lamp hangs", "never", True),
        ("The sun is up", "never", True),
        ("A candle burns", "failed", False),
    ]


def test_without_features_all_that_was_recorded_counts() -> None:
    (found,) = standings([], [row("A candle burns", "failed")])
    assert found.wanting


def test_the_table_of_readme_says_what_is_verified_and_where() -> None:
    rows = [row("The lamp is on", "passed"), row("The lamp hangs", "passed", "c2")]
    assert markdown(LAMPS, standings(LAMPS, rows)).splitlines() == [
        "| feature | what it promises | scenarios | verified |",
        "| --- | --- | --- | --- |",
        "| The lamp | There is light. | 2 | all passed at c1, c2, 1970-01-02 |",
        "| Sunlight | It is day. | 1 | not yet |",
    ]
    assert "1 of 2 passed at c1" in markdown(LAMPS, standings(LAMPS, rows[:1]))


def test_a_skipped_scenario_is_wanting() -> None:
    assert Standing("f", "s", "s", "skipped", True, {}).wanting


def test_every_feature_of_coord_promises_something_in_few_short_scenarios() -> None:
    assert OWN is not None
    features = read_features(OWN.features)
    assert {feature.name.replace("_", " ").capitalize() for feature in features} >= {"One winner", "Leases"}
    assert all(feature.promise and feature.scenarios for feature in features)
    assert all(len(one.id) <= 64 for feature in features for one in feature.scenarios)
