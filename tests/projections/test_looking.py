"""The questions that surfaces draw from: curves, marks, the time line and trends, over small histories."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from histories import CREATED, SECOND_NS, START_NS, History
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coord.events import alert, directive, run, samples
from coord.events.questions import QUESTIONS
from coord.projections.answers import ANSWERS, Moment, marks
from coord.projections.intake import take_in
from coord.projections.store import Kept, Store, keeping, open_store
from coord.projections.store.connection import begin_store

NOW_NS = START_NS + 100 * SECOND_NS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "coord.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(path, 256).store
    yield opened
    opened.close()


def ask(store: Store, name: str, now_ns: int = NOW_NS, **fields: Any) -> Any:
    with store.reader() as reader:
        answered = ANSWERS[name](reader, QUESTIONS[name][0](**fields), Moment(now_ns))
    return type(answered).model_validate_json(answered.model_dump_json())


def tell(store: Store, history: History) -> None:
    for messages in (history.messages, history.samples):
        if messages:
            store.apply(take_in(CREATED, messages))


class Told(History):
    """A history with a run that packs its points as a trainer does."""

    def __init__(self) -> None:
        super().__init__()
        self.packs = 0

    def pack(self, points: dict[int, dict[str, Any]], rank: int = 0, name: str = "r1") -> int:
        """Record points by step; returns the position."""
        event = run.RunMetricsRecorded(
            rank=rank,
            writer=f"w-{rank}",
            writer_sequence=self.packs,
            points=tuple(run.Point(step=step, values=values) for step, values in points.items()),
        )
        self.packs += 1
        return self.say(name, event)


def spiky(steps: int = 1_000, spike: int = 613) -> Told:
    history = Told()
    history.say("r1", run.RunStarted(name="tiny"))
    for first in range(0, steps, 100):
        history.pack({step: {"loss": 99.0 if step == spike else 2.0} for step in range(first, first + 100)})
    return history


def test_a_spike_of_one_step_is_in_the_curve_however_few_bins_there_are(store: Store) -> None:
    tell(store, spiky())
    for points in (1, 7, 40, 1_000):
        (line,) = ask(store, "curve", run="r1", points=points).lines
        assert len(line.steps) <= points
        assert (max(line.highest), min(line.lowest), line.steps[-1]) == (99.0, 2.0, 999)
    assert ask(store, "curve", run="r1", points=1_000).lines[0].last[613] == 99.0


def test_a_curve_is_asked_for_a_part_and_for_several_metrics_of_a_rank(store: Store) -> None:
    history = Told()
    history.say("r1", run.RunStarted(name="tiny"))
    history.pack({step: {"loss": float(step), "rate": 0.1} for step in range(10)})
    history.pack({step: {"loss": -1.0} for step in range(10)}, rank=1)
    tell(store, history)
    answer = ask(store, "curve", run="r1", metrics=("rate", "loss", "none"), first_step=3, last_step=5)
    assert [(line.metric, line.steps) for line in answer.lines] == [("rate", (3, 4, 5)), ("loss", (3, 4, 5))]
    assert answer.lines[1].last == (3.0, 4.0, 5.0)
    assert answer.metrics == ("loss", "rate")
    assert (answer.name, answer.status) == ("tiny", "running")
    assert ask(store, "curve", run="r1", rank=1).lines[0].last == (-1.0,) * 10
    assert ask(store, "curve", run="r9").code == "unknown_id"


def test_a_step_done_again_counts_as_it_was_done_last_and_its_spike_stays(store: Store) -> None:
    history = Told()
    history.say("r1", run.RunStarted(name="tiny"))
    history.pack({1: {"loss": 2.0}, 2: {"loss": 50.0}})
    history.pack({2: {"loss": 1.9}, 3: {"loss": 1.8}})
    tell(store, history)
    (line,) = ask(store, "curve", run="r1").lines
    assert (line.steps, line.last) == ((1, 2, 3), (2.0, 1.9, 1.8))
    assert (line.lowest, line.highest) == ((2.0, 1.9, 1.8), (2.0, 50.0, 1.8))


def test_what_is_no_number_stays_a_word(store: Store) -> None:
    history = Told()
    history.say("r1", run.RunStarted(name="tiny"))
    history.pack({1: {"loss": 2.0}, 2: {"loss": "nan"}, 3: {"loss": "inf"}, 4: {"loss": "nan"}})
    tell(store, history)
    (line,) = ask(store, "curve", run="r1").lines
    assert (line.lowest, line.highest) == ((2.0, "nan", "inf", "nan"), (2.0, "nan", "inf", "nan"))
    (whole,) = ask(store, "curve", run="r1", points=1).lines
    assert (whole.lowest, whole.highest, whole.last) == ((2.0,), ("nan",), ("nan",))


POINTS = st.lists(
    st.tuples(st.integers(0, 60), st.floats(-1e6, 1e6, allow_nan=False)), min_size=1, max_size=60
)


@given(told=POINTS, bins=st.integers(1, 20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_extreme_is_ever_lost(told: list[tuple[int, float]], bins: int, path: Path) -> None:
    history = Told()
    history.say("r1", run.RunStarted(name="tiny"))
    for step, value in told:
        history.pack({step: {"loss": value}})
    store = begin_store(path, 256)
    try:
        tell(store, history)
        (line,) = ask(store, "curve", run="r1", points=bins).lines
    finally:
        store.close()
    assert len(line.steps) <= bins
    assert max(line.highest) == max(value for _, value in told)
    assert min(line.lowest) == min(value for _, value in told)
    assert line.steps[-1] == max(step for step, _ in told)
    assert list(line.steps) == sorted(set(line.steps))
    assert all(
        low <= last <= high for low, last, high in zip(line.lowest, line.last, line.highest, strict=True)
    )


def eventful() -> Told:
    history = spiky(700)
    cause = 8
    history.say(
        "a-1",
        alert.AlertRaised(
            rule="loss-spike", entity_kind="run", entity="r1", severity="critical", summary="it spiked",
            evidence=(alert.Evidence(stream="EVENTS", position=cause),),
        ),
    )  # fmt: skip
    for number in (1, 2):
        history.say(
            "r1",
            directive.DirectiveIssued(
                directive_id=f"d-{number}", entity_kind="run", action="pause", epoch=cause, live_seconds=60.0,
                reason="it spiked",
            ),
        )  # fmt: skip
    history.say(
        "r1", run.RunDirectiveApplied(directive_id="d-1", directive_position=10, step=640, note="paused")
    )
    history.say(
        "r1",
        run.RunCheckpointWritten(step=500, path="c/500", sha256="0" * 64, size_bytes=1, write_seconds=0.1),
    )
    history.say("r1", run.RunOutOfMemory(step=650, micro_batch=8, reason="no room"))
    history.say("r1", run.RunFinished(outcome="failed", step=660, reason="no room"))
    history.say("r1", run.RunStarted(name="tiny", resumed_from_step=500))
    return history


def test_the_marks_of_a_curve_name_their_steps(store: Store) -> None:
    tell(store, eventful())
    answer = ask(store, "curve", run="r1")
    assert [(mark.kind, mark.step, mark.words) for mark in answer.marks] == [
        ("start", 0, "started"),
        ("checkpoint", 500, "checkpoint at step 500"),
        ("start", 500, "resumed from step 500"),
        ("alert", 613, "it spiked"),
        ("directive", 640, "pause applied: paused"),
        ("out_of_memory", 650, "out of memory with a micro-batch of 8"),
        ("end", 660, "failed: no room"),
        ("directive", 699, "pause issued"),
    ]
    spike = answer.marks[3]
    assert (spike.position, spike.severity, spike.status, spike.id) == (9, "critical", "active", "a-1")
    part = ask(store, "curve", run="r1", first_step=600, last_step=645)
    assert [mark.kind for mark in part.marks] == ["alert", "directive"]


def test_the_time_line_counts_every_event_once_and_knows_the_positions(store: Store) -> None:
    history = History()
    for second, count in ((1, 3), (2, 1), (50, 6)):
        for _ in range(count):
            history.say(f"w-{len(history.messages)}", run.RunStarted(name="x"), START_NS + second * SECOND_NS)
    tell(store, history)
    answer = ask(store, "timeline", since_ns=START_NS, until_ns=NOW_NS, bins=10)
    assert answer.counts == (4, 0, 0, 0, 0, 6, 0, 0, 0, 0)
    assert answer.positions == (4, 4, 4, 4, 4, 10, 10, 10, 10, 10)
    assert (answer.since_ns, answer.until_ns) == (START_NS, NOW_NS)
    later = ask(store, "timeline", since_ns=START_NS + 10 * SECOND_NS, until_ns=NOW_NS, bins=2)
    assert (later.counts, later.positions) == ((6, 0), (10, 10))
    whole = ask(store, "timeline", bins=3)
    assert (sum(whole.counts), whole.positions[-1], len(whole.counts)) == (10, 10, 3)


def test_a_broker_clock_that_goes_back_counts_to_the_newest_second(store: Store) -> None:
    history = History()
    for second in (5, 9, 3, 8, 9, 11):
        history.say(f"w-{second}", run.RunStarted(name="x"), START_NS + second * SECOND_NS)
    tell(store, history)
    with store.reader() as reader:
        rows = reader.rows("SELECT * FROM pace ORDER BY second_ns")
    assert [(row["second_ns"] - START_NS) // SECOND_NS for row in rows] == [5, 9, 11]
    assert [(row["events"], row["position"]) for row in rows] == [(1, 1), (4, 5), (1, 6)]


def test_the_time_line_of_an_empty_log_is_empty(store: Store) -> None:
    answer = ask(store, "timeline", bins=4)
    assert (answer.counts, answer.positions, answer.marks) == ((0,) * 4, (0,) * 4, ())
    turned = ask(store, "timeline", since_ns=NOW_NS, until_ns=START_NS, bins=4)
    assert (turned.counts, turned.since_ns) == ((0,) * 4, START_NS)


def test_the_marks_of_the_time_line_are_in_order_and_the_newest_of_too_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(store, eventful())
    answer = ask(store, "timeline")
    kinds = [mark.kind for mark in answer.marks]
    assert kinds == ["start", "alert", "directive", "directive", "end", "start"]
    assert [mark.position for mark in answer.marks] == sorted(mark.position for mark in answer.marks)
    assert not answer.truncated
    monkeypatch.setattr(marks, "MARKS_MAX", 2)
    cut = ask(store, "timeline")
    assert ([mark.kind for mark in cut.marks], cut.truncated) == (["end", "start"], True)


def _heat(history: History, sequence: int, at_ns: int, values: list[float], device: str = "gpu0") -> None:
    series = samples.Series(
        metric="heat",
        device=device,
        offsets_ms=tuple(range(0, 1000 * len(values), 1000)),
        values=tuple(values),
    )
    batch = samples.HardwareSample(
        writer=device, writer_sequence=sequence, started_at_ns=at_ns, series=(series,)
    )
    history.sample("n1", "hardware", batch, at_ns=at_ns)


def test_a_trend_of_a_short_window_is_made_of_readings(store: Store) -> None:
    history = History()
    _heat(history, 0, NOW_NS - 40 * SECOND_NS, [10.0, 20.0, 60.0])
    _heat(history, 1, NOW_NS - 10 * SECOND_NS, [5.0])
    tell(store, history)
    answer = ask(store, "trend", metrics=("heat",), seconds=60, bins=6)
    (row,) = answer.rows
    assert (row.node, row.device) == ("n1", "gpu0")
    assert row.values == (None, None, 30.0, None, None, 5.0)
    assert row.highest == (None, None, 60.0, None, None, 5.0)
    assert (answer.until_ns, answer.since_ns) == (NOW_NS, NOW_NS - 60 * SECOND_NS)
    assert ask(store, "trend", metrics=("heat",), node="n2").rows == ()
    assert ask(store, "trend", metrics=("cold",)).rows == ()


def test_a_trend_of_a_long_window_is_made_of_minutes(store: Store) -> None:
    history = History()
    hour_ns = 3_600 * SECOND_NS
    for number in range(6):
        _heat(
            history,
            number,
            NOW_NS - (5 - number) * hour_ns - 1_800 * SECOND_NS,
            [float(number), number + 2.0],
        )
    tell(store, history)
    while store.seal(NOW_NS):
        """Another piece."""
    store.keeping = keeping(Kept(3_600, 0), Kept(400 * 86_400, 1_000))
    assert store.drop_segments(NOW_NS)
    with store.reader() as reader:
        assert reader.counts()["readings"] == 0
    (row,) = ask(store, "trend", metrics=("heat",), seconds=6 * 3_600, bins=6).rows
    assert row.values == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert row.highest == (2.0, 3.0, 4.0, 5.0, 6.0, 7.0)


def test_a_trend_is_cut_at_so_many_series(store: Store) -> None:
    history = History()
    for place in range(3):
        _heat(history, 0, NOW_NS - SECOND_NS, [1.0], device=f"gpu{place}")
    tell(store, history)
    cut = ask(store, "trend", metrics=("heat",), seconds=10, limit=2)
    assert ([row.device for row in cut.rows], cut.truncated) == (["gpu0", "gpu1"], True)
    assert not ask(store, "trend", metrics=("heat",), seconds=10, limit=3).truncated
