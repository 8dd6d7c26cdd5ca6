"""The quick reading of packed readings takes what the full one takes, makes the same of it, and refuses nothing."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coord.events import samples
from coord.events.errors import InvalidEvent
from coord.events.samples import HardwareSample, decode_sample, encode_sample

_SERIES: dict[str, Any] = {"metric": "load", "device": "gpu0", "offsets_ms": [0, 10], "values": [1.0, 0.25]}
_BATCH: dict[str, Any] = {
    "writer": "m-1",
    "writer_sequence": 3,
    "started_at_ns": 1_795_000_000_000_000_000,
    "series": [_SERIES],
    "dropped_readings": 0,
}
PLAIN = json.dumps(_BATCH, separators=(",", ":")).encode()


def _told(raw: bytes) -> str | HardwareSample:
    try:
        found = decode_sample("hardware", raw)
    except InvalidEvent as refusal:
        return refusal.message
    assert isinstance(found, HardwareSample)
    return found


def _told_in_full(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> str | HardwareSample:
    with monkeypatch.context() as patched:
        patched.setattr(samples, "_plain_hardware", lambda _: None)
        return _told(raw)


def test_what_a_monitor_writes_is_read_quickly_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = samples._plain_hardware(PLAIN)
    assert quick is not None
    assert quick == _told(PLAIN) == _told_in_full(PLAIN, monkeypatch)
    assert encode_sample(quick) == PLAIN
    assert quick.series[0].model_dump() == {**_SERIES, "offsets_ms": (0, 10), "values": (1.0, 0.25)}


@pytest.mark.parametrize("raw", [
    PLAIN.replace(b'"writer":"m-1"', b'"writer":"m-1","writer":"m-2"'),
    PLAIN.replace(b'"metric":"load"', b'"metric":"load","metric":"heat"'),
    PLAIN.replace(b'"metric":"load"', b'"metric":"load","unit":"s"'),
    PLAIN.replace(b'"metric":"load"', b'"metric":"lo ad"'),
    PLAIN.replace(b'"metric":"load"', b'"metric":"load\\n"'),
    PLAIN.replace(b'"device":"gpu0",', b""),
    PLAIN.replace(b"gpu0", b"\\u0000"),
    PLAIN.replace(b"gpu0", b"\\ud800"),
    PLAIN.replace(b"gpu0", "Lüfter".encode()),
    PLAIN.replace(b"gpu0", b"g" * 65),
    PLAIN.replace(b"1.0", b"1e-400"),
    PLAIN.replace(b"1.0", b"1e400"),
    PLAIN.replace(b"1.0", b"NaN"),
    PLAIN.replace(b"1.0", b'"nan"'),
    PLAIN.replace(b"1.0", b"9223372036854775808"),
    PLAIN.replace(b"[0,10]", b"[10,0]"),
    PLAIN.replace(b"[0,10]", b"[-1,10]"),
    PLAIN.replace(b"[0,10]", b"[0]"),
    PLAIN.replace(b"[0,10]", b"[0,86400001]"),
    PLAIN.replace(b"[0,10]", b"[0,true]"),
    PLAIN.replace(b"}]", b"}," + json.dumps(_SERIES).encode() + b"]"),
    PLAIN.replace(b'"metric":"load"', b'"metric":"load","\\u006detric":"heat"'),
    PLAIN.replace(b"1.0", b"0." + b"0" * 330 + b"1"),
    PLAIN.replace(b":3,", b":-3,"),
    PLAIN.replace(b":3,", b":9223372036854775808,"),
    b"\xef\xbb\xbf" + PLAIN,
    PLAIN[:-1],
    PLAIN + b"{}",
    b"[" * 40 + b"]" * 40,
    PLAIN.replace(b"gpu0", b"\xff"),
])  # fmt: skip
def test_what_is_not_plain_is_looked_at_in_full(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert raw != PLAIN
    assert samples._plain_hardware(raw) is None
    assert _told(raw) == _told_in_full(raw, monkeypatch)


@pytest.mark.parametrize("raw", [
    PLAIN.replace(b"1.0", b"1"),
    PLAIN.replace(b":3,", b" : 3,"),
    PLAIN.replace(b"gpu0", b"0000:65:00.0"),
    PLAIN.replace(b"1.0", b"0.00000001"),
])  # fmt: skip
def test_what_others_write_otherwise_is_read_quickly_too(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert raw != PLAIN
    assert samples._plain_hardware(raw) == _told(raw) == _told_in_full(raw, monkeypatch)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.floats(allow_nan=False, allow_infinity=False)), min_size=1)
)
@settings(max_examples=60, deadline=None)
def test_every_number_comes_out_of_the_quick_reading_as_it_went_in(readings: list[tuple[int, float]]) -> None:
    offsets, values = zip(*sorted(readings), strict=True)
    series = samples.Series(metric="load", offsets_ms=offsets, values=values)
    batch = HardwareSample(writer="m", writer_sequence=0, started_at_ns=0, series=(series,))
    found = samples._plain_hardware(encode_sample(batch))
    assert found == batch
    assert [repr(value) for value in found.series[0].values] == [repr(value) for value in values]
