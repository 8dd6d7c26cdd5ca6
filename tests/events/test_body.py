"""Strict JSON at the border: what is refused, with a reason, and quickly."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coord.events.body import DEPTH_MAX, encode_object, parse_object
from coord.events.errors import InvalidEvent
from coord.events.streams import BODY_BYTES_MAX, EVENT_BYTES_MAX

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
BODIES = st.dictionaries(TEXT, VALUES, max_size=5)

REFUSED = {
    b"": "not JSON",
    b"{": "not JSON",
    b"nonsense": "not JSON",
    b"\xef\xbb\xbf{}": "not JSON",
    b"\x00{\x00}": "not JSON",
    b"{}{}": "not JSON",
    b'{"a":1,}': "not JSON",
    b'{"a":01}': "not JSON",
    b"{'a':1}": "not JSON",
    b'{/**/"a":1}': "not JSON",
    b'{"a":NaN}': "not JSON",
    b'{"a":-Infinity}': "not JSON",
    b'{"a":1e400}': "out of range",
    b'{"a":1e-99999}': "too small for a double",
    b'{"a":[-12.5e-400]}': "too small for a double",
    b'{"a":"\x01"}': "not JSON",
    b'{"a":"\xff"}': "not JSON",
    b'{"a":"\xc0\x80"}': "not JSON",
    b'{"a":"\xed\xa0\x80"}': "not JSON",
    b'{"a":"\\ud800"}': "half of a surrogate pair",
    b'{"a":"\\udc00 \\ud800"}': "half of a surrogate pair",
    b"null": "NoneType, not an object",
    b"[1]": "list, not an object",
    b'"x"': "str, not an object",
    b'{"a":"\\u0000"}': "NUL",
    b'{"\\u0000":1}': "NUL",
    b'{"a":1,"a":1}': "'a' appears twice",
    b'{"a":1,"\\u0061":2}': "'a' appears twice",
    b'{"x":[{"b":1,"b":2}]}': "'b' appears twice",
    b'{"a":9223372036854775808}': "64 bits",
    b'{"a":-9223372036854775809}': "64 bits",
    b'{"a":[18446744073709551616]}': "64 bits",
    b'{"a":' + b"9" * 5_000 + b"}": "out of range",
    b'{"a":' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}": "deeper than 32",
    b'{"a":' * DEPTH_MAX + b"{}" + b"}" * DEPTH_MAX: "deeper than 32",
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}": "deeper than 32",
    b'{"a":"' + b"x" * EVENT_BYTES_MAX + b'"}': "bytes",
}


def fault_of(raw: bytes) -> str:
    """Return why a body is refused; empty when it is read, as an object."""
    try:
        assert isinstance(parse_object(raw), dict)
    except InvalidEvent as refused:
        return refused.message
    return ""


@pytest.mark.parametrize("raw", REFUSED, ids=lambda raw: repr(raw[:24]))
def test_what_two_readers_could_read_differently_is_refused_with_the_reason(raw: bytes) -> None:
    with pytest.raises(InvalidEvent) as refused:
        parse_object(raw)
    assert REFUSED[raw] in refused.value.message
    assert len(refused.value.message) < 200
    assert refused.value.message.isprintable()


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b' {"a" : 1}\n', {"a": 1}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a":5e-324,"b":-0e-999,"c":8.75e1}', {"a": 5e-324, "b": -0.0, "c": 87.5}),
        (b'{"a":9223372036854775807,"b":-9223372036854775808}', {"a": 2**63 - 1, "b": -(2**63)}),
        (b'{"a":' + b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1) + b"}", None),
    ],
)
def test_the_neighbours_of_what_is_refused_are_read(raw: bytes, value: object) -> None:
    assert parse_object(raw) == value if value is not None else parse_object(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"{" + b",".join(b'"k%d":0' % number for number in range(22_000)) + b',"z":1,"z":2}',
        b"{" + b'"a":0,' * 40_000 + b'"b":1}',
        b'{"a":' + b"0." + b"9" * 200_000 + b"}",
        b'{"a":"' + b"\\u00e9" * 40_000 + b'"}',
        b" " * 250_000 + b"{}",
    ],
    ids=["a duplicate after many keys", "one key 40,000 times", "long fraction", "escapes", "blanks"],
)
def test_the_largest_bodies_are_judged_in_a_moment(raw: bytes) -> None:
    began = time.process_time()
    assert len(fault_of(raw)) < 200
    assert time.process_time() - began < 1


@given(BODIES)
def test_what_is_written_is_read_back_the_same(value: dict[str, object]) -> None:
    assert parse_object(encode_object(value)) == value


@given(st.binary(max_size=40) | BODIES.map(str).map(str.encode))
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    fault = fault_of(raw)
    assert fault == "" or fault.endswith(".")


@pytest.mark.parametrize(
    "value",
    [{"a": float("nan")}, {"a": float("inf")}, {"a": 2**63}, {"a": "\0"}, {"a": "\ud800"}, {"\udfff": 1}],
)
def test_nothing_is_written_that_would_be_refused_on_reading(value: dict[str, object]) -> None:
    with pytest.raises(InvalidEvent):
        encode_object(value)


def test_a_body_may_be_allowed_to_be_larger_than_an_event() -> None:
    raw = b'{"a":"' + b"x" * EVENT_BYTES_MAX + b'"}'
    with pytest.raises(InvalidEvent, match=f"at most {EVENT_BYTES_MAX} are allowed"):
        parse_object(raw)
    assert len(parse_object(raw, 2 * EVENT_BYTES_MAX)["a"]) == EVENT_BYTES_MAX


def test_a_body_leaves_room_for_its_headers() -> None:
    empty = len(encode_object({"a": ""}))
    assert len(encode_object({"a": "x" * (BODY_BYTES_MAX - empty)})) == BODY_BYTES_MAX
    with pytest.raises(InvalidEvent, match="at most"):
        encode_object({"a": "x" * (BODY_BYTES_MAX - empty + 1)})
