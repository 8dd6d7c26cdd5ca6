"""The three laws of every projection: splitting, replaying and rebuilding give the same tables."""

import pytest
from histories import CREATED, event_histories, folded, poison, sample_histories, stored_event, stored_sample
from hypothesis import given, settings
from hypothesis import strategies as st

from coord.events.catalog import EVENT_TYPES
from coord.events.examples import EVENTS, SAMPLES
from coord.events.wire import Stored
from coord.projections.folds.catalog import OF_EVENTS, OF_SAMPLES, TABLES
from coord.projections.folds.shape import routes_of
from coord.projections.intake import DEAD_LETTERS, take_in
from coord.projections.memory import MemoryTables

HISTORIES = st.one_of(event_histories(), sample_histories())


@given(HISTORIES, st.data())
@settings(max_examples=150, deadline=None)
def test_splitting_a_batch_anywhere_changes_nothing(messages: list[Stored], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(messages)))) | {len(messages)})
    parts = MemoryTables()
    for start, end in zip([0, *cuts], cuts, strict=False):
        if start < end:
            parts.apply(take_in(CREATED, messages[start:end]))
    assert parts.contents() == folded(messages).contents()


@given(HISTORIES, st.data())
@settings(max_examples=120, deadline=None)
def test_replaying_any_part_changes_nothing(messages: list[Stored], data: st.DataObject) -> None:
    tables = folded(messages)
    before = tables.contents()
    start = data.draw(st.integers(0, len(messages) - 1))
    end = data.draw(st.integers(start + 1, len(messages)))
    tables.apply(take_in(CREATED, messages[start:end]))
    assert tables.contents() == before


@given(event_histories(), sample_histories())
@settings(max_examples=30, deadline=None)
def test_the_streams_do_not_depend_on_each_others_pace(events: list[Stored], samples: list[Stored]) -> None:
    assert folded(events, samples).contents() == folded(samples, events).contents()


def test_every_event_of_the_catalog_is_folded_and_leaves_a_trace() -> None:
    routes = routes_of(OF_EVENTS)
    assert {kind.model for kind in EVENT_TYPES} == set(routes)
    for type_, event in EVENTS.items():
        tables = folded([stored_event(100, "x", event)])
        kept = [name for name, rows in tables.contents().items() if rows and name != "positions"]
        assert kept, f"{type_} leaves nothing behind"
        assert DEAD_LETTERS.name not in kept


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_every_kind_of_sample_is_folded(kind: str) -> None:
    assert type(SAMPLES[kind]) in routes_of(OF_SAMPLES)
    tables = folded([stored_sample(1, "n1", kind, SAMPLES[kind])])
    assert not tables.rows(DEAD_LETTERS)
    assert any(rows for name, rows in tables.contents().items() if name not in ("positions", "monitors"))


def test_every_table_belongs_to_one_stream_and_has_a_name_of_its_own() -> None:
    assert len({table.name for table in TABLES}) == len(TABLES)
    assert {table.stream for table in TABLES} == {"EVENTS", "SAMPLES"}


def test_poison_is_set_aside_with_a_reason_and_the_next_message_is_folded() -> None:
    good = stored_event(2, "w-1", EVENTS["work.submitted.v5"])
    tables = folded([poison(1), good])
    (letter,) = tables.rows(DEAD_LETTERS)
    assert letter.position == 1
    assert letter.reason
    assert tables.contents()["work"]
