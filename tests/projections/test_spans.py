"""A question about a span of time reads the segments that may hold some of it, and finds what all of them hold."""

from typing import Any

import pytest
from asked import ask
from histories import CREATED, SECOND_NS, START_NS, History, hardware

from coord.events.questions import Answer
from coord.projections.answers import measures, trends
from coord.projections.answers.spans import rows_since
from coord.projections.folds.samples import READINGS_HOT
from coord.projections.folds.shape import Table
from coord.projections.intake import take_in
from coord.projections.store import Reader, Store

HOUR_NS = 3_600 * SECOND_NS
HOURS = 5


def fill(store: Store) -> None:
    """Two messages an hour: one of now, one whose writer's clock is nearly an hour ahead; sealed but for the last."""
    said = History()
    for number in range(2 * HOURS):
        hour, ahead = divmod(number, 2)
        first_ms = (hour * 3_600 + ahead * 3_500) * 1_000
        batch = hardware(number, [(first_ms, 1.0), (first_ms + 70_000, float(number))], writer=f"m-{ahead}")
        said.sample(f"n{ahead}", "hardware", batch, START_NS + hour * HOUR_NS + 60 * SECOND_NS)
    store.apply(take_in(CREATED, said.samples))
    while store.seal(START_NS + (HOURS - 1) * HOUR_NS):
        """Another piece."""


def answers(store: Store) -> list[Answer]:
    """Ask for spans that end now and that begin in each hour."""
    end_ns = START_NS + (HOURS + 1) * HOUR_NS
    spans = [(HOURS + 1 - hour) * 3_600.0 + 30.0 for hour in range(HOURS)]
    asked: list[Answer] = [
        ask(store, "trend", metrics=("load",), seconds=seconds, until_ns=end_ns, bins=bins)
        for seconds in spans
        for bins in (12, 2_000)
    ]
    starts = (round(end_ns - seconds * SECOND_NS) for seconds in spans)
    return [
        *asked,
        *(ask(store, "readings", metric="load", since_ns=since_ns, until_ns=end_ns) for since_ns in starts),
    ]


def test_the_answers_are_those_of_all_segments(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    some = answers(store)
    assert all(answer.model_dump()["rows"] for answer in some)
    for module in (trends, measures):

        def whole(reader: Reader, table: Table[Any], _: int) -> str:
            return f'"{table.whole}"'

        monkeypatch.setattr(module, "rows_since", whole)
    assert some == answers(store)


def test_segments_that_ended_an_hour_before_are_not_read(store: Store) -> None:
    fill(store)
    with store.reader() as reader:
        counts = [
            rows_since(reader, READINGS_HOT, START_NS + hour * HOUR_NS).count("readings_1")
            for hour in (0, 2, 4)
        ]
        assert counts[0] == reader.value("SELECT count(*) FROM segments WHERE hot = 'readings_hot'")
    assert counts[0] > counts[1] > counts[2] > 0
