"""Events in a few words: every event of the catalog has a sentence of its own, and no text from elsewhere breaks it."""

from typing import Any

import pytest

from coord.events import examples
from coord.tui.ink import Ink
from coord.tui.telling import (
    TOLD_LENGTH,
    aggregate_of,
    entity_of,
    kind_of,
    mark_of,
    sentence,
)

TYPES = sorted(examples.EVENTS)


def entry(type_: str, fields: Any, **more: Any) -> dict[str, Any]:
    subject = f"ev.local.{type_.partition('.')[0]}.w-1"
    return {"type": type_, "subject": subject, "position": 7, "fields": fields} | more


@pytest.mark.parametrize("type_", TYPES)
def test_every_event_is_told_in_words_and_not_as_its_fields(type_: str) -> None:
    fields = examples.EVENTS[type_].model_dump(mode="json", exclude_none=True)
    told = sentence(entry(type_, fields))
    assert told
    assert len(told) <= TOLD_LENGTH
    plainly = "  ".join(f"{name} {value}" for name, value in fields.items() if value not in (None, [], {}))
    assert told != plainly[:TOLD_LENGTH], "no teller knows this event"


def test_what_it_is_about_is_read_from_its_subject_and_type() -> None:
    made = entry("work.claimed.v12", {"agent": "ada"})
    assert (kind_of(made), aggregate_of(made), entity_of(made)) == ("work.claimed", "work", "w-1")
    assert kind_of({"type": ""}) == "?"


@pytest.mark.parametrize(
    ("type_", "fields", "words"),
    [
        ("work.claimed.v2", {"agent": "ada", "attempt": 2, "lease_seconds": 30.0}, "by ada, attempt 2, lease 30s"),
        ("work.lease_expired.v2", {"agent": "ada", "silent_seconds": 31.0}, "the lease of ada ran out after 31s of silence; open again"),
        ("work.lease_expired.v2", {"agent": "ada", "silent_seconds": 0.0, "cause": "evicted"}, "taken back: ada was put out; open again"),
        ("work.failed.v2", {"agent": "ada", "reason": "no file", "then": "open", "retry_seconds": 4.0}, "by ada: no file; open again, rests 4s"),
        ("work.failed.v2", {"agent": "ada", "reason": "no file", "then": "parked"}, "by ada: no file; parked"),
        ("work.failed.v2", {"agent": "ada", "reason": "no file"}, "by ada: no file"),
        ("work.dependencies_set.v1", {"depends_on": []}, "depends on nothing any more"),
        ("team.configured.v1", {"share": 2.0, "wip_limit": 12}, "at most 12 held, share 2"),
        ("health.weighed.v1", {"points": 12.5}, "costs 12.5 points at most"),
        ("run.directive_applied.v1", {"step": 4_702, "note": "batch 3 in quarantine"}, "obeyed at step 4,702: batch 3 in quarantine"),
        ("run.metrics_recorded.v1", {"points": [{"step": 9, "values": {"loss": "NaN"}}]}, "step 9 loss NaN"),
    ],
)  # fmt: skip
def test_the_figures_that_matter_are_told(type_: str, fields: Any, words: str) -> None:
    assert sentence(entry(type_, fields)) == words


def test_what_is_no_event_of_ours_says_why_and_what_nobody_knows_is_told_plainly() -> None:
    assert sentence(entry("work.claimed.v2", None, fault="no JSON")) == "no event of ours: no JSON"
    assert mark_of(entry("work.claimed.v2", None, fault="no JSON")) == ("✖", Ink.BAD)
    assert sentence(entry("tea.made.v1", {"cups": 2, "note": None})) == "cups 2"
    assert sentence(entry("work.claimed.v2", {"agent": "ada"})) == "agent ada", (
        "a body that lacks what is told"
    )
    assert sentence(entry("work.claimed.v2", [1])) == ""


def test_a_text_from_elsewhere_is_made_safe_and_short() -> None:
    told = sentence(entry("work.failed.v2", {"agent": "ada", "reason": "\x1b[2J\n" + "x" * 500}))
    assert told.isprintable()
    assert len(told) == TOLD_LENGTH


@pytest.mark.parametrize(
    ("type_", "fields", "glyph"),
    [
        ("alert.raised.v1", {"severity": "critical"}, "▲"),
        ("directive.issued.v1", {}, "◆"),
        ("run.directive_refused.v1", {}, "◆"),
        ("work.lease_expired.v2", {}, "✖"),
        ("run.finished.v1", {"outcome": "failed"}, "✖"),
        ("run.finished.v1", {"outcome": "completed"}, "✔"),
        ("work.claimed.v2", {}, " "),
    ],
)
def test_what_is_worth_seeing_has_a_glyph(type_: str, fields: Any, glyph: str) -> None:
    assert mark_of(entry(type_, fields))[0] == glyph
