"""Bodies as coord writes them are read quickly, and all others in full: nobody can tell which it was."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from coord.events import catalog
from coord.events.catalog import decode_event, encode_event, find_kind, kind_of
from coord.events.errors import InvalidEvent
from coord.events.examples import EVENTS, OLD_EVENTS
from coord.events.log_entry import LogEntry
from coord.events.model import Event, written
from coord.events.plain import plain_reader
from coord.events.work import WorkCompleted

Spoilt = Iterator[bytes]


def told(type_: str, raw: bytes) -> Event | str:
    kind = find_kind(type_)
    assert kind is not None
    try:
        return decode_event(type_, raw, kind.aggregate)
    except InvalidEvent as refusal:
        return refusal.message


def in_full(type_: str, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> Event | str:
    with monkeypatch.context() as patched:
        patched.setattr(catalog, "plain_reader", lambda _: lambda _: None)
        patched.setattr(catalog, "_reading", catalog._reading.__wrapped__)
        return told(type_, raw)


def with_another(values: dict[str, Any]) -> Spoilt:
    """Put what does not belong there in the place of each field."""
    others: tuple[Any, ...] = (
        None,
        "",
        "a b",
        "x\n",
        "x" * 3_000,
        "\0",
        -1,
        0,
        10**18,
        2**63,
        0.5,
        True,
        [],
        {},
        ["x"],
        {"x": 1},
    )
    for name in values:
        for other in others:
            yield msgspec.json.encode({**values, name: other})


def with_other_letters(raw: bytes, values: dict[str, Any]) -> Spoilt:
    """Write the same and nearly the same otherwise."""
    yield raw.replace(b":", b": ", 1)
    yield raw.replace(b"{", b'{"unknown":1,', 1)
    for name, value in values.items():
        key, written = msgspec.json.encode(name) + b":", msgspec.json.encode(value)
        yield raw.replace(b"{", b"{" + key + written + b",", 1)
        yield msgspec.json.encode({one: kept for one, kept in values.items() if one != name})
        yield raw.replace(key + written, key + written + b"e-400")
        yield raw.replace(key + written, key + b"1" + b"0" * 25)
        yield raw.replace(key + written, key + b"[" * 33 + b"]" * 33)
    yield raw[:-1]
    yield raw + b"{}"
    yield b"[" + raw + b"]"


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_what_coord_writes_is_read_quickly(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, type_ = encode_event(event), kind_of(event).type
    assert plain_reader(type(event))(raw) == event == in_full(type_, raw, monkeypatch)
    found = told(type_, raw)
    assert isinstance(found, Event)
    assert encode_event(found) == raw


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_what_is_spoilt_is_told_the_same_either_way(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, type_ = encode_event(event), kind_of(event).type
    values = msgspec.json.decode(raw)
    for spoilt in (*with_another(values), *with_other_letters(raw, values)):
        assert told(type_, spoilt) == in_full(type_, spoilt, monkeypatch), spoilt


@pytest.mark.parametrize("result", [
    {"deep": msgspec.json.decode(b"[" * 29 + b"]" * 29)},
    {"deep": msgspec.json.decode(b"[" * 30 + b"]" * 30)},
    10**18,
    2**63,
    "0" * 64,
    [None, {"wide": "Lüfter"}],
])  # fmt: skip
def test_a_free_value_has_its_limits_either_way(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = msgspec.json.encode({"agent": "ada", "fence": 1, "result": result})
    assert told("work.completed.v1", raw) == in_full("work.completed.v1", raw, monkeypatch)


def test_a_rule_between_fields_holds_for_what_is_read_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [{"step": step, "values": {"loss": 1.5}} for step in (2, 1)]
    raw = msgspec.json.encode(
        {"rank": 0, "writer": "w", "writer_sequence": 1, "points": points, "dropped_points": 0}
    )
    assert "order of their steps" in str(told("run.metrics_recorded.v1", raw))


def test_a_large_body_and_one_without_optional_fields_are_fine() -> None:
    event = WorkCompleted(agent="ada", fence=7)
    assert plain_reader(WorkCompleted)(encode_event(event)) == event
    large = WorkCompleted(agent="ada", fence=7, result=["x" * 60_000] * 2)
    assert plain_reader(WorkCompleted)(encode_event(large)) is None
    assert decode_event("work.completed.v1", encode_event(large), "work") == large


def test_old_events_are_read_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for type_, example in OLD_EVENTS.items():
        raw = written(example)
        assert not isinstance(told(type_, raw), str)
        assert told(type_, raw) == in_full(type_, raw, monkeypatch)


def test_free_json_may_be_as_long_as_its_body_however_it_comes() -> None:
    """Pydantic takes a model's limit on texts for those in free JSON, but only of values: what JSON brought could not be made again."""
    result: Any = ["x" * 100_000]
    event = WorkCompleted(agent="ada", fence=1, result=result)
    assert decode_event("work.completed.v1", encode_event(event), "work") == event
    assert (
        LogEntry(position=1, recorded_at_ns=1, subject="s", type="t", id="i", fields=result).fields == result
    )
    with pytest.raises(ValidationError, match="at most 65536 characters"):
        LogEntry(position=1, recorded_at_ns=1, subject="x" * 100_000, type="t", id="i")
