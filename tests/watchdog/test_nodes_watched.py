"""What the watch knows of a node from what is told of it."""

from written import Written

from coord.events.examples import EVENTS
from coord.events.node import NodeLost, NodeReturned
from coord.services.watchdog.watch import Watch


def test_a_lost_node_that_tells_what_it_dropped_is_lost_until_its_readings_come() -> None:
    log, watch = Written(), Watch()
    for event in (
        EVENTS["node.registered.v1"],
        NodeLost(silent_seconds=12.0),
        EVENTS["node.readings_dropped.v1"],
    ):
        watch.event(log.write("n-1", event, ""))
    node = watch.node("n-1")
    assert node is not None
    assert node.lost_ns is not None
    watch.event(log.write("n-1", NodeReturned(lost_seconds=3.0), ""))
    assert node.lost_ns is None
