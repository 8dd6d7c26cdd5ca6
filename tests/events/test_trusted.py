"""Models made of values that were checked before, and JSON written without pydantic: the same as the long way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coord.events.commands import Done, refusal
from coord.events.model import Words, light, trusted, weighty, written
from coord.events.planning import Retry, Scores
from coord.events.views import AgentView, ItemView

SCORES = Scores(priority=0.5556, age=0.0, deadline=0.0, match=1.0, fairness=1.0, total=0.5089)
ITEM = ItemView(
    id="w-1", title="ä \u2028 \"x\"", status="claimed", priority=5, lease_seconds=30.0, fence=12, retry=Retry(),
    body={"a": [1, None, 2.5, 1e300, {"b": None}], "c": ""}, depends_on=("w-2", "w-3"), scores=SCORES,
)  # fmt: skip
MODELS = (
    Done(id="w-1", position=12, item=ITEM, items=(ITEM, ITEM)),
    Done(id="ada", already=True, agent=AgentView(agent="ada", incarnation=7, status="active")),
    refusal("nothing_to_claim", "no open item fits ada.", "Submit some."),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_what_is_written_is_what_pydantic_writes(model: Words) -> None:
    assert json.loads(written(model)) == json.loads(model.model_dump_json(exclude_none=True))
    assert type(model).model_validate_json(written(model), strict=True) == model


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)  # fmt: skip
def test_whatever_an_item_is_about_is_written_as_it_is(body: object) -> None:
    shown = trusted(ItemView, ITEM.__dict__ | {"body": body})
    try:
        expected = ItemView(**shown.__dict__).model_dump_json(exclude_none=True)
    except ValueError:
        return  # half of a surrogate pair
    assert json.loads(written(shown)) == json.loads(expected)


def test_a_trusted_model_is_the_checked_one_with_its_defaults() -> None:
    fields: dict[str, Any] = {
        "id": "w-1",
        "title": "t",
        "status": "open",
        "priority": 5,
        "lease_seconds": 30.0,
    }
    assert trusted(ItemView, dict(fields)) == ItemView(**fields)
    assert repr(trusted(Done, {"id": "w-1"})) == repr(Done(id="w-1"))


def test_a_light_view_is_written_as_its_model_is_and_stands_for_it() -> None:
    lightly = light(ItemView)(**ITEM.__dict__)
    assert written(lightly) == written(ITEM)
    assert weighty(ItemView, lightly) == ITEM
