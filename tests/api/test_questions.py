"""From a query string to a question, and the document that says what there is."""

import json
from typing import Any, Final

import pytest

from coord.events.errors import UsageError
from coord.events.examples import QUESTIONS as EXAMPLES
from coord.events.openapi_http import openapi_http
from coord.events.questions import QUESTIONS
from coord.services.api.questions import fields_of

DOCUMENT: Final = openapi_http()


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_can_be_asked_by_a_query_string(name: str) -> None:
    """The example of each, written so, asks the same as its body does."""
    example = EXAMPLES[name].model_dump(mode="json", exclude_unset=True)
    pairs = [
        (field, str(one).lower() if isinstance(one, bool) else str(one))
        for field, value in example.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    raw = fields_of(name, pairs)
    assert QUESTIONS[name][0].model_validate_json(raw, strict=True) == EXAMPLES[name]


@pytest.mark.parametrize(
    ("name", "pairs", "sentence"),
    [
        ("bored", [], "there is no question 'bored'"),
        ("board", [("limit", "5"), ("limit", "6")], "'limit' is given 2 times"),
        ("board", [("limit", "many")], "limit is 'many'; it must be a whole number"),
        ("board", [("statuss", "open")], "board: statuss is 'open'"),
        ("board", [("status", "shut")], "is 'shut': it must be 'open', 'claimed'"),
        ("curve", [], "curve: run: it is missing"),
        ("trend", [("metrics", "a b")], "trend: metrics"),
        ("nodes", [("inventory", "perhaps")], "nodes: inventory is 'perhaps'"),
    ],
)
def test_what_does_not_fit_is_one_sentence(name: str, pairs: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        fields_of(name, pairs)
    assert sentence in caught.value.message


def test_a_past_moment_is_said_as_people_say_it() -> None:
    asked = json.loads(fields_of("nodes", [("at", "2026-11-02T00:00Z"), ("node", "n1"), ("limit", "5000")]))
    assert asked == {"node": "n1", "limit": 5_000, "at_ns": 1_793_577_600_000_000_000}
    for text in ("7", "#7"):
        assert json.loads(fields_of("health", [("at", text)])) == {"at_position": 7}
    assert "at_position" in json.loads(fields_of("state", [("at", "7")])), "the projector says why not"
    for pairs, sentence in (
        ([("at", "soon")], "at is 'soon', which names no moment"),
        ([("at", "1")] * 2, "2 times"),
    ):
        with pytest.raises(UsageError, match=sentence):
            fields_of("board", pairs)
    names = [one["name"] for one in DOCUMENT["paths"]["/v1/questions/nodes"]["get"]["parameters"]]
    assert {"at", "at_ns", "at_position"} <= set(names)


def test_a_limit_beyond_what_json_takes_is_the_projector_s_to_judge() -> None:
    assert json.loads(fields_of("board", [("limit", "50000")])) == {"limit": 50_000}


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for inner in node.values() for one in references(inner)]
    return [one for inner in node for one in references(inner)] if isinstance(node, list) else []


def test_the_document_has_every_question_and_leads_nowhere_else() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert {f"/v1/questions/{name}" for name in QUESTIONS} < DOCUMENT["paths"].keys()
    schemas = DOCUMENT["components"]["schemas"]
    assert {one.rpartition("/")[2] for one in references(DOCUMENT)} <= schemas.keys()
    operations = [
        one for path in DOCUMENT["paths"].values() for one in path.values() if isinstance(one, dict)
    ]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)


def test_each_operation_says_what_it_takes_and_how_it_refuses() -> None:
    for name in QUESTIONS:
        path = DOCUMENT["paths"][f"/v1/questions/{name}"]
        taken = {one["name"] for one in path["get"]["parameters"] if one["in"] == "query"}
        fields = QUESTIONS[name][0].model_fields.keys()
        assert taken == fields | ({"at"} if "at_ns" in fields else set())
        for verb in ("get", "post"):
            assert {"200", "400", "401", "403", "503"} <= path[verb]["responses"].keys()
            assert path[verb]["security"] == [{"token": []}]
    assert DOCUMENT["paths"]["/healthz"]["get"]["security"] == []
