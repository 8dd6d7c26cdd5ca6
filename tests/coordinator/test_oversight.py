"""What the coordinator keeps of alerts and directives: whole subjects, as many as fit."""

from coord.events.alert import AlertResolved
from coord.events.catalog import kind_of
from coord.events.directive import DirectiveIssued, DirectiveWithdrawn
from coord.events.envelope import Envelope, Recorded
from coord.events.examples import EVENTS
from coord.events.model import Event
from coord.services.coordinator.oversight import OF_ENTITY_MAX, Oversight

RAISED = EVENTS["alert.raised.v1"]


def recorded(aggregate: str, entity: str, position: int, event: Event) -> Recorded:
    envelope = Envelope(id=str(position), type=kind_of(event).type, source="/test", time="")
    return Recorded(position, 0, "local", aggregate, entity, envelope, event)


def issued(directive_id: str, position: int) -> Recorded:
    event = DirectiveIssued(
        directive_id=directive_id, entity_kind="run", action="stop", epoch=1, live_seconds=1.0, reason="x"
    )
    return recorded("directive", "r-1", position, event)


def test_an_event_of_a_subject_that_is_not_known_is_left_alone() -> None:
    oversight = Oversight()
    oversight.apply(recorded("alert", "a-1", 7, RAISED))
    assert oversight.alert("a-1") is None
    assert not oversight.knows("alert", "a-1")


def test_a_subject_known_from_its_beginning_folds_what_comes_once() -> None:
    oversight = Oversight()
    oversight.begin("alert", "a-1")
    for _ in range(2):
        oversight.apply(recorded("alert", "a-1", 7, RAISED))
        oversight.apply(recorded("alert", "a-1", 9, AlertResolved(reason="gone")))
    alert = oversight.alert("a-1")
    assert alert is not None
    assert alert.status == "resolved"
    assert oversight.position("alert", "a-1") == 9


def test_directives_of_one_entity_are_told_apart() -> None:
    oversight = Oversight()
    history = [issued("d-1", 3), issued("d-2", 5)]
    history.append(recorded("directive", "r-1", 6, DirectiveWithdrawn(directive_id="d-1", reason="x")))
    oversight.replace("directive", "r-1", history, 8)
    first, second = oversight.directive("r-1", "d-1"), oversight.directive("r-1", "d-2")
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == ("withdrawn", "issued")
    assert oversight.directive("r-1", "d-3") is None
    assert oversight.position("directive", "r-1") == 8


def test_of_very_many_directives_of_one_entity_the_oldest_are_forgotten() -> None:
    oversight = Oversight()
    history = [issued(f"d-{number}", number) for number in range(1, OF_ENTITY_MAX + 3)]
    oversight.replace("directive", "r-1", history, len(history))
    assert oversight.directive("r-1", "d-2") is None
    assert oversight.directive("r-1", "d-3") is not None


def test_what_was_used_longest_ago_is_forgotten_first_but_for_what_is_in_use() -> None:
    oversight = Oversight(kept_max=4)
    for number in range(1, 7):
        oversight.begin("alert", f"a-{number}")
    oversight.apply(recorded("alert", "a-1", 7, RAISED))
    oversight.trim({"alert.a-2"})
    assert len(oversight) == 4
    assert [number for number in range(1, 7) if oversight.knows("alert", f"a-{number}")] == [1, 2, 5, 6]


def test_what_is_kept_is_counted_through_every_change() -> None:
    oversight = Oversight(kept_max=0)
    oversight.replace("directive", "r-1", [issued("d-1", 3), issued("d-2", 4)], 4)
    oversight.apply(issued("d-3", 5))
    assert len(oversight) == 4
    oversight.replace("directive", "r-1", [issued("d-1", 3)], 3)
    assert len(oversight) == 2
    oversight.trim(())
    assert len(oversight) == 0
