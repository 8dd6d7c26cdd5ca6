"""A projector without memory: nothing is set aside for that, nothing is held up, and whoever asks is told."""

from dataclasses import replace
from typing import Any

import pytest
from histories import CREATED
from projector.test_keeper import _history, _ids, keeping

from coord.events import work
from coord.events.errors import Refused
from coord.projections.folds import work as work_fold
from coord.projections.store import StoreBroken
from coord.services.projector.keeper import STARVED_MAX, Keeper
from coord.services.settings import Settings


def test_a_message_that_finds_no_memory_is_no_dead_letter(settings: Settings) -> None:
    """Readers held it, say: opened anew, the file has all of it again."""

    async def body(keeper: Keeper) -> None:
        keeper.opened.store._root.execute("SET GLOBAL memory_limit = '100KiB'")
        with pytest.raises(StoreBroken, match="OutOfMemoryException"):
            await keeper.fold(CREATED, _history(9))
        await keeper.reopen("there was no memory")
        await keeper.fold(CREATED, _history(9))
        assert await keeper.read(_ids) == [f"w-{number}" for number in range(9)]
        assert await keeper.read(lambda reader: reader.rows("FROM dead_letters")) == []

    keeping(settings, body)


def test_a_message_that_never_finds_memory_holds_up_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(draft: Any, recorded: Any, event: Any) -> None:
        if recorded.entity == "w-5":
            raise MemoryError("w-5 takes more than there is")
        work_fold._submitted(draft, recorded, event)

    on = {**work_fold.PROJECTION.on, work.WorkSubmitted: greedy}
    monkeypatch.setattr("coord.projections.intake.OF_EVENTS", (replace(work_fold.PROJECTION, on=on),))

    async def body(keeper: Keeper) -> None:
        messages = _history(9)
        for _ in range(STARVED_MAX):
            with pytest.raises(StoreBroken, match="w-5 takes more"):
                await keeper.fold(CREATED, messages[keeper.folded["EVENTS"] :])
            await keeper.reopen("there was no memory")
        await keeper.fold(CREATED, messages[keeper.folded["EVENTS"] :])
        assert await keeper.read(_ids) == [f"w-{number}" for number in range(9) if number != 5]
        (letter,) = await keeper.read(lambda reader: reader.rows("FROM dead_letters"))
        assert "MemoryError" in letter["reason"]

    keeping(settings, body)


def test_an_answer_without_memory_is_refused_and_the_file_is_in_no_doubt(settings: Settings) -> None:
    async def body(keeper: Keeper) -> None:
        await keeper.fold(CREATED, _history(3))
        too_much = "SELECT list(i) FROM range(100_000_000) t(i) GROUP BY i % 7"
        with pytest.raises(Refused, match="takes more memory than there is"):
            await keeper.read(lambda reader: reader.rows(too_much))
        assert keeper.doubt == ""
        assert len(await keeper.read(_ids)) == 3

    keeping(settings, body)
