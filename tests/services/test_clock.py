"""The clock and the ids: in order of time, and the same again for the same request."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from coord.events.tokens import is_token
from coord.services import clock


def test_an_id_is_a_uuid_of_version_7_and_says_when_it_was_made() -> None:
    before = clock.now_ns() // 1_000_000
    made = clock.new_id()
    value = uuid.UUID(made)
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    moment = clock.id_time_ms(made)
    assert moment is not None
    assert before <= moment <= clock.now_ns() // 1_000_000
    assert is_token(made)


def test_ids_are_unique_and_in_the_order_they_were_made() -> None:
    made = [clock.new_id() for _ in range(2_000)]
    assert len(set(made)) == len(made)
    first = [uuid.UUID(one).int >> 64 for one in made]
    assert first == sorted(first)
    assert len(set(first)) > 100


def test_only_a_uuid_of_version_7_tells_a_moment() -> None:
    for text in ("", "x", "a.b", str(uuid.uuid4()), clock.derived_id("r", 0), "w-1", "\x00" * 36):
        assert clock.id_time_ms(text) is None


def test_the_same_request_derives_the_same_ids() -> None:
    assert clock.derived_id("r-1", 0) == clock.derived_id("r-1", 0) == "6d35a9cf-19a6-5fc0-993a-9258facc1ca3"
    assert clock.item_id_of("r-1") == clock.item_id_of("r-1")
    assert re.fullmatch(r"w-[0-9a-z]{12}", clock.item_id_of("r-1"))


@given(st.text(), st.text(), st.integers(0, 1_000), st.integers(0, 1_000))
def test_another_request_or_ordinal_derives_another_id(one: str, other: str, first: int, second: int) -> None:
    if "/" not in one + other and (one, first) != (other, second):
        assert clock.derived_id(one, first) != clock.derived_id(other, second)


@given(st.integers(0, 2**62))
def test_a_moment_is_written_as_an_event_needs_it(ns: int) -> None:
    written = clock.rfc3339(ns)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", written)
    assert written.endswith(f"{ns % 1_000_000_000:09d}Z")


def test_the_monotonic_clock_never_goes_back() -> None:
    seen = [clock.monotonic() for _ in range(1_000)]
    assert seen == sorted(seen)
