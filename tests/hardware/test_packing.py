"""Packing: nothing is late, too big, or silently lost, and all of it reads back as the words say."""

import math

import pytest

from coord.events.samples import HARDWARE, PROCESSES, decode_sample, encode_sample
from coord.events.streams import SAMPLES
from coord.services.hardware import packer
from coord.services.hardware.metrics import Point
from coord.services.hardware.packer import Message, Packer, Waiting, message_of
from coord.services.hardware.processes import Listing, Process

NOW_NS = 1_795_000_000_000_000_000


def point(value: float, metric: str = "cpu_utilization_ratio", device: str = "") -> Point:
    return metric, device, value


def begun() -> Packer:
    """A packer that has sent its first look, and packs what follows."""
    looks = Packer("w-1", 0.0001)
    assert looks.add([point(0)], -1.0, NOW_NS)
    return looks


def test_at_one_look_a_second_every_look_goes_at_once() -> None:
    looks = Packer("w-1", 1.0)
    (first,) = looks.add([point(0.25), point(61, "gpu_temperature_celsius", "gpu0")], 5.0, NOW_NS)
    (second,) = looks.add([point(0.5)], 6.0, NOW_NS + 10**9)
    assert (first.writer_sequence, second.writer_sequence) == (1, 2)
    assert (first.started_at_ns, second.started_at_ns) == (NOW_NS, NOW_NS + 10**9)
    assert decode_sample(HARDWARE, encode_sample(first)) == first
    assert [(one.metric, one.device, one.offsets_ms, one.values) for one in first.series] == [
        ("cpu_utilization_ratio", "", (0,), (0.25,)),
        ("gpu_temperature_celsius", "gpu0", (0,), (61.0,)),
    ]


def test_at_ten_looks_a_second_one_message_holds_a_second() -> None:
    looks = Packer("w-1", 0.1)
    assert len(looks.add([point(0)], 0.0, NOW_NS)) == 1, "the first look goes at once"
    sent = [looks.add([point(look)], look * 0.1, NOW_NS) for look in range(1, 21)]
    assert [len(batches) for batches in sent] == [0] * 9 + [1] + [0] * 9 + [1]
    assert sent[9][0].series[0].offsets_ms == tuple(range(0, 1000, 100))


def test_more_series_than_a_message_takes_go_in_several() -> None:
    points = [point(1, device=f"cpu{core}") for core in range(2 * packer.SERIES_A_MESSAGE_MAX + 1)]
    batches = Packer("w-1", 1.0).add(points, 1.0, NOW_NS)
    assert [len(batch.series) for batch in batches] == [packer.SERIES_A_MESSAGE_MAX] * 2 + [1]


def test_the_largest_message_fits_the_stream() -> None:
    looks = begun()
    series = packer.SERIES_A_MESSAGE_MAX
    for look in range(packer.READINGS_A_MESSAGE_MAX // series):
        points = [point(-1e15 / 3, "m" * 64, f"{device:064}") for device in range(series)]
        assert not looks.add(points, look / 1000, NOW_NS)
    assert len(encode_sample(looks.flush()[0])) < SAMPLES.message_bytes_max


def test_two_readings_of_one_moment_stand_a_millisecond_apart() -> None:
    (batch,) = Packer("w-1", 1.0).add([point(79, "gpu_xid_code"), point(13, "gpu_xid_code")], 1.0, NOW_NS)
    assert (batch.series[0].offsets_ms, batch.series[0].values) == ((0, 1), (79.0, 13.0))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_absent(value: float) -> None:
    assert Packer("w-1", 1.0).add([point(value)], 1.0, NOW_NS) == []


def test_processes_read_back() -> None:
    listing = Listing((Process(4711, "python3", 0.98, 1024, None), Process(1, "init", 0, 1, 7)), 211)
    packed = Packer("w-1", 1.0).processes(listing, NOW_NS)
    assert decode_sample(PROCESSES, encode_sample(packed)) == packed
    assert [one.gpu_memory_bytes for one in packed.processes] == [None, 7]


def message(readings: int) -> Message:
    looks = begun()
    for look in range(readings):
        assert not looks.add([point(look)], look / 10_000, NOW_NS)
    return message_of(looks.flush()[0])


def test_what_waits_goes_oldest_first() -> None:
    waiting = Waiting()
    first, second = message(1), message(2)
    waiting.put(first)
    waiting.put(second)
    assert waiting.first() == first
    waiting.done(first)
    assert waiting.first() == second
    waiting.done(second)
    assert waiting.first() is None


def test_when_too_much_waits_the_oldest_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [message(readings) for readings in (3, 4, 5, 6)]
    monkeypatch.setattr(packer, "WAITING_BYTES_MAX", sum(len(one.body) for one in messages[2:]))
    waiting = Waiting()
    for one in messages:
        waiting.put(one)
    assert (len(waiting), waiting.dropped_readings) == (2, 3 + 4)
    assert waiting.first() == messages[2]


def test_a_message_that_was_dropped_while_it_was_sent_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sending, other = message(6), message(6)
    monkeypatch.setattr(packer, "WAITING_BYTES_MAX", len(other.body))
    waiting = Waiting()
    waiting.put(sending)
    waiting.put(other)
    waiting.done(sending)
    assert waiting.first() is other


def test_a_row_holds_at_least_ten_minutes_of_a_machine_with_sixty_series() -> None:
    points = [point(1 / 3 + core, device=f"cpu{core}") for core in range(60)]
    (batch,) = Packer("w-1", 1.0).add(points, 1.0, NOW_NS)
    assert packer.WAITING_BYTES_MAX / len(message_of(batch).body) > 600
