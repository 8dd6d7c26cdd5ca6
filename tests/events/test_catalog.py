"""Laws of the catalog: every type, command, question and sample, the moment it is listed."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from coord.events import examples
from coord.events.body import DEPTH_MAX, encode_object
from coord.events.catalog import (
    AGGREGATES,
    EVENT_TYPES,
    EventType,
    decode_event,
    encode_event,
    find_kind,
    kind_of,
)
from coord.events.commands import COMMANDS, REFUSALS, Invalid, Refusal, Reply, Unknown, refusal
from coord.events.errors import Exit, InvalidEvent
from coord.events.model import Event
from coord.events.questions import QUESTIONS
from coord.events.samples import SAMPLES, decode_sample, encode_sample
from coord.events.tokens import is_token
from coord.events.upcasters import UPCASTERS
from coord.events.work import WorkCompleted, WorkSubmitted

KINDS = pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.type)
EVERYTHING: dict[str, BaseModel] = {
    **examples.EVENTS,
    **examples.OLD_EVENTS,
    **{f"command {verb}": one for verb, one in examples.COMMANDS.items()},
    **{f"question {name}": one for name, one in examples.QUESTIONS.items()},
    **{f"sample {kind}": one for kind, one in examples.SAMPLES.items()},
}
WORDS = pytest.mark.parametrize("word", EVERYTHING)


def test_every_type_has_exactly_one_example() -> None:
    assert list(examples.EVENTS) == [kind.type for kind in EVENT_TYPES]
    assert list(examples.OLD_EVENTS) == list(UPCASTERS)
    assert examples.COMMANDS.keys() == COMMANDS.keys()
    assert examples.QUESTIONS.keys() == QUESTIONS.keys()
    assert examples.SAMPLES.keys() == SAMPLES.keys()


def test_the_catalog_is_in_order_and_every_name_fits_its_place() -> None:
    assert [kind.type for kind in EVENT_TYPES] == sorted(kind.type for kind in EVENT_TYPES)
    assert all(is_token(family) for family in AGGREGATES)
    assert all(is_token(name) for name in (*COMMANDS, *QUESTIONS, *SAMPLES))
    assert not COMMANDS.keys() & QUESTIONS.keys()


@KINDS
def test_an_example_is_of_its_own_type(kind: EventType) -> None:
    assert kind_of(examples.EVENTS[kind.type]) == kind
    assert find_kind(kind.type) == kind


@KINDS
def test_an_event_survives_the_log_and_keeps_its_bytes(kind: EventType) -> None:
    raw = encode_event(examples.EVENTS[kind.type])
    event = decode_event(kind.type, raw, kind.aggregate)
    assert event == examples.EVENTS[kind.type]
    assert encode_event(event) == raw


@KINDS
def test_an_event_on_the_subject_of_another_family_is_refused(kind: EventType) -> None:
    raw = encode_event(examples.EVENTS[kind.type])
    other = next(family for family in AGGREGATES if family != kind.aggregate)
    with pytest.raises(InvalidEvent, match="stands on a subject of"):
        decode_event(kind.type, raw, other)


@KINDS
@pytest.mark.parametrize("version", ["v99", "v0", "v01", "V1", ""])
def test_a_version_nobody_wrote_is_refused(kind: EventType, version: str) -> None:
    raw = encode_event(examples.EVENTS[kind.type])
    with pytest.raises(InvalidEvent, match="not in the catalog"):
        decode_event(f"{kind.name}.{version}", raw, kind.aggregate)


@WORDS
def test_nothing_can_be_changed_after_it_was_made(word: str) -> None:
    one = EVERYTHING[word]
    for field in type(one).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(one, field, None)


@WORDS
def test_every_word_survives_its_json(word: str) -> None:
    one = EVERYTHING[word]
    raw = one.model_dump_json(exclude_none=True)
    assert type(one).model_validate_json(raw, strict=True) == one


@WORDS
def test_a_field_nobody_knows_is_refused(word: str) -> None:
    one = EVERYTHING[word]
    fields = {**one.model_dump(mode="json", exclude_none=True), "zzz": 1}
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(one).model_validate_json(json.dumps(fields), strict=True)


@WORDS
def test_a_needed_field_may_not_be_missing_or_null(word: str) -> None:
    one = EVERYTHING[word]
    fields = one.model_dump(mode="json", exclude_none=True)
    needed = [name for name, field in type(one).model_fields.items() if field.is_required()]
    for name in needed:
        for broken in ({**fields, name: None}, {key: value for key, value in fields.items() if key != name}):
            with pytest.raises(ValidationError):
                type(one).model_validate_json(json.dumps(broken), strict=True)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_sample_survives_its_stream(kind: str) -> None:
    raw = encode_sample(examples.SAMPLES[kind])
    assert decode_sample(kind, raw) == examples.SAMPLES[kind]


@pytest.mark.parametrize("change", [
    {"offsets_ms": [0]},
    {"offsets_ms": [5, 4]},
    {"offsets_ms": [0, 2**62]},
    {"offsets_ms": [-1, 0]},
    {"values": [1.0, "nan"]},
    {"metric": "no name"},
])  # fmt: skip
def test_readings_that_do_not_fit_together_are_refused(change: dict[str, Any]) -> None:
    series = {"metric": "cpu_utilization_ratio", "offsets_ms": [0, 1], "values": [1.0, 2.0], **change}
    batch = {"writer": "m", "writer_sequence": 1, "started_at_ns": 1, "series": [series]}
    with pytest.raises(InvalidEvent):
        decode_sample("hardware", json.dumps(batch).encode())


def test_one_metric_of_one_device_stands_once_in_a_batch() -> None:
    series = {"metric": "cpu_utilization_ratio", "offsets_ms": [0], "values": [1.0]}
    batch = {"writer": "m", "writer_sequence": 1, "started_at_ns": 1, "series": [series, series]}
    with pytest.raises(InvalidEvent, match="twice"):
        decode_sample("hardware", json.dumps(batch).encode())


def test_a_kind_of_sample_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="not a kind of sample"):
        decode_sample("weather", b"{}")


@pytest.mark.parametrize("raw", [
    b'{"title":1}', b'{"title":""}', b'{"title":"x","priority":10}', b'{"title":"x","priority":5.0}',
    b'{"title":"x","priority":true}', b'{"title":"x","lease_seconds":0}', b'{"title":"x","lease_seconds":"30"}',
    b'{"title":"x","capabilities":["a b"]}', b'{"title":"x","team":"a.b"}', b'{"title":"x","\\u001b[31m":1}', b"{}",
])  # fmt: skip
def test_a_wrong_field_is_named_in_one_printable_sentence(raw: bytes) -> None:
    with pytest.raises(InvalidEvent, match=r"^work\.submitted\.v5: ") as refused:
        decode_event("work.submitted.v5", raw, "work")
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../b", "a//b", "a/", "~/x", "a.pt", "a\nb", "x" * 65, ""]
)
def test_the_path_of_a_checkpoint_leads_nowhere_else(path: str) -> None:
    fields = examples.EVENTS["run.checkpoint_written.v1"].model_dump()
    raw = json.dumps({**fields, "path": path}).encode()
    with pytest.raises(InvalidEvent, match=r"^run\.checkpoint_written\.v1: path is "):
        decode_event("run.checkpoint_written.v1", raw, "run")


def test_a_missing_field_is_called_missing_and_nothing_else() -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode_event("work.submitted.v5", b'{"priority":5}', "work")
    assert refused.value.message == "work.submitted.v5: title: it is missing."


def test_the_json_of_an_item_keeps_its_nulls() -> None:
    body: Any = {"a": None, "b": [None, {"c": None}]}
    raw = encode_event(WorkSubmitted(title="x", body=body))
    event = decode_event("work.submitted.v5", raw, "work")
    assert isinstance(event, WorkSubmitted)
    assert event.body == body


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
))  # fmt: skip
def test_any_result_is_refused_or_read_back_the_same(result: Any) -> None:
    try:
        raw = encode_event(WorkCompleted(agent="ada", fence=1, result=result))
    except (ValidationError, InvalidEvent):
        return
    event = decode_event("work.completed.v1", raw, "work")
    assert isinstance(event, WorkCompleted)
    assert event.result == result


@pytest.mark.parametrize("depth", range(DEPTH_MAX - 6, DEPTH_MAX + 3))
def test_what_a_model_takes_at_its_deepest_can_also_be_written(depth: int) -> None:
    body: Any = []
    for _ in range(depth):
        body = [body]
    try:
        event: Event = WorkSubmitted(title="x", body=body)
    except ValidationError:
        assert depth > DEPTH_MAX - 4
    else:
        assert decode_event("work.submitted.v5", encode_event(event), "work") == event


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_has_a_code_and_an_exit_code(code: str) -> None:
    no = refusal(code, REFUSALS[code])
    assert no.exit_code == (Exit.NOTHING if code in ("not_yet", "nothing_to_claim") else Exit.REFUSED)
    assert TypeAdapter(Reply).validate_json(no.model_dump_json()) == no


def test_a_reply_is_one_of_four_and_says_which() -> None:
    kinds = get_args(get_args(Reply)[0])
    assert [kind.model_fields["status"].default for kind in kinds] == [
        "done",
        "refused",
        "unknown",
        "invalid",
    ]
    assert (
        Refusal.model_fields["exit_code"].default,
        Unknown(reason="").exit_code,
        Invalid(reason="").exit_code,
    ) == (4, 6, 2)


@KINDS
def test_the_quick_way_of_writing_writes_what_the_slow_one_does(kind: EventType) -> None:
    event = examples.EVENTS[kind.type]
    assert encode_event(event) == encode_object(event.model_dump(mode="json", exclude_none=True))


@pytest.mark.parametrize("result", [{"a": None}, ["null"], 2**63, {"x": 1e300}, "\x00", "é", [[[1]]]])
def test_what_is_not_written_quickly_is_written_or_refused_as_ever(result: object) -> None:
    event = WorkCompleted.model_construct(agent="a-1", fence=3, result=result)
    try:
        wanted = encode_object(event.model_dump(mode="json", exclude_none=True))
    except InvalidEvent as refused:
        with pytest.raises(InvalidEvent, match=str(refused)[:20]):
            encode_event(event)
    else:
        assert encode_event(event) == wanted
