"""CloudEvents over NATS headers: what is written is read back, and nothing malformed is either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from coord.events.envelope import HEADERS_NEEDED, MESSAGE_ID, Envelope, from_headers, to_headers
from coord.events.errors import InvalidEvent
from coord.events.examples import ENVELOPE

HEADERS = to_headers(ENVELOPE)


def test_the_attributes_travel_as_cloudevents_headers() -> None:
    assert HEADERS["ce-specversion"] == "1.0"
    assert HEADERS["ce-datacontenttype"] == "application/json"
    assert HEADERS["ce-id"] == HEADERS[MESSAGE_ID] == ENVELOPE.id
    assert HEADERS["ce-type"] == "work.claimed.v2"
    assert from_headers(HEADERS) == ENVELOPE


def test_absent_attributes_leave_no_header() -> None:
    bare = Envelope(id="1", type="work.claimed.v2", source="/x", time="2026-11-21T07:00:00Z")
    headers = to_headers(bare)
    assert not [name for name in headers if name.startswith("cx-") or name == "traceparent"]
    assert from_headers(headers) == bare


def test_the_servers_headers_that_coord_publishes_with_are_let_through() -> None:
    stamped = {**HEADERS, "Nats-Batch-Id": "b", "Nats-Expected-Last-Subject-Sequence": "7"}
    assert from_headers(stamped) == ENVELOPE


@given(st.sampled_from(sorted(field.name for field in fields(Envelope))), st.text(max_size=12))
def test_an_envelope_is_either_refused_or_read_back_the_same(field: str, value: str) -> None:
    envelope = replace(ENVELOPE, **{field: value})
    try:
        headers = to_headers(envelope)
    except InvalidEvent:
        return
    assert from_headers(headers) == envelope


@pytest.mark.parametrize("field", ["actor", "request_id", "source", "correlation"])
@pytest.mark.parametrize("value", ["a\r\nNats-Rollup: all", "a\n", "ä", "\x1b[31m", " a", "x" * 257])
def test_no_attribute_can_smuggle_a_header_of_its_own(field: str, value: str) -> None:
    with pytest.raises(InvalidEvent, match=r"not printable|more than once|too long"):
        to_headers(replace(ENVELOPE, **{field: value}))


@pytest.mark.parametrize("name", HEADERS_NEEDED)
def test_a_needed_attribute_may_not_be_missing(name: str) -> None:
    with pytest.raises(InvalidEvent, match=f"{name} is missing"):
        from_headers({key: value for key, value in HEADERS.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ce-specversion", "0.3", "it must be '1.0'"),
        ("ce-datacontenttype", "text/plain", "it must be 'application/json'"),
        ("ce-subject", "x", "none of an event's"),
        ("x-unknown", "x", "none of an event's"),
        ("CE-ID", "x", "none of an event's"),
        ("ce-id", "another", "differ"),
        (MESSAGE_ID, "another", "differ"),
        ("ce-id", "", "empty"),
        ("ce-id", "a.b", "not a token"),
        ("ce-id", "x" * 65, "not a token"),
        ("ce-id", "$(touch x)", "not a token"),
        ("ce-source", "tests", "not a path of tokens"),
        ("ce-source", "/", "not a path of tokens"),
        ("ce-source", "/a/../b", "not a path of tokens"),
        ("ce-source", "/a\r\n/b", "there more than once"),
        ("Nats-Rollup", "all", "none of an event's"),
        ("Nats-Sequence", "1", "none of an event's"),
        ("Nats-Time-Stamp", "2000-01-01T00:00:00Z", "none of an event's"),
        ("Nats-Msg-Id ", "1", "none of an event's"),
        ("cx-actor", "", "empty"),
        ("cx-actor", "x" * 300, "too long"),
        ("cx-actor", "a\x7f", "not printable"),
        ("ce-time", "yesterday", "RFC 3339"),
        ("ce-time", "2026-02-30T00:00:00Z", "RFC 3339"),
        ("ce-time", "0000-01-01T00:00:00Z", "RFC 3339"),
        ("ce-time", "2026-01-01T24:00:00Z", "RFC 3339"),
        ("ce-time", "2026-01-01T00:00:00", "RFC 3339"),
        ("ce-time", "２026-01-01T00:00:00Z", "not printable"),
        ("traceparent", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "W3C"),
        ("traceparent", "garbage", "W3C"),
    ],
)
def test_a_malformed_header_is_refused_with_the_reason(name: str, value: str, reason: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        from_headers({**HEADERS, name: value})
    assert reason in refused.value.message
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("headers", [None, {}])
def test_a_message_without_headers_is_no_event(headers: dict[str, str] | None) -> None:
    with pytest.raises(InvalidEvent, match="no CloudEvents headers"):
        from_headers(headers)


@pytest.mark.parametrize(
    "moment", ["2024-02-29T23:59:59Z", "2026-11-21T07:00:00.5+05:30", "2026-11-21T07:00:00.123456789-00:00"]
)
def test_every_rfc_3339_moment_is_read(moment: str) -> None:
    assert from_headers({**HEADERS, "ce-time": moment}).time == moment
