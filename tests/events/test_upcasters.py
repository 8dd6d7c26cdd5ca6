"""Old versions are read as present ones, whatever they hold; what they cannot be is a dead letter."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coord.events.catalog import decode_event, encode_event, find_kind
from coord.events.errors import InvalidEvent
from coord.events.examples import OLD_EVENTS
from coord.events.upcasters import UPCASTERS
from coord.events.work import CAPABILITIES_MAX, WorkSubmitted

OLD = "work.submitted.v1"
NAMES = st.from_regex(r"\A[A-Za-z0-9_-]{1,12}\Z")


def read(fields: dict[str, Any]) -> WorkSubmitted:
    """Read the fields of an item as its first version wrote them."""
    event = decode_event(OLD, json.dumps(fields).encode(), "work")
    assert isinstance(event, WorkSubmitted)
    return event


@pytest.mark.parametrize("type_", UPCASTERS)
def test_an_old_event_is_read_as_its_present_version(type_: str) -> None:
    kind = find_kind(type_)
    assert kind is not None
    event = decode_event(type_, encode_event(OLD_EVENTS[type_]), kind.aggregate)
    assert type(event) is kind.model


def test_the_first_items_keep_their_meaning() -> None:
    old = {"title": "Hash the corpus", "priority": "high", "needs": "python, gpu", "lease_ms": 60_000}
    assert read(old) == WorkSubmitted(
        title="Hash the corpus", priority=8, capabilities=("python", "gpu"), lease_seconds=60.0
    )
    assert read({"title": "x"}) == WorkSubmitted(title="x", priority=5, lease_seconds=30.0)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200),
    st.sampled_from(["low", "normal", "high"]),
    st.lists(NAMES, max_size=CAPABILITIES_MAX),
    st.sampled_from([",", ", ", " ,", " , "]),
    st.integers(1_000, 86_400_000),
)
def test_whatever_the_old_version_took_the_present_one_takes(
    title: str, priority: str, needs: list[str], comma: str, lease_ms: int
) -> None:
    event = read({"title": title, "priority": priority, "needs": comma.join(needs), "lease_ms": lease_ms})
    assert event.capabilities == tuple(needs)
    assert event.lease_seconds == lease_ms / 1000


@given(st.text(max_size=60))
def test_any_text_in_an_old_event_is_read_or_refused_and_never_crashes_the_reader(needs: str) -> None:
    try:
        read({"title": "x", "needs": needs})
    except InvalidEvent as refused:
        reason = refused.message
    else:
        reason = OLD
    assert OLD in reason or "the body" in reason or "a text" in reason


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "x", "needs": "c++, bad name"},
        {"title": "x", "needs": ",".join(["a"] * (CAPABILITIES_MAX + 1))},
        {"title": "x", "priority": 5},
        {"title": "x", "priority": "urgent"},
        {"title": "x", "lease_ms": 0},
        {"title": "x", "lease_seconds": 30.0},
    ],
)
def test_what_the_old_version_never_was_is_refused_under_its_old_name(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match=r"^work\.submitted\.v1: "):
        read(fields)
