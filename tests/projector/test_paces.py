"""The pace of a stream: messages a second over the last looks."""

from coord.services.projector.paces import LOOKS_KEPT, Pace


def _looked(*looks: tuple[float, int]) -> float:
    pace = Pace()
    for now, position in looks:
        pace.look(now, position)
    return pace.per_second()


def test_a_pace_is_what_came_between_the_oldest_and_the_newest_look() -> None:
    assert _looked((10.0, 100), (11.0, 150), (14.0, 200)) == 25.0


def test_looks_of_long_ago_count_no_more() -> None:
    looks = [(float(second), 1_000 * min(second, 5)) for second in range(5 + LOOKS_KEPT)]
    assert _looked(*looks[:-1]) > 0
    assert _looked(*looks) == 0.0


def test_before_two_looks_or_without_time_between_there_is_none() -> None:
    assert _looked() == _looked((1.0, 5)) == _looked((1.0, 5), (1.0, 9)) == 0.0


def test_a_stream_that_is_begun_anew_is_followed_from_there() -> None:
    assert _looked((1.0, 900), (2.0, 3), (3.0, 7)) == 4.0
