"""Items of work: submitting, claiming and ending them."""

from command_line import UNMEASURED
from features.scene import KEPT_LEASE_SECONDS, LONGER_SECONDS, SHORT_LEASE, Scene, together
from houses import until
from pytest_bdd import given, parsers, then, when

from coord.events.errors import Exit
from coord.services import clock

Table = list[list[str]]
GIVEN_BACK = ("work.lease_expired", "work.released")


@given(parsers.parse('an item of work called "{title}"'))
def submit(scene: Scene, title: str) -> None:
    scene.submit(title)


@given(parsers.parse('an item of work called "{title}" that needs "{capability}"'))
def submit_needing(scene: Scene, title: str, capability: str) -> None:
    scene.submit(title, "--capability", capability)


@given("these items of work")
def submit_table(scene: Scene, datatable: Table) -> None:
    for title, priority in datatable[1:]:
        scene.submit(title, "--priority", priority)


@given(parsers.parse("{agent:w} has claimed it"))
def claimed(scene: Scene, agent: str) -> None:
    scene.must(agent, "claim", scene.it)


@given(parsers.parse("a house that sets work aside when it was given back {count:d} times in a row"))
def set_aside_after(scene: Scene, count: int) -> None:
    scene.restart(releases_max=str(count))


@when(parsers.parse("{agent:w} claims it"))
def claim(scene: Scene, agent: str) -> None:
    scene.act(agent, "claim", scene.it)


@given(parsers.parse("{agent:w} has claimed it for one second"))
def claim_shortly(scene: Scene, agent: str) -> None:
    scene.must(agent, "claim", scene.it, "--lease", SHORT_LEASE)


@given(parsers.parse("{agent:w} has claimed it for a few seconds"))
def claim_for_seconds(scene: Scene, agent: str) -> None:
    scene.must(agent, "claim", scene.it, "--lease", f"{KEPT_LEASE_SECONDS}s")


@when(parsers.parse("{agent:w} claims whatever is best"))
def claim_best(scene: Scene, agent: str) -> None:
    scene.act(agent, "claim")


@when(parsers.parse("{agent:w} claims whatever is best {count:d} times"))
def claim_best_often(scene: Scene, agent: str, count: int) -> None:
    scene.answers = [scene.act(agent, "claim") for _ in range(count)]


@when(parsers.parse("{count:d} agents claim it at the same moment"))
def claim_together(scene: Scene, count: int) -> None:
    lines = [["claim", scene.it, "--agent", f"agent-{number}"] for number in range(count)]
    scene.answers = together(scene.house, lines, environment=UNMEASURED)


@when(parsers.parse("{agent:w} reports progress again and again, for longer than that"))
def keep_by_progress(scene: Scene, agent: str) -> None:
    until_then = clock.monotonic() + LONGER_SECONDS
    while clock.monotonic() < until_then:
        scene.must(agent, "progress", scene.it, "--fraction", "0.5")


@given(parsers.parse("{agent:w} has completed it"))
def completed(scene: Scene, agent: str) -> None:
    scene.must(agent, "complete", scene.it)


@when(parsers.parse("{agent:w} completes it"))
def complete(scene: Scene, agent: str) -> None:
    scene.act(agent, "complete", scene.it)


@when(parsers.parse('{agent:w} gives it back, saying "{reason}"'))
def release(scene: Scene, agent: str, reason: str) -> None:
    scene.must(agent, "release", scene.it, "--reason", reason)


@when(parsers.parse('{agent:w} gives it up, saying "{reason}"'))
def fail(scene: Scene, agent: str, reason: str) -> None:
    scene.must(agent, "fail", scene.it, "--reason", reason)


@when("it is called off")
def cancel(scene: Scene) -> None:
    scene.house.ask("cancel", scene.it)


@when(parsers.parse("{agent:w} does all of them"))
def do_all(scene: Scene, agent: str) -> None:
    while scene.act(agent, "claim").code == Exit.DONE:
        scene.must(agent, "complete", scene.last.document["id"])
    assert scene.last.code == Exit.NOTHING, scene.last


@when(parsers.parse("{agent:w} does {count:d} items of work"))
def do_some(scene: Scene, agent: str, count: int) -> None:
    for number in range(count):
        scene.submit(f"one of {count}, number {number}")
        scene.must(agent, "claim", scene.it)
        scene.must(agent, "complete", scene.it)


@given(parsers.parse("{count:d} items of work that nobody does"))
@given(parsers.parse("{count:d} items of work"))
def submit_many(scene: Scene, count: int) -> None:
    lines = "\n".join(f"item {number} of {count}" for number in range(count))
    assert scene.house.cli.run("submit", "-", stdin=lines.encode()).code == Exit.DONE
    until(lambda: scene.house.ask("board", "--limit", "1")["counts"].get("open") == count)


@given("work in every state")
def submit_every_state(scene: Scene) -> None:
    for title in ("open", "claimed", "done", "failed", "called off"):
        scene.submit(title)
    scene.must("ada", "claim", "claimed")
    scene.must("ada", "progress", "claimed", "--fraction", "0.3", "--note", "a third")
    scene.must("ada", "claim", "done")
    scene.must("ada", "complete", "done", "--result", '{"sum": 3}')
    scene.must("ben", "claim", "failed")
    scene.must("ben", "fail", "failed", "--reason", "it cannot be done")
    scene.house.ask("cancel", "called-off")
    until(lambda: scene.show("called-off")["status"] == "cancelled")
    scene.kept["board"] = scene.house.ask("board")


@then(parsers.parse("{agent:w} holds it"))
def holds_it(scene: Scene, agent: str) -> None:
    until(lambda: (scene.show()["status"], scene.show().get("agent")) == ("claimed", agent))


@then(parsers.parse('{agent:w} holds "{title}"'))
def holds(scene: Scene, agent: str, title: str) -> None:
    scene.it = scene.item(title)
    holds_it(scene, agent)


@then("one of them holds it")
def one_holds(scene: Scene) -> None:
    (winner,) = [number for number, ran in enumerate(scene.answers) if ran.code == Exit.DONE]
    holds_it(scene, f"agent-{winner}")


@then("the others were told that somebody else does")
def others_refused(scene: Scene) -> None:
    losers = [ran for ran in scene.answers if ran.code != Exit.DONE]
    assert [ran.code for ran in losers] == [Exit.REFUSED] * (len(scene.answers) - 1)
    assert all("is held by agent-" in ran.err for ran in losers)


@then("its history tells of one claim")
def one_claim(scene: Scene) -> None:
    many_claims(scene, 1)


@then(parsers.parse("its history tells of {count:d} claims"))
def many_claims(scene: Scene, count: int) -> None:
    assert scene.types().count("work.claimed") == count, scene.types()


@then("its history tells that a claim ran out")
def claim_ran_out(scene: Scene) -> None:
    assert "work.lease_expired" in scene.types()


@then(parsers.parse('its history tells the reason "{reason}"'))
def reason_told(scene: Scene, reason: str) -> None:
    assert scene.events()[-1]["fields"]["reason"] == reason


@then("it becomes open again")
def becomes_open(scene: Scene) -> None:
    until(lambda: scene.types()[-1] in GIVEN_BACK)
    until(lambda: scene.show()["status"] == "open")


@then("it rests before anybody can have it")
def rests(scene: Scene) -> None:
    last = scene.events()[-1]
    assert last["type"].startswith("work.released")
    assert last["fields"]["retry_seconds"] > 0


@then(parsers.parse("it is {status:w}"))
def has_status(scene: Scene, status: str) -> None:
    until(lambda: scene.show()["status"] == status)


@then("it is not completed")
def not_completed(scene: Scene) -> None:
    assert "work.completed" not in scene.types()


@then(parsers.parse("{agent:w} can claim it"))
def can_claim(scene: Scene, agent: str) -> None:
    scene.must(agent, "claim", scene.it)
    holds_it(scene, agent)


@then(parsers.parse('{agent:w} can claim "{title}"'))
def can_claim_named(scene: Scene, agent: str, title: str) -> None:
    scene.it = scene.item(title)
    can_claim(scene, agent)


@then(parsers.parse("{agent:w} can complete it"))
def can_complete(scene: Scene, agent: str) -> None:
    scene.must(agent, "complete", scene.it)
    completed_once(scene, agent)


@then(parsers.parse("it is completed by {agent:w}, once"))
def completed_once(scene: Scene, agent: str) -> None:
    ends = [event for event in scene.events() if event["type"].startswith("work.completed")]
    assert [event["fields"]["agent"] for event in ends] == [agent], f"completions of {scene.it}: {ends}"


@then(parsers.parse('"{title}" is completed by {agent:w}, once'))
def named_completed_once(scene: Scene, title: str, agent: str) -> None:
    scene.it = scene.item(title)
    completed_once(scene, agent)


@then(parsers.parse('{agent:w} was given "{first}", "{second}" and "{third}", in this order'))
def given_in_order(scene: Scene, agent: str, first: str, second: str, third: str) -> None:
    told = [ran.document["item"]["title"] for ran in scene.answers]
    assert told == [first, second, third]


@then(parsers.parse("there is {count:d} item"))
@then(parsers.parse("there are {count:d} items"))
def there_are(scene: Scene, count: int) -> None:
    until(lambda: sum(scene.house.ask("board")["counts"].values()) == count)


@then(parsers.parse("there is 1 item {status:w}"))
def there_is_in_state(scene: Scene, status: str) -> None:
    until(lambda: scene.house.ask("board")["counts"].get(status) == 1)
