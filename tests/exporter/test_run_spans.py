"""Training runs as traces: lives and roots, whatever became of the process."""

from copy import copy

from written import NS, Written

from coord.events import run as runs
from coord.events.envelope import Recorded
from coord.services.exporter.identity import root_of
from coord.services.exporter.names import SPANS
from coord.services.exporter.records import EndedSpan, SpanName
from coord.services.exporter.run_spans import Mark, items_of, root_at, spans_of_run

STARTED = runs.RunStarted(name="tiny gpt", node="n1", agent="ada", work_item="w-1", world_size=2)
STEP = runs.RunMetricsRecorded(
    writer="w", writer_sequence=1, points=(runs.Point(step=7, values={"loss": 2.0}),)
)
LOST = runs.RunLost(silent_seconds=61.0)
ITEMS = {"w-1": SpanName(5, 6)}


class Told:
    """A run's events; marks are found as the exporter finds them in the headers."""

    def __init__(self) -> None:
        self.written = Written()
        self.marks: list[Mark] = []
        self._heard_ns = 0
        self._lost = False
        self.spans: list[EndedSpan] = []

    def tell(self, event: object, seconds: float = 10.0) -> list[EndedSpan]:
        """Append an event; return the spans that it ends."""
        recorded = self.written.write("r-1", event)  # type: ignore[arg-type]
        if isinstance(event, runs.RunStarted | runs.RunFinished | runs.RunLost) or self._lost:
            self.marks.append(Mark(recorded, self._heard_ns))
            self._lost = isinstance(event, runs.RunLost)
        if not isinstance(event, runs.RunLost):
            self._heard_ns = recorded.recorded_at_ns
        self.written.rest(seconds)
        ended = list(spans_of_run(self.marks, recorded.position, ITEMS))
        self.spans += ended
        return ended

    def finish(self, outcome: str = "completed", step: int = 100) -> list[EndedSpan]:
        return self.tell(runs.RunFinished(outcome=outcome, step=step))  # type: ignore[arg-type]


def test_a_run_is_a_root_with_a_life_and_links_to_its_item() -> None:
    told = Told()
    assert told.tell(STARTED) == told.tell(STEP) == []
    life, root = told.finish()
    assert (life.name, root.name) == ("life 1", "TRAIN tiny gpt")
    assert (life.parent, root.parent) == (root.at, None)
    assert (root.began_ns, root.ended_ns) == (1_000 * NS, 1_020 * NS)
    assert [(link.to, link.kind) for link in root.links] == [(SpanName(5, 6), "work_item")]
    assert root.attributes["coord.run.starts"] == 1
    assert root.attributes["coord.run.step"] == 100
    assert root.attributes["host.name"] == "n1"
    assert root.fault is life.fault is None


def test_a_run_that_died_without_a_word_ended_when_it_was_last_heard() -> None:
    told = Told()
    told.tell(STARTED)
    told.tell(STEP, seconds=500)
    (life,) = told.tell(STARTED.model_copy(update={"resumed_from_step": 5}))
    assert (life.began_ns, life.ended_ns) == (1_000 * NS, 1_010 * NS)
    assert life.attributes["coord.run.outcome"] == "broken_off"
    assert life.fault is not None
    second, root = told.finish()
    assert [(link.to, link.kind) for link in second.links] == [(life.at, "retry_of")]
    assert second.attributes["coord.run.resumed_from_step"] == 5
    assert (root.attributes["coord.run.starts"], second.name) == (2, "life 2")


def test_a_lost_run_that_is_heard_again_lives_again() -> None:
    told = Told()
    told.tell(STARTED)
    (life,) = told.tell(LOST)
    assert (life.attributes["coord.run.outcome"], life.attributes["error.type"]) == ("lost", "run_lost")
    assert told.tell(STEP) == told.tell(STEP) == []
    again, root = told.finish()
    assert again.began_ns == 1_020 * NS
    assert again.name == "life 2"
    assert root.attributes["coord.run.starts"] == 1


def test_a_run_started_again_after_its_end_is_another_trace_that_continues_the_first() -> None:
    told = Told()
    told.tell(STARTED)
    _, first = told.finish("stopped")
    assert told.tell(STARTED) == []
    _, second = told.finish("failed")
    assert second.at.trace_id != first.at.trace_id
    assert (second.links[0].to, second.links[0].kind) == (first.at, "continues")
    assert second.fault == "the run failed"
    assert second.attributes["error.type"] == "run_failed"


def test_an_end_that_comes_twice_ends_nothing_again() -> None:
    told = Told()
    told.tell(STARTED)
    told.finish()
    assert told.finish() == []
    assert told.tell(LOST) == []


def test_what_is_said_of_a_run_belongs_to_the_trace_it_had_then() -> None:
    told = Told()
    told.tell(STARTED)
    told.finish()
    told.tell(STARTED)
    first, second = (root_of("run", "local", "r-1", f"e-{position}") for position in (1, 3))
    assert root_at(told.marks, 2) == first
    assert root_at(told.marks, 4) == second
    assert root_at([], 4) is None
    assert items_of(told.marks) == {"w-1"}


def test_spans_carry_what_the_table_of_names_allows() -> None:
    told = Told()
    told.tell(STARTED)
    told.tell(LOST)
    told.tell(STARTED.model_copy(update={"resumed_from_step": 5}))
    told.finish("failed")
    allowed = {span.name.partition(" ")[0]: set(span.attributes) for span in SPANS}
    assert len(told.spans) == 3
    for span in told.spans:
        assert span.attributes.keys() <= allowed[span.name.partition(" ")[0]], span.name


def test_a_run_whose_start_is_missing_ends_nothing() -> None:
    told = Told()
    assert told.finish() == []
    assert told.tell(LOST) == []
    assert isinstance(told.marks[0].recorded, Recorded)
    assert spans_of_run([copy(told.marks[0])], 77, {}) == ()
