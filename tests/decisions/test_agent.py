"""Given the facts about an agent, when somebody wishes, then facts, nothing, or a refusal."""

from coord.events import agent as facts
from coord.events.catalog import kind_of
from coord.events.commands import Refusal, Register, Retire
from coord.events.envelope import Envelope, Recorded
from coord.events.model import Event
from coord.services.decisions import agent


def given(*events: Event) -> agent.Agent | None:
    """Fold events from position 5 on: the first registration is incarnation 5."""
    state = None
    for position, event in enumerate(events, 5):
        envelope = Envelope(id=str(position), type=kind_of(event).type, source="/test", time="")
        state = agent.evolve(state, Recorded(position, 0, "local", "agent", "ada", envelope, event))
    return state


REGISTERED = facts.AgentRegistered(team="blue")
LOST = facts.AgentLost(incarnation=5, silent_seconds=61.0)


def test_registering_is_always_a_new_incarnation() -> None:
    command = Register(request_id="r", agent="ada", team="blue")
    assert agent.decide_register(None, command) == agent.decide_register(given(LOST), command) == [REGISTERED]
    again = given(REGISTERED, REGISTERED)
    assert again is not None
    assert again.incarnation == 6


def test_who_is_registered_only_if_unknown_stays_as_it_is_and_out_if_it_was_put_out() -> None:
    command = Register(request_id="r", agent="ada", team="blue", if_unknown=True)
    assert agent.decide_register(None, command) == [REGISTERED]
    assert agent.decide_register(given(REGISTERED), command) == []
    assert agent.decide_register(given(REGISTERED, LOST), command) == []
    assert agent.decide_register(given(REGISTERED, facts.AgentRetired(incarnation=5)), command) == [
        REGISTERED
    ]
    evicted = agent.decide_register(
        given(REGISTERED, facts.AgentEvicted(incarnation=5, reason="so")), command
    )
    assert isinstance(evicted, Refusal)
    assert evicted.code == "evicted"


FULL = facts.AgentRegistered(team="blue", capabilities=("gpu",), wip_limit=2, host="forge", serves=("red",))


def test_who_registers_again_stays_as_it_was_but_for_what_is_said() -> None:
    for last in (
        FULL,
        LOST,
        facts.AgentEvicted(incarnation=5, reason="so"),
        facts.AgentDrained(incarnation=5),
    ):
        known = given(FULL, last)
        assert agent.decide_register(known, Register(request_id="r", agent="ada")) == [FULL]
        (said,) = agent.decide_register(known, Register(request_id="r", agent="ada", team="red", wip_limit=3))
        assert said == FULL.model_copy(update={"team": "red", "wip_limit": 3})


def test_what_an_agent_has_is_taken_away_by_what_is_empty() -> None:
    bare = Register(request_id="r", agent="ada", team="", capabilities=(), wip_limit=0, serves=())
    assert agent.decide_register(given(FULL), bare) == [facts.AgentRegistered(host="forge")]
    assert agent.decide_register(None, bare) == [facts.AgentRegistered()]


def test_an_agent_is_lost_once_and_only_as_the_incarnation_that_was_silent() -> None:
    present = given(REGISTERED)
    assert agent.decide_lost(present, 5, 61.0) == [LOST]
    assert agent.decide_lost(present, 4, 61.0) == []
    assert agent.decide_lost(given(REGISTERED, LOST), 5, 61.0) == []
    assert agent.decide_lost(None, 5, 61.0) == []


def test_a_lost_agent_returns_when_it_is_heard() -> None:
    lost = given(REGISTERED, LOST)
    assert lost is not None
    assert lost.status == "lost"
    back = facts.AgentReturned(incarnation=5, lost_seconds=9.0)
    assert agent.decide_return(lost, 9.0) == [back]
    returned = given(REGISTERED, LOST, back)
    assert returned is not None
    assert agent.decide_return(returned, 9.0) == []


def test_news_of_an_earlier_incarnation_does_not_touch_the_present_one() -> None:
    restarted = given(REGISTERED, REGISTERED, LOST)
    assert restarted is not None
    assert restarted.status == "active"


def test_retiring_is_done_once_and_a_retired_agent_starts_nothing_new() -> None:
    command = Retire(request_id="r", agent="ada")
    present = given(REGISTERED)
    retired = facts.AgentRetired(incarnation=5)
    assert agent.decide_retire(present, command) == [retired]
    gone = given(REGISTERED, retired)
    assert agent.decide_retire(gone, command) == []
    fault = agent.fault_of(gone, "ada", None)
    assert isinstance(fault, Refusal)
    assert fault.code == "superseded"


def test_an_unknown_agent_and_a_superseded_incarnation_are_refused() -> None:
    unknown = agent.fault_of(None, "ada", None)
    assert unknown is not None
    assert unknown.code == "unknown_agent"
    superseded = agent.fault_of(given(REGISTERED, REGISTERED), "ada", 5)
    assert superseded is not None
    assert superseded.code == "superseded"
    assert agent.fault_of(given(REGISTERED), "ada", 5) is None
