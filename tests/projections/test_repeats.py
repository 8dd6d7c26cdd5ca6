"""Events whose id stood in the log before: set aside with the reason, whatever batch, file or start they come in."""

from dataclasses import replace
from pathlib import Path

from histories import CREATED, folded, stored_event
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import contents, open_file

from coord.events import run, work
from coord.events.envelope import MESSAGE_ID
from coord.events.model import Event
from coord.events.wire import Stored
from coord.projections.intake import DEAD_LETTERS, take_in
from coord.projections.memory import MemoryTables
from coord.projections.repeats import EVENT_IDS, IDS_KEPT
from coord.projections.store import Store

METRICS = run.RunMetricsRecorded(
    writer="m", writer_sequence=1, points=(run.Point(step=1, values={"loss": 1.0}),)
)


def said(position: int, id_: str, event: Event | None = None) -> Stored:
    """Store an event under an id; without one it submits an item of its own."""
    message = stored_event(position, f"w-{position}", event or work.WorkSubmitted(title="x"))
    return replace(message, headers={**message.headers, "ce-id": id_, MESSAGE_ID: id_})


def reasons(tables: Store) -> dict[int, str]:
    """Return why which positions were set aside."""
    with tables.reader() as reader:
        return {row["position"]: row["reason"] for row in reader.rows("FROM dead_letters")}


def test_an_event_under_an_id_that_stood_before_is_set_aside_and_the_first_counts(store: Store) -> None:
    store.apply(take_in(CREATED, [said(1, "a"), said(2, "b"), said(3, "a")]))
    store.apply(take_in(CREATED, [said(4, "c"), said(5, "b"), said(6, "a")]))
    assert reasons(store) == {
        3: "its id is that of the event at position 1: it counts once.",
        5: "its id is that of the event at position 2: it counts once.",
        6: "its id is that of the event at position 3: it counts once.",
    }
    with store.reader() as reader:
        letter = reader.rows("FROM dead_letters WHERE position = 3")[0]
        assert [row["id"] for row in reader.rows("SELECT id FROM work ORDER BY id")] == ["w-1", "w-2", "w-4"]
    assert (letter["subject"], letter["type"]) == ("ev.local.work.w-3", "work.submitted.v5")
    assert letter["size_bytes"] == len(said(3, "a").body)


def test_ids_are_remembered_over_a_start(tmp_path: Path) -> None:
    store = open_file(tmp_path / "coord.duckdb").store
    store.apply(take_in(CREATED, [said(1, "a"), said(2, "b")]))
    store.close()
    store = open_file(tmp_path / "coord.duckdb").store
    store.apply(take_in(CREATED, [said(3, "c")]))
    store.apply(take_in(CREATED, [said(4, "b"), said(5, "c")]))
    assert reasons(store).keys() == {4, 5}
    store.close()


def test_a_pack_of_metrics_that_comes_again_is_known_by_its_number_and_is_no_dead_letter(
    store: Store,
) -> None:
    first = stored_event(1, "r-1", run.RunStarted(name="tiny"))
    packs = [replace(said(position, "p", METRICS), subject="ev.local.run.r-1") for position in (2, 3)]
    store.apply(take_in(CREATED, [first, *packs]))
    with store.reader() as reader:
        once = reader.value("SELECT count(*) FROM run_points")
    assert reasons(store) == {}
    assert once == len(METRICS.points)


def test_ids_are_forgotten_after_a_while_in_memory_and_in_the_file(store: Store) -> None:
    store.apply(take_in(CREATED, [said(1, "a"), said(2, "b")]))
    store.apply(take_in(CREATED, [said(IDS_KEPT, "a")]))
    store.apply(take_in(CREATED, [said(IDS_KEPT + 2, "b")]))
    store.apply(take_in(CREATED, [said(2 * IDS_KEPT + 1, "c"), said(2 * IDS_KEPT + 2, "b")]))
    assert reasons(store).keys() == {IDS_KEPT}
    with store.reader() as reader:
        kept = [row["position"] for row in reader.rows("SELECT position FROM event_ids ORDER BY position")]
    assert kept == [IDS_KEPT, IDS_KEPT + 2, 2 * IDS_KEPT + 1, 2 * IDS_KEPT + 2]


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_splitting_and_replaying_find_the_same_repeats(ids: list[str], data: st.DataObject) -> None:
    messages = [said(position, id_) for position, id_ in enumerate(ids, 1)]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(messages)))) | {len(messages)})
    parts = MemoryTables()
    for start, end in zip([0, *cuts], cuts, strict=False):
        if start < end:
            parts.apply(take_in(CREATED, messages[data.draw(st.integers(0, start)) : end]))
    assert parts.contents() == folded(messages).contents()
    assert len(parts.rows(DEAD_LETTERS)) == len(ids) - len(set(ids))
    assert [row.id for row in parts.rows(EVENT_IDS)] == ids


def test_a_file_finds_the_repeats_that_a_fold_in_memory_finds(store: Store) -> None:
    messages = [said(position, id_) for position, id_ in enumerate("abacabad", 1)]
    for start in range(0, 8, 3):
        store.apply(take_in(CREATED, messages[max(0, start - 2) : start + 3]))
    assert contents(store) == folded(messages).contents()
