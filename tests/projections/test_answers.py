"""The typed questions, asked of a store that holds a small history."""

from typing import Any, get_args

import pytest
from asked import NOW_NS, ask, tell
from histories import CREATED, SECOND_NS, START_NS, History, hardware, poison

from coord.events import agent, node, questions, run, samples, work
from coord.events.examples import EVENTS
from coord.events.examples import QUESTIONS as QUESTION_EXAMPLES
from coord.events.questions import QUESTIONS, Answer
from coord.events.views import ItemStatus
from coord.projections.answers import ANSWERS
from coord.projections.intake import Gap, take_in
from coord.projections.store import Store


def small_history() -> History:
    history = History()
    ada = history.agent("ada", team="blue", capabilities=("python",), wip_limit=3)
    history.agent("bob", team="red")
    history.submit("w-1", priority=2, team="blue")
    history.submit("w-2", priority=9, body={"path": "a.txt"}, capabilities=("python",))
    history.submit("w-3", priority=9)
    history.submit("w-4", priority=5)
    fence = history.claim("w-2", "ada", ada)
    history.say("w-2", work.WorkProgressed(agent="ada", fence=fence, fraction=0.5, note="half"))
    done = history.claim("w-4", "ada", ada)
    history.say("w-4", work.WorkCompleted(agent="ada", fence=done, result={"lines": 7}))
    return history


def test_every_question_has_an_answer_even_when_there_is_nothing(store: Store) -> None:
    assert set(ANSWERS) == set(QUESTIONS) - {"events", "history"}
    for name in ANSWERS:
        given = QUESTION_EXAMPLES[name].model_dump()
        answered = ask(store, name, **given)
        if name in ("curve", "mine", "show"):
            assert answered.code == ("unknown_agent" if name == "mine" else "unknown_id")
        else:
            assert isinstance(answered, Answer)
            assert (answered.as_of.position, answered.as_of.time_ns, answered.as_of.lag) == (0, NOW_NS, 3)


def test_the_board_lists_the_most_urgent_first_and_then_what_ended_last(store: Store) -> None:
    tell(store, small_history())
    board = ask(store, "board")
    assert [row.id for row in board.rows] == ["w-2", "w-3", "w-1", "w-4"]
    assert {name: count for name, count in board.counts.items() if count} == {
        "open": 2,
        "claimed": 1,
        "completed": 1,
    }
    assert set(board.counts) == set(get_args(ItemStatus))
    assert (board.waiting, board.stuck) == (0, 0)
    first = board.rows[0]
    assert (first.status, first.agent, first.progress, first.fence) == ("claimed", "ada", 0.5, 7)
    assert (first.age_seconds, first.state_seconds) == (96.0, 93.0)
    assert board.as_of.position == 10
    assert not board.truncated


def test_the_board_is_cut_and_says_so(store: Store) -> None:
    tell(store, small_history())
    board = ask(store, "board", limit=3)
    assert [row.id for row in board.rows] == ["w-2", "w-3", "w-1"]
    assert board.truncated
    assert not ask(store, "board", limit=4).truncated


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"status": "open"}, ["w-3", "w-1"]),
        ({"status": "completed"}, ["w-4"]),
        ({"status": "cancelled"}, []),
        ({"team": "blue"}, ["w-1"]),
        ({"agent": "ada"}, ["w-2"]),
        ({"agent": "ada", "status": "completed"}, ["w-4"]),
        ({"agent": "bob"}, []),
    ],
)
def test_the_board_is_asked_for_a_part(store: Store, asked: dict[str, Any], ids: list[str]) -> None:
    tell(store, small_history())
    assert [row.id for row in ask(store, "board", NOW_NS, **asked).rows] == ids


def test_an_item_is_shown_in_full_wherever_it_stands(store: Store) -> None:
    tell(store, small_history())
    held = ask(store, "show", id="w-2")
    assert (held.item.status, held.item.fence, held.item.agent) == ("claimed", 7, "ada")
    assert held.item.body == {"path": "a.txt"}
    assert (held.progress, held.progress_note) == (0.5, "half")
    done = ask(store, "show", id="w-4")
    assert (done.item.status, done.item.result, done.item.attempt) == ("completed", {"lines": 7}, 1)
    refused = ask(store, "show", id="w-9")
    assert (refused.code, refused.exit_code) == ("unknown_id", 4)


def test_an_open_item_shows_no_holder(store: Store) -> None:
    history = small_history()
    history.say("w-2", work.WorkReleased(agent="ada", fence=7))
    tell(store, history)
    item = ask(store, "show", id="w-2").item
    assert (item.status, item.agent, item.fence, item.attempt) == ("open", None, None, 1)


def test_agents_are_listed_with_what_they_hold_and_their_record(store: Store) -> None:
    history = small_history()
    told = samples.PresenceSample(
        writer="c-1",
        writer_sequence=0,
        started_at_ns=START_NS,
        agents=(samples.Presence(agent="ada", incarnation=1, silent_seconds=0.0),),
    )
    history.sample("main", "presence", told, at_ns=NOW_NS - 4 * SECOND_NS)
    tell(store, history)
    answered = ask(store, "agents")
    ada, bob = answered.rows
    assert (ada.agent, ada.holds, ada.completed, ada.team, ada.capabilities) == (
        "ada",
        1,
        1,
        "blue",
        ("python",),
    )
    assert (ada.silent_seconds, bob.silent_seconds) == (4.0, 98.0)
    assert bob.score < ada.score == 100
    assert [row.agent for row in ask(store, "agents", team="red").rows] == ["bob"]
    assert ask(store, "agents", limit=1).truncated


def test_a_retired_agent_has_neither_silence_nor_score(store: Store) -> None:
    history = small_history()
    history.say("bob", agent.AgentRetired(incarnation=2))
    tell(store, history)
    bob = ask(store, "agents").rows[-1]
    assert (bob.agent, bob.status, bob.silent_seconds, bob.score) == ("bob", "retired", None, None)


def _forge(seconds_ago: int = 1) -> History:
    history = History()
    history.node("forge", at_ns=START_NS)
    batch = hardware(0, [(0, 41.0), (1000, 42.0)], metric="gpu_temperature_celsius", device="gpu0")
    history.sample("forge", "hardware", batch, at_ns=NOW_NS - seconds_ago * SECOND_NS)
    return history


def test_a_node_shows_its_newest_readings_and_its_inventory_when_asked(store: Store) -> None:
    tell(store, _forge())
    (row,) = ask(store, "nodes").rows
    assert (row.status, row.silent_seconds, row.score, row.inventory) == ("active", 1.0, 100.0, None)
    (reading,) = row.readings
    assert (reading.metric, reading.device, reading.value) == ("gpu_temperature_celsius", "gpu0", 42.0)
    (row,) = ask(store, "nodes", node="forge", inventory=True).rows
    assert row.inventory.gpus[0].model == "NVIDIA H200"
    assert ask(store, "nodes", node="nobody").code == "unknown_id"


def test_a_node_without_news_is_stale_as_of_now_and_lost_when_decided(store: Store) -> None:
    history = _forge(seconds_ago=30)
    tell(store, history)
    (row,) = ask(store, "nodes").rows
    assert row.status == "stale"
    assert row.score < 50
    (earlier,) = ask(store, "nodes", now_ns=NOW_NS - 25 * SECOND_NS).rows
    assert earlier.status == "active"
    history.say("forge", node.NodeLost(silent_seconds=30.0))
    tell(store, history)
    assert ask(store, "nodes").rows[0].status == "lost"


def test_top_lists_processes_by_what_is_asked(store: Store) -> None:
    history = _forge()
    processes = (
        samples.Process(pid=1, name="calm", cpu_ratio=0.1, memory_bytes=900),
        samples.Process(pid=2, name="busy", cpu_ratio=3.5, memory_bytes=100),
        samples.Process(pid=3, name="cuda", cpu_ratio=0.2, memory_bytes=200, gpu_memory_bytes=7),
    )
    listed = samples.ProcessesSample(
        writer="m-1", writer_sequence=5, started_at_ns=NOW_NS, processes=processes, total=99
    )
    history.sample("forge", "processes", listed, at_ns=NOW_NS)
    tell(store, history)
    assert [row.process.name for row in ask(store, "top").rows] == ["busy", "cuda", "calm"]
    assert [row.process.name for row in ask(store, "top", by="memory").rows] == ["calm", "cuda", "busy"]
    (first,) = ask(store, "top", by="gpu", limit=1).rows
    assert (first.node, first.process) == ("forge", processes[2])
    assert ask(store, "top").nodes[0].readings
    assert ask(store, "top", node="nobody").code == "unknown_id"
    assert ask(store, "top", now_ns=NOW_NS + 3_600 * SECOND_NS).rows == ()


def test_dead_letters_are_listed_newest_first_with_their_reasons(store: Store) -> None:
    history = small_history()
    position = len(history.messages)
    store.apply(take_in(CREATED, [*history.messages, poison(position + 1), poison(position + 2, body=b"[]")]))
    answered = ask(store, "deadletters", limit=1)
    assert (answered.total, answered.truncated) == (2, True)
    assert answered.rows[0].position == position + 2
    assert answered.rows[0].reason


def test_the_state_names_every_table_with_its_rows_and_digest(store: Store) -> None:
    tell(store, small_history())
    state = ask(store, "state", digests=True)
    tables = {table.name: table for table in state.tables}
    assert tables["work"].rows == 3
    assert all(table.digest for table in state.tables)
    assert (state.dead_letters, state.gaps, state.opened, state.positions) == (0, 0, "clean", {"EVENTS": 10})
    assert state.file_bytes > 0
    assert all(table.digest is None for table in ask(store, "state").tables)
    assert [(one.name, one.rows, one.segments, one.since_ns) for one in state.kept] == [
        ("readings", 0, 0, None),
        ("rollups", 0, 0, None),
    ]
    assert state.streams == ()


def test_health_of_the_system_shows_every_part_worst_first(store: Store) -> None:
    history = small_history()
    history.say("ada", agent.AgentLost(incarnation=1, silent_seconds=31.0))
    tell(store, history)
    answered = ask(store, "health")
    assert answered.entity == "system"
    assert {one.name for one in answered.deductions} >= {"backlog", "agents_lost"}
    assert answered.parts[0].entity == "agent:ada"
    assert {part.entity for part in answered.parts} == {"agent:ada", "agent:bob", "team:blue", "team:red"}
    assert [part.score for part in answered.parts] == sorted(part.score for part in answered.parts)
    (lost,) = [one for one in answered.deductions if one.name == "agents_lost"]
    assert {one.position for one in lost.evidence} == {8, 11}


@pytest.mark.parametrize("asked", ["agent:ada", "ada"])
def test_health_of_one_entity_is_asked_by_its_name(store: Store, asked: str) -> None:
    tell(store, small_history())
    answered = ask(store, "health", entity=asked)
    assert (answered.entity, answered.parts) == ("agent:ada", ())


def test_a_name_that_means_two_things_must_be_said_in_full(store: Store) -> None:
    history = small_history()
    history.node("ada")
    tell(store, history)
    assert ask(store, "health", entity="ada").reason == "ada may be node:ada or agent:ada: say which."
    assert ask(store, "health", entity="zoe").code == "unknown_id"
    assert {part.entity for part in ask(store, "health", entity="team:blue").parts} == {"agent:ada"}


def test_the_old_systems_37_claimed_items_are_scored_from_the_log(store: Store) -> None:
    history = History()
    for number in range(5):
        history.agent(f"a{number}")
    for number in range(37):
        history.submit(f"w-{number}")
        history.claim(f"w-{number}", f"a{number % 5}")
    tell(store, history)
    first = ask(store, "health")
    assert 0 < first.score < 90
    (backlog,) = [one for one in first.deductions if one.name == "backlog"]
    assert backlog.reason.startswith(
        "37 items unfinished (0 open, 37 claimed) for 5 active agents; 0 completed"
    )
    assert len(backlog.evidence) == 10
    history.submit("w-more")
    tell(store, history)
    assert ask(store, "health").score < first.score
    hours_later = ask(store, "health", now_ns=NOW_NS + 3600 * SECOND_NS)
    assert {"stalled", "backlog"} <= {one.name for one in hours_later.deductions}
    assert hours_later.score < first.score


def test_health_counts_what_happened_lately_and_forgets_it(store: Store) -> None:
    history = small_history()
    failed = history.claim("w-1", "bob", 2)
    position = history.say("w-1", work.WorkFailed(agent="bob", fence=failed, reason="no file"))
    history.say("r1", run.RunStarted(name="tiny"))
    history.say("al-1", EVENTS["alert.raised.v1"])
    history.messages.append(poison(len(history.messages) + 1))
    tell(store, history)
    found = {one.name: one for one in ask(store, "health").deductions}
    assert {"failures", "alerts", "dead_letters"} <= set(found)
    assert [one.position for one in found["failures"].evidence] == [position]
    later = ask(store, "health", now_ns=NOW_NS + 7200 * SECOND_NS)
    assert not {"failures", "dead_letters"} & {one.name for one in later.deductions}


def test_holes_in_the_log_are_counted_and_cost_health(store: Store) -> None:
    messages = small_history().messages
    store.apply(take_in(CREATED, [*messages[:3], *messages[5:]], [Gap("EVENTS", 4, 5)]))
    assert ask(store, "state").gaps == 2
    (missing,) = [one for one in ask(store, "health").deductions if one.name == "events_missing"]
    assert missing.reason == "the log has lost 2 events."


def test_questions_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="limit"):
        questions.Board(limit=0)
    with pytest.raises(ValueError, match="extra"):
        questions.Board.model_validate({"at": 7})
