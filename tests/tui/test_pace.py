"""When wishes are asked: at their pace, at once when they are new, and never for more than a tenth of the time."""

from coord.tui.pace import EAGER_SECONDS, FAULT_SECONDS, Ask, Pace, ask_of

BOARD = ask_of("board", "board", {"limit": 5}, 0.5)
RUNS = ask_of("runs", "runs", {}, 2.0)


def asked(pace: Pace, now: float) -> Ask | None:
    """Return what is to be asked now."""
    return pace.next(now)[0]


def test_what_is_new_is_asked_at_once_and_in_order() -> None:
    """Whatever rest the projector has earned."""
    pace = Pace()
    assert pace.want([BOARD, RUNS], 0.0)
    assert asked(pace, 0.0) == BOARD
    pace.answered(BOARD, 0.1, 0.1, False)
    assert asked(pace, 0.1) == RUNS


def test_the_same_wishes_again_change_nothing() -> None:
    """Nothing is asked twice."""
    pace = Pace()
    pace.want([BOARD], 0.0)
    pace.answered(BOARD, 0.0, 0.001, False)
    assert not pace.want([BOARD], 0.1)
    assert asked(pace, 0.1) is None
    assert asked(pace, 0.6) == BOARD


def test_a_slow_answer_slows_everything_down() -> None:
    """An answer of a second: nine seconds of rest, ten until it is asked again."""
    pace = Pace()
    pace.want([BOARD, RUNS], 0.0)
    pace.answered(RUNS, 0.0, 0.001, False)
    pace.answered(BOARD, 1.0, 1.0, False)
    assert asked(pace, 9.9) is None
    assert asked(pace, 10.1) == RUNS
    pace.answered(RUNS, 10.1, 0.001, False)
    assert asked(pace, 11.1) == BOARD


def test_all_asking_together_takes_a_tenth() -> None:
    """However many wishes there are."""
    pace, now, busy = Pace(), 0.0, 0.0
    asks = [ask_of(f"k{number}", "board", {"limit": number}, 0.5) for number in range(1, 20)]
    pace.want(asks, now)
    for one in asks:
        pace.answered(one, now, 0.0, False)
    while now < 100.0:
        ask, wait = pace.next(now)
        if ask is None:
            now += max(wait, 0.001)
            continue
        now += 0.05
        busy += 0.05
        pace.answered(ask, now, 0.05, False)
    assert 0.08 < busy / now <= 0.101


def test_a_refused_question_rests() -> None:
    """It is refused again, most likely."""
    pace = Pace()
    pace.want([BOARD], 0.0)
    pace.answered(BOARD, 0.0, 0.001, True)
    assert asked(pace, FAULT_SECONDS - 0.1) is None
    assert asked(pace, FAULT_SECONDS) == BOARD


def test_events_make_it_ask_sooner_but_not_without_end() -> None:
    """What is asked often is asked at the most eager pace."""
    pace = Pace()
    pace.want([RUNS, BOARD], 0.0)
    for ask in (RUNS, BOARD):
        pace.answered(ask, 0.0, 0.001, False)
    pace.stir(0.1)
    assert asked(pace, EAGER_SECONDS - 0.01) is None
    assert asked(pace, EAGER_SECONDS) == BOARD


def test_in_doubt_everything_is_asked_anew() -> None:
    """At once."""
    pace = Pace()
    pace.want([BOARD, RUNS], 0.0)
    for ask in (BOARD, RUNS):
        pace.answered(ask, 0.0, 0.001, False)
    pace.hurry()
    assert asked(pace, 0.0) == BOARD


def test_answers_of_other_moments_are_alike() -> None:
    """They stand until the right one has come; live ones are not."""
    past, then = (ask_of("board", "board", {"limit": 5, "at_position": at}, 0.5) for at in (7, 8))
    assert past.identity != then.identity
    assert past.like == then.like
    assert past.like != BOARD.like


def test_without_wishes_there_is_nothing_to_do() -> None:
    """But to wait a little."""
    ask, wait = Pace().next(0.0)
    assert ask is None
    assert 0 < wait <= 1
