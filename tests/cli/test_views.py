"""The verbs that look: agents, events, health, machines, settings. What is asked, and what is printed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_service import AS_OF, HANG_UP, Service, refused, said, streamed

from coord.services.cli.main import run

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]


def entry(position: int, **fields: Any) -> dict[str, Any]:
    event = {
        "position": position, "recorded_at_ns": 1_790_000_000_123_000_000, "subject": "ev.local.work.w-1",
        "type": "work.claimed.v2", "id": "i", "actor": "a1", "fields": {"agent": "a1", "lease_seconds": 30.0},
    }  # fmt: skip
    return event | fields


def agent(name: str = "a1", **fields: Any) -> bytes:
    view = {"agent": name, "incarnation": 3, "status": "active", "holds": 2, **fields}
    return said({"status": "done", "id": name, "agent": view})


@pytest.mark.parametrize("words", [["heartbeat", "a1"], ["heartbeat", "--agent", "a1"], ["retire", "a1"]])
def test_an_agent_speaks_for_itself(here: Path, service: Start, capsys: Capture, words: list[str]) -> None:
    asked = service(agent())
    assert run(words) == 0
    assert capsys.readouterr().out == "a1  incarnation 3  active  holds 2\n"
    assert asked.heard[0].verb == words[0]
    assert asked.heard[0].body["agent"] == "a1"


def test_register_says_what_it_offers_and_prints_the_incarnation(
    here: Path, service: Start, capsys: Capture
) -> None:
    asked = service(agent(holds=0))
    words = ["register", "a1", "--team", "blue", "--capability", "gpu", "--wip", "2", "--request-id", "r"]
    assert run([*words, "--node", "n1"]) == 0
    assert capsys.readouterr().out == "a1  incarnation 3  active\n"
    assert asked.heard[0].body == {
        "request_id": "r", "agent": "a1", "team": "blue", "capabilities": ["gpu"], "wip_limit": 2, "host": "n1",
    }  # fmt: skip


@pytest.mark.parametrize("wip", ["10001", "many", "-1"])
def test_a_wip_limit_is_a_number_of_items(here: Path, capsys: Capture, wip: str) -> None:
    assert run(["register", "a1", "--wip", wip]) == 2
    assert "--wip is" in capsys.readouterr().err


def test_linked_items_are_listed_with_what_they_come_after(
    here: Path, projector: Start, capsys: Capture
) -> None:
    usual = {"title": "T", "status": "open", "priority": 5, "age_seconds": 9.0, "state_seconds": 9.0}
    rows = [
        {**usual, "id": "w-1"},
        {**usual, "id": "w-2", "depends_on": ["w-1", "w-3", "w-4", "w-5"]},
    ]
    asked = projector(said({"as_of": AS_OF, "counts": {"open": 2}, "rows": rows}))
    assert run(["board", "--linked"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("2 open with dependencies")
    assert "  w-1, w-3, w-4 and 1 more  " in printed
    assert asked.heard[0].body == {"linked": True}


def test_a_board_without_links_says_so(here: Path, projector: Start, capsys: Capture) -> None:
    projector(said({"as_of": AS_OF, "counts": {"open": 0}, "rows": []}))
    assert run(["board", "--linked"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("no items with dependencies")
    assert "there is no item with dependencies." in told.err


def test_agents_are_listed(here: Path, projector: Start, capsys: Capture) -> None:
    row = {
        "agent": "a1", "status": "lost", "incarnation": 3, "holds": 1, "wip_limit": 2, "completed": 4, "failed": 0,
        "expired": 1, "silent_seconds": 72.0, "score": 60.0, "capabilities": ["gpu"],
    }  # fmt: skip
    asked = projector(said({"as_of": AS_OF, "rows": [row]}))
    assert run(["agents", "--team", "blue"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 of 1 agents active   as of position 9",
        "AGENT  STATUS  HEALTH  HOLDS  DONE  FAILED  LOST  SILENT  TEAM  INCARNATION  OFFERS",
        "a1     lost        60    1/2     4       0     1     72s  -               3  gpu",
    ]
    assert asked.heard[0].body == {"team": "blue"}


def test_history_tells_every_event(here: Path, projector: Start, capsys: Capture) -> None:
    asked = projector(said({"as_of": AS_OF, "events": [entry(7)]}))
    assert run(["history", "w-1", "--aggregate", "work"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "w-1: 1 event, trace f6e227a670351d2d5ade2d2d182aa7d5   as of position 9",
        "POSITION  RECORDED (UTC)            EVENT            ACTOR  WHAT",
        "       7  2026-09-21 14:13:20.123Z  work.claimed.v2  a1     lease_seconds 30",
    ]
    assert asked.heard[0].body == {"id": "w-1", "aggregate": "work"}


def test_history_names_the_trace_that_caused_an_event(here: Path, projector: Start, capsys: Capture) -> None:
    traced = entry(8, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    projector(said({"as_of": AS_OF, "events": [entry(7), traced]}))
    assert run(["history", "w-1"]) == 0
    _, head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "POSITION",
        "RECORDED",
        "(UTC)",
        "EVENT",
        "ACTOR",
        "CAUSED",
        "BY",
        "TRACE",
        "WHAT",
    ]
    assert " a1     -  " in first
    assert " 0af7651916cd43dd8448eb211c80319c  lease_seconds 30" in second


def test_history_of_an_agent_has_no_trace_of_its_own(here: Path, projector: Start, capsys: Capture) -> None:
    projector(said({"as_of": AS_OF, "events": [entry(7, subject="ev.local.agent.a1", type="agent.lost.v1")]}))
    assert run(["history", "a1"]) == 0
    assert capsys.readouterr().out.startswith("a1: 1 event   as of")


def test_history_in_json_names_the_events(here: Path, projector: Start, capsys: Capture) -> None:
    projector(said({"as_of": AS_OF, "events": [entry(7)]}))
    assert run(["history", "w-1", "--json"]) == 0
    assert [event["type"] for event in json.loads(capsys.readouterr().out)["events"]] == ["work.claimed.v2"]


def test_a_tail_to_now_ends_and_says_everything_safely(here: Path, projector: Start, capsys: Capture) -> None:
    bad = entry(8, type="\x1b[2J", actor="", fields=None, fault="not in\nthe catalog.")
    asked = projector(streamed(entry(7), bad))
    assert run(["tail", "--from", "7", "--until", "now"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "       7  2026-09-21 14:13:20.123Z  work.w-1  work.claimed.v2  a1  lease_seconds 30",
        "       8  2026-09-21 14:13:20.123Z  work.w-1  \\x1b[2J  -  no event of ours: not in\\nthe catalog.",
    ]
    assert asked.heard[0].line == "GET /v1/tail?from=7&until=now HTTP/1.1"


def test_a_tail_in_json_is_the_raw_log_a_line_an_event(here: Path, projector: Start, capsys: Capture) -> None:
    rows = [entry(7), entry(8, actor="\u202e\x7f")]
    projector(streamed(*rows))
    assert run(["tail", "--from", "7", "--until", "now", "--json"]) == 0
    out = capsys.readouterr().out
    assert [json.loads(line) for line in out.splitlines()] == rows
    assert all(line.isprintable() for line in out.splitlines())


def test_a_tail_without_a_position_begins_with_the_last_ten(here: Path, projector: Start) -> None:
    state = said({"as_of": {**AS_OF, "position": 30, "lag": 2}})
    asked = projector(lambda heard: state if heard.verb == "state" else streamed(entry(23)))
    assert run(["tail", "--until", "now"]) == 0
    assert asked.heard[1].line == "GET /v1/tail?from=23&until=now HTTP/1.1"


def test_a_tail_that_breaks_off_goes_on_behind_the_last_event(
    here: Path, projector: Start, capsys: Capture
) -> None:
    answers = [streamed(entry(7), entry(8), whole=False), HANG_UP, streamed(entry(9))]
    asked = projector(lambda _: answers.pop(0))
    assert run(["tail", "--from", "7", "--until", "now", "--json"]) == 0
    positions = [json.loads(line)["position"] for line in capsys.readouterr().out.splitlines()]
    assert positions == [7, 8, 9]
    assert [heard.line.split("from=")[1].split("&")[0] for heard in asked.heard] == ["7", "9", "9"]


def test_a_tail_is_not_begun_again_for_ever(here: Path, projector: Start, capsys: Capture) -> None:
    asked = projector(HANG_UP)
    assert run(["tail", "--from", "7"]) == 6
    assert len(asked.heard) == 6
    projector(streamed())
    assert run(["tail", "--from", "7"]) == 5
    assert "the projector ends every tail at once" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--from", "x"], ["--from", "-1"], ["--until", "tomorrow"], ["--from", "1.5"]]
)
def test_a_tail_from_nowhere_is_a_usage_error(here: Path, words: list[str]) -> None:
    assert run(["tail", *words]) == 2


HEALTH = {
    "as_of": AS_OF, "score": 47.5, "entity": "system",
    "deductions": [{
        "name": "backlog", "points": 30.0, "reason": "37 \x1b[5mclaimed.",
        "evidence": [{"stream": "EVENTS", "position": position} for position in range(1, 8)],
    }],
    "parts": [
        {"entity": "agent:a1", "score": 60.0, "deductions": [{"name": "silent", "points": 40.0, "reason": "3m"}]},
        {"entity": "agent:a2", "score": 100.0},
    ],
}  # fmt: skip


def test_health_says_the_score_and_why(here: Path, projector: Start, capsys: Capture) -> None:
    asked = projector(said(HEALTH))
    assert run(["health", "--explain", "system"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "✖  47.5  system   as of position 9",
        "       -30  backlog: 37 \\x1b[5mclaimed.  [EVENTS 1, EVENTS 2, EVENTS 3, EVENTS 4, EVENTS 5 and 2 more]",
        "▲    60  agent:a1",
        "       -40  silent: 3m",
        "and 1 more, at 100",
    ]
    assert asked.heard[0].body == {"entity": "system"}


def test_health_in_json_has_the_score(here: Path, projector: Start, capsys: Capture) -> None:
    projector(said(HEALTH))
    assert run(["health", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["score"] == 47.5


def reading(metric: str, value: float, device: str = "") -> dict[str, Any]:
    return {"metric": metric, "device": device, "value": value, "at_ns": 1}


def test_nodes_show_what_is_there_and_never_a_zero_for_what_is_not(
    here: Path, projector: Start, capsys: Capture
) -> None:
    full = {
        "node": "n1", "status": "active", "silent_seconds": 0.5, "sample_seconds": 1.0, "score": 88.0,
        "readings": [
            reading("cpu_utilization_ratio", 0.42), reading("load_average_1m", 1.234),
            reading("memory_used_bytes", 2.0**30), reading("memory_total_bytes", 2.0**32),
            reading("disk_used_bytes", 90.0, "/data"), reading("disk_used_bytes", 10.0, "/"),
            reading("disk_total_bytes", 100.0, "/"), reading("disk_total_bytes", 100.0, "/data"),
            reading("temperature_celsius", 51.0, "cpu/a"), reading("temperature_celsius", 64.0, "cpu/b"),
            reading("gpu_utilization_ratio", 0.97, "gpu0"), reading("gpu_utilization_ratio", 0.1, "gpu1"),
            reading("gpu_temperature_celsius", 71.0, "gpu0"), reading("gpu_memory_used_bytes", 60.0, "gpu0"),
            reading("gpu_memory_total_bytes", 80.0, "gpu0"),
        ],
    }  # fmt: skip
    bare = {"node": "n2", "status": "stale", "sample_seconds": 1.0}
    asked = projector(said({"as_of": AS_OF, "rows": [full, bare]}))
    assert run(["nodes"]) == 0
    rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()[2:]]
    shown = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert shown[0] == [
        "n1", "active", "88", "42 %", "1.23", "25 %", "4.0 GiB", "90 %", "64 °C", "2x 97 %, 71 °C, memory 75 %",
        "0.5s",
    ]  # fmt: skip
    assert shown[1] == ["n2", "stale", *"-" * 9]
    assert asked.heard[0].body == {"inventory": False}


def test_an_inventory_is_told_in_full(here: Path, projector: Start, capsys: Capture) -> None:
    made = {
        "hostname": "n1", "operating_system": "Linux", "kernel": "6.1", "architecture": "x86_64",
        "cpu": {"model": "A CPU", "cores_logical": 16, "cache_bytes": {"L3": 2**25}}, "memory_bytes": 2**37,
        "swap_bytes": 0, "gpus": [{"index": 0, "uuid": "u", "model": "H200", "memory_bytes": 2**37,
                                   "compute_capability": "9.0"}],
        "disks": [{"mount": "/", "file_system": "ext4", "total_bytes": 2**40, "write_bytes_per_second": 2.0**28}],
        "capacity": {"memory_bytes": 2**37, "train_parameters_max": 7_000_000_000, "reference_parameters": 1,
                     "infer_parameters_max": 70_000_000_000, "reference_batch_max": 1, "reference_sequence": 1,
                     "formula": "16 bytes a parameter"},
        "labels": {"gpu": "h200"},
    }  # fmt: skip
    row = {"node": "n1", "status": "active", "sample_seconds": 1.0, "inventory": made}
    asked = projector(said({"as_of": AS_OF, "rows": [row, {**row, "node": "n2", "inventory": None}]}))
    assert run(["nodes", "n1", "--inventory"]) == 0
    out = capsys.readouterr().out
    for words in ("H200, 128 GiB, compute 9.0", "writes 256 MiB/s", "up to 7.0 B parameters", "gpu=h200",
                  "A CPU, 16 cores", "L3 32.0 MiB", "its inventory is not known"):  # fmt: skip
        assert words in out
    assert "swap" not in out
    assert asked.heard[0].body == {"node": "n1", "inventory": True}


def test_top_lists_processes(here: Path, projector: Start, capsys: Capture) -> None:
    process = {"pid": 42, "name": "py\x1b[2J", "cpu_ratio": 1.5, "memory_bytes": 2**20}
    asked = projector(said({"as_of": AS_OF, "rows": [{"node": "n1", "process": process, "at_ns": 1}]}))
    assert run(["top", "--node", "n1", "--by", "memory", "--limit", "3"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "by memory   as of position 9",
        "NODE  PID    CPU   MEMORY  GPU MEMORY  NAME",
        "n1     42  150 %  1.0 MiB           -  py\\x1b[2J",
    ]
    assert asked.heard[0].body == {"node": "n1", "by": "memory", "limit": 3}


@pytest.mark.parametrize(
    ("words", "talk"),
    [
        (["agents"], "coord claim"),
        (["agents", "--team", "t"], "nobody is in the team t."),
        (["nodes"], "coord serve hardware"),
        (["top"], "every ten seconds"),
    ],
)
def test_an_empty_list_says_what_fills_it(
    here: Path, projector: Start, capsys: Capture, words: list[str], talk: str
) -> None:
    projector(said({"as_of": AS_OF, "rows": []}))
    assert run(words) == 0
    assert talk in capsys.readouterr().err


@pytest.mark.parametrize("words", [["top", "--by", "colour"], ["nodes", "a b"], ["board", "--limit", "0"],
                                   ["agents", "--limit", "1001"], ["history", ""], ["health", "--explain", ""]])  # fmt: skip
def test_a_wrong_filter_is_a_usage_error(here: Path, words: list[str]) -> None:
    assert run(words) == 2


@pytest.mark.parametrize(
    "words",
    [["board"], ["agents"], ["health"], ["nodes"], ["top"], ["show", "x"], ["history", "x"], ["tail"]],
)
def test_every_question_in_json_is_the_answer_and_a_refusal_has_its_code(
    here: Path, projector: Start, capsys: Capture, words: list[str]
) -> None:
    projector(refused("unknown_id"))
    assert run([*words, "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["code"] == "unknown_id"


def test_rebuild_tells_its_progress(here: Path, projector: Start, capsys: Capture) -> None:
    done = {"phase": "done", "events": 12, "equal": True, "tables": {"work": {"before": "a", "after": "a"}}}
    reading = {"phase": "reading", "stream": "EVENTS", "position": 3, "until": 9}
    reading |= {"messages_per_second": 300, "seconds_left": 0.1}
    asked = projector(streamed(reading, done))
    assert run(["rebuild"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "done: 12 events; every table equals the one it replaces",
    ]
    assert asked.heard[-1].line == "POST /v1/rebuild HTTP/1.1"
    assert run(["rebuild", "--from-archive"]) == 0
    assert asked.heard[-1].line == "POST /v1/rebuild?from=archive HTTP/1.1"


def test_config_says_every_value_and_where_it_comes_from(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("coord.toml").write_text('site = "berlin"\nlease_seconds = "1m"\n')
    monkeypatch.setenv("COORD_POOL", "gpu")
    words = [
        "config",
        "--json",
        "--node",
        "n1",
        "--nats",
        "nats://me:secret@h:4222",
        "--lease-seconds",
        "45s",
    ]
    assert run(words) == 0
    printed = capsys.readouterr()
    told = {name: (setting["value"], setting["origin"]) for name, setting in json.loads(printed.out).items()}
    assert told["site"] == ("berlin", "coord.toml")
    assert told["pool"] == ("gpu", "COORD_POOL")
    assert told["node"] == ("n1", "--node")
    assert told["lease_seconds"] == (45.0, "--lease-seconds")
    assert told["log_level"] == ("info", "default")
    assert told["nats"] == ("nats://***@h:4222", "--nats")
    assert "secret" not in printed.out + printed.err
    assert "the password in nats can be read" in printed.err


def test_config_for_people_has_a_line_for_every_setting(here: Path, capsys: Capture) -> None:
    assert run(["config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["SETTING", "VALUE", "FROM", "WHAT", "IT", "IS"]
    assert any(line.startswith("data ") and str(here) in line and "COORD_DATA" in line for line in lines)


def test_schema_lists_prints_and_refuses(here: Path, capsys: Capture) -> None:
    assert run(["schema"]) == 0
    assert "work.claimed.v2" in capsys.readouterr().out.splitlines()
    assert run(["schema", "work.claimed.v2"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["agent"]
    assert run(["schema", "--asyncapi", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["asyncapi"] == "3.0.0"
    assert run(["schema", "work.nonsense"]) == 2
    assert run(["schema", "claim", "--asyncapi"]) == 2


def test_serve_knows_its_services(here: Path, capsys: Capture) -> None:
    assert run(["serve", "nonsense"]) == 2
    assert "there is no service" in capsys.readouterr().err


def test_down_where_nothing_runs_is_no_server(here: Path, capsys: Capture) -> None:
    assert run(["down"]) == 5
    assert "nothing runs on the data folder" in capsys.readouterr().err


def test_doctor_without_a_server_says_so(here: Path, capsys: Capture) -> None:
    assert run(["doctor"]) == 5
    assert capsys.readouterr().err.startswith(f"coord: no server runs on the data folder {here}.")
