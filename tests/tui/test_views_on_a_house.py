"""The views of work, agents and all on a real house: its own answers are drawn, and what they send is accepted."""

from collections.abc import Iterator
from typing import Any

import pytest
from houses import House, running_house, until

from coord.services import client, clock
from coord.tui.ink import plain, width_of
from coord.tui.scene import Act, Link, Place, Scene, View, Wish
from coord.tui.views import agents, health, overview, work

SECONDS = 10.0
ALWAYS = (Wish("health", "health", {}), Wish("alerts", "alerts", {"status": "open"}))


@pytest.fixture(scope="module")
def busy_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with two agents, an item in work, and one that nobody can take."""
    with running_house(tmp_path_factory.mktemp("house")) as house:
        tell(house, "register", agent="ada", capabilities=["build"])
        tell(house, "register", agent="bob")
        for name, needs in (("w-1", ["build"]), ("w-2", ["gpu"]), ("w-3", [])):
            tell(
                house,
                "submit",
                item_id=name,
                title=f"the item {name}",
                capabilities=needs,
                lease_seconds=600.0,
            )
        tell(house, "claim", agent="ada", item_id="w-1")
        until(lambda: client.ask(house.folder, "board", {}, SECONDS)["counts"].get("claimed") == 1)
        yield house


def tell(house: House, verb: str, **fields: Any) -> Any:
    return client.tell(house.folder, verb, {"request_id": clock.new_id(), **fields}, "grace", SECONDS)


def scene_of(house: House, view: View, place: Place, position: int = 0) -> Scene:
    """Ask what a view wants, as the dashboard does, once everything up to a position is folded in."""
    until(lambda: client.ask(house.folder, "board", {}, SECONDS)["as_of"]["position"] >= position)
    answers: dict[str, Any] = {}
    made = Scene(now_ns=clock.now_ns(), answers=answers, link=Link("live"))
    for wish in (*ALWAYS, *view.wishes(place)):
        answers[wish.key] = client.ask(house.folder, wish.question, wish.fields, SECONDS)
    for wish in view.follows(made, place):
        answers[wish.key] = client.ask(house.folder, wish.question, wish.fields, SECONDS)
    return made


def text(view: View, scene: Scene, place: Place) -> str:
    lines = view.draw(scene, place, 120, 36).lines
    assert {width_of(line) for line in lines} == {120}
    return "\n".join(map(plain, lines))


def do(house: House, view: View, key: str, chosen: str, mode: str = "", **typed: Any) -> Any:
    """Press a key on a row and tell the coordinator what follows, as the dashboard does."""
    place = Place(chosen=chosen, mode=mode)
    shown = scene_of(house, view, place)
    act = view.press(key, shown, place, view.draw(shown, place, 120, 36))
    assert isinstance(act, Act), act
    return tell(house, act.verb, **act.fields, **typed)


def test_real_answers_are_drawn_with_their_reasons(busy_house: House) -> None:
    place = Place(chosen="w-2")
    shown = text(work.VIEW, scene_of(busy_house, work.VIEW, place), place)
    assert "no active agent offers gpu" in shown
    assert "the item w-2" in shown
    crew = text(agents.VIEW, scene_of(busy_house, agents.VIEW, Place()), Place())
    assert "● 1 busy ○ 1 idle" in crew
    assert "lost after 60s of silence" in crew
    assert "work.claimed w-1" in crew
    whole = text(overview.VIEW, scene_of(busy_house, overview.VIEW, Place()), Place())
    assert "waits: no active agent offers gpu" in whole
    assert "In work 1" in whole


def test_what_waits_for_what_is_drawn_of_the_house_s_own_answers(busy_house: House) -> None:
    for name, needed in (("w-4", ["w-1", "w-2"]), ("w-5", ["w-4"])):
        reply = tell(busy_house, "submit", item_id=name, title=name, depends_on=needed, capabilities=["gpu"])
    place = Place(mode="graph")
    shown = text(work.VIEW, scene_of(busy_house, work.VIEW, place, reply["position"]), place)
    rows = [line.split("  wait")[0].split()[:6] for line in shown.splitlines()[2:6]]
    assert [row[:3] for row in rows] == [
        ["▸", "●", "w-1"],
        ["│", "○", "w-2"],
        ["○─╯", "w-4", "←"],
        ["○", "w-5", "←"],
    ]
    assert "← ● w-1  ○ w-2" in shown
    assert "w-3" not in shown
    for name in ("w-5", "w-4"):
        tell(busy_house, "cancel", item_id=name)


def test_what_a_part_of_health_may_cost_is_changed_and_shown(busy_house: House) -> None:
    reply = do(busy_house, health.VIEW, "e", "system/backlog", "weights", points=12.5)
    assert (reply["id"], reply["points"]) == ("backlog", 12.5)
    place = Place(chosen="system/backlog", mode="weights")
    row = next(
        line
        for line in text(
            health.VIEW, scene_of(busy_house, health.VIEW, place, reply["position"]), place
        ).splitlines()
        if "▸ backlog" in line
    )
    assert row.split()[2:4] == ["12.5", "40"]


def test_what_the_keys_send_is_done(busy_house: House) -> None:
    reply = do(busy_house, work.VIEW, "r", "w-1")
    assert reply["item"]["status"] == "open"
    until(lambda: client.ask(busy_house.folder, "show", {"id": "w-1"}, SECONDS)["item"]["status"] == "open")
    reply = do(busy_house, work.VIEW, "c", "w-3", agent="bob")
    assert (reply["item"]["status"], reply["item"]["agent"]) == ("claimed", "bob")
    reply = do(busy_house, work.VIEW, "X", "w-2")
    assert reply["item"]["status"] == "cancelled"
    assert do(busy_house, work.VIEW, "b", "w-1", reason="no licence")["item"]["status"] == "blocked"
    until(
        lambda: client.ask(busy_house.folder, "show", {"id": "w-1"}, SECONDS)["item"]["status"] == "blocked"
    )
    assert do(busy_house, work.VIEW, "b", "w-1")["item"]["status"] == "open"
    until(
        lambda: client.ask(busy_house.folder, "show", {"id": "w-2"}, SECONDS)["item"]["status"] == "cancelled"
    )
    assert do(busy_house, work.VIEW, "e", "w-2", reason="after all")["item"]["status"] == "open"
    assert do(busy_house, agents.VIEW, "D", "ada")["agent"]["status"] == "draining"
    reply = do(busy_house, agents.VIEW, "X", "ada")
    assert reply["agent"]["status"] == "retired"
    shown = scene_of(busy_house, work.VIEW, Place(chosen="w-1"), reply["position"])
    assert "waits for bob" not in text(work.VIEW, shown, Place(chosen="w-1")), (
        "bob does not offer what it needs"
    )
    assert "no active agent offers build" in text(work.VIEW, shown, Place(chosen="w-1"))
    assert do(busy_house, agents.VIEW, "K", "bob", reason="misbehaves")["agent"]["status"] == "evicted"
