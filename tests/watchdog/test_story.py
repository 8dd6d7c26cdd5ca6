"""The story of a run: two subjects, read in any order, asked as of a position."""

from typing import Any

from written import Written

from coord.events.directive import DirectiveIssued, DirectiveWithdrawn
from coord.events.envelope import Recorded
from coord.events.run import RunDirectiveApplied, RunFinished, RunLost, RunStarted
from coord.services.watchdog.story import Story


def issued(log: Written, directive_id: str, action: Any, **parameters: Any) -> Recorded:
    """Write a directive."""
    return log.write(
        "r-1",
        DirectiveIssued(
            directive_id=directive_id,
            entity_kind="run",
            action=action,
            parameters=parameters,
            epoch=log.position,
            live_seconds=60,
            reason="because",
        ),
    )


def applied(log: Written, directive: Recorded) -> Recorded:
    """Write that the run obeyed."""
    directive_id = directive.event.directive_id  # type: ignore[attr-defined]
    event = RunDirectiveApplied(directive_id=directive_id, directive_position=directive.position, step=3)
    return log.write("r-1", event)


def a_history() -> tuple[list[Recorded], list[Recorded]]:
    """Write what a run said, and what was asked of it."""
    log = Written()
    said = [log.write("r-1", RunStarted(name="r", node="n-1"))]
    asked = []
    for number, action in enumerate(("roll_back", "pause", "resume", "pause")):
        asked.append(issued(log, f"d-{number}", action))
        said.append(applied(log, asked[-1]))
    asked.append(issued(log, "d-9", "stop"))
    asked.append(log.write("r-1", DirectiveWithdrawn(directive_id="d-9", reason="no")))
    return said, asked


def test_both_subjects_may_be_read_in_any_order() -> None:
    said, asked = a_history()
    first, second, third = Story("r-1"), Story("r-1"), Story("r-1")
    for recorded in sorted([*said, *asked], key=lambda one: one.position):
        first.observe(recorded) if recorded.aggregate == "run" else first.directed(recorded)
    for recorded in asked:
        second.directed(recorded)
    for recorded in said:
        second.observe(recorded)
        third.observe(recorded)
    for recorded in asked:
        third.directed(recorded)
    assert first == second == third
    assert first.is_paused()
    assert first.given["d-9"].withdrawn


def test_a_directive_read_twice_is_one() -> None:
    said, asked = a_history()
    story = Story("r-1")
    for recorded in (*said, *asked, *asked):
        story.observe(recorded) if recorded.aggregate == "run" else story.directed(recorded)
    assert len(story.given) == 5


def test_a_lost_run_that_speaks_runs_again_and_a_finished_one_only_when_it_starts() -> None:
    log, story = Written(), Story("r-1")
    late = RunDirectiveApplied(directive_id="d-1", directive_position=1, step=3)
    events = (
        RunStarted(name="r"),
        RunLost(silent_seconds=60),
        late,
        RunFinished(outcome="completed", step=3),
        late,
        RunStarted(name="r"),
    )
    was = [story.status]
    for event in events:
        story.observe(log.write("r-1", event))
        was.append(story.status)
    assert was == ["unheard", "running", "lost", "running", "finished", "finished", "running"]


def test_steps_are_slower_when_the_last_ones_are() -> None:
    story = Story("r-1")
    assert story.steps_are_slower_by() is None
    for step in range(100):
        story.measured(step, {"step_seconds": 0.2})
    assert story.steps_are_slower_by() == 1
    for step in range(5):
        story.measured(step, {"step_seconds": 0.3, "loss": "nan"})
    slower = story.steps_are_slower_by()
    assert slower is not None
    assert round(slower, 3) == 1.5
