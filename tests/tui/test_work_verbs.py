"""The verbs of work: each sends what the coordinator wants; and what they are for: items that are held back or stuck."""

import shlex

import pytest
from nights import night
from scenes import NOW_NS, as_of, entry, scene, told
from work_shown import ids, item, text

from coord.events.commands import COMMANDS
from coord.services.cli.parse import parse
from coord.tui.ink import plain
from coord.tui.scene import Act, Place, Say, Scene
from coord.tui.views.lives import life_line, stages_of
from coord.tui.views.work import VIEW


def test_what_is_held_back_or_stuck_says_so_and_how_it_goes_on() -> None:
    """A life goes on behind a try that failed, a block, a requeue; who lives and shows no work is told."""
    rows = [
        item("w-1", status="parked", note="no disk", tries=2), item("w-2", status="blocked", note="the licence"),
        item("w-3", status="claimed", agent="ada", fence=9, attempt=1, stuck=True),
    ]  # fmt: skip
    counts = {"open": 0, "claimed": 1, "blocked": 1, "parked": 1}
    answer = {"as_of": told(as_of()), "counts": counts, "waiting": 0, "stuck": 1, "rows": rows}
    at = scene({**night().answers, "board": answer})
    shown = text(at, Place(chosen="w-1"))
    assert "● 1 claimed (1 stuck)" in shown
    assert "⚠ stuck" in shown
    assert "why  parked: no disk" in shown
    assert ids(at, Place(filter="state:stuck")) == ["w-3"]
    assert "e requeue   X cancel" in shown
    assert acted("e", "w-1", at).verb == "requeue"
    assert acted("b", "w-2", at).verb == "unblock"
    events = [
        entry(40, "work.submitted", "w-1"),
        entry(30, "work.failed", "w-1", agent="ben", reason="no", then="open"),
        entry(
            20, "work.lease_expired", "w-1", agent="eve", cause="evicted", then="parked", silent_seconds=0.0
        ),
        entry(10, "work.requeued", "w-1"),
    ]
    words = plain(life_line(stages_of(events), NOW_NS, False, 160))
    assert "✖ failed by ben, open again" in words
    assert "✖ its agent was put out, parked" in words
    assert words.endswith("requeued ─ 2s ─ now")


def test_the_pane_tells_how_an_item_is_planned() -> None:
    view = {
        "id": "w-1", "title": "t", "status": "open", "priority": 5, "depends_on": ["w-9"], "tries": 1,
        "retry": {"attempts": 3, "delay_seconds": 1200.0, "delay_seconds_max": 300.0}, "lease_seconds": 30.0,
        "concurrency": {"key": "gpu", "limit": 2},
    }  # fmt: skip
    board = {"as_of": told(as_of()), "counts": {"open": 1}, "rows": [item("w-1")]}
    at = scene({**night().answers, "board": board, "show": {"item": view, "children": ["w-5"]}})
    assert "parts w-5 · after w-9 · tried 1 of 3 · rests 5m · at once 2 of gpu" in text(at)


def acted(key: str, chosen: str, at: Scene | None = None) -> Act:
    shown = at or night()
    place = Place(chosen=chosen)
    act = VIEW.press(key, shown, place, VIEW.draw(shown, place, 120, 36))
    assert isinstance(act, Act), act
    return act


@pytest.mark.parametrize(
    ("key", "chosen"),
    [
        ("c", "WI-00244"),
        ("r", "WI-00231"),
        ("r", "WI-00228"),
        ("X", "WI-00244"),
        ("X", "WI-00231"),
        ("b", "WI-00244"),
        ("e", "WI-00192"),
    ],
)
def test_a_verb_sends_fields_that_its_command_has_and_its_line_is_one_that_coord_reads(
    key: str, chosen: str
) -> None:
    act = acted(key, chosen)
    typed = {act.wants: "ada"} if act.wants else {}
    made = COMMANDS[act.verb].model_validate({**act.fields, **typed, "request_id": "r-1"})
    assert made.model_dump()["item_id"] == chosen
    line = act.cli + "".join(f" --{name} {value}" for name, value in typed.items())
    read = parse(shlex.split(line)[1:])
    assert read is not None, line
    assert (read.verb.name, read.values["id"]) == (act.verb, chosen)


def test_a_release_names_the_claim_it_ends_and_asks_first() -> None:
    act = acted("r", "WI-00231")
    assert act.fields == {"agent": "a7", "item_id": "WI-00231", "fence": 182_104, "incarnation": 120}
    assert act.cli == "coord release WI-00231 --agent a7 --fence 182104"
    assert act.asks.startswith("Take WI-00231 from a7?")
    assert acted("r", "WI-00228").fields == {"agent": "a2", "item_id": "WI-00228", "fence": 181_003}


def test_a_claim_asks_for_whom_and_a_cancel_whether_it_is_meant() -> None:
    assert acted("c", "WI-00244").wants == "agent"
    assert acted("X", "WI-00231").asks == (
        "Cancel WI-00231? Nobody shall do it any more. a7 holds it and will be refused."
    )
    assert acted("X", "WI-00244").asks == "Cancel WI-00244? Nobody shall do it any more."


@pytest.mark.parametrize(
    ("key", "chosen"),
    [
        ("c", "WI-00231"),
        ("r", "WI-00244"),
        ("X", "WI-00192"),
        ("o", "WI-00231"),
        ("b", "WI-00231"),
        ("e", "WI-00244"),
    ],
)
def test_a_verb_that_does_not_fit_says_why(key: str, chosen: str) -> None:
    place = Place(chosen=chosen)
    said = VIEW.press(key, night(), place, VIEW.draw(night(), place, 120, 36))
    assert isinstance(said, Say)
    assert chosen in said.words
