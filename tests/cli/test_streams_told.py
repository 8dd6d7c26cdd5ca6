"""Doctor says how quickly the streams are folded in, and how much is kept of readings."""

from typing import Any

import pytest

from coord.services import clock
from coord.services.cli.checks import _kept, _paces


def _kept_of(**fields: Any) -> dict[str, Any]:
    told = {"name": "readings", "rows": 0, "rows_max": 1_000, "seconds_max": 172_800.0, "segments": 0}
    return {"kept": [{**told, **fields}]}


def test_the_pace_of_each_stream_is_told_and_how_far_behind_the_readings_are() -> None:
    events = {"stream": "EVENTS", "behind": 7, "per_second": 1234.5}
    readings = {"stream": "SAMPLES", "behind": 30, "per_second": 12.0}
    assert _paces({"streams": [events, readings]}) == " (EVENTS 1,234/s; SAMPLES 12/s, 30 behind)"
    assert _paces({"streams": []}) == _paces({}) == ""


@pytest.mark.parametrize(
    ("fields", "verdict", "words"),
    [
        ({}, "ok", "none yet; kept for 2d, at most 1,000"),
        (
            {"rows": 899, "segments": 3},
            "ok",
            "899 in 3 segments, the oldest 4h old; kept for 2d, at most 1,000",
        ),
        ({"rows": 900, "segments": 3}, "warn", "900 in 3 segments"),
    ],
)
def test_what_is_kept_is_told_and_a_limit_before_it_is_reached(
    fields: dict[str, Any], verdict: str, words: str
) -> None:
    since = {"since_ns": clock.now_ns() - 4 * 3_600 * 10**9} if fields else {}
    (found,) = _kept(_kept_of(**fields, **since))
    assert (found.name, found.verdict) == ("readings", verdict)
    assert words in found.words
    assert "readings_millions_max" in found.remedy


def test_a_projector_that_tells_nothing_of_it_is_no_fault() -> None:
    assert list(_kept({})) == []
