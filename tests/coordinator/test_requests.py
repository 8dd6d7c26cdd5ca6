"""The same request again gets the same reply: at once, later, from another coordinator, and after a lost answer."""

import asyncio

from coordinator.conftest import House, claim, command, submit, until

from coord.events import commands as wish
from coord.events import work
from coord.events.commands import Done, Invalid, Unknown
from coord.services import clock
from coord.services.coordinator.requests import KEPT_MS, Requests
from coord.services.tasks import end


def test_a_retry_gets_the_same_reply_and_claims_nothing_more(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        first = command(wish.Claim, agent="ada")
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-2")
            replies = await asyncio.gather(*(coordinator.execute("ada", first) for _ in range(5)))
            replies.append(await coordinator.execute("ada", first))
        async with house.coordinator() as another:
            replies.append(await another.execute("ada", first))
            assert another.ledger.holds("ada") == 1
        assert len({reply.model_dump_json() for reply in replies}) == 1

    in_house(body)


def test_a_reply_is_as_it_was_although_the_item_went_on(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            first = command(wish.Claim, agent="ada", item_id="w-1")
            told = await coordinator.execute("ada", first)
            assert isinstance(told, Done)
            await coordinator.execute(
                "ada", command(wish.Complete, agent="ada", item_id="w-1", fence=told.position)
            )
            assert await coordinator.execute("ada", first) == told

    in_house(body)


def test_an_answer_that_was_lost_after_the_append_is_found_by_its_id(in_house) -> None:  # type: ignore[no-untyped-def]
    """The event of the first try stands on w-1; the second try, which chose w-2, must not claim that too."""

    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-2")
            ada = await coordinator.execute("ada", command(wish.Register, agent="ada"))
            assert isinstance(ada, Done)
            assert ada.position is not None
            first = command(wish.Claim, agent="ada")
            claimed = work.WorkClaimed(agent="ada", incarnation=ada.position, lease_seconds=30.0, attempt=1)
            coordinator.ledger.readiness.picker.withdraw("w-1")
            event_id = clock.derived_id(first.request_id, 0)
            position = await house.append("work", "w-1", claimed, event_id, first.request_id)
            coordinator._requests = Requests()
            told = await coordinator.execute("ada", first)
            assert isinstance(told, Done)
            assert (told.id, told.position) == ("w-1", position)
            assert await house.types("w-2") == ["work.submitted.v5"]
            other = await claim(coordinator, "bob")
            assert isinstance(other, Done)
            assert other.id == "w-2", "what the second try had chosen is on offer again"
            finish = command(wish.Complete, agent="ada", item_id="w-1", fence=position)
            assert (await coordinator.execute("ada", finish)).status == "done"

    in_house(body)


def test_an_earlier_try_that_is_found_while_the_later_one_is_decided_is_its_answer(in_house) -> None:  # type: ignore[no-untyped-def]
    """It was told "nothing to claim": the one item was claimed, by itself."""

    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            ada = await coordinator.execute("ada", command(wish.Register, agent="ada"))
            assert isinstance(ada, Done)
            assert ada.position is not None
            first = command(wish.Claim, agent="ada")
            claimed = work.WorkClaimed(agent="ada", incarnation=ada.position, lease_seconds=30.0, attempt=1)
            event_id = clock.derived_id(first.request_id, 0)
            position = await house.append("work", "w-1", claimed, event_id, first.request_id)
            progressed = work.WorkProgressed(agent="ada", fence=position)
            await house.append("work", "w-1", progressed)
            coordinator.transactor._loader.mark_stale("work", "w-1")
            told = await coordinator.execute("ada", first)
            assert isinstance(told, Done), told
            assert (told.id, told.position) == ("w-1", position)

    in_house(body)


def test_an_event_that_lands_late_is_folded_though_its_request_is_asked_again(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            assert (await claim(coordinator, "bob", item_id="w-1")).status == "done"
            again = command(wish.Claim, agent="ada", item_id="w-1", wait_seconds=30.0)
            asking = asyncio.create_task(coordinator.execute("ada", again))
            await until(lambda: coordinator.patient)
            late = work.WorkSubmitted(title="A title")
            await house.append("work", "w-2", late, request=again.request_id, source=coordinator.source)
            await until(lambda: coordinator.ledger.item("w-2"))
            await end(asking)

    in_house(body)


def test_a_request_id_used_for_something_else_is_told_so(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            told = await claim(coordinator, "ada", item_id="w-1", request_id="mine")
            assert isinstance(told, Done)
            other = await coordinator.execute("eve", command(wish.Claim, agent="eve", request_id="mine"))
            assert isinstance(other, Invalid)

    in_house(body)


def test_a_refusal_is_decided_anew(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            first = command(wish.Claim, agent="ada")
            assert (await coordinator.execute("ada", first)).status == "refused"
            await submit(coordinator, "w-1")
            assert (await coordinator.execute("ada", first)).status == "done"

    in_house(body)


def test_a_request_from_two_days_ago_is_unknown(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            old = "0199f0c2-7b00-7000-8000-000000000001"
            told = await coordinator.execute("ada", command(wish.Claim, agent="ada", request_id=old))
            assert isinstance(told, Unknown)

    in_house(body)


def test_requests_beyond_the_limit_are_forgotten_oldest_first_and_known_to_be() -> None:
    requests = Requests(kept_max=2)
    ids = [clock.new_id() for _ in range(3)]
    now = clock.now_ns() // 1_000_000
    for position, request_id in enumerate(ids):
        requests.remember(request_id, position, now + 10 * position)
    assert len(requests) == 2
    assert requests.position_of(ids[0]) is None
    assert requests.position_of(ids[2]) == 2
    assert requests.is_too_old("0199f0c2-7b00-7000-8000-000000000001", now)
    assert not requests.is_too_old("any-other-text", now)


def test_many_requests_are_told_apart_while_the_oldest_are_forgotten() -> None:
    requests = Requests(kept_max=5_000)
    for number in range(20_000):
        requests.remember(f"request-{number}", number, number)
    found = [requests.position_of(f"request-{number}") for number in range(20_001)]
    assert found == [None] * 15_000 + list(range(15_000, 20_000)) + [None]


def test_a_request_noted_twice_is_one_and_keeps_the_last_position() -> None:
    requests = Requests()
    requests.remember("once", 1, 10)
    requests.remember("once", 2, 20)
    assert (len(requests), requests.position_of("once")) == (1, 2)


def test_a_request_is_forgotten_a_day_later() -> None:
    requests = Requests()
    requests.remember("old", 1, 10)
    requests.remember("new", 2, 11 + KEPT_MS)
    assert requests.position_of("old") is None
    assert requests.position_of("new") == 2
