"""What is remembered: the same objects give the same result, others are worked out, and little is kept."""

from coord.tui.memo import KEPT, remembered


def test_the_same_answer_is_worked_out_once_and_an_equal_one_anew() -> None:
    calls = []

    @remembered
    def count(answer: dict[str, int], times: int) -> int:
        calls.append(times)
        return len(answer) * times

    answer = {"a": 1}
    assert [count(answer, 2), count(answer, 2), count(answer, 3), count({"a": 1}, 2)] == [2, 2, 3, 2]
    assert calls == [2, 3, 2]


def test_numbers_that_are_equal_and_not_the_same_kind_are_told_apart() -> None:
    @remembered
    def kind(value: object) -> str:
        return type(value).__name__

    assert [kind(1), kind(True), kind(1.0)] == ["int", "bool", "float"]


def test_what_was_not_asked_for_long_is_forgotten() -> None:
    calls = []

    @remembered
    def same(value: int) -> int:
        calls.append(value)
        return value

    for value in range(KEPT + 1):
        same(value)
    same(0)
    assert calls[-1] == 0
