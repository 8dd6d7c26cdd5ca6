"""Whatever is shown, every picture fills its cells exactly: any size, any text, half of the answers, faults."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import nights
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import night
from scenes import empty_scene, lost_scene, scene

from coord.services import clock
from coord.tui.ink import plain, width_of
from coord.tui.scene import Place, Scene
from coord.tui.views import agents, overview, work
from coord.tui.views.waiting import draw_empty, draw_lost

VIEWS = (overview.VIEW, work.VIEW, agents.VIEW)
PLACES = (
    Place(),
    Place(opened=True),
    Place(mode="board"),
    Place(filter="state:open"),
    Place(filter="nobody"),
)
HOSTILE = (
    "\x1b[2J\x1b[H", "\u202eevil", "\u8868" * 30, "e" + "\u0301" * 50, "a\nb\tc\x07", "x" * 200, "\u200b\u200d",
    "\U0001f680" * 20,
)  # fmt: skip
UNSAFE = set("\x1b\x07\n\t\u202e\u200b\u200d")
ANSWERS = tuple(night().answers)
DRAW_SECONDS_MAX = 0.003
"""Of one picture at 120 x 40 with 1,000 agents and 1,000 items, on an idle core."""


def exact(scene: Scene, view: Any, place: Place, width: int, height: int) -> None:
    drawn = view.draw(scene, place, width, height)
    assert len(drawn.lines) == height
    assert {width_of(line) for line in drawn.lines} <= {width}
    assert all(0 <= row < height for row in drawn.at)


def texts(value: Any, hostile: Iterator[str]) -> Any:
    """Put a hostile text wherever people or agents can write one."""
    free = {"title", "note", "summary", "reason", "answer", "words", "name", "by", "verify"}
    if isinstance(value, dict):
        return {
            name: next(hostile) if name in free and isinstance(inner, str) else texts(inner, hostile)
            for name, inner in value.items()
        }
    return [texts(inner, hostile) for inner in value] if isinstance(value, list) else value


def hostile_night() -> Scene:
    def endless() -> Iterator[str]:
        while True:
            yield from HOSTILE

    source = endless()
    made = night()
    return replace(
        made,
        answers={key: texts(json.loads(json.dumps(answer)), source) for key, answer in made.answers.items()},
        events=[texts(entry, source) for entry in made.events],
    )


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize(
    "size", [(40, 8), (40, 12), (60, 10), (80, 20), (99, 24), (100, 15), (120, 36), (236, 56)]
)
def test_hostile_texts_neither_break_a_line_nor_reach_the_terminal(view: Any, size: tuple[int, int]) -> None:
    shown = hostile_night()
    for place in PLACES:
        exact(shown, view, place, *size)
        text = "".join(plain(line) for line in view.draw(shown, place, *size).lines)
        assert not UNSAFE & set(text)


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(40, 250),
    height=st.integers(8, 70),
    view=st.sampled_from(VIEWS),
    place=st.sampled_from(PLACES),
    without=st.sets(st.sampled_from(ANSWERS)),
    faulty=st.booleans(),
)
def test_every_size_is_filled_exactly_whatever_was_answered(
    width: int, height: int, view: Any, place: Place, without: set[str], faulty: bool
) -> None:
    faults = dict.fromkeys(without, "the projector is away. See: coord doctor") if faulty else {}
    exact(night(tuple(without), faults=faults), view, place, width, height)


@settings(max_examples=40, deadline=None)
@given(width=st.integers(4, 200), height=st.integers(1, 60))
def test_waiting_fills_every_size_too(width: int, height: int) -> None:
    for lines in (draw_lost(lost_scene(), width, height), draw_empty(empty_scene(), width, height)):
        assert len(lines) == height
        assert {width_of(line) for line in lines} <= {width}


def crowd(count: int = 1_000) -> Scene:
    """Return a house with so many agents and items, every third of them claimed."""
    agent, item = nights.agents()["rows"][0], nights.board()["rows"][1]
    agents = [
        agent | {"agent": f"agent-{place}", "holds": place % 3 == 0, "silent_seconds": place % 50}
        for place in range(count)
    ]
    items = [
        item
        | {"id": f"w-{place}", "priority": place % 10, "capabilities": [f"skill-{place % 7}"]}
        | ({"agent": f"agent-{place}"} if place % 3 == 0 else {"status": "open", "agent": None})
        for place in range(count)
    ]
    return scene(
        {
            **night().answers,
            "agents": {**nights.agents(), "rows": agents},
            "board": {**nights.board(), "rows": items},
        }
    )


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_thousand_rows_are_drawn_as_quickly_as_those_in_sight(view: Any) -> None:
    shown = crowd()
    view.draw(shown, Place(), 120, 36)
    quickest = min(_seconds(view, shown) for _ in range(20))
    assert quickest < DRAW_SECONDS_MAX * 3, f"{1_000 * quickest:.1f} ms"


def _seconds(view: Any, shown: Scene) -> float:
    began = clock.monotonic()
    view.draw(shown, Place(chosen="agent-500"), 120, 36)
    return clock.monotonic() - began
