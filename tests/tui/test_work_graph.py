"""The graph of work: every line can be followed to what depends on it, and what has no room is told."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from nights import linked, night, night_linked, night_with
from work_shown import ids, item, text

from coord.events.planning import DEPENDENCIES_MAX
from coord.tui.ink import Span, plain, to_ascii
from coord.tui.scene import Place
from coord.tui.views.rails import RAIL_CELLS, draw_rails, groups, in_rows
from coord.tui.views.work import VIEW

GRAPH = Place(mode="graph")
Needs = Mapping[str, Sequence[str]]


def dag(seed: int, items: int = 40) -> Needs:
    """Make a graph: an item depends on some of those before it."""
    dice = random.Random(seed)
    every = [f"w{number}" for number in range(items)]
    wanted = {
        name: dice.sample(every[:number], min(number, dice.choice((0, 1, 1, 2, 3))))
        for number, name in enumerate(every)
    }
    return {name: wanted[name] for name in dice.sample(every, items)}


def ordered(needs: Needs) -> Needs:
    return {name: needs[name] for name in in_rows(needs)}


def followed(needs: Needs, rails: int) -> dict[str, set[str]]:
    """Return what each item is joined to from above, by going along the lines as a person does."""
    standing: dict[int, str] = {}
    found: dict[str, set[str]] = {}
    for row in draw_rails(needs, rails).rows:
        marks = f"{row.before}*{row.behind}"
        here = len(row.before)
        reached = {here} if here in standing else set()
        for step in (-1, 1):
            place = here + step
            while 0 <= place < len(marks) and marks[place] in "─├┤┼╰╯┴":
                reached |= {place} if marks[place] in "├┤┼╰╯┴" else set()
                place += step
        found[row.id] = {standing[place] for place in reached}
        ended = [place for place in reached if place == here or marks[place] in "╰╯┴"]
        for place in ended:
            del standing[place]
        standing[here] = row.id
        below = {place for place in standing if place in reached or marks[place] in "│─*"}
        assert below == set(standing), f"a rail is broken at {row.id}"
        standing = {place: name for place, name in standing.items() if _is_wanted(name, row.id, needs)}
    return found


def _is_wanted(name: str, here: str, needs: Needs) -> bool:
    """Tell whether something below a row depends on an item."""
    rows = list(needs)
    return any(name in needs[other] for other in rows[rows.index(here) + 1 :])


@pytest.mark.parametrize("seed", range(12))
def test_going_along_the_lines_finds_all_that_an_item_depends_on(seed: int) -> None:
    needs = ordered(dag(seed))
    assert followed(needs, rails=40) == {name: set(wanted) for name, wanted in needs.items()}


@pytest.mark.parametrize("seed", range(12))
def test_an_item_stands_below_all_it_depends_on_and_among_its_own(seed: int) -> None:
    needs = dag(seed)
    rows = in_rows(needs)
    assert sorted(rows) == sorted(needs)
    assert all(rows.index(one) < rows.index(name) for name, wanted in needs.items() for one in wanted)
    starts = [min(map(rows.index, group)) for group in groups(needs)]
    ends = [max(map(rows.index, group)) for group in groups(needs)]
    assert [end + 1 for end in sorted(ends)[:-1]] == sorted(starts)[1:], "groups are not mixed"


def test_a_small_graph_looks_as_it_says() -> None:
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("a", "b", "c")}
    assert [f"{row.before}○{row.behind}" for row in draw_rails(needs, 4).rows] == [
        "○     ",
        "├─○   ",
        "├───○ ",
        "○─┴─╯ ",
    ]


def test_what_stands_below_another_and_does_not_depend_on_it_stands_aside() -> None:
    needs = ordered({"b": ("a",), "a": (), "d": ("c",), "c": ()})
    assert [len(row.before) for row in draw_rails(needs, 4).rows] == [0, 0, RAIL_CELLS, RAIL_CELLS]


def test_no_more_rails_are_drawn_than_fit_and_those_left_out_are_counted() -> None:
    roots = [f"r{number}" for number in range(30)]
    drawing = draw_rails({**dict.fromkeys(roots, ()), "z": roots}, 5)
    assert drawing.unrailed == 25
    assert drawing.cells <= RAIL_CELLS * 7
    assert len({len(f"{row.before}*{row.behind}") for row in drawing.rows}) == 1


@pytest.mark.parametrize("needs", [{}, {"a": ("a",)}, {"a": ("b",), "b": ("a",)}, {"a": ("gone",)}])
def test_what_is_no_graph_is_drawn_all_the_same(needs: Needs) -> None:
    assert {row.id for row in draw_rails(ordered(needs), 3).rows} == set(needs)


def test_a_long_chain_and_many_items_are_drawn() -> None:
    chain = {f"w{number}": (f"w{number + 1}",) for number in range(1_000)}
    needs = ordered(chain)
    assert next(iter(needs)) == "w999"
    assert draw_rails(needs, 9).cells == RAIL_CELLS
    wide = {
        f"w{number}": [f"w{n}" for n in range(max(number - DEPENDENCIES_MAX, 0), number)]
        for number in range(1_000)
    }
    assert len(draw_rails(ordered(wide), 15).rows) == 1_000


def test_v_goes_from_the_list_to_the_board_to_the_graph_and_back() -> None:
    place, modes = Place(), []
    for _ in range(3):
        pressed = VIEW.press("v", night_linked(), place, VIEW.draw(night_linked(), place, 120, 36))
        assert isinstance(pressed, Place)
        modes.append(pressed.mode)
        place = pressed
    assert modes == ["board", "graph", ""]


def test_the_graph_asks_for_what_is_linked_also_when_a_filter_narrows_a_cut_one() -> None:
    asked = {wish.key: wish.fields for wish in VIEW.wishes(GRAPH)}
    assert asked["board_linked"]["linked"] is True
    assert "board_linked" not in {wish.key for wish in VIEW.wishes(Place())}
    cut = night_with({**night().answers, "board_linked": {**linked(), "truncated": True}})
    wish = next(
        one for one in VIEW.follows(cut, replace(GRAPH, filter="state:open")) if one.key == "board_found"
    )
    assert (wish.fields["linked"], wish.fields["status"]) == (True, "open")
    assert "the 9 most urgent linked" in text(cut, GRAPH)


def test_only_what_is_linked_is_shown_and_each_names_what_it_depends_on_with_its_state() -> None:
    shown = text(night_linked(), GRAPH)
    assert list(ids(night_linked(), GRAPH))[:2] == ["WI-00150", "WI-00192"]
    assert "← · WI-00150  ✔ WI-00192" in shown
    assert "? WI-00099" in text(night_linked(), GRAPH, 236)
    assert "WI-00245" not in shown, "nothing waits for it, and it waits for nothing"
    assert "asking for the work items" in text(night(), GRAPH), "before it was answered"


def test_arrows_go_along_the_lines() -> None:
    place = replace(GRAPH, chosen="WI-00207")
    drawn = VIEW.draw(night_linked(), place, 120, 36)
    assert VIEW.press("left", night_linked(), place, drawn) == replace(place, chosen="WI-00244")
    assert VIEW.press("right", night_linked(), place, drawn) == replace(place, chosen="WI-00208")
    assert VIEW.press("left", night_linked(), replace(place, chosen="WI-00150"), drawn) is None


def test_the_mouse_finds_the_rows_of_the_graph() -> None:
    drawn = VIEW.draw(night_linked(), GRAPH, 120, 36)
    assert all(name in plain(drawn.lines[row]) for row, name in drawn.at.items())
    assert set(drawn.at.values()) == set(drawn.ids)


def test_without_glyphs_a_join_and_a_line_that_passes_differ() -> None:
    needs = {"a": (), "b": (), "c": ("a",), "d": ("a", "b"), "e": ("b",)}
    drawn = draw_rails(needs, 4).rows[2]
    assert plain(to_ascii((Span(f"{drawn.before}○{drawn.behind}"),))) == "|---."


def test_what_has_no_line_is_said_above_the_graph() -> None:
    roots = [item(f"r{number}", status="completed") for number in range(40)]
    rows = [*roots, item("z", depends_on=[one["id"] for one in roots])]
    crowded = night_with({**night().answers, "board_linked": {**linked(), "rows": rows}})
    assert "25 lines have no room: ← names them" in text(crowded, GRAPH)


def test_no_links_at_all_say_how_one_is_made() -> None:
    none = night_with({**night().answers, "board_linked": {**linked(), "rows": [], "counts": {}}})
    assert "coord depend ID --on OTHER" in text(none, GRAPH)
