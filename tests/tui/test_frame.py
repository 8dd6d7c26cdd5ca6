"""The whole screen: its golden pictures, what its head says, and that it has exactly its size, whatever that is."""

from dataclasses import replace

import pytest
from frames import GOLDEN, SECONDS, SHOTS, SIZES, Shot, files
from hostile_texts import TEXTS
from scenes import NOW_NS, SECOND_NS, empty_scene, lost_scene, past_scene, scene

from coord.tui.chrome import distance, tabs
from coord.tui.frame import frame
from coord.tui.helping import help_box
from coord.tui.ink import Ink, plain, width_of
from coord.tui.known import Known, scene_of
from coord.tui.scene import Link, Past, Place
from coord.tui.state import Help, State
from coord.tui.views import VIEWS


def head_of(shot: Shot, width: int = 120) -> str:
    """Return the first row."""
    return plain(shot.framed(width, 40).lines[0])


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_screen_is_drawn_as_the_golden_file_says(shot: Shot, size: tuple[int, int]) -> None:
    """A change is seen in a review; `make documents` writes it."""
    path = GOLDEN / f"{shot.name}-{size[0]}x{size[1]}.txt"
    assert shot.drawn(*size) == path.read_text("utf-8"), f"{path.name}: make documents draws it anew"


def test_no_golden_file_is_left_over() -> None:
    """Each of them is drawn by somebody."""
    assert set(GOLDEN.glob("*.txt")) == {path for path, _ in files()}


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (7, 90), (39, 11), (40, 12), (79, 2), (99, 29), (100, 30), (300, 8), (60, 5)],
)
def test_a_screen_has_exactly_its_size(width: int, height: int) -> None:
    """Below 40 x 12 it still draws something."""
    for shot in SHOTS:
        lines = shot.framed(width, height).lines
        assert len(lines) == height, shot.name
        assert {width_of(line) for line in lines} == {width}, shot.name
    assert plain(SHOTS[0].framed(width, height).lines[0]).startswith(" coord"[: min(width, 4)].rstrip())


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_view_has_its_tab_and_fills_the_screen(name: str, size: tuple[int, int]) -> None:
    """Digits lead to it in this order."""
    lines = frame(State(view=name), scene(), VIEWS, *size).lines
    number = list(VIEWS).index(name) + 1
    title = VIEWS[name].title if size[0] >= 100 else VIEWS[name].short
    assert f"[{number} {title}]" in plain(lines[1])
    assert {width_of(line) for line in lines} == {size[0]}


def test_the_head_says_how_the_house_is() -> None:
    """Health with its trend, the position, what is behind, the rate, the alerts by severity, the time."""
    row = head_of(Shot("", State(view="agents")))
    assert row.startswith(" coord ● LIVE  health 87 ▇▇▇▇▇▇▇▇   #182,470  lag 0  412 ev/s   ")
    assert row.endswith("   ✖1 ⚠2  07:40:55Z")
    assert len(row) == 119


def test_the_head_of_a_narrow_screen_leaves_out_what_is_least() -> None:
    """A form of its own below 100 columns."""
    row = head_of(Shot("", State(view="agents")), 80)
    assert "#182,470" in row
    assert "ev/s" not in row
    assert row.endswith("07:40:55Z")


@pytest.mark.parametrize(
    ("name", "glyph", "ink"),
    [("live", "● LIVE", Ink.LIVE), ("past", "◀ REPLAY", Ink.PAST), ("lost", "✖ LOST 14s", Ink.LOST),
     ("frozen", "❚❚ FROZEN", Ink.FROZEN)],
)  # fmt: skip
def test_the_mode_is_said_by_a_glyph_and_colours_the_whole_row(name: str, glyph: str, ink: Ink) -> None:
    """Nothing is said by colour only."""
    shot = next(shot for shot in SHOTS if shot.name == name)
    line = shot.framed(120, 40).lines[0]
    assert glyph in plain(line)
    assert {span.ink for span in line} == {ink}


def test_the_head_and_the_first_line_of_the_overview_say_that_claims_are_paused() -> None:
    """On every view, and nothing of it in the past."""
    paused = replace(scene(), paused="no coordinator leads on this machine")
    lines = [plain(one) for one in frame(State(), paused, VIEWS, 80, 24, SECONDS).lines]
    assert lines[0].startswith(" coord ✖ CLAIMS PAUSED  no coordinator leads on this machine")
    assert "claims" in lines[3]
    assert "are paused: no coordinator leads on this machine" in lines[3]
    known = Known(paused="no coordinator leads on this machine")
    assert scene_of(known, State(), NOW_NS, SECONDS).paused
    assert not scene_of(known, State(past=Past(4, NOW_NS, 9)), NOW_NS, SECONDS).paused


def test_the_head_tells_how_far_back_one_is() -> None:
    """With the day where it is not today's, and the speed while it plays."""
    long_ago = past_scene(121_004, 63_492.0)
    assert long_ago.past is not None
    playing = replace(long_ago, past=replace(long_ago.past, speed=8.0))
    row = head_of(Shot("", replace(State(view="events"), past=playing.past), lambda: playing))
    assert "◀ REPLAY Sat 14:02:43Z  −17h38m  #121,004/182,470  ▶×8" in row
    assert row.endswith("esc ▸ LIVE")


def test_what_was_known_is_drawn_dim_while_the_house_is_away() -> None:
    """And above it stands why, and when the next try is."""
    lines = frame(State(view="agents"), lost_scene(), VIEWS, 120, 40, SECONDS).lines
    body = "\n".join(map(plain, lines[2:10]))
    assert "connection refused" in body
    assert "next in 3s" in body
    assert "coord up" in body
    row = next(line for line in lines if "ada" in plain(line) and "/home/ada" not in plain(line))
    assert {span.ink for span in row} == {Ink.DIM}


def test_without_any_house_the_screen_says_how_to_start_one() -> None:
    """The same screen."""
    nobody = replace(scene(), answers={}, events=(), link=lost_scene().link)
    text = "\n".join(map(plain, frame(State(), nobody, VIEWS, 80, 24, SECONDS).lines))
    assert "coord up --data /home/ada/.local/share/coord" in text


def test_an_empty_house_says_how_to_begin_and_its_lines_can_be_chosen() -> None:
    """What `y` copies is the command."""
    framed = frame(State(), empty_scene(), VIEWS, 120, 40)
    assert "three ways to start" in "\n".join(map(plain, framed.lines))
    assert framed.drawn.ids[0].startswith("coord submit")


def test_ascii_needs_no_other_character() -> None:
    """Cell by cell."""
    for shot in SHOTS:
        ascii_shot = shot._replace(state=replace(shot.state, ascii=True))
        for line in ascii_shot.framed(120, 40).lines:
            assert plain(line).isascii(), plain(line)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_from_elsewhere_moves_nothing(text: str) -> None:
    """Neither in the filter nor in the folder's name nor in what was done."""
    state = State(view="agents", places={"agents": Place(filter=text, chosen=text, opened=True)})
    away = replace(scene(), link=Link("connecting", NOW_NS - SECOND_NS, folder=f"/{text}"))
    for line in frame(state, away, VIEWS, 80, 24).lines:
        assert width_of(line) == 80
        assert plain(line).isprintable()


def test_the_keys_of_the_view_come_first_and_help_is_always_there() -> None:
    """Cut by the width."""
    for width in (60, 80, 120):
        row = plain(frame(State(view="runs"), scene(), VIEWS, width, 24).lines[-1])
        assert row.startswith(" ←→ cursor")
        assert row.endswith("? help")


def test_a_sentence_takes_the_row_of_the_keys_only_for_a_while() -> None:
    """On a low screen."""
    said = next(shot.state for shot in SHOTS if shot.name == "said")
    assert "Copied: w-244" in plain(frame(said, scene(), VIEWS, 80, 24, SECONDS).lines[-1])
    assert "? help" in plain(frame(said, scene(), VIEWS, 80, 24, SECONDS + 60).lines[-1])


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0s"), (59.4, "59s"), (61, "1m01s"), (63_492, "17h38m"), (200_000, "2d07h")]
)
def test_a_distance_has_its_two_largest_units(seconds: float, words: str) -> None:
    """To see at a glance."""
    assert distance(seconds) == words


@pytest.mark.parametrize("width", [40, 60, 80])
def test_every_view_can_be_seen_and_clicked_at_any_width(width: int) -> None:
    shown = tabs(State(view="alerts"), list(VIEWS.values()), width)
    assert "[6 Alrt]" in plain(shown.line)
    for number, name in enumerate(VIEWS, 1):
        start, end = shown.cells[name]
        assert f"{number}" in plain(shown.line)[start:end]


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("width", [40, 60, 120])
def test_the_help_says_every_sentence_whole(name: str, width: int) -> None:
    shown = " ".join(
        plain(line)[1:-1].strip() for line in help_box(VIEWS[name], Help(), width, 1_000)[1:-1]
    ).split()
    for key in VIEWS[name].keys:
        words = key.more.split()
        assert any(shown[at : at + len(words)] == words for at in range(len(shown))), key.more
