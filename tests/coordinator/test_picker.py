"""What is on offer holds nothing of what was taken back, be it that it never came to the top."""

import pytest

from coord.services.coordinator.picker import Picker
from coord.services.decisions.agent import Agent
from coord.services.decisions.work import Planned, Submission, WorkItem

ADA = Agent(name="ada", incarnation=1, position=1)


def item(number: int, *, urgent: bool) -> WorkItem:
    """Return an open item, with a deadline or without."""
    plan = Planned(deadline_ns=10**18 + number if urgent else None)
    submitted = Submission("do", 1, (), None, 30.0, None, None, plan)
    return WorkItem(f"w-{number}", submitted, number, number, number, 1)


@pytest.mark.parametrize("urgent", [True, False])
def test_entries_of_what_was_withdrawn_do_not_pile_up_behind_one_that_stays(urgent: bool) -> None:
    picker = Picker()
    picker.offer(item(1, urgent=urgent))
    for number in range(2, 8_000):
        picker.offer(item(number, urgent=urgent))
        if number % 10:
            picker.withdraw(f"w-{number}")
    (one,) = [one for classes in picker._groups.values() for one in classes.values()]
    assert len(picker) == 800
    assert len(one.by_age) <= 2 * len(picker) + 1_000
    assert len(one.by_deadline) <= 2 * len(picker) + 1_000
    taken = [picker.take(ADA, lambda _: 1.0, 0) for _ in range(800)]
    assert sorted(pick.item_id for pick in taken if pick) == sorted(
        f"w-{number}" for number in (1, *range(10, 8_000, 10))
    )
    assert picker.take(ADA, lambda _: 1.0, 0) is None
