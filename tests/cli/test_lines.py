"""Ids from stdin: what our own lists print can be piped on as it is, and nothing else is passed over."""

from collections.abc import Callable

import pytest
from command_line import Cli
from scripted_service import AS_OF, Heard, Service, done, said

from coord.events.errors import UsageError
from coord.services.cli.lines import Ids

Start = Callable[..., Service]
ALERT = {
    "severity": "warning", "status": "active", "age_seconds": 3.0, "entity_kind": "run", "entity": "r1",
    "rule": "loss-spike", "summary": "the loss rose   as of position 7",
}  # fmt: skip
ITEM = {"title": "Count", "status": "open", "priority": 5, "age_seconds": 1.0, "state_seconds": 1.0}
LISTS = {
    "alerts": ({"counts": {"active": 2}, "rows": [{"id": name, **ALERT} for name in ("a-1", "a-2")]}, "ack"),
    "board": ({"counts": {"open": 2}, "rows": [{"id": name, **ITEM} for name in ("a-1", "a-2")]}, "cancel"),
}


def acknowledged(heard: Heard) -> bytes:
    """Do as was asked."""
    return done(heard.body.get("alert_id") or heard.body["item_id"])


@pytest.mark.parametrize("colour", ["never", "always"])
@pytest.mark.parametrize("lag", [0, 12])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_can_be_piped_on_as_it_is(
    cli: Cli, projector: Start, service: Start, name: str, lag: int, colour: str
) -> None:
    answer, verb = LISTS[name]
    projector(said({"as_of": AS_OF | {"lag": lag}, **answer}))
    listed = cli.run(name, "--color", colour)
    heard = service(acknowledged).heard
    ran = cli.run(verb, "-", environment={"COORD_AGENT": "ada"}, stdin=listed.out.encode())
    assert (ran.code, ran.err) == (0, "")
    assert [one.body.get("alert_id") or one.body["item_id"] for one in heard] == ["a-1", "a-2"]


def test_a_list_of_nothing_is_nothing_to_do(cli: Cli, projector: Start) -> None:
    projector(said({"as_of": AS_OF, "counts": {}, "rows": []}))
    listed = cli.run("alerts")
    ran = cli.run("ack", "-", "--agent", "ada", stdin=listed.out.encode())
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_only_the_frame_of_a_list_is_passed_over() -> None:
    ids = Ids("the item")
    lines = [
        "2 open   as of position 7, 3 events behind",
        "ID   STATUS",
        "w-1  open",
        "w-2  it is   as of position 7",
    ]
    assert [ids(line) for line in lines] == [None, None, "w-1", "w-2"]


def test_ids_in_capitals_are_ids_where_no_list_begins() -> None:
    ids = Ids("the item")
    assert [ids(line) for line in ("ALERT  STATUS", "A-1", '{"id": "B"}')] == ["ALERT", "A-1", "B"]


@pytest.mark.parametrize("line", ["2 active as of position 9", "-x", '{"id": ""}', "{", "é"])
def test_what_is_no_id_is_an_error(line: str) -> None:
    with pytest.raises(UsageError) if line[0] != "2" else pytest.raises(AssertionError):
        assert Ids("the item")(line) != "2"
