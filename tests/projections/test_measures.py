"""What is measured: the list of metrics, readings as they were taken, spans of the past, and answers as tables."""

import json
from collections.abc import Iterator
from typing import Any

import nanoarrow
import pytest
from asked import NOW_NS, ask, tell
from histories import SECOND_NS, History

from coord.events import agent, run, samples
from coord.events.answer import AS_OF, TRUNCATED
from coord.events.errors import UsageError
from coord.events.measures import unit_of
from coord.events.questions import QUESTIONS
from coord.projections.answers import ANSWERS, Moment
from coord.projections.answers.tabular import list_of, to_table
from coord.projections.store import Store, open_store
from coord.services.hardware.metrics import METRICS


def heat(history: History, device: str, *values: float, ago: float = 10.0, late: float = 0.0) -> None:
    """Read a device once a second, from so long ago on; the broker hears of it `late` seconds later."""
    began_ns = round(NOW_NS - ago * SECOND_NS)
    one = samples.Series(
        metric="gpu_temperature_celsius",
        device=device,
        offsets_ms=tuple(1_000 * place for place in range(len(values))),
        values=values,
    )
    batch = samples.HardwareSample(
        writer=f"m-{device}", writer_sequence=len(history.samples), started_at_ns=began_ns, series=(one,)
    )
    history.sample("n1", "hardware", batch, at_ns=round(began_ns + late * SECOND_NS))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with two GPUs and a run."""
    store = open_store(tmp_path_factory.mktemp("told") / "coord.duckdb", 256).store
    history = History()
    heat(history, "gpu0", 60.0, 61.0, 65.0, 62.0)
    heat(history, "gpu1", 70.0, ago=5.0)
    history.say("ada", agent.AgentRegistered(team="blue"))
    history.say("r1", run.RunStarted(name="tiny", configuration={"layers": 4}))
    points = (run.Point(step=1, values={"loss": 2.0, "odd": "nan"}),)
    history.say("r1", run.RunMetricsRecorded(rank=0, writer="w", writer_sequence=0, points=points))
    tell(store, history)
    yield store
    store.close()


def test_the_newest_reading_of_each_series_is_told(told: Store) -> None:
    found = ask(told, "latest", metric="gpu_temperature_celsius")
    assert [(row.node, row.device, row.value) for row in found.rows] == [
        ("n1", "gpu0", 62.0),
        ("n1", "gpu1", 70.0),
    ]
    assert found.rows[0].at_ns == NOW_NS - 7 * SECOND_NS
    assert not found.truncated
    assert ask(told, "latest").rows == found.rows
    assert [row.device for row in ask(told, "latest", node="n1", device="gpu1").rows] == ["gpu1"]
    assert ask(told, "latest", node="n9").rows == ask(told, "latest", device="").rows == ()


def test_the_newest_readings_are_cut_at_so_many_series_and_that_is_told(told: Store) -> None:
    cut = ask(told, "latest", limit=1)
    assert ([row.device for row in cut.rows], cut.truncated) == (["gpu0"], True)


@pytest.mark.parametrize("metric", METRICS)
def test_the_unit_of_every_metric_of_the_monitor_stands_in_its_name(metric: str) -> None:
    assert unit_of(metric) == METRICS[metric].unit


@pytest.mark.parametrize(
    ("metric", "unit"), [("tokens_per_second", "tokens/s"), ("step_seconds", "s"), ("loss", "")]
)
def test_the_unit_of_a_run_s_metric_is_read_likewise(metric: str, unit: str) -> None:
    assert unit_of(metric) == unit


def test_every_metric_is_listed_once_with_its_newest_value(told: Store) -> None:
    rows = ask(told, "metrics").rows
    assert [(row.told_by, row.metric, row.series, row.tellers) for row in rows] == [
        ("nodes", "gpu_temperature_celsius", 2, 1), ("runs", "loss", 1, 1), ("runs", "odd", 1, 1),
    ]  # fmt: skip
    assert (rows[0].value, rows[0].device, rows[0].newest_of) == (62.0, "gpu0", "n1") or rows[0].value == 70.0
    assert rows[2].value == "nan"
    assert [row.metric for row in ask(told, "metrics", node="n1").rows] == ["gpu_temperature_celsius"]
    assert ask(told, "metrics", node="n9").rows == ()
    cut = ask(told, "metrics", limit=1)
    assert (len(cut.rows), cut.truncated) == (1, True)


def test_readings_come_as_they_were_taken_oldest_first(told: Store) -> None:
    asked: dict[str, Any] = {"metric": "gpu_temperature_celsius"}
    rows = ask(told, "readings", **asked).rows
    assert [(row.device, row.value) for row in rows] == [
        ("gpu0", 60.0), ("gpu0", 61.0), ("gpu0", 65.0), ("gpu0", 62.0), ("gpu1", 70.0),
    ]  # fmt: skip
    assert rows[1].at_ns - rows[0].at_ns == SECOND_NS
    assert [row.value for row in ask(told, "readings", **asked, device="gpu1").rows] == [70.0]
    assert ask(told, "readings", **asked, node="n9").rows == ()
    some = ask(told, "readings", **asked, since_ns=rows[1].at_ns, limit=2)
    assert ([row.value for row in some.rows], some.truncated) == ([61.0, 65.0], True)


def test_a_past_span_holds_what_was_known_by_its_end(store: Store) -> None:
    history = History()
    heat(history, "gpu0", 60.0, 61.0, ago=20.0)
    heat(history, "gpu0", 99.0, ago=18.0, late=6.0)
    tell(store, history)
    asked: dict[str, Any] = {"metrics": ("gpu_temperature_celsius",), "seconds": 10, "bins": 1}
    (row,) = ask(store, "trend", **asked, until_ns=NOW_NS - 15 * SECOND_NS).rows
    assert (row.values, row.lowest, row.highest) == ((60.5,), (60.0,), (61.0,))
    (row,) = ask(store, "trend", **asked, until_ns=NOW_NS - 11 * SECOND_NS).rows
    assert (row.lowest, row.highest) == ((60.0,), (99.0,))
    assert ask(store, "trend", **asked, device="gpu9").rows == ()
    readings: dict[str, Any] = {"metric": "gpu_temperature_celsius", "until_ns": NOW_NS - 15 * SECOND_NS}
    assert [one.value for one in ask(store, "readings", **readings).rows] == [60.0, 61.0]


def test_a_run_that_is_asked_for_by_name_says_how_it_trains(told: Store) -> None:
    assert ask(told, "runs", run="r1").rows[0].configuration == {"layers": 4}
    assert ask(told, "runs").rows[0].configuration == {}


def table(store: Store, name: str, **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ask, and read the answer's table as somebody else would."""
    with store.reader() as reader:
        answer = ANSWERS[name](reader, QUESTIONS[name][0](**fields), Moment(NOW_NS))
    stream = nanoarrow.ArrayStream.from_readable(to_table(name, answer))  # type: ignore[arg-type]
    metadata = {key.decode(): value.decode() for key, value in stream.schema.metadata.items()}
    return metadata, stream.read_all().to_pylist()


LISTS = [name for name in ANSWERS if name not in ("curve", "show", "state", "stats", "timeline")]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_a_table_with_a_column_for_each_field(told: Store, name: str) -> None:
    needed: dict[str, Any] = {
        "trend": {"metrics": ("gpu_temperature_celsius",)},
        "mine": {"agent": "ada"},
        "readings": {"metric": "gpu_temperature_celsius"},
    }
    metadata, rows = table(told, name, **needed.get(name, {}))
    assert json.loads(metadata[AS_OF])["time_ns"] == NOW_NS
    assert metadata[TRUNCATED] == "false"
    assert all(row.keys() == list_of(name)[1].model_fields.keys() for row in rows)


def test_a_table_keeps_numbers_and_writes_parts_as_json(told: Store) -> None:
    _, rows = table(told, "metrics")
    assert rows[1]["value"] == 2.0
    assert rows[2]["value"] != rows[2]["value"]
    _, rows = table(told, "runs", run="r1")
    assert json.loads(rows[0]["configuration"]) == {"layers": 4}
    assert (rows[0]["node"], rows[0]["step"]) == (None, 1)
    metadata, rows = table(told, "metrics", limit=1)
    assert (len(rows), metadata[TRUNCATED]) == (1, "true")


def test_what_is_no_list_is_no_table() -> None:
    with pytest.raises(UsageError, match="what show answers is no list, and comes as JSON alone"):
        list_of("show")
