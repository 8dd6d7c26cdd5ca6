"""Ids from stdin: what our own lists print can be piped on as it is, and nothing else is passed over."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from command_line import Cli
from scripted_service import AS_OF, Heard, Service, done, refused, said

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
    assert [list(ids(line)) for line in lines] == [[], [], ["w-1"], ["w-2"]]


def test_ids_in_capitals_are_ids_where_no_list_begins() -> None:
    ids = Ids("the item")
    lines = ("ALERT  STATUS", "A-1", '{"id": "B"}')
    assert [list(ids(line)) for line in lines] == [["ALERT"], ["A-1"], ["B"]]


@pytest.mark.parametrize("line", ["2 active as of position 9", "-x", '{"id": ""}', "{", "é"])
def test_what_is_no_id_is_an_error(line: str) -> None:
    with pytest.raises(UsageError) if line[0] != "2" else pytest.raises(AssertionError):
        assert list(Ids("the item")(line)) != ["2"]


@pytest.mark.parametrize(("line", "named"), [
    ({"id": "w-1", "items": []}, ["w-1"]), ({"id": 7}, ["7"]), ({"rows": []}, []), ({"items": []}, []),
    ({"id": "w-1", "items": [{"id": "w-1"}, {"id": "w-2"}], "fence": 5}, ["w-1", "w-2"]),
    ({"as_of": AS_OF, "counts": {}, "rows": [{"id": "w-1"}, {"id": "w-2"}]}, ["w-1", "w-2"]),
    ({"rows": [{"id": f"w-{place}", "note": "x" * 2_000} for place in range(1_000)]}, [f"w-{place}" for place in range(1_000)]),
])  # fmt: skip
def test_a_line_of_json_names_what_it_lists(line: dict[str, Any], named: list[str]) -> None:
    assert list(Ids("the item")(json.dumps(line))) == named


@pytest.mark.parametrize("line", [
    {}, {"id": None}, {"id": ""}, {"id": {}}, {"rows": [{"id": "w-1"}, {}]}, {"rows": ["w-1"]}, {"items": "w-1"}, {"agent": "ada"},
])  # fmt: skip
@pytest.mark.parametrize("verb", ["unblock", "wait"])
def test_a_line_of_json_without_an_id_is_told_so(cli: Cli, line: dict[str, Any], verb: str) -> None:
    ran = cli.run(verb, "-", stdin=b"\n" + json.dumps(line).encode())
    assert (ran.code, ran.out, ran.err) == (2, "", "coord: line 2: the line has no id.\n")


def test_what_claim_prints_as_json_can_be_given_back_whatever_one_of_it_comes_to(
    cli: Cli, service: Start
) -> None:
    def answer(heard: Heard) -> bytes:
        return (
            refused("stale_fence", 4, "no.")
            if heard.body["item_id"] == "w-1"
            else done(heard.body["item_id"])
        )

    heard = service(answer).heard
    printed = {
        "status": "done",
        "id": "w-1",
        "items": [{"id": f"w-{place}"} for place in (1, 2, 3)],
        "fence": 5,
    }
    words = ("release", "-", "--agent", "ada", "--fence", "5", "--request-id", "r")
    for _ in range(2):
        ran = cli.run(*words, stdin=json.dumps(printed).encode() + b"\nw-4\n")
        assert (ran.code, ran.err) == (4, "coord: line 1: no. Do so.\n")
    assert [one.body["item_id"] for one in heard] == ["w-1", "w-2", "w-3", "w-4"] * 2
    ids = [one.body["request_id"] for one in heard]
    assert len(set(ids)) == 4
    assert ids[:4] == ids[4:]
