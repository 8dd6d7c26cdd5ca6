"""How far the log is known without a hole."""

from coord.services.coordinator.frontier import Frontier


def test_what_is_known_in_order_moves_the_frontier() -> None:
    frontier = Frontier(3)
    frontier.know(4)
    frontier.know(5)
    frontier.know(2)
    assert frontier.position == 5


def test_a_hole_holds_the_frontier_until_it_is_known() -> None:
    frontier = Frontier()
    for position in (2, 3, 5):
        frontier.know(position)
    assert frontier.position == 0
    frontier.know(1)
    assert frontier.position == 3
    frontier.know(4)
    assert frontier.position == 5


def test_knowing_up_to_a_position_closes_the_holes_below_it() -> None:
    frontier = Frontier()
    for position in (2, 7, 9):
        frontier.know(position)
    frontier.know_up_to(6)
    assert frontier.position == 7
    frontier.know_up_to(4)
    assert frontier.position == 7
