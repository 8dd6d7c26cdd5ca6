"""The views of oversight on a real house: a run spikes, the watchdog asks, the run obeys, and a person sees all of it."""

import asyncio
from collections.abc import Iterator
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest
from houses import House, running_house, until
from told_runs import ToldRun

from coord.events.errors import NothingThere
from coord.services import client, clock
from coord.services.log import Log
from coord.services.settings import Settings
from coord.tui.feed import Ended, Feed
from coord.tui.ink import plain, width_of
from coord.tui.scene import PAST_QUESTIONS, Act, Drawn, Go, Link, Past, Place, Scene, View, Wish
from coord.tui.views import alerts, events, health, nodes, runs

SECONDS = 10.0
ALWAYS = (
    Wish("health", "health", {"trend": True}),
    Wish("alerts", "alerts", {"status": "open"}),
    Wish("timeline", "timeline", {}),
)
R17 = Place(chosen="r-17")


@pytest.fixture(scope="module")
def watched_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which r-17 met a hard batch, was asked to skip it, obeyed, and went on well."""
    with running_house(tmp_path_factory.mktemp("house")) as house:
        asyncio.run(spike(house))
        until(lambda: [row for row in ask(house, "alerts")["rows"] if row["status"] == "resolved"])
        tell(
            house, "raise", alert_id="a-seen", rule="seen-by-eye", entity_kind="run", entity="r-17", severity="warning",
            summary="the loss looks odd", evidence=[{"stream": "EVENTS", "position": 2}],
        )  # fmt: skip
        until(lambda: len(ask(house, "alerts")["rows"]) == 2)
        until(lambda: ask(house, "nodes")["rows"])
        yield house


async def spike(house: House) -> None:
    """Tell of a run as its trainer does."""
    log = await Log.connect(Settings(data=house.folder.root), house.folder, "trainer", "test")
    told = ToldRun(log, "r-17")
    await told.start()
    await told.steps(150)
    await told.hard_batch()
    asked = await asyncio.to_thread(until, lambda: directives(house))
    await told.applied(asked[0]["id"], asked[0]["position"])
    await told.steps(60)
    await log.close()


def directives(house: House) -> Any:
    return ask(house, "runs")["rows"] and ask(house, "runs")["rows"][0]["directives"]


def ask(house: House, question: str, **fields: Any) -> Any:
    return client.ask(house.folder, question, fields, SECONDS)


def tell(house: House, verb: str, **fields: Any) -> Any:
    return client.tell(house.folder, verb, {"request_id": clock.new_id(), **fields}, "grace", SECONDS)


def scene_of(house: House, view: View, place: Place, past: Past | None = None) -> Scene:
    """Ask what a view wants, as the dashboard does."""
    answers: dict[str, Any] = {}
    found = ask(house, "events", **({"at_position": past.position} if past else {}))
    made = Scene(
        now_ns=clock.now_ns(), answers=answers, events=found["events"], position=found["as_of"]["position"],
        link=Link("live"), past=past,
    )  # fmt: skip
    learn(house, (*ALWAYS, *view.wishes(place)), past, answers)
    learn(house, view.follows(made, place), past, answers)
    return made


def learn(house: House, wishes: tuple[Wish, ...], past: Past | None, answers: dict[str, Any]) -> None:
    for wish in wishes:
        if past is None or wish.question in PAST_QUESTIONS:
            at = {"at_position": past.position} if past else {}
            answers[wish.key] = until(partial(answered, house, wish, at))


def answered(house: House, wish: Wish, at: dict[str, int]) -> Any:
    """Ask once; a past moment may have to be folded first."""
    try:
        return ask(house, wish.question, **(at | dict(wish.fields)))
    except NothingThere:
        return None


def text(view: View, scene: Scene, place: Place = Place()) -> str:  # noqa: B008
    lines = view.draw(scene, place, 120, 36).lines
    assert {width_of(line) for line in lines} == {120}
    return "\n".join(map(plain, lines))


def test_a_person_sees_what_spiked_what_was_asked_and_that_it_helped(watched_house: House) -> None:
    shown = text(runs.VIEW, scene_of(watched_house, runs.VIEW, R17), R17)
    for words in (
        "▲150",
        "◆skip",
        "▲ loss-spike",
        "skip_batch 150",
        "applied at step 151",
        "✔ over after",
        "by watchdog",
    ):
        assert words in shown, words


def test_a_mark_leads_to_its_moment_and_there_nothing_was_done_yet(watched_house: House) -> None:
    scene = scene_of(watched_house, runs.VIEW, R17)
    place = runs.VIEW.press("n", scene, R17, Drawn([]))
    assert isinstance(place, Place)
    there = runs.VIEW.press("enter", scene, place, Drawn([]))
    assert isinstance(there, Go)
    assert there.position is not None
    past = Past(there.position, clock.now_ns(), scene.position)
    shown = text(runs.VIEW, scene_of(watched_house, runs.VIEW, R17, past), R17)
    assert "▲ loss-spike" in shown
    assert "active for" in shown
    assert "skip_batch" not in shown


def test_what_the_keys_send_is_done(watched_house: House) -> None:
    act = alerts.VIEW.press(
        "A", scene_of(watched_house, alerts.VIEW, Place()), Place(chosen="a-seen"), Drawn([])
    )
    assert isinstance(act, Act)
    ended: SimpleQueue[Ended] = SimpleQueue()
    Feed(watched_house.folder, "grace", SECONDS).tell(act, ended.put)
    told = ended.get(timeout=SECONDS)
    assert (told.how, told.position > 0) == ("done", True)
    seen = until(
        lambda: [row for row in ask(watched_house, "alerts")["rows"] if row["status"] == "acknowledged"]
    )
    assert seen[0]["by"] == "grace"
    act = alerts.VIEW.press(
        "S", scene_of(watched_house, alerts.VIEW, Place()), Place(chosen="a-seen"), Drawn([])
    )
    assert isinstance(act, Act)
    assert tell(watched_house, act.verb, by="grace", **act.fields)["alert"]["silenced_until_ns"]
    act = runs.VIEW.press("z", scene_of(watched_house, runs.VIEW, R17), R17, Drawn([]))
    assert isinstance(act, Act)
    position = tell(watched_house, act.verb, **act.fields)["position"]
    until(lambda: ask(watched_house, "runs")["as_of"]["position"] >= position)
    act = runs.VIEW.press("W", scene_of(watched_house, runs.VIEW, R17), R17, Drawn([]))
    assert isinstance(act, Act)
    assert tell(watched_house, act.verb, **act.fields)["status"] == "done"


def test_events_are_searched_for_in_the_log_and_lead_to_one_another(watched_house: House) -> None:
    place = Place(filter="type:directive")
    scene = scene_of(watched_house, events.VIEW, place)
    drawn = events.VIEW.draw(scene, place, 120, 36)
    applied = next(one["position"] for one in scene.events if one["type"].startswith("run.directive_applied"))
    assert str(applied) in drawn.ids
    cause = events.VIEW.press("c", scene, Place(chosen=str(applied), filter="type:directive"), drawn)
    assert isinstance(cause, Place)
    issued = next(one for one in scene.events if str(one["position"]) == cause.chosen)
    assert issued["type"] == "directive.issued.v1"


def test_this_machine_and_the_score_are_drawn(watched_house: House) -> None:
    shown = text(nodes.VIEW, scene_of(watched_house, nodes.VIEW, Place()))
    assert "● ok" in shown or "⚠" in shown
    assert "cores" in shown
    shown = text(health.VIEW, scene_of(watched_house, health.VIEW, Place()))
    assert "Fastest way back to 100" in shown
    assert "run:r-17" in shown
