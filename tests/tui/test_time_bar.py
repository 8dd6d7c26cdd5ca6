"""Moving through time: bins, events, marks, words, playing; and what the bar shows."""

from dataclasses import replace

import pytest
from frames import SECONDS
from scenes import NOW_NS, POSITION, SECOND_NS, past_scene, scene, timeline

from coord.events.errors import UsageError
from coord.tui import moments
from coord.tui.ink import plain, width_of
from coord.tui.known import Known, asked_of, scene_of, wishes_of
from coord.tui.scene import Past, Scene
from coord.tui.seeking import gone_to, pressed_in_bar
from coord.tui.state import State
from coord.tui.timebar import BOX_ROWS, bar_box, bar_row
from coord.tui.views import VIEWS

BIN_NS = 24 * SECOND_NS


def bar(state: State, of: Scene, *keys: str) -> State:
    """Press keys of the bar."""
    for key in keys:
        turn = pressed_in_bar(state, replace(of, past=state.past), key, SECONDS)
        assert turn is not None, key
        state = turn.state
    return state


def past_after(*keys: str) -> Past:
    """Return where keys lead from now."""
    past = bar(State(bar=True), scene(), *keys).past
    assert past is not None
    return past


def test_a_step_back_is_one_bin_and_its_position_is_exact() -> None:
    """That of the end of the bin."""
    line = timeline()
    one, ten = past_after("left"), past_after("shift+left")
    assert (one.at_ns, one.position) == (NOW_NS - BIN_NS, line["positions"][-2])
    assert (ten.at_ns, ten.position) == (NOW_NS - 10 * BIN_NS, line["positions"][-11])
    assert past_after("shift+left", "right") == past_after(*["left"] * 9)


def test_forward_beyond_the_end_is_now() -> None:
    """And before the beginning there is nothing."""
    assert bar(State(bar=True), scene(), "left", "shift+right").past is None
    first = past_after(*["shift+left"] * 30)
    assert first.position >= 1
    assert first.at_ns == timeline()["since_ns"] + BIN_NS


def test_brackets_step_by_one_event() -> None:
    """Whatever the bins are."""
    assert past_after("left_square_bracket").position == POSITION - 1
    assert past_after("left_square_bracket", "left_square_bracket").position == POSITION - 2
    assert bar(State(bar=True), scene(), "left_square_bracket", "right_square_bracket").past is None


def test_braces_go_from_mark_to_mark_and_say_what_it_is() -> None:
    """At the last one they stay."""
    there = bar(State(bar=True), scene(), "left_curly_bracket")
    assert there.past is not None
    assert there.said is not None
    assert (there.past.position, there.said.words) == (POSITION - 46, "skip batch 450 of tiny-gpt")
    again = bar(there, scene(), "left_curly_bracket", "left_curly_bracket", "left_curly_bracket")
    assert again.said is not None
    assert "no mark before" in again.said.words
    assert again.past is not None
    assert bar(again, scene(), "right_curly_bracket").past == replace(
        again.past, position=POSITION - 47, at_ns=NOW_NS - 120 * SECOND_NS
    )


@pytest.mark.parametrize(
    ("text", "position"),
    [("#182003", 182_003), ("tiny-gpt spike", POSITION - 47), ("SKIP", POSITION - 46), ("start", POSITION - 150_000)],
)  # fmt: skip
def test_words_lead_to_a_moment(text: str, position: int) -> None:
    """A position, or the last mark that has them all."""
    there = gone_to(State(bar=True), scene(), text, NOW_NS, SECONDS).past
    assert there is not None
    assert there.position == position


def test_a_time_leads_to_the_position_of_then() -> None:
    """As far as the bins tell, until an answer says."""
    there = gone_to(State(bar=True), scene(), "-2m", NOW_NS, SECONDS).past
    assert there is not None
    assert there.at_ns == NOW_NS - 120 * SECOND_NS
    assert there.position == timeline()["positions"][-6]


@pytest.mark.parametrize(
    ("text", "words"), [("25:00", "names no moment"), ("bananas", "no mark"), ("#0", "#1")]
)
def test_words_that_lead_nowhere_are_told(text: str, words: str) -> None:
    """In a sentence; one stays where one was."""
    there = gone_to(State(bar=True), scene(), text, NOW_NS, SECONDS)
    assert there.past is None
    assert there.said is not None
    assert words in there.said.words


def of_line(**changed: object) -> Scene:
    """Return the scene with another time line."""
    return replace(scene(), answers={**scene().answers, "timeline": timeline() | changed})


def test_a_moment_beyond_the_log_is_said_to_be() -> None:
    """And what is shown instead."""
    later = gone_to(State(bar=True), scene(), f"#{POSITION + 7}", NOW_NS, SECONDS)
    assert later.past is None
    assert later.said is not None
    assert later.said.words == f"The log ends at #{POSITION:,}: this is now."
    counts = (0, 0, *timeline()["counts"][2:])
    first = of_line(counts=counts, positions=tuple(sum(counts[: place + 1]) for place in range(len(counts))))
    for text in ("-3d", "-40m"):
        earlier = gone_to(State(bar=True), first, text, NOW_NS, SECONDS)
        assert earlier.past is not None
        assert earlier.past.position == 1
        assert earlier.said is not None
        assert "The log begins about 07:01:43Z, later than that" in earlier.said.words, text


def test_before_what_the_bar_shows_of_the_log_all_of_it_is_shown_first() -> None:
    """Then the same words lead there."""
    wider = gone_to(State(bar=True), scene(), "-3d", NOW_NS, SECONDS)
    assert (wider.past, wider.zoom) == (None, 1)
    assert wider.prompt is not None
    assert wider.prompt.text == "-3d"
    assert wider.said is not None
    assert "the whole log now" in wider.said.words


@pytest.mark.parametrize("text", ["-2m", f"#{POSITION}", "now", "spike", f"#{POSITION - 3}"])
def test_a_moment_of_the_log_needs_no_word(text: str) -> None:
    """One sees where one is."""
    assert gone_to(State(bar=True), scene(), text, NOW_NS, SECONDS).said is None


def test_playing_passes_time_and_comes_to_now() -> None:
    """At its speed, which doubles and halves."""
    state = bar(State(bar=True), scene(), "shift+left", "plus", "plus", "space")
    assert state.past is not None
    assert state.past.speed == 4.0
    later = moments.played(scene(past=state.past), 6.0)
    assert later is not None
    assert later.at_ns == state.past.at_ns + BIN_NS
    assert later.position > state.past.position
    assert moments.played(scene(past=state.past), 600.0) is None
    halved = bar(state, scene(), "minus").past
    assert halved is not None
    assert halved.speed == 2.0
    stopped = bar(state, scene(), "space").past
    assert stopped is not None
    assert stopped.speed == 0.0


def test_a_marked_moment_stays_while_one_goes_elsewhere() -> None:
    """Then `d` shows the difference, in the view of events."""
    state = bar(State(view="runs", bar=True), scene(), "shift+left", "m", "escape")
    state = bar(replace(state, bar=True), scene(), "left", "d")
    assert state.view == "events"
    assert state.past is not None
    assert state.past.compared == timeline()["positions"][-11]
    alone = bar(State(bar=True), scene(), "left", "d")
    assert alone.said is not None
    assert "No moment is marked" in alone.said.words


def test_escape_is_now_and_t_leaves_the_moment() -> None:
    """Both give the keys back to the view."""
    state = bar(State(bar=True), scene(), "left")
    left, live = bar(state, scene(), "t"), bar(state, scene(), "escape")
    assert (left.bar, left.past) == (False, state.past)
    assert (live.bar, live.past) == (False, None)


def test_other_keys_are_left_to_the_view() -> None:
    """Digits lead to views in the past as well."""
    assert pressed_in_bar(State(bar=True), scene(), "4", SECONDS) is None


def test_without_a_time_line_nothing_moves() -> None:
    """It says so."""
    state = bar(State(bar=True), scene({"timeline": {}}), "left")
    assert state.past is None
    assert state.said is not None


def test_a_moment_that_is_no_moment_raises() -> None:
    """For whoever asks."""
    with pytest.raises(UsageError):
        moments.by_words(scene(), "#0", NOW_NS)


def test_an_answer_says_when_its_position_was() -> None:
    """What was counted evenly is set right."""
    past = Past(182_000, NOW_NS - 60 * SECOND_NS, POSITION)
    told = {"board": {"as_of": {"past": True, "position": 182_000, "recorded_at_ns": 17}}}
    assert moments.settled(past, told).at_ns == 17
    assert moments.settled(replace(past, position=5), told) == replace(past, position=5)


def test_in_the_past_everything_is_asked_of_that_moment_but_the_time_line() -> None:
    """That is always of now."""
    state = State(view="nodes", past=past_scene().past)
    wishes = {wish.key: wish for wish in wishes_of(state, past_scene(), VIEWS["nodes"])}
    assert {"alerts", "health", "nodes", "node_trend", "timeline"} <= set(wishes)
    of_then = {key for key, wish in wishes.items() if "at_position" in asked_of(state.past, wish)}
    assert "timeline" not in of_then
    assert {"alerts", "health", "nodes", "node_trend"} <= of_then


def test_the_scene_of_the_past_holds_the_events_up_to_there() -> None:
    """Not those that came since."""
    state = State(view="events", past=past_scene().past)
    shown = scene_of(Known(events=({"position": 9},), position=9), state, NOW_NS, SECONDS)
    assert shown.events == ()
    assert shown.today_ns == NOW_NS
    assert shown.now_ns < NOW_NS


def test_the_span_grows_to_hold_the_moment() -> None:
    """An old log is shown by its last hour, unless one goes back further; z chooses others."""
    began, old = NOW_NS - 9 * 3_600 * SECOND_NS, Past(5, NOW_NS - 8 * 3_600 * SECOND_NS, POSITION)

    def asked(state: State) -> object:
        wishes = {wish.key: wish for wish in wishes_of(state, scene(past=state.past), VIEWS["runs"], began)}
        return wishes["timeline"].fields.get("since_ns")

    since = asked(State(view="runs"))
    assert isinstance(since, int)
    assert NOW_NS - since == pytest.approx(3_600e9, rel=0.01)
    assert asked(State(view="runs", past=old)) is None
    assert asked(State(view="runs", zoom=1)) is None
    ten_minutes = asked(State(view="runs", zoom=2))
    assert isinstance(ten_minutes, int)
    assert NOW_NS - ten_minutes == pytest.approx(600e9, rel=0.01)


def test_the_bar_shows_bins_marks_and_where_one_is() -> None:
    """▲ an alert, ◆ a directive, ┃ here."""
    now, then = plain(bar_row(scene(), 120).lines[0]), plain(bar_row(past_scene(), 120).lines[0])
    assert now.startswith(" 07:00 ")
    assert now.endswith("┃now  t seek [ ]")
    assert "▲" in now
    assert then.endswith("╎now  t seek [ ]")
    assert then.index("┃") == 7 + (120 - 7 - 16 - 1) * 95 // 100


@pytest.mark.parametrize("width", [1, 20, 39, 80, 120, 300])
def test_the_bar_has_exactly_its_width(width: int) -> None:
    """As a row and as a box."""
    assert {width_of(line) for line in bar_row(past_scene(), width).lines} == {width}
    box = bar_box(past_scene(), width).lines
    assert len(box) == BOX_ROWS
    assert {width_of(line) for line in box} == {width}


def test_a_short_bar_writes_seconds_where_there_is_room_for_them() -> None:
    line = timeline() | {"since_ns": NOW_NS - 300 * SECOND_NS}
    now = scene()
    short = replace(now, answers={**now.answers, "timeline": line})
    row = plain(bar_row(short, 120).lines[0])
    assert row.startswith(" 07:35 ")
    assert row.rstrip().endswith("t seek [ ]")
    times = plain(bar_box(short, 120).lines[1]).strip("│ ").split()
    assert times[0] == "07:35:55"
    assert len(times) == len(set(times))
