"""`coord work`: items become commands, and exit codes become ends."""

import json
from pathlib import Path

from command_line import COORD
from desks import Desk, end_of
from houses import until

from coord.services import clock
from coord.services.server.process import started_of

HOSTILE = "$(touch pwned) `touch pwned` '; touch pwned; ' \"; touch pwned; \" && touch pwned \\"


def test_an_exit_code_of_zero_completes_with_the_last_line_as_the_result(desk: Desk) -> None:
    first, second = desk.submit(), desk.submit()
    ran = desk.work("--exec", "echo working; echo '{\"of\": \"'$COORD_ITEM'\"}'; echo")
    assert ran.code == 0, ran
    assert desk.ended(first)["result"] == {"of": first}
    assert desk.ended(second)["result"] == {"of": second}
    assert ran.out.count("working") == 2
    assert f"coord: {first} completed" in ran.err
    assert "coord: done: 2 completed" in ran.err


def test_with_nothing_to_do_it_ends_with_3(desk: Desk) -> None:
    assert desk.work("--", "true").code == 3


def test_a_result_file_goes_before_stdout_and_a_line_that_is_no_json_is_no_result(desk: Desk) -> None:
    item = desk.submit(body={"write": True})
    plain = desk.submit()
    script = 'if grep -q write; then echo \'[1, "ü"]\' > "$COORD_RESULT"; fi; echo done'
    assert desk.work("--exec", script).code == 0
    assert desk.ended(item)["result"] == [1, "ü"]
    assert desk.ended(plain).get("result") is None


FAILURES = {
    "echo one >&2; echo two >&2; exit 3": "exit code 3: one\ntwo",
    "kill -SEGV $$": "killed by SIGSEGV",
    "no-such-program": "exit code 127",
    "head -c 300000 /dev/zero | tr '\\0' 5 > $COORD_RESULT": "its result has more than",
    "echo '{' > $COORD_RESULT": "its result file is not JSON",
    "head -c 100000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 9": "xxend",
}
"""A script, and what its failure's reason contains."""


def test_any_other_end_fails_with_the_reason(desk: Desk) -> None:
    items = {desk.submit(body={"script": script}): reason for script, reason in FAILURES.items()}
    assert desk.work("--exec", "eval {body.script}").code == 7
    for item, reason in items.items():
        shown = desk.ended(item)
        assert shown["status"] == "failed"
        assert reason in shown["reason"]
        assert len(shown["reason"]) <= 2_000


def test_a_last_line_that_is_too_large_is_no_result_and_the_item_is_completed(desk: Desk) -> None:
    item = desk.submit()
    assert desk.work("--exec", "head -c 300000 /dev/zero | tr '\\0' 5; echo").code == 0
    assert desk.ended(item).get("result") is None


def test_a_result_that_the_log_does_not_take_is_left_out_where_nobody_meant_it_as_one(desk: Desk) -> None:
    item, meant = desk.submit(), desk.submit(body="meant")
    deep = "[" * 40 + "]" * 40
    script = f'if grep -q meant; then echo "{deep}" > "$COORD_RESULT"; else echo "{deep}"; fi'
    assert desk.work("--exec", script).code == 7
    assert desk.ended(item)["status"] == "completed"
    assert desk.ended(meant)["status"] == "failed"
    assert "was not taken as completed" in desk.ended(meant)["reason"]


def test_a_failure_is_tried_again_as_the_item_says(desk: Desk, marker: Path) -> None:
    item = desk.submit(retry={"attempts": 3, "delay_seconds": 0.0, "jitter": 0.0})
    script = f"echo $COORD_ATTEMPT >> {marker}; [ $COORD_ATTEMPT = 3 ]"
    process = desk.start("--idle", "5s", "--max", "3", "--exec", script)
    assert end_of(process).code == 0
    assert desk.ended(item)["status"] == "completed"
    assert marker.read_text().split() == ["1", "2", "3"]


def test_75_gives_the_item_back_for_later(desk: Desk) -> None:
    item = desk.submit()
    ran = end_of(desk.start("--once", "--exec", "echo 'no licence free' >&2; exit 75"))
    assert ran.code == 0
    desk.once(item, "open")
    assert f"{item} released" in ran.err


def test_the_command_is_told_all_of_its_item(desk: Desk, marker: Path) -> None:
    item = desk.submit(title="Ein Titel", body={"n": 1}, lease_seconds=20.0)
    ran = desk.work("--exec", f"env > {marker}; cat")
    told = json.loads(ran.out)
    assert (told["id"], told["title"], told["body"], told["lease_seconds"]) == (
        item,
        "Ein Titel",
        {"n": 1},
        20.0,
    )
    environment = dict(line.split("=", 1) for line in marker.read_text().splitlines() if "=" in line)
    assert environment["COORD_ITEM"] == item
    assert environment["COORD_TITLE"] == "Ein Titel"
    assert environment["COORD_FENCE"] == str(told["fence"])
    assert environment["COORD_INCARNATION"] == str(told["incarnation"])
    assert environment["COORD_ATTEMPT"] == "1"
    assert environment["COORD_AGENT"] == desk.capability
    assert environment["COORD_DATA"] == str(desk.folder.root)
    assert not Path(environment["COORD_RESULT"]).parent.exists()


def test_a_command_can_use_coord_for_its_own_item(desk: Desk) -> None:
    item = desk.submit()
    script = "coord progress $COORD_ITEM --fraction 50% && coord complete $COORD_ITEM --result 7 && exit 9"
    path = f"{Path(COORD).parent}:/usr/bin:/bin"
    process = desk.start("--once", "--exec", script, environment={"PATH": path})
    assert end_of(process).code == 0
    assert desk.ended(item)["result"] == 7


def test_nothing_in_a_title_or_a_body_is_run(desk: Desk, tmp_path: Path) -> None:
    item = desk.submit(title=HOSTILE, body={"x": HOSTILE})
    script = f'cd {tmp_path}; printf "%s\\n" {{title}} {{body.x}} $(echo {{title}}) {{body}}; ls'
    ran = desk.work("--exec", script)
    assert desk.ended(item)["status"] == "completed", ran
    lines = ran.out.splitlines()
    assert lines[:2] == [HOSTILE, HOSTILE]
    assert json.loads(lines[-1]) == {"x": HOSTILE}
    assert not list(tmp_path.iterdir())


def test_a_program_gets_fields_as_whole_arguments(desk: Desk) -> None:
    item = desk.submit(title=HOSTILE)
    ran = desk.work("--", "printf", "%s|", "{id}", "x {title}", "${title}", "{nothing}")
    assert ran.out == f"{item}|x {HOSTILE}|${{title}}|{{nothing}}|"


def test_an_item_without_what_the_command_asks_for_is_given_back_and_holds_nobody_up(desk: Desk) -> None:
    """The command may be at fault, not the item: nothing is failed for good."""
    poor, rich = desk.submit(priority=9), desk.submit(body={"file": "a b"})
    ran = desk.work("--exec", "echo {body.file}")
    assert desk.ended(rich)["status"] == "completed"
    assert ran.out == "a b\n"
    assert desk.item(poor)["status"] == "open"
    assert "the command asks for {body.file}, and the item has no such field" in desk.item(poor)["reason"]


def test_what_is_behind_an_item_that_is_given_back_has_its_turn(desk: Desk) -> None:
    """It rested shorter than the worker that gave it back, which took it again and again."""
    stubborn, other = desk.submit(priority=9), desk.submit()
    ran = desk.work("--exec", f"[ {{id}} = {stubborn} ] && exit 75; echo fine")
    assert ran.out == "fine\n"
    assert desk.ended(other)["status"] == "completed"
    assert desk.item(stubborn)["status"] == "open"


def test_a_command_that_cannot_be_started_costs_no_item(desk: Desk, tmp_path: Path) -> None:
    items = [desk.submit(), desk.submit()]
    assert desk.work("--", "no-such-program").code == 2
    ran = desk.work("--exec", "no-such-program-either {id}; true")
    assert (ran.code, ran.err) == (2, "coord: the shell knows no command 'no-such-program-either' here.\n")
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    ran = desk.work("--", str(script))
    assert ran.code == 2
    assert f"{script} cannot be started" in ran.err
    assert until(lambda: [desk.item(item)["status"] for item in items] == ["open", "open"])


def test_jobs_run_beside_each_other_and_their_lines_say_whose_they_are(desk: Desk, tmp_path: Path) -> None:
    items = [desk.submit() for _ in range(3)]
    script = f"touch {tmp_path}/{{id}}; until [ $(ls {tmp_path} | wc -l) = 3 ]; do sleep 0.01; done; printf 'a\\nb'"
    ran = desk.work("--jobs", "3", "--exec", script)
    assert ran.code == 0
    assert sorted(ran.out.splitlines()) == sorted(f"{item} | {word}" for item in items for word in "ab")


def test_json_is_a_line_an_item_and_output_goes_to_stderr(desk: Desk) -> None:
    good, bad = desk.submit(title="good"), desk.submit(title="bad")
    ran = desk.work("--json", "--exec", "echo 5; [ {title} = good ]")
    lines = {line["id"]: line for line in map(json.loads, ran.out.splitlines())}
    assert (lines[good]["verdict"], lines[good]["exit_code"], lines[good]["result"]) == ("completed", 0, 5)
    assert (lines[bad]["verdict"], lines[bad]["exit_code"]) == ("failed", 1)
    assert ran.err.count("\n5\n") == 2


def test_it_takes_no_more_than_it_was_told_to(desk: Desk) -> None:
    items = [desk.submit() for _ in range(3)]
    assert end_of(desk.start("--once", "--jobs", "2", "--", "true")).code == 0
    assert end_of(desk.start("--max", "1", "--", "true")).code == 0
    assert until(
        lambda: sorted(desk.item(item)["status"] for item in items) == ["completed", "completed", "open"]
    )


def test_it_waits_without_asking_and_starts_at_once(desk: Desk) -> None:
    process = desk.start("--once", "--", "true")
    until(lambda: desk.agent_status() == "active")
    item = desk.submit()
    assert end_of(process).code == 0
    assert desk.ended(item)["status"] == "completed"


def test_what_a_command_leaves_in_its_group_is_killed_when_it_ends(desk: Desk, marker: Path) -> None:
    desk.submit()
    ran = desk.work("--exec", f"sleep 600 & echo $! > {marker}; exit 0")
    assert ran.code == 0
    assert started_of(int(marker.read_text())) is None


def test_an_agent_that_it_had_to_register_retires_and_one_that_was_there_stays(desk: Desk) -> None:
    desk.submit()
    assert desk.work("--", "true").code == 0
    until(lambda: desk.agent_status() == "retired")
    plain = f"{desk.capability}-plain"
    first, second = (str(desk.tell("submit", title="For anybody")["id"]) for _ in range(2))
    words = ("--agent", plain, "--", "true")
    assert end_of(desk.house.cli.start("run", first, *words)).code == 0
    until(lambda: desk.agent_status(plain) == "retired")
    desk.tell("register", agent=plain)
    assert end_of(desk.house.cli.start("work", "--once", *words)).code == 0
    assert desk.ended(second)["status"] == "completed"
    assert desk.tell("heartbeat", agent=plain)["agent"]["status"] == "active"


def test_of_two_under_one_name_the_last_to_end_retires_the_agent(desk: Desk, marker: Path) -> None:
    """The first, which registered it, ends while the other holds an item that it has to renew."""
    name = f"{desk.capability}-shared"
    items = [str(desk.tell("submit", title="For this name alone")["id"]) for _ in range(2)]
    processes = []
    for item in items:
        script = f"until [ -e {marker}.{item} ]; do sleep 0.02; done"
        words = ("run", item, "--agent", name, "--lease", "1s", "--", "sh", "-c", script)
        processes.append(desk.house.cli.start(*words))
        desk.once(item, "claimed")
    Path(f"{marker}.{items[0]}").touch()
    assert end_of(processes[0]).code == 0
    renewed_at = clock.monotonic() + 0.7
    until(lambda: desk.agent_status(name) == "active" and clock.monotonic() > renewed_at)
    Path(f"{marker}.{items[1]}").touch()
    assert end_of(processes[1]).code == 0
    assert desk.ended(items[1])["status"] == "completed"
    until(lambda: desk.agent_status(name) == "retired")


def test_a_reader_that_does_not_read_holds_up_no_lease(desk: Desk, marker: Path) -> None:
    item = desk.submit(lease_seconds=1.0)
    script = f"yes | head -c 2000000; touch {marker}; echo; echo 1"
    process = desk.start("--once", "--exec", script)
    fence = desk.once(item, "claimed")["fence"]
    end = clock.monotonic() + 2.0
    until(lambda: desk.item(item) and clock.monotonic() > end)
    assert not marker.exists()
    assert desk.item(item)["fence"] == fence
    out, _ = process.communicate(timeout=30)
    assert out.count(b"y") == 1_000_000
    assert desk.ended(item)["result"] == 1


def test_work_is_seen_and_waiting_is_told_from_it(desk: Desk, marker: Path) -> None:
    """A command that computes keeps its item from counting as stuck, however long its lease; one that waits does not."""
    idle = desk.submit(body="idle", stuck_seconds=1.0)
    busy = desk.submit(body="busy", stuck_seconds=1.0)
    script = f"if grep -q idle; then exec sleep 600; fi; until [ -e {marker} ]; do :; done"
    process = desk.start("--max", "2", "--jobs", "2", "--exec", script)
    until(lambda: desk.once(idle, "claimed").get("stuck"))
    later = clock.monotonic() + 0.5
    until(lambda: desk.once(busy, "claimed") and clock.monotonic() > later)
    marker.touch()
    desk.tell("cancel", item_id=idle)
    assert end_of(process).code == 7
    assert desk.ended(busy)["status"] == "completed"
    assert [event["type"].split(".")[1] for event in desk.history(busy)] == [
        "submitted",
        "claimed",
        "completed",
    ]
