"""Items that are parts of others."""

from typing import Any

from coordinator.conftest import House, command, submit

from coord.events import commands as wish
from coord.services.coordinator.coordinator import Coordinator


async def execute(coordinator: Coordinator, model: type[Any], **fields: Any) -> Any:
    return await coordinator.execute("test", command(model, **fields))


def test_a_part_is_of_an_item_that_is_there_or_stands_before_it(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        whole, part = wish.NewItem(item_id="w", title="w"), wish.NewItem(item_id="p", title="p", parent="w")
        async with house.coordinator() as coordinator:
            for parent in ("zz", "x"):
                refused = await execute(coordinator, wish.Submit, item_id="x", title="x", parent=parent)
                assert (refused.code, refused.reason) == (
                    "unknown_id", f"there is no item {parent} to be a part of."
                )  # fmt: skip
            circle = wish.NewItem(item_id="w", title="w", parent="p")
            for items in ((part, whole), (part, circle), (circle, part), (part,)):
                assert (await execute(coordinator, wish.SubmitMany, items=items)).code == "unknown_id"
            assert (await execute(coordinator, wish.SubmitMany, items=(whole, part))).status == "done"
            await execute(coordinator, wish.Cancel, item_id="w")
            coordinator.ledger._ended.clear()
            await submit(coordinator, "q", parent="w")
            assert (await execute(coordinator, wish.SubmitMany, items=(whole, part))).already

    in_house(body)
