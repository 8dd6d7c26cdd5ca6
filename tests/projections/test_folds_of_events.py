"""What the tables say after some events: work, agents, nodes, alerts, scenarios; runs have a file of their own."""

from histories import SECOND_NS, START_NS, History, only

from coord.events import agent, alert, directive, node, run, verification, work
from coord.events.examples import EVENTS
from coord.events.model import Event
from coord.projections.folds.agents import AGENTS
from coord.projections.folds.alerts import ALERTS, DIRECTIVES
from coord.projections.folds.nodes import NODES
from coord.projections.folds.oddities import ODDITIES
from coord.projections.folds.shape import SMALL_BYTES_MAX
from coord.projections.folds.verification import SCENARIOS
from coord.projections.folds.work_rows import ATTEMPTS, WORK, WORK_BODIES, WORK_ENDED


def test_an_item_that_is_claimed_progressed_and_completed_has_ended_with_its_result() -> None:
    history = History()
    history.agent("ada")
    history.submit("w-1", body={"path": "a.txt"}, priority=7)
    fence = history.claim("w-1", "ada")
    history.say("w-1", work.WorkProgressed(agent="ada", fence=fence, fraction=0.5, note="half"))
    tables = history.tables()
    alive = only(tables, WORK)
    assert (alive.status, alive.agent, alive.fence, alive.progress) == ("claimed", "ada", fence, 0.5)
    assert only(tables, WORK_BODIES).body == '{"path":"a.txt"}'

    last = history.say("w-1", work.WorkCompleted(agent="ada", fence=fence, result={"lines": 7}))
    tables = history.tables()
    assert tables.rows(WORK) == []
    ended = only(tables, WORK_ENDED)
    assert (ended.status, ended.result, ended.position, ended.priority) == (
        "completed",
        '{"lines":7}',
        last,
        7,
    )
    attempt = only(tables, ATTEMPTS)
    assert (attempt.outcome, attempt.fence) == ("completed", fence)
    assert attempt.ended_at_ns - attempt.claimed_at_ns == 2 * SECOND_NS
    assert not tables.rows(ODDITIES)


def test_a_large_body_or_result_stays_in_the_log_and_its_size_is_kept() -> None:
    history = History()
    history.submit("w-small", body="x" * (SMALL_BYTES_MAX - 2))
    history.submit("w-large", body="x" * (SMALL_BYTES_MAX - 1))
    fence = history.claim("w-large", "ada")
    position = history.say(
        "w-large", work.WorkCompleted(agent="ada", fence=fence, result=["y" * SMALL_BYTES_MAX])
    )
    tables = history.tables()
    assert [(body.id, len(body.body)) for body in tables.rows(WORK_BODIES)] == [("w-small", SMALL_BYTES_MAX)]
    assert only(tables, WORK).body_bytes == SMALL_BYTES_MAX
    ended = only(tables, WORK_ENDED)
    assert (ended.body_bytes, ended.submitted_position) == (SMALL_BYTES_MAX + 1, 2)
    assert (ended.result, ended.result_bytes, ended.position) == (None, SMALL_BYTES_MAX + 4, position)


def test_an_expired_claim_opens_the_item_and_counts_against_its_holder() -> None:
    history = History()
    incarnation = history.agent("ada")
    history.submit("w-1")
    fence = history.claim("w-1", "ada", incarnation)
    history.say(
        "w-1",
        work.WorkLeaseExpired(
            agent="ada", incarnation=incarnation, fence=fence, lease_seconds=30.0, silent_seconds=30.1
        ),
    )
    tables = history.tables()
    item = only(tables, WORK)
    assert (item.status, item.expired, item.attempt) == ("open", 1, 1)
    assert only(tables, AGENTS).expired == 1
    assert only(tables, ATTEMPTS).outcome == "expired"


def test_the_end_of_an_old_claim_does_not_touch_the_new_one() -> None:
    history = History()
    history.submit("w-1")
    old = history.claim("w-1", "ada")
    history.say("w-1", work.WorkReleased(agent="ada", fence=old))
    new = history.claim("w-1", "bob", attempt=2)
    late = history.say("w-1", work.WorkReleased(agent="ada", fence=old))
    tables = history.tables()
    item = only(tables, WORK)
    assert (item.status, item.agent, item.fence) == ("claimed", "bob", new)
    assert [oddity.position for oddity in tables.rows(ODDITIES)] == [late]


def test_what_has_ended_stays_ended() -> None:
    history = History()
    history.submit("w-1")
    history.say("w-1", work.WorkCancelled(reason="no more"))
    history.claim("w-1", "ada")
    history.submit("w-1", title="again")
    tables = history.tables()
    assert tables.rows(WORK) == []
    assert only(tables, WORK_ENDED).status == "cancelled"
    assert [oddity.reason for oddity in tables.rows(ODDITIES)] == [
        "the item is cancelled already",
        "the item was submitted before",
    ]


def test_an_event_of_an_item_nobody_submitted_is_noted_and_nothing_else() -> None:
    history = History()
    history.claim("w-9", "ada")
    tables = history.tables()
    assert tables.rows(WORK) == tables.rows(WORK_ENDED) == []
    assert only(tables, ODDITIES).reason == "no such item was submitted"


def test_an_agent_that_registers_again_is_somebody_else_with_the_same_record() -> None:
    history = History()
    first = history.agent("ada", team="blue", capabilities=("python",), wip_limit=2)
    history.submit("w-1")
    fence = history.claim("w-1", "ada", first)
    history.say("w-1", work.WorkCompleted(agent="ada", fence=fence))
    history.say("ada", agent.AgentLost(incarnation=first, silent_seconds=31.0))
    assert only(history.tables(), AGENTS).status == "lost"
    second = history.agent("ada", team="red")
    history.say("ada", agent.AgentRetired(incarnation=first))
    ada = only(history.tables(), AGENTS)
    assert (ada.status, ada.incarnation, ada.team, ada.completed) == ("active", second, "red", 1)


def test_a_lost_agent_returns_under_the_same_incarnation() -> None:
    history = History()
    incarnation = history.agent("ada")
    history.say("ada", agent.AgentLost(incarnation=incarnation, silent_seconds=31.0))
    history.say("ada", agent.AgentReturned(incarnation=incarnation, lost_seconds=3.0))
    assert only(history.tables(), AGENTS).status == "active"
    history.say("ada", agent.AgentRetired(incarnation=incarnation))
    assert only(history.tables(), AGENTS).status == "retired"


def test_a_node_is_registered_lost_and_back() -> None:
    history = History()
    history.node("forge")
    assert "EPYC" in only(history.tables(), NODES).inventory
    history.say("forge", node.NodeLost(silent_seconds=12.0))
    assert only(history.tables(), NODES).status == "lost"
    history.say("forge", node.NodeReturned(lost_seconds=40.0))
    assert only(history.tables(), NODES).status == "active"


def test_what_monitors_dropped_is_added_up_and_changes_no_status() -> None:
    history = History()
    history.say("forge", EVENTS["node.readings_dropped.v1"])
    assert [odd.reason for odd in history.tables().rows(ODDITIES)] == ["no such node was registered"]
    history.node("forge")
    history.say("forge", node.NodeLost(silent_seconds=12.0))
    history.say("forge", node.NodeReadingsDropped(writer="m-1", readings=30, readings_total=30))
    last = history.say("forge", node.NodeReadingsDropped(writer="m-2", readings=12, readings_total=12))
    forge = only(history.tables(), NODES)
    assert (forge.status, forge.dropped_readings, forge.position) == ("lost", 42, last)
    assert forge.dropped_at_ns == history.messages[-1].recorded_at_ns
    history.node("forge")
    assert only(history.tables(), NODES).dropped_readings == 42


def test_an_alert_is_raised_acknowledged_silenced_and_resolved() -> None:
    history = History()
    history.say("al-1", EVENTS["alert.raised.v1"])
    history.say("al-1", EVENTS["alert.acknowledged.v1"])
    history.say("al-1", alert.AlertSilenced(by="grace", until_ns=START_NS))
    now = only(history.tables(), ALERTS)
    assert (now.status, now.by, now.silenced_until_ns) == ("acknowledged", "grace", START_NS)
    assert now.evidence == '[{"stream":"EVENTS","position":41}]'
    history.say("al-1", EVENTS["alert.resolved.v1"])
    history.say("al-1", EVENTS["alert.acknowledged.v1"])
    assert only(history.tables(), ALERTS).status == "resolved"
    history.say("al-1", EVENTS["alert.raised.v1"])
    assert only(history.tables(), ALERTS).status == "active"


def test_a_directive_is_answered_once() -> None:
    history = History()
    position = history.say("r1", EVENTS["directive.issued.v1"])
    history.say("r1", run.RunStarted(name="tiny"))
    assert only(history.tables(), DIRECTIVES).status == "issued"
    history.say("r1", run.RunDirectiveApplied(directive_id="d-1", directive_position=position, step=7))
    history.say("r1", directive.DirectiveWithdrawn(directive_id="d-1", reason="resolved"))
    now = only(history.tables(), DIRECTIVES)
    assert (now.status, now.step, now.issued_position) == ("applied", 7, position)


def _answered(*events: Event) -> tuple[str, str | None, int]:
    """Issue a directive, let these happen to it, and say what it is, why, and how much did not fit."""
    history = History()
    history.say("r1", EVENTS["directive.issued.v1"])
    history.say("r1", run.RunStarted(name="tiny"))
    for event in events:
        history.say("r1", event)
    tables = history.tables()
    now = only(tables, DIRECTIVES)
    return now.status, now.answer, len(tables.rows(ODDITIES))


def test_a_directive_and_its_withdrawal_may_cross_and_what_the_run_did_counts() -> None:
    applied = run.RunDirectiveApplied(directive_id="d-1", directive_position=1, step=7, note="done")
    refused = run.RunDirectiveRefused(directive_id="d-1", directive_position=1, step=7, reason="stale")
    withdrawn = directive.DirectiveWithdrawn(directive_id="d-1", reason="a mistake")
    assert _answered(withdrawn) == ("withdrawn", "a mistake", 0)
    assert _answered(withdrawn, applied) == ("applied", "done", 0)
    assert _answered(applied, withdrawn) == ("applied", "done", 0)
    assert _answered(withdrawn, refused) == ("withdrawn", "a mistake", 0)
    assert _answered(refused, withdrawn) == ("refused", "stale", 0)
    assert _answered(applied, refused) == ("applied", "done", 1)
    assert _answered(withdrawn, withdrawn) == ("withdrawn", "a mistake", 1)


def test_a_scenario_counts_its_outcomes_and_shows_the_last() -> None:
    history = History()
    history.say("s-1", EVENTS["verification.recorded.v2"])
    failed = verification.VerificationRecorded(
        feature="Claims",
        scenario="One winner",
        outcome="failed",
        commit="0.2.0",
        run_seconds=1.0,
        reason="two",
    )
    history.say("s-1", failed)
    now = only(history.tables(), SCENARIOS)
    assert (now.outcome, now.passed, now.failed, now.reason) == ("failed", 1, 1, "two")
    assert (now.transcript, now.transcript_sha256) == (None, None)


def test_a_scenario_says_where_its_transcript_is() -> None:
    history = History()
    history.say("s-1", EVENTS["verification.recorded.v2"])
    recorded = EVENTS["verification.recorded.v2"].model_dump()
    now = only(history.tables(), SCENARIOS)
    assert now.transcript == recorded["transcript"] is not None
    assert now.transcript_sha256 == recorded["transcript_sha256"] is not None
