"""From a stored message to a fact: good ones are read, bad ones are shown, nothing crashes the reader."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from coord.events.body import parse_object
from coord.events.catalog import EVENT_TYPES, encode_event
from coord.events.envelope import APPENDED_AT, to_headers
from coord.events.errors import InvalidEvent
from coord.events.examples import ENVELOPE, EVENTS, SAMPLES
from coord.events.samples import encode_sample, sample_type
from coord.events.wire import Stored, log_entry, read_event, read_sample
from coord.events.work import WorkSubmitted

NOW_NS = 1_795_244_401_000_000_000
"""A second behind the time of the examples' envelope."""


def stored(type_: str, body: bytes) -> Stored:
    """Return an event as the log would hold it."""
    envelope = structs.replace(ENVELOPE, type=type_)
    subject = f"ev.local.{type_.partition('.')[0]}.w-1"
    return Stored("EVENTS", 7, NOW_NS, subject, to_headers(envelope), body)


@pytest.mark.parametrize("type_", EVENTS)
def test_every_event_is_read_with_its_place_in_the_log(type_: str) -> None:
    message = stored(type_, encode_event(EVENTS[type_]))
    recorded = read_event(message)
    assert recorded.event == EVENTS[type_]
    assert (recorded.position, recorded.recorded_at_ns, recorded.subject) == (7, NOW_NS, message.subject)
    assert recorded.envelope.type == type_


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.type)
def test_an_entry_shows_the_fields_as_they_were_stored(kind: Any) -> None:
    message = stored(kind.type, encode_event(EVENTS[kind.type]))
    entry = log_entry(message)
    assert entry.fault is None
    assert entry.fields == parse_object(message.body)
    assert entry.actor == "ada"


@pytest.mark.parametrize("depth", [1, 27, 28, 29])
def test_an_event_as_deep_as_allowed_is_shown(depth: int) -> None:
    body: Any = []
    for _ in range(depth):
        body = [body]
    entry = log_entry(stored("work.submitted.v5", encode_event(WorkSubmitted(title="x", body=body))))
    assert entry.fault is None


@pytest.mark.parametrize(
    ("time", "ahead"),
    [
        ("2026-11-21T06:59:59Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2026-11-22T07:00:01.999999999Z", None),
        ("2026-11-22T07:00:02Z", 86_401),
        ("2026-11-22T00:00:00-12:00", 104_399),
        ("2026-11-22T20:00:00+13:00", None),
        ("2026-11-21T23:00:00-23:59", 143_939),
        ("9999-12-31T23:59:59-23:59", 251_607_142_738),
    ],
)
def test_an_event_of_a_day_ahead_is_none_unless_it_was_decided(time: str, ahead: int | None) -> None:
    message = stored("work.claimed.v2", encode_event(EVENTS["work.claimed.v2"]))
    ahead_message = replace(message, headers=dict(message.headers) | {"ce-time": time})
    fault = log_entry(ahead_message).fault
    expected = None if ahead is None else f"its time, {time}, is {ahead} s ahead of the broker's clock."
    assert fault == expected
    decided = replace(message, headers=dict(ahead_message.headers) | {APPENDED_AT: "6"})
    assert read_event(decided).envelope.time == time


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"subject": "ev.local.agent.w-1"}, "stands on a subject of 'agent'"),
        ({"subject": "ev.local.work"}, "is not ev."),
        ({"subject": "ev.local.work.\x1b[31m"}, "is not ev."),
        ({"headers": {}}, "no CloudEvents headers"),
        ({"headers": {"ce-type": "x" * 100_000}}, "too long"),
        ({"headers": {"ce-id": "\udc80\x1b"}}, "not printable"),
        ({"body": b""}, "not JSON"),
        ({"body": b"[]"}, "not an object"),
        ({"body": b'{"agent":"ada"}'}, "it is missing"),
    ],
)
def test_a_message_that_is_no_event_is_shown_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    message = replace(stored("work.claimed.v2", encode_event(EVENTS["work.claimed.v2"])), **changed)
    with pytest.raises(InvalidEvent):
        read_event(message)
    entry = log_entry(message)
    assert entry.fault is not None
    assert reason in entry.fault
    assert entry.fields is None
    assert all(text.isprintable() for text in (entry.subject, entry.type, entry.id, entry.fault))
    assert len(entry.model_dump_json()) < 2_000


@given(
    st.text(max_size=30),
    st.dictionaries(
        st.sampled_from(["ce-id", "ce-type", "ce-time", "Nats-Msg-Id", "x"]) | st.text(), st.text()
    ),
    st.binary(max_size=30),
)
def test_any_message_at_all_can_be_shown(subject: str, headers: dict[str, str], body: bytes) -> None:
    entry = log_entry(Stored("EVENTS", 1, 1, subject, headers, body))
    assert entry.fault
    assert entry.model_dump_json()


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_sample_is_read_with_its_node(kind: str) -> None:
    raw = encode_sample(SAMPLES[kind])
    headers = {"ce-type": sample_type(kind)}
    recorded = read_sample(Stored("SAMPLES", 3, NOW_NS, f"sample.local.forge.{kind}", headers, raw))
    assert (recorded.node, recorded.batch) == ("forge", SAMPLES[kind])


@pytest.mark.parametrize("headers", [{}, {"ce-type": "sample.processes.v1"}, {"ce-type": "x" * 9_999}])
def test_a_sample_of_another_type_than_its_subject_is_refused(headers: dict[str, str]) -> None:
    raw = encode_sample(SAMPLES["hardware"])
    with pytest.raises(InvalidEvent, match="ce-type is missing;" if not headers else "ce-type is '"):
        read_sample(Stored("SAMPLES", 3, NOW_NS, "sample.local.forge.hardware", headers, raw))
