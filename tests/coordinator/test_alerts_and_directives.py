"""Alerts and directives as commands: once, however often and through whichever coordinator they are asked for."""

import asyncio
import json
from typing import Any

from coordinator.conftest import House, command, until

from coord.events import commands as wish
from coord.events import directive
from coord.events.alert import AlertAcknowledged, AlertRaised, Evidence
from coord.events.commands import Done, Invalid, Refusal
from coord.services import clock
from coord.services.coordinator.coordinator import Coordinator, Reply
from coord.services.coordinator.main import _over_nats
from coord.services.coordinator.requests import Requests
from coord.services.log.answering import Asked

ABOUT: dict[str, Any] = {
    "rule": "loss-spike", "entity_kind": "run", "entity": "r-1", "severity": "warning",
    "summary": "the loss rose to 11.6", "evidence": (Evidence(stream="EVENTS", position=41),),
}  # fmt: skip


def raised(alert_id: str = "a-1", **fields: Any) -> Any:
    return command(wish.RaiseAlert, alert_id=alert_id, **ABOUT, **fields)


def direct(**fields: Any) -> Any:
    return command(
        wish.Direct, **{"entity": "r-1", "action": "pause", "epoch": 1, "reason": "look", **fields}
    )


async def told(coordinator: Coordinator, wanted: Any) -> Done:
    """Execute a command that is done."""
    reply = await coordinator.execute("watchdog", wanted)
    assert isinstance(reply, Done), reply
    return reply


async def types(house: House, subject: str) -> list[str]:
    return [one.headers["ce-type"] for one in await house.log.read_subject(f"ev.local.{subject}")]


def code(reply: Reply) -> str:
    assert isinstance(reply, Refusal), reply
    return str(reply.code)


def test_an_alert_lives_from_raising_to_resolution_and_each_wish_counts_once(in_house) -> None:  # type: ignore[no-untyped-def]
    wishes = [
        raised(),
        command(wish.Acknowledge, alert_id="a-1", by="grace"),
        command(wish.Silence, alert_id="a-1", by="grace", until_ns=9),
        command(wish.ResolveAlert, alert_id="a-1", reason="gone"),
    ]

    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            replies = [await told(coordinator, one) for one in wishes]
            assert [reply.position for reply in replies] == [1, 2, 3, 4]
            shown = replies[-1].alert
            assert shown is not None
            assert (shown.status, shown.silenced_until_ns) == ("resolved", 9)
            for one in wishes[::3]:
                again = one.model_copy(update={"request_id": clock.new_id()})
                assert (await told(coordinator, again)).already
        assert len(await types(house, "alert.a-1")) == 4

    in_house(body)


def test_of_many_who_raise_the_same_alert_at_once_one_does(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as one, house.coordinator() as other:
            asked = [told(coordinator, raised()) for _ in range(40) for coordinator in (one, other)]
            replies = await asyncio.gather(*asked)
            assert sorted(reply.already for reply in replies).count(False) == 1
            assert {reply.id for reply in replies} == {"a-1"}
        assert await types(house, "alert.a-1") == ["alert.raised.v1"]

    in_house(body)


def test_of_many_who_issue_the_same_directive_at_once_one_does(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as one, house.coordinator() as other:
            asked = [
                told(coordinator, direct(directive_id=f"d-{number}"))
                for number in range(3) for _ in range(10) for coordinator in (one, other)
            ]  # fmt: skip
            replies = await asyncio.gather(*asked)
            assert sum(not reply.already for reply in replies) == 3
        assert await types(house, "directive.r-1") == ["directive.issued.v1"] * 3

    in_house(body)


def test_many_alerts_and_directives_of_one_round_are_all_appended(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            asked = [told(coordinator, raised(f"a-{number}")) for number in range(60)]
            asked += [told(coordinator, direct(entity=f"r-{number % 20}")) for number in range(60)]
            assert not any(reply.already for reply in await asyncio.gather(*asked))
            assert await house.count() == 120

    in_house(body)


def test_the_same_request_gets_the_same_reply_also_from_the_next_coordinator(in_house) -> None:  # type: ignore[no-untyped-def]
    wishes = [
        raised(),
        command(wish.Acknowledge, alert_id="a-1", by="grace"),
        command(wish.Silence, alert_id="a-1", by="grace", until_ns=9),
        command(wish.ResolveAlert, alert_id="a-1", reason="gone"),
        direct(),
        direct(directive_id="mine", action="roll_back", parameters={"before_step": 300}),
        command(wish.Withdraw, entity="r-1", directive_id="mine", reason="a mistake"),
    ]

    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            first = [await told(coordinator, one) for one in wishes]
            assert [await told(coordinator, one) for one in wishes] == first
        async with house.coordinator() as another:
            assert [await told(another, one) for one in wishes] == first
        assert await house.count() == len(wishes)

    in_house(body)


def test_a_request_that_another_coordinator_answers_meanwhile_is_known_here(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as one, house.coordinator() as other:
            wanted = [raised(), direct()]
            first = [await told(other, each) for each in wanted]
            await until(lambda: one.position >= 2)
            assert [await told(one, each) for each in wanted] == first

    in_house(body)


def test_an_answer_that_was_lost_after_the_append_is_found_by_its_id(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            wanted = raised()
            event = AlertRaised(**ABOUT)
            event_id = clock.derived_id(wanted.request_id, 0)
            position = await house.append("alert", "a-1", event, event_id, wanted.request_id)
            coordinator._requests = Requests()
            reply = await told(coordinator, wanted)
            assert (reply.id, reply.position) == ("a-1", position)
        assert await types(house, "alert.a-1") == ["alert.raised.v1"]

    in_house(body)


def test_a_request_id_used_for_another_wish_is_told_so(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            first = await told(coordinator, raised(request_id="mine"))
            assert first.position == 1
            await told(coordinator, direct(request_id="ours", directive_id="d-1"))
            others = [
                command(wish.ResolveAlert, alert_id="a-1", reason="gone", request_id="mine"),
                raised("a-2", request_id="mine"),
                direct(request_id="ours", directive_id="d-2"),
                direct(request_id="ours", directive_id="d-1", entity="r-2"),
            ]
            replies = [await coordinator.execute("watchdog", one) for one in others]
            assert {type(reply) for reply in replies} == {Invalid}
            assert await house.count() == 2

    in_house(body)


def test_a_directive_without_a_name_or_an_epoch_gets_both(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            for agent in ("r-1", "r-2"):
                await coordinator.execute(agent, command(wish.Register, agent=agent))
            wanted = direct(entity_kind="agent", entity="r-1", epoch=None)
            reply = await told(coordinator, wanted)
            assert reply.directive is not None
            assert reply.directive.epoch == 1
            assert reply.id == clock.directive_id_of(wanted.request_id)
            await coordinator.execute("r-1", command(wish.Retire, agent="r-1"))
            later = await told(coordinator, direct(entity_kind="agent", entity="r-1", epoch=None))
            assert later.directive is not None
            assert later.directive.epoch == 4
            unknown = await coordinator.execute("grace", direct(entity="r-9", epoch=None))
            assert code(unknown) == "unknown_id"
            assert "r-9" in unknown.reason  # type: ignore[union-attr]

    in_house(body)


def test_what_others_wrote_is_read_when_it_is_asked_for_and_seen_when_it_comes(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        await house.append("alert", "a-1", AlertRaised(**ABOUT))
        async with house.coordinator() as coordinator:
            assert (await told(coordinator, raised())).already
            await house.append("alert", "a-1", AlertAcknowledged(by="grace"))
            mine = command(wish.Acknowledge, alert_id="a-1", by="ada")
            assert (await told(coordinator, mine)).already
            issued = direct(directive_id="d-1")
            theirs = directive.DirectiveIssued(
                directive_id="d-1",
                entity_kind="run",
                action="pause",
                epoch=1,
                live_seconds=60.0,
                reason="look",
            )
            await house.append("directive", "r-1", theirs)
            assert (await told(coordinator, issued)).already
            assert (
                code(await coordinator.execute("x", direct(directive_id="d-1", epoch=2))) == "already_exists"
            )

    in_house(body)


def test_what_is_no_event_on_a_subject_does_not_stop_it(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await told(coordinator, direct())
            for subject in ("alert.a-1", "directive.r-1"):
                await house.log.request(f"ev.local.{subject}", b"not an event", headers={"x": "y"})
            assert (await told(coordinator, raised())).position == 4
            assert (await told(coordinator, direct())).position == 5

    in_house(body)


def test_what_was_long_forgotten_is_read_again(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            coordinator.ledger.oversight._kept_max = 0
            await told(coordinator, raised())
            await told(coordinator, direct(directive_id="d-1"))
            assert (await told(coordinator, raised())).already
            assert (await told(coordinator, direct(directive_id="d-1"))).already
            assert len(coordinator.ledger.oversight) <= 2

    in_house(body)


def test_what_is_in_flight_is_not_forgotten_before_it_has_landed(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await asyncio.gather(*(told(coordinator, raised(f"a-{number}")) for number in range(120)))
            coordinator.ledger.oversight._kept_max = 0

            def resolve(number: int) -> "asyncio.Task[Done]":
                wanted = command(wish.ResolveAlert, alert_id=f"a-{number}", reason="gone")
                return asyncio.create_task(told(coordinator, wanted))

            first = [resolve(number) for number in range(60)]
            async with asyncio.timeout(30):
                while not coordinator.transactor._flights:
                    await asyncio.sleep(0)
            second = [resolve(number) for number in range(60, 120)]
            async with asyncio.timeout(30):
                replies = await asyncio.gather(*first, *second)
            assert not any(reply.already for reply in replies)

    in_house(body)


def test_over_nats_an_agent_takes_notice_as_itself_only(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await told(coordinator, raised())

            async def ask(actor: str, verb: str, **fields: Any) -> dict[str, Any]:
                text = json.dumps({"request_id": clock.new_id(), "alert_id": "a-1", **fields})
                answer = await _over_nats(coordinator, Asked(f"cmd.main.{actor}.{verb}", {}, text.encode()))
                return dict(json.loads(answer))

            assert (await ask("ada", "acknowledge", by="bob"))["reason"] == "ada may not speak for bob."
            assert (await ask("ada", "silence", by="bob", until_ns=9))["status"] == "invalid"
            assert (await ask("ada", "acknowledge", by="ada"))["status"] == "done"
            assert (await ask("watchdog", "resolve", reason="gone"))["status"] == "done"
            stored = await house.log.read_subject("ev.local.alert.a-1")
            assert [one.headers["cx-actor"] for one in stored] == ["watchdog", "ada", "watchdog"]

    in_house(body)


def test_a_part_of_health_is_weighed_once_also_by_a_coordinator_that_has_not_seen_it(in_house) -> None:  # type: ignore[no-untyped-def]
    first = command(wish.Weigh, part="backlog", points=20.0)

    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            reply = await told(coordinator, first)
            assert (reply.id, reply.position, reply.points, reply.already) == ("backlog", 1, 20.0, False)
        async with house.coordinator() as coordinator:
            assert (await told(coordinator, first)).position == 1, "the same request"
            again = first.model_copy(update={"request_id": clock.new_id()})
            assert (await told(coordinator, again)).already
            usual = await told(coordinator, command(wish.Weigh, part="backlog"))
            assert (usual.position, usual.points) == (2, 40.0)
        assert await types(house, "health.backlog") == ["health.weighed.v1"] * 2

    in_house(body)
