"""What a command names twice is meant once: a capability counts once for its agent, and for an item."""

import pytest

from coord.events.commands import COMMANDS, NewItem, Register
from coord.events.work import WorkSubmitted
from coord.services.decisions.agent import decide_register
from coord.services.decisions.planning import decide_submit
from coord.services.decisions.work import WorkItem, submission

TWICE = '["gpu", "big", "gpu", "big"]'


@pytest.mark.parametrize(
    ("verb", "words", "name"),
    [
        ("register", '"agent": "ada"', "capabilities"),
        ("register", '"agent": "ada"', "serves"),
        ("submit", '"title": "x"', "capabilities"),
    ],
)
def test_what_a_command_names_twice_is_one_in_the_order_it_was_given(
    verb: str, words: str, name: str
) -> None:
    body = f'{{"request_id": "r", {words}, "{name}": {TWICE}}}'
    read = COMMANDS[verb].model_validate_json(body, strict=True)
    assert getattr(read, name) == ("gpu", "big")


def test_an_agent_is_registered_with_each_capability_once() -> None:
    (event,) = decide_register(None, Register(request_id="r", agent="ada", capabilities=("b", "a", "b")))
    assert event.capabilities == ("b", "a")  # type: ignore[union-attr]


def test_an_item_that_was_submitted_with_one_twice_is_the_same_with_it_once() -> None:
    wanted = NewItem(title="x", capabilities=("gpu", "gpu"))
    before = submission(WorkSubmitted(title="x", capabilities=("gpu", "gpu")))
    item = WorkItem("w-1", before, 1, 0, 1, 5)
    assert decide_submit(item, wanted, before.lease_seconds) == []
