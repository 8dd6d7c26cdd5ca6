"""The documents say what the models do, and the committed copies say what the code does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from golden import ASYNCAPI, HOW_TO_CHANGE, SHAPES, changes, shapes, written
from jsonschema import Draft7Validator, Draft202012Validator

from coord.events.catalog import AGGREGATES, EVENT_TYPES, encode_event
from coord.events.commands import COMMANDS
from coord.events.documents import asyncapi, json_schema, openapi
from coord.events.envelope import to_headers
from coord.events.errors import UsageError
from coord.events.examples import COMMANDS as COMMAND_EXAMPLES
from coord.events.examples import ENVELOPE, OLD_EVENTS
from coord.events.examples import EVENTS as EVENT_EXAMPLES
from coord.events.examples import QUESTIONS as QUESTION_EXAMPLES
from coord.events.examples import SAMPLES as SAMPLE_EXAMPLES
from coord.events.questions import QUESTIONS
from coord.events.samples import SAMPLES, encode_sample, sample_type
from coord.events.schemas import names

DOCUMENT = asyncapi()
WIRE: dict[str, Any] = {
    **{type_: json.loads(encode_event(event)) for type_, event in {**EVENT_EXAMPLES, **OLD_EVENTS}.items()},
    **{sample_type(kind): json.loads(encode_sample(batch)) for kind, batch in SAMPLE_EXAMPLES.items()},
    **{
        name: asked.model_dump(mode="json", exclude_none=True)
        for name, asked in {**COMMAND_EXAMPLES, **QUESTION_EXAMPLES}.items()
    },
}


def references(node: Any) -> Iterator[str]:
    """Yield every $ref of a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolve(document: Any, reference: str) -> Any:
    """Return what a local $ref points at."""
    assert reference.startswith("#/")
    for part in reference[2:].split("/"):
        document = document[part]
    return document


@pytest.mark.parametrize("name", names())
def test_every_word_has_a_schema_that_is_one(name: str) -> None:
    schema = json_schema(name)
    Draft202012Validator.check_schema(schema)
    for reference in references(schema):
        resolve(schema, reference)


@pytest.mark.parametrize("name", WIRE)
def test_the_published_schema_takes_the_example_and_no_field_more(name: str) -> None:
    validator = Draft202012Validator(json_schema(name))
    assert validator.is_valid(WIRE[name])
    assert not validator.is_valid({**WIRE[name], "zzz": 1})


def test_all_schemas_come_in_one_document() -> None:
    document = json_schema()
    Draft202012Validator.check_schema(document)
    assert list(document["properties"]) == list(names())
    for reference in references(document):
        resolve(document, reference)


def test_a_schema_carries_the_sentences_under_its_fields() -> None:
    schema = json_schema("work.submitted")
    assert schema["description"] == "An item of work exists and may be claimed."
    assert schema["properties"]["priority"]["description"] == "0 to 9; 9 is claimed first."
    assert json_schema("progress")["properties"]["fence"]["description"].startswith(
        "The position of the claim."
    )


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("work.submitted", "work.submitted.v5"),
        ("hardware", "sample.hardware.v1"),
        ("sample.presence", "sample.presence.v1"),
    ],
)
def test_a_short_name_means_the_present_version(short: str, name: str) -> None:
    assert json_schema(short) == json_schema(name)


def test_a_name_nobody_knows_is_refused_with_those_that_are_close() -> None:
    with pytest.raises(UsageError) as refused:
        json_schema("work.submited\x1b[31m")
    assert "work.submitted" in refused.value.hint
    assert str(refused.value).isprintable()
    with pytest.raises(UsageError) as refused:
        json_schema("§§§")
    assert refused.value.hint == "`coord schema` lists them all."


def test_a_stored_shape_never_changes() -> None:
    before, now = json.loads(SHAPES.read_text()), shapes()
    changed = changes(before, now)
    assert not changed, f"{', '.join(changed)} changed shape: {HOW_TO_CHANGE}"
    new = sorted(now.keys() - before.keys())
    assert not new, f"{', '.join(new)} is new: run `make documents` and commit tests/data/schemas.json"


def test_a_changed_or_lost_shape_is_noticed_and_prose_is_not() -> None:
    now = shapes()
    reshaped = json.loads(json.dumps(now))
    reshaped["work.claimed.v2"]["properties"]["lease_seconds"]["maximum"] = 1.0
    assert changes(reshaped, now) == ["work.claimed.v2"]
    assert changes({**now, "work.vanished.v1": {}}, now) == ["work.vanished.v1"]
    assert changes({}, now) == []
    assert "description" not in json.dumps(now["work.claimed.v2"])


def test_the_committed_asyncapi_document_is_the_present_one() -> None:
    assert ASYNCAPI.read_text() == written(DOCUMENT), "run `make documents` and commit deploy/asyncapi.json"


def test_every_reference_in_the_asyncapi_document_resolves() -> None:
    found = list(references(DOCUMENT))
    assert len(found) > 200
    for reference in found:
        resolve(DOCUMENT, reference)


def test_the_asyncapi_document_has_the_structure_of_version_3() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert all({"host", "protocol"} <= server.keys() for server in DOCUMENT["servers"].values())
    for channel in DOCUMENT["channels"].values():
        assert channel["messages"]
        assert all(list(message) == ["$ref"] for message in channel["messages"].values())
        named = {part[1:-1] for part in (channel["address"] or "").split(".") if part.startswith("{")}
        assert named == channel.get("parameters", {}).keys()
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].startswith("#/channels/")


def test_every_operation_speaks_on_a_channel_and_every_request_has_a_reply_on_it() -> None:
    spoken = set()
    for operation in DOCUMENT["operations"].values():
        spoken.add(operation["channel"]["$ref"])
        reply = operation.get("reply")
        assert (reply is not None) == (operation["action"] == "receive")
        for message in reply["messages"] if reply else ():
            assert message["$ref"].startswith(reply["channel"]["$ref"] + "/messages/")
    assert spoken == {f"#/channels/{name}" for name in DOCUMENT["channels"] if name != "inbox"}


def test_every_message_has_a_payload_and_is_carried_by_some_channel() -> None:
    messages = DOCUMENT["components"]["messages"]
    carried = {name for channel in DOCUMENT["channels"].values() for name in channel["messages"]}
    assert carried == messages.keys()
    assert all("payload" in message for message in messages.values())
    assert {kind.type for kind in EVENT_TYPES} | OLD_EVENTS.keys() <= messages.keys()


def test_each_river_has_its_channels() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert {f"ev.{{site}}.{family}.{{id}}" for family in AGGREGATES} <= addresses
    assert {f"sample.{{site}}.{{node}}.{kind}" for kind in SAMPLES} <= addresses
    assert {f"cmd.{{pool}}.{{actor}}.{verb}" for verb in COMMANDS} <= addresses
    assert {f"ask.{name}" for name in QUESTIONS} <= addresses
    assert "live.{site}.{aggregate}.{id}" in addresses


@pytest.mark.parametrize(
    "name", [name for name, message in DOCUMENT["components"]["messages"].items() if "examples" in message]
)
def test_the_examples_in_the_document_fit_their_own_schemas(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    (example,) = message["examples"]
    for part in {"headers", "payload"} & message.keys():
        schema = {**message[part], "components": DOCUMENT["components"]}
        assert Draft7Validator(schema).is_valid(example[part])
        assert not Draft7Validator(schema).is_valid("something else")


def test_the_headers_in_the_document_are_those_of_an_envelope() -> None:
    headers = DOCUMENT["components"]["schemas"]["EventHeaders"]
    assert headers["properties"].keys() == to_headers(ENVELOPE).keys()
    for name in headers["required"]:
        broken = {key: value for key, value in to_headers(ENVELOPE).items() if key != name}
        assert not Draft7Validator(headers).is_valid(broken)


@pytest.mark.parametrize(("kind", "asked"), [("commands", COMMANDS), ("questions", QUESTIONS)])
def test_the_openapi_document_has_a_path_for_each_request(kind: Any, asked: dict[str, Any]) -> None:
    document = openapi(kind)
    assert document["openapi"] == "3.1.0"
    assert {f"/v1/{kind}/{name}" for name in asked} <= document["paths"].keys()
    assert {"/healthz", "/openapi.json"} <= document["paths"].keys()
    for path in ("/v1/tail", "/v1/rebuild"):
        assert (path in document["paths"]) == (kind == "questions")
    for reference in references(document):
        if not reference.startswith("#/$defs"):
            resolve(document, reference)


@pytest.mark.parametrize(("kind", "asked"), [("commands", COMMANDS), ("questions", QUESTIONS)])
def test_each_openapi_operation_has_a_body_an_answer_and_its_refusals(
    kind: Any, asked: dict[str, Any]
) -> None:
    document = openapi(kind)
    posts = [path["post"] for path in document["paths"].values() if "post" in path]
    operations = [post for post in posts if "requestBody" in post]
    assert len({operation["operationId"] for operation in operations}) == len(asked)
    for operation in operations:
        (body,) = operation["requestBody"]["content"].values()
        schema = {**body["schema"], "components": document["components"]}
        assert Draft202012Validator(schema).is_valid(body["example"])
        assert operation["responses"].keys() == {"200", "400", "404", "409", "503", "504"}
