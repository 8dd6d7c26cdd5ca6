"""Planned work: what it depends on, its time, its tries, its key, its team; and the order of claims."""

from features.scene import Scene
from houses import until
from pytest_bdd import given, parsers, then, when

from coord.events.errors import Exit


@given(parsers.parse('an item of work called "{title}" that depends on "{other}"'))
def submit_depending(scene: Scene, title: str, other: str) -> None:
    scene.submit(title, "--after", scene.item(other))


@given(parsers.parse('an item of work called "{title}" that may be tried {count:d} times'))
def submit_retried(scene: Scene, title: str, count: int) -> None:
    scene.submit(title, "--attempts", str(count), "--backoff", "1s")


@given(parsers.parse('an item of work called "{title}" that must not begin for {seconds:d} seconds'))
def submit_later(scene: Scene, title: str, seconds: int) -> None:
    scene.submit(title, "--not-before", f"+{seconds}s")


@given(parsers.parse('an item of work called "{title}" of the key "{key}"'))
def submit_keyed(scene: Scene, title: str, key: str) -> None:
    scene.submit(title, "--concurrency", key)


@given(parsers.parse('an item of work called "{title}" for the team "{team}"'))
def submit_for_team(scene: Scene, title: str, team: str) -> None:
    scene.submit(title, "--team", team)


@given(parsers.parse('an item of work called "{title}" that must show work within {seconds:d} second'))
def submit_to_show_work(scene: Scene, title: str, seconds: int) -> None:
    scene.submit(title, "--stuck-after", f"{seconds}s")


@given(parsers.parse('the team "{team}" may hold {count:d} item at once'))
def limit_team(scene: Scene, team: str, count: int) -> None:
    scene.house.ask("team", team, "--wip", str(count))


@when(parsers.parse('somebody has "{title}" depend on "{other}"'))
def depend(scene: Scene, title: str, other: str) -> None:
    scene.last = scene.house.cli.run("depend", scene.item(title), "--on", scene.item(other))


@then(parsers.parse('that is refused, because "{words}"'))
def refused(scene: Scene, words: str) -> None:
    assert scene.last.code == Exit.REFUSED, scene.last
    assert words in scene.last.err


@when(parsers.parse('"{title}" is submitted {count:d} times with the idempotency key "{key}"'))
def submit_with_key(scene: Scene, title: str, count: int, key: str) -> None:
    words = ("submit", title, "--idempotency-key", key, "--json")
    scene.answers = [scene.house.cli.run(*words) for _ in range(count)]


@when(parsers.parse('{agent:w} claims "{title}"'))
def claim_named(scene: Scene, agent: str, title: str) -> None:
    scene.it = scene.item(title)
    scene.act(agent, "claim", scene.it)


@when(parsers.parse('{agent:w} completes "{title}"'))
def complete_named(scene: Scene, agent: str, title: str) -> None:
    scene.it = scene.item(title)
    scene.must(agent, "complete", scene.it)


@then("it is listed as parked")
def listed_as_parked(scene: Scene) -> None:
    rows = scene.house.ask("board", "--status", "parked")["rows"]
    assert [row["id"] for row in rows] == [scene.it]


@when("it is requeued")
def requeue(scene: Scene) -> None:
    scene.house.ask("requeue", scene.it)


@when(parsers.parse('"{title}" is blocked, because "{reason}"'))
def block(scene: Scene, title: str, reason: str) -> None:
    scene.it = scene.item(title)
    scene.house.ask("block", scene.it, "--reason", reason)


@when(parsers.parse('"{title}" is unblocked'))
def unblock(scene: Scene, title: str) -> None:
    scene.house.ask("unblock", scene.item(title))


@when(parsers.parse('"{title}" is given the priority {priority:d}'))
def reprioritise(scene: Scene, title: str, priority: int) -> None:
    scene.house.ask("reprioritise", scene.item(title), "--priority", str(priority))


@when(parsers.parse('"{title}" is opened again, because "{reason}"'))
def reopen(scene: Scene, title: str, reason: str) -> None:
    scene.it = scene.item(title)
    scene.house.ask("reopen", scene.it, "--reason", reason)


@when(parsers.parse("{agent:w} asks why"))
def ask_why(scene: Scene, agent: str) -> None:
    scene.act(agent, "claim", "--why")


@when(parsers.parse('somebody asks why "{title}" waits'))
def ask_why_waits(scene: Scene, title: str) -> None:
    scene.last = scene.house.cli.run("why", scene.item(title))


@then(parsers.parse('"{first}" and "{second}" are told in this order, with their scores'))
def told_in_order(scene: Scene, first: str, second: str) -> None:
    ranked = scene.last.document["ranked"]
    assert [one["title"] for one in ranked] == [first, second]
    assert ranked[0]["scores"]["total"] > ranked[1]["scores"]["total"]


@then(parsers.parse('the answer tells "{words}"'))
def answer_tells(scene: Scene, words: str) -> None:
    assert scene.last.code == Exit.DONE, scene.last
    assert words in scene.last.out


@then(parsers.parse('"{title}" counts as stuck'))
def is_stuck(scene: Scene, title: str) -> None:
    scene.it = scene.item(title)
    until(lambda: scene.show().get("stuck"))


@then(parsers.parse('"{title}" does not count as stuck'))
def is_not_stuck(scene: Scene, title: str) -> None:
    scene.it = scene.item(title)
    until(lambda: not scene.show().get("stuck"))


@then(parsers.parse('"{title}" is {status:w}'))
def named_has_status(scene: Scene, title: str, status: str) -> None:
    scene.it = scene.item(title)
    until(lambda: scene.show()["status"] == status)
