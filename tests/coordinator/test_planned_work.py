"""Items that wait for others, for their time, for a place of their key, or for another try; and batches of them."""

import asyncio
from typing import Any

from coordinator.conftest import House, claim, command, submit, until

from coord.events import commands as wish
from coord.events.commands import Done, Refusal
from coord.events.planning import Concurrency, Retry
from coord.services import clock
from coord.services.coordinator.coordinator import Coordinator


async def do(coordinator: Coordinator, model: type[Any], **fields: Any) -> Any:
    return await coordinator.execute("test", command(model, **fields))


async def finish(
    coordinator: Coordinator, claimed: Any, model: type[Any] = wish.Complete, **fields: Any
) -> Any:
    item = claimed.item
    return await do(coordinator, model, agent=item.agent, item_id=item.id, fence=item.fence, **fields)


def test_an_item_waits_until_what_it_depends_on_is_completed(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "a", "b")
            await submit(coordinator, "c", depends_on=("a", "b"), priority=9)
            early = await claim(coordinator, "ada", item_id="c")
            assert (early.code, early.reason) == ("waiting", "c waits for a, b.")  # type: ignore[union-attr]
            first, second = [await claim(coordinator, "ada") for _ in range(2)]
            assert [first.id, second.id] == ["a", "b"]  # type: ignore[union-attr]
            await finish(coordinator, first)
            await finish(coordinator, second, wish.Fail, reason="no")
            assert (await claim(coordinator, "ada")).code == "nothing_to_claim"  # type: ignore[union-attr]
            late = await claim(coordinator, "ada", item_id="c")
            assert late.reason == "c waits for b, which is failed."  # type: ignore[union-attr]
            await do(coordinator, wish.Reopen, item_id="b", reason="once more")
            await finish(coordinator, await claim(coordinator, "ada", item_id="b"))
            assert (await claim(coordinator, "ada")).id == "c"  # type: ignore[union-attr]
        async with house.coordinator() as another:
            assert another.ledger.holds("ada") == 1

    in_house(body)


def test_a_dependency_that_was_completed_long_ago_is_found_in_the_log(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "a")
            await finish(coordinator, await claim(coordinator, "ada"))
            coordinator.ledger._ended.clear()
            await submit(coordinator, "b", depends_on=("a",))
            assert (await do(coordinator, wish.Submit, title="x", depends_on=("zz",))).code == "unknown_id"
            assert (await claim(coordinator, "ada")).id == "b"  # type: ignore[union-attr]

    in_house(body)


def test_after_a_start_what_is_waited_for_is_looked_up(in_house, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "a")
            await finish(coordinator, await claim(coordinator, "ada"))
            await submit(coordinator, "b", depends_on=("a",))
        monkeypatch.setattr("coord.services.coordinator.ledger.ENDED_KEPT_MAX", 0)
        async with house.coordinator() as another:
            assert (await claim(another, "ada")).id == "b"  # type: ignore[union-attr]

    in_house(body)


def test_who_depends_on_what_is_reopened_waits_again_unless_it_is_held(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "a")
            await submit(coordinator, "b", "c", depends_on=("a",))
            await finish(coordinator, await claim(coordinator, "ada"))
            assert (await claim(coordinator, "ada")).id == "b"  # type: ignore[union-attr]
            await do(coordinator, wish.Reopen, item_id="a", reason="wrong")
            assert (await claim(coordinator, "ada", item_id="c")).code == "waiting"  # type: ignore[union-attr]
            assert coordinator.ledger.holds("ada") == 1
            await do(coordinator, wish.Depend, item_id="c", depends_on=())
            assert (await claim(coordinator, "ada", item_id="c")).id == "c"  # type: ignore[union-attr]

    in_house(body)


def test_a_cycle_is_refused_in_a_batch_and_later_on(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            items = (
                wish.NewItem(item_id="x", title="x", depends_on=("y",)),
                wish.NewItem(item_id="y", title="y", depends_on=("x",)),
            )
            told = await do(coordinator, wish.SubmitMany, items=items)
            assert (told.code, "x -> y -> x" in told.reason) == ("dependency_cycle", True)
            assert await house.count() == 0
            await submit(coordinator, "a")
            await submit(coordinator, "b", depends_on=("a",))
            told = await do(coordinator, wish.Depend, item_id="a", depends_on=("b",))
            assert (told.code, "a -> b -> a" in told.reason) == ("dependency_cycle", True)
            assert (
                await do(coordinator, wish.Submit, item_id="s", title="s", depends_on=("s",))
            ).code == "dependency_cycle"

    in_house(body)


def test_a_batch_is_appended_whole_once_and_in_order(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            items = tuple(
                wish.NewItem(item_id=f"w-{n}", title=f"do {n}", depends_on=(f"w-{n + 1}",) if n < 999 else ())
                for n in range(1_000)
            )
            many = command(wish.SubmitMany, items=items)
            told = await coordinator.execute("test", many)
            assert isinstance(told, Done)
            assert [item.id for item in told.items] == [item.item_id for item in items]
            assert await house.count() == 1_000
            coordinator._requests.__init__()  # type: ignore[misc]
            again = await coordinator.execute("test", many)
            assert isinstance(again, Done)
            assert await house.count() == 1_000
            other = await do(coordinator, wish.SubmitMany, items=(items[0], wish.NewItem(title="new")))
            assert (other.already, len(other.items)) == (False, 2)
            clash = (wish.NewItem(title="never"), wish.NewItem(item_id="w-7", title="other"))
            assert (await do(coordinator, wish.SubmitMany, items=clash)).code == "already_exists"
            assert await house.count() == 1_001
            assert (await claim(coordinator, "ada", item_id="w-0")).code == "waiting"  # type: ignore[union-attr]

    in_house(body)


def test_the_same_item_twice_in_a_batch_is_one_and_is_told_of_twice(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            first, other = wish.NewItem(title="a", idempotency_key="k"), wish.NewItem(item_id="w", title="b")
            later: dict[str, Any] = {"not_before_said": "in 5m", "title": "c", "idempotency_key": "l"}
            moments = [wish.NewItem(not_before_ns=2 * 10**18 + n, **later) for n in (0, 1)]
            many = command(wish.SubmitMany, items=(first, other, first.model_copy(), other, *moments))
            told = await coordinator.execute("test", many)
            assert isinstance(told, Done)
            assert [item.title for item in told.items] == ["a", "b", "a", "b", "c", "c"]
            assert told.items[0] == told.items[2]
            assert await house.count() == 3
            assert await coordinator.execute("test", many) == told
            again = await do(coordinator, wish.SubmitMany, items=many.items)
            assert (again.already, [item.title for item in again.items]) == (
                True,
                ["a", "b", "a", "b", "c", "c"],
            )

    in_house(body)


def test_other_content_under_the_same_name_in_a_batch_is_refused_naming_both(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            named: tuple[tuple[dict[str, Any], str], ...] = (
                ({"idempotency_key": "k"}, "items 2 and 3 of one batch have the idempotency key 'k' and other content."),
                ({"item_id": "w"}, "items 2 and 3 of one batch have the id w and other content."),
            )  # fmt: skip
            for name, told in named:
                items = (wish.NewItem(title="x"), *(wish.NewItem(title=title, **name) for title in "ab"))
                no = await do(coordinator, wish.SubmitMany, items=items)
                assert (no.code, no.reason) == ("already_exists", told)
            assert await house.count() == 0

    in_house(body)


def test_the_same_batch_asked_again_after_its_answer_was_lost_gets_the_same_answer(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            many = command(wish.SubmitMany, items=tuple(wish.NewItem(title=f"t{n}") for n in range(5)))
            first = await coordinator.execute("test", many)
            three = command(wish.Claim, agent="ada", count=3)
            claimed = await coordinator.execute("ada", three)
        async with house.coordinator() as another:
            assert await another.execute("test", many) == first
            again = await another.execute("ada", three)
            assert isinstance(again, Done)
            assert isinstance(claimed, Done)
            assert again.items == claimed.items
            assert len(again.items) == 3

    in_house(body)


def test_one_idempotency_key_is_one_item_for_ever(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            first = await do(coordinator, wish.Submit, title="nightly", idempotency_key="2026-11-29/nightly")
            again = await do(coordinator, wish.Submit, title="nightly", idempotency_key="2026-11-29/nightly")
            assert (again.id, again.already) == (first.id, True)
            other = await do(coordinator, wish.Submit, title="other", idempotency_key="2026-11-29/nightly")
            assert other.code == "already_exists"

    in_house(body)


def test_an_item_rests_between_its_tries_and_is_parked_after_the_last(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", retry=Retry(attempts=2, delay_seconds=0.3, jitter=0.0))
            told = await finish(coordinator, await claim(coordinator, "ada"), wish.Fail, reason="no")
            assert (told.item.status, told.item.tries) == ("open", 1)
            assert (await claim(coordinator, "ada")).code == "nothing_to_claim"  # type: ignore[union-attr]
            began = clock.monotonic()
            again = await claim(coordinator, "ada", wait_seconds=5.0)
            assert 0.1 < clock.monotonic() - began < 2.0
            told = await finish(coordinator, again, wish.Fail, reason="no")
            assert told.item.status == "parked"
            assert (await claim(coordinator, "ada", item_id="w-1")).code == "illegal_transition"  # type: ignore[union-attr]
            await do(coordinator, wish.Requeue, item_id="w-1")
            assert (await claim(coordinator, "ada")).id == "w-1"  # type: ignore[union-attr]

    in_house(body)


def test_the_settings_say_how_often_an_item_is_lost_or_given_back_before_it_is_parked(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator(reclaims_max=1, releases_max=2) as coordinator:
            await submit(coordinator, "back", "lost")
            for status in ("open", "parked"):
                held = await claim(coordinator, "ada", item_id="back")
                told = await finish(coordinator, held, wish.Release, reason="no room")
                assert (told.item.status, told.item.reason[:7]) == (status, "no room")
            assert told.item.reason == "no room; given back 2 times in a row"
            await claim(coordinator, "ada", item_id="lost", lease_seconds=1.0)
            await until(lambda: coordinator.ledger.item("lost").status == "parked")  # type: ignore[union-attr]

    in_house(body)


def test_an_item_that_was_given_back_rests_the_second_time_and_why_says_so(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            for _ in range(2):
                await finish(coordinator, await claim(coordinator, "ada", item_id="w-1"), wish.Release)
            told = await do(coordinator, wish.Explain, item_id="w-1")
            assert told.explanation.item.waits_for[0].endswith("(given back 2 times in a row)")
            assert (await claim(coordinator, "ada", item_id="w-1")).code == "waiting"  # type: ignore[union-attr]
            assert (await claim(coordinator, "ada", item_id="w-1", wait_seconds=5.0)).id == "w-1"  # type: ignore[union-attr]

    in_house(body)


def test_an_item_cannot_be_claimed_before_its_time(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            soon = clock.now_ns() + 400_000_000
            await submit(coordinator, "soon", not_before_ns=soon)
            await submit(coordinator, "later", not_before_ns=soon + 10**12)
            assert (await claim(coordinator, "ada", item_id="soon")).code == "waiting"  # type: ignore[union-attr]
            assert (await claim(coordinator, "ada", wait_seconds=5.0)).id == "soon"  # type: ignore[union-attr]
            assert clock.now_ns() >= soon
            assert (await claim(coordinator, "ada")).code == "nothing_to_claim"  # type: ignore[union-attr]

    in_house(body)


def test_no_more_of_a_key_are_held_than_its_limit_says_however_many_ask(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            names = [f"w-{n}" for n in range(12)]
            await submit(coordinator, *names, concurrency=Concurrency(key="disk", limit=3))
            best = asyncio.gather(*(claim(coordinator, f"a{n}") for n in range(6)))
            by_id = asyncio.gather(*(claim(coordinator, f"b{n}", item_id=names[n]) for n in range(12)))
            answers = [*await best, *await by_id]
            held = [one for one in answers if isinstance(one, Done)]
            assert len(held) == 3
            assert {one.code for one in answers if isinstance(one, Refusal)} <= {
                "nothing_to_claim",
                "waiting",
                "taken",
            }
            done = 0
            while held:
                await finish(coordinator, held.pop())
                done += 1
                following = await claim(coordinator, "next")
                held += [following] if isinstance(following, Done) else []
                assert len(coordinator.ledger.open_claims()) <= 3
            assert done == 12
            assert not coordinator.ledger.readiness._keys

    in_house(body)


def test_the_one_that_is_asked_for_takes_the_place_of_one_that_is_only_on_offer(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-0", "w-1", concurrency=Concurrency(key="disk"))
            held = await claim(coordinator, "ada", item_id="w-1")
            assert isinstance(held, Done)
            told = await claim(coordinator, "bob")
            assert isinstance(told, Refusal)
            await finish(coordinator, held, wish.Release)
            assert (await claim(coordinator, "bob")).id == "w-0"  # type: ignore[union-attr]

    in_house(body)


def test_a_team_holds_no_more_than_its_limit(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await do(coordinator, wish.ConfigureTeam, team="red", wip_limit=2)
            await submit(coordinator, *(f"r-{n}" for n in range(5)), team="red", priority=9)
            await submit(coordinator, "free")
            for name in ("ada", "bob"):
                await do(coordinator, wish.Register, agent=name, serves=("red",))
            answers = await asyncio.gather(
                *(claim(coordinator, name) for name in ("ada", "bob", "ada", "bob"))
            )
            held = [one for one in answers if isinstance(one, Done)]
            assert min(one.id for one in held) == "free"
            assert len(held) == 3
            assert (await claim(coordinator, "ada", item_id="r-4")).code == "wip_limit"  # type: ignore[union-attr]
            waiting = asyncio.create_task(claim(coordinator, "ada", wait_seconds=5.0))
            await until(lambda: coordinator.patient)
            await finish(coordinator, next(one for one in held if one.id != "free"))
            assert isinstance(await waiting, Done)
            many = await claim(coordinator, "bob", count=9)
            assert many.code == "nothing_to_claim"  # type: ignore[union-attr]

    in_house(body)


def test_the_team_that_holds_least_for_its_share_has_its_turn(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await do(coordinator, wish.ConfigureTeam, team="red", share=2.0)
            for team in ("red", "blue"):
                await submit(coordinator, *(f"{team}-{n}" for n in range(9)), team=team)
            await do(coordinator, wish.Register, agent="ada", serves=("red", "blue"))
            order = [await claim(coordinator, "ada") for _ in range(9)]
            teams = [one.id.partition("-")[0] for one in order]  # type: ignore[union-attr]
            assert (teams.count("red"), teams.count("blue")) == (6, 3)
            assert order[0].item.scores.fairness == 1.0  # type: ignore[union-attr]

    in_house(body)


def test_an_explanation_names_the_order_and_what_an_item_waits_for(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "low", priority=1)
            await submit(coordinator, "high", priority=9)
            await submit(coordinator, "late", depends_on=("low",))
            told = await do(coordinator, wish.Explain, agent="ada")
            assert [one.id for one in told.explanation.ranked] == ["high", "low"]
            assert (told.explanation.fitting, told.explanation.waiting) == (2, 1)
            why = (await do(coordinator, wish.Explain, item_id="low")).explanation
            assert (why.item.place, [one.id for one in why.ranked]) == (2, ["high"])
            late = (await do(coordinator, wish.Explain, item_id="late")).explanation
            assert (late.item.waits_for, late.item.fault, late.ranked) == (("low",), None, ())
            assert (await do(coordinator, wish.Explain, item_id="none")).code == "unknown_id"
            claimed = await claim(coordinator, "ada")
            assert claimed.id == "high"  # type: ignore[union-attr]
            held = (await do(coordinator, wish.Explain, item_id="high")).explanation.item
            assert (held.place, held.waits_for) == (0, ("ada, which holds it",))
            assert await house.count() == 5
            await do(coordinator, wish.Block, item_id="low", reason="so")
            blocked = (await do(coordinator, wish.Explain, item_id="low")).explanation
            assert (blocked.item.fault, blocked.item.waits_for) == ("it is blocked: so", ())

    in_house(body)


def test_an_explanation_says_which_limits_keep_items_back(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await do(coordinator, wish.ConfigureTeam, team="red", wip_limit=1)
            await submit(coordinator, "r-1", "r-2", team="red")
            await submit(coordinator, "free")
            for agent, team in (("ron", "red"), ("eve", "red"), ("bob", None)):
                await do(coordinator, wish.Register, agent=agent, team=team, wip_limit=1)
            assert (await claim(coordinator, "ron", item_id="r-1")).id == "r-1"  # type: ignore[union-attr]
            eve = (await do(coordinator, wish.Explain, agent="eve")).explanation
            assert (eve.fitting, eve.kept_back, eve.fault) == (0, 2, None)
            assert [(one.team, one.holds, one.wip_limit) for one in eve.full] == [("red", 1, 1)]
            full = "1 of at most 1 items are held for the team red."
            assert (await do(coordinator, wish.Explain, item_id="r-2")).explanation.item.fault == full
            nothing = await claim(coordinator, "eve")
            assert full in nothing.hint  # type: ignore[union-attr]
            assert (await claim(coordinator, "bob")).id == "free"  # type: ignore[union-attr]
            bob = (await do(coordinator, wish.Explain, agent="bob", item_id="r-2")).explanation
            assert (bob.item.place, bob.fault) == (0, "bob holds 1 of at most 1 items.")

    in_house(body)
