"""The command line on the real house: server, coordinator, projector and monitor as processes."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli, Ran

from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings

WAIT_SECONDS = 20.0
Until = Callable[[Callable[[], Any]], Any]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, make_cli: Callable[[Path, Path], Cli]) -> Iterator[Cli]:
    """Everything that `coord up` starts, once for all tests here."""
    root = tmp_path_factory.mktemp("house")
    cli = make_cli(root / "home", root / "data")
    up = cli.run("up", "--detach", "--json")
    assert up.code == 0, up.err
    assert up.document["data"] == str(root / "data")
    yield cli
    assert cli.run("down").code == 0


def until(ask: Callable[[], Any]) -> Any:
    """Ask again until the answer is true; each asking is a process, so nothing spins."""
    deadline = clock.monotonic() + WAIT_SECONDS
    while not (answer := ask()):
        assert clock.monotonic() < deadline
    return answer


def document(ran: Ran) -> Any:
    assert ran.code == 0, ran.err
    return ran.document


def history(house: Cli, item_id: str) -> list[str]:
    return [event["type"] for event in document(house.run("history", item_id, "--json"))["events"]]


def shows(house: Cli, item_id: str, status: str) -> Any:
    """Return the item once it is shown in a status."""
    ran = house.run("show", item_id, "--json")
    return ran.document if ran.code == 0 and ran.document["status"] == status else None


def test_the_life_of_an_item(house: Cli) -> None:
    item_id = house.run("submit", "Hash the README", "--priority", "9").out.strip()
    claimed = house.run("claim", item_id, "--agent", "ada", "--lease", "30s")
    assert claimed.out.startswith(f"{item_id}  fence ")
    assert claimed.out.endswith("  lease 30s  Hash the README\n")
    fence = int(claimed.out.split()[2])
    shown = until(lambda: shows(house, item_id, "claimed"))
    assert (shown["holder"], shown["fence"]) == ("ada", fence)
    assert house.run("progress", item_id, "--agent", "ada", "--fraction", "40%").code == 0
    done = house.run("complete", item_id, "--agent", "ada", "--result", '{"sha256": "0"}')
    assert (done.code, done.out) == (0, f"{item_id}  completed\n")
    for verb in ("complete", "progress"):
        again = house.run(verb, item_id, "--agent", "ada")
        assert (again.code, again.out, again.err) == (0, f"{item_id}  completed (already)\n", "")
    other = house.run("complete", item_id, "--agent", "ada", "--result", '{"sha256": "1"}')
    assert (other.code, other.out) == (0, f"{item_id}  completed (already)\n")
    assert other.err == (
        f"coord: {item_id} had ended so before: what was told then is kept. See: coord show {item_id}\n"
    )
    assert until(lambda: history(house, item_id)[-1:] == ["work.completed.v1"])
    assert history(house, item_id).count("work.claimed.v2") == 1
    assert shows(house, item_id, "completed")["result"] == {"sha256": "0"}


def test_the_same_request_id_gets_the_same_reply(house: Cli) -> None:
    first, second = (house.run("submit", "Once", "--request-id", "r-once", "--json") for _ in range(2))
    assert document(first)["id"] == document(second)["id"]
    item_id = document(first)["id"]
    claims = [
        house.run("claim", item_id, "--agent", "bob", "--request-id", "r-claim", "--json") for _ in range(2)
    ]
    assert len({document(ran)["fence"] for ran in claims}) == 1
    assert until(lambda: history(house, item_id).count("work.claimed.v2")) == 1


def test_refusals_have_their_exit_codes(house: Cli) -> None:
    item_id = house.run("submit", "Contended").out.strip()
    assert house.run("claim", item_id, "--agent", "ada").code == 0
    assert house.run("claim", item_id, "--agent", "bob").code == 4
    assert house.run("complete", item_id, "--agent", "bob").code == 4
    assert house.run("complete", item_id, "--agent", "ada", "--fence", "0").code == 4
    assert house.run("show", "no-such-item").code == 4
    assert house.run("complete", "no-such-item", "--agent", "ada").code == 4
    assert house.run("history", "no-such-item").code == 4
    assert house.run("submit", "Other", "--id", item_id).code == 4
    assert house.run("cancel", item_id).code == 0
    assert house.run("complete", item_id, "--agent", "ada").code == 4
    nobody = house.run("register", "poor", "--team", "nobody")
    assert nobody.code == 0
    needs = house.run("submit", "Needs much", "--capability", "quantum").out.strip()
    assert house.run("claim", needs, "--agent", "poor").code == 4


def test_nothing_to_claim_has_an_exit_code_of_its_own(house: Cli) -> None:
    waiting = document(house.run("board", "--status", "open", "--json"))["rows"]
    ids = "\n".join(row["id"] for row in waiting)
    assert house.run("cancel", "-", stdin=ids.encode()).code == 0
    ran = house.run("claim", "--agent", "ada")
    assert (ran.code, ran.out) == (3, "")


def test_a_restart_under_the_same_name_cannot_finish_for_its_dead_self(house: Cli) -> None:
    item_id = house.run("submit", "Twice begun").out.strip()
    first = document(house.run("register", "eve", "--json"))["agent"]["incarnation"]
    as_first = {"COORD_INCARNATION": str(first), "COORD_AGENT": "eve"}
    assert house.run("claim", item_id, environment=as_first).code == 0
    second = document(house.run("register", "eve", "--json"))["agent"]["incarnation"]
    as_second = {"COORD_INCARNATION": str(second), "COORD_AGENT": "eve"}
    assert house.run("complete", item_id, environment=as_second).code == 4
    assert house.run("complete", item_id, environment=as_first).code == 0


def test_pipes_carry_ids(house: Cli) -> None:
    lines = b'First\n{"title": "Second", "id": "second", "priority": 8}\n'
    ids = house.run("submit", "-", stdin=lines).out
    assert ids.splitlines()[1] == "second"
    claims = "".join(house.run("claim", item_id, "--agent", "ada").out for item_id in ids.split())
    done = house.run("complete", "-", "--agent", "ada", stdin=claims.encode())
    assert (done.code, done.out.split()[1::2]) == (0, ["completed", "completed"])
    until(lambda: shows(house, "second", "completed"))
    shown = house.run("show", "-", "--json", stdin=ids.encode())
    assert [json.loads(line)["id"] for line in shown.out.splitlines()] == ids.split()


def test_what_others_write_cannot_touch_the_terminal(house: Cli) -> None:
    title = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe [red]x[/]"
    item_id = house.run("submit", title).out.strip()
    until(lambda: item_id in house.run("board").out)
    for words in (["board"], ["show", item_id], ["history", item_id], ["tail", "--until", "now"],
                  ["board", "--json"], ["tail", "--from", "1", "--until", "now", "--json"],
                  ["claim", item_id, "--agent", "ada"]):  # fmt: skip
        ran = house.run(*words)
        assert ran.code == 0
        assert all(line.isprintable() for line in (ran.out + ran.err).splitlines())
        assert "[red]x[/]" in ran.out
    shown = document(house.run("show", item_id, "--json"))
    assert shown["title"] == title


def test_the_raw_log_is_whole_and_in_order(house: Cli) -> None:
    ran = house.run("tail", "--from", "1", "--until", "now", "--json")
    positions = [json.loads(line)["position"] for line in ran.out.splitlines()]
    assert positions == list(range(1, len(positions) + 1))
    last = house.run("tail", "--from", str(positions[-1]), "--until", "now").out
    assert last.split()[0] == str(positions[-1])


def test_the_raw_log_may_begin_at_a_moment(house: Cli) -> None:
    def positions(since: str) -> list[int]:
        ran = house.run("tail", "--from", since, "--until", "now", "--json")
        assert ran.code == 0, ran
        return [json.loads(line)["position"] for line in ran.out.splitlines()]

    house.run("submit", "before")
    whole = [
        json.loads(line)
        for line in house.run("tail", "--from", "1", "--until", "now", "--json").out.splitlines()
    ]
    moment = clock.rfc3339(whole[-1]["recorded_at_ns"])
    house.run("submit", "after", "--id", "after-it")
    later = positions(moment)
    assert later[0] == whole[-1]["position"] + 1
    assert "after-it" in house.run("tail", "--from", moment, "--until", "now").out
    assert positions("2026-01-01")[0] == 1
    assert positions("-1h")[0] == 1
    assert house.run("tail", "--from", "-5", "--until", "now").code == 2
    assert house.run("tail", "--from", "#2", "--until", "now").out.split()[0] == "2"


def test_agents_live_and_leave(house: Cli) -> None:
    assert house.run("register", "fay", "--team", "blue", "--capability", "gpu", "--wip", "2").code == 0
    assert house.run("heartbeat", "fay").out.startswith("fay  incarnation ")
    (row,) = until(
        lambda: [row for row in document(house.run("agents", "--json"))["rows"] if row["agent"] == "fay"]
    )
    assert (row["team"], row["capabilities"], row["wip_limit"]) == ("blue", ["gpu"], 2)
    assert house.run("retire", "fay", "--reason", "done").out.endswith("retired\n")


def test_health_nodes_and_top_speak_of_this_machine(house: Cli) -> None:
    health = document(house.run("health", "--json"))
    assert 0 <= health["score"] <= 100
    assert house.run("health", "--explain", "agent:ada").code == 0
    nodes = until(lambda: document(house.run("nodes", "--inventory", "--json"))["rows"])
    assert nodes[0]["inventory"]["cpu"]["cores_logical"] >= 1
    assert "cores" in house.run("nodes", "--inventory").out
    assert house.run("nodes").out.splitlines()[1].split()[:2] == ["NODE", "STATUS"]
    until(lambda: document(house.run("top", "--json"))["rows"])
    assert "PID" in house.run("top", "--by", "memory").out


def test_doctor_says_what_is_wrong_and_ends_with_7(house: Cli) -> None:
    well = house.run("doctor")
    assert well.code == 0, well.out
    data = Path(house.environment["COORD_DATA"])
    data.chmod(0o755)
    try:
        ill = house.run("doctor")
        told = house.run("doctor", "--json")
    finally:
        data.chmod(0o700)
    assert ill.code == told.code == 7
    assert "✖ folder" in ill.out
    assert f"chmod -R go= {data}" in ill.out
    wrong = [check["name"] for check in told.document["checks"] if check["verdict"] == "bad"]
    assert (told.document["ok"], wrong) == (False, ["folder"])


def test_doctor_names_the_newest_message_that_is_no_event_of_ours(house: Cli) -> None:
    folder = Folder(Path(house.environment["COORD_DATA"]))

    async def publish() -> None:
        log = await Log.connect(Settings(data=folder.root), folder, "core", "test")
        await log.request("ev.local.work.strange", b"no JSON", headers={"ce-type": "work.claimed.v2"})
        await log.close()

    asyncio.run(publish())
    told = until(
        lambda: [line for line in house.run("doctor").out.splitlines() if "no events of ours" in line]
    )
    assert "▲ dead letters  1 messages are no events of ours; the newest: EVENTS " in told[0]
    assert "on ev.local.work.strange: " in told[0]
    assert house.run("doctor").code == 0
    assert "no event of ours" in house.run("tail", "--until", "now").out


def test_a_rebuild_equals_what_it_replaces(house: Cli) -> None:
    lines = house.run("rebuild", "--json").out.splitlines()
    assert json.loads(lines[-1])["equal"] is True


def test_a_credential_is_made_and_kept_from_others(house: Cli) -> None:
    made = document(house.run("register", "gil", "--credential", "--json"))
    path = Path(made["credential_file"])
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_text())["user"] == "gil"
    assert json.loads(path.read_text())["password"] not in json.dumps(made)


def test_a_second_house_on_the_same_folder_is_told_who_is_there(house: Cli) -> None:
    ran = house.run("up")
    holder = (Folder(Path(house.environment["COORD_DATA"])).read_json("up.json") or {})["pid"]
    assert ran.code == 5
    assert str(holder) in ran.err
