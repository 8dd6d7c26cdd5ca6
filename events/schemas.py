"""JSON Schema of every word: events and their old versions, samples, commands, questions and answers.

Written from the models, with the sentence that stands under each field. The sentences are read from the
models' own source when a schema is asked for: pydantic could keep them, at 40 ms of every start.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from coord.events.catalog import EVENT_TYPES
from coord.events.commands import COMMANDS, Reply
from coord.events.errors import UsageError, visible
from coord.events.log_entry import LogEntry
from coord.events.questions import QUESTIONS
from coord.events.samples import SAMPLES, sample_type
from coord.events.upcasters import UPCASTERS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
VERSION: Final = "1.0.0"
"""Of the documents: its first number changes with the subjects or the envelope, never with one type."""

REPLY: Final = "reply"
LOG_ENTRY: Final = "log_entry"
OLD_TYPES: Final = tuple(UPCASTERS)

STORED: Final[dict[str, type[BaseModel]]] = {
    **{kind.type: kind.model for kind in EVENT_TYPES},
    **{old_type: upcaster.model for old_type, upcaster in UPCASTERS.items()},
    **{sample_type(kind): model for kind, model in SAMPLES.items()},
}
"""Every shape a stream may hold: these never change (a golden file holds them)."""

MODELS: Final[dict[str, Any]] = {
    **STORED,
    **COMMANDS,
    REPLY: Reply,
    **{name: question for name, (question, _) in QUESTIONS.items()},
    **{f"{name}.answer": answer for name, (_, answer) in QUESTIONS.items()},
    LOG_ENTRY: LogEntry,
}
"""Every word by name."""

_SHORT: Final = {
    **{kind.name: kind.type for kind in EVENT_TYPES},
    **{kind: sample_type(kind) for kind in SAMPLES},
    **{f"sample.{kind}": sample_type(kind) for kind in SAMPLES},
}

assert len(MODELS) == len(STORED) + len(COMMANDS) + 2 * len(QUESTIONS) + 2
assert not _SHORT.keys() & MODELS.keys()


def names() -> tuple[str, ...]:
    """Return every name `json_schema` knows, without the short forms."""
    return tuple(MODELS)


def json_schema(name: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema of one word, or of all of them by name under `$defs`.

    Names: an event with or without its version (old versions with theirs), a command's verb, `reply`, a
    question, `<question>.answer`, a kind of sample with or without `sample.` and version, `log_entry`.

    Raises:
        UsageError: no such name; the hint names those that are close.
    """
    if name is None:
        references, schemas = components(MODELS, "#/$defs/{model}")
        return {"$schema": DIALECT, "title": "coord", "properties": references, "$defs": schemas}
    word = _SHORT.get(name, name)
    if word not in MODELS:
        raise UsageError(
            f"there is no event, command, question or sample '{visible(name)}'.", _close_to(name)
        )
    return {"$schema": DIALECT, **TypeAdapter(MODELS[word]).json_schema(schema_generator=_Schemas)}


def summary_of(word: str) -> str:
    """Return the sentence that stands first in a word's docstring."""
    return inspect.cleandoc(MODELS[word].__doc__ or "").partition("\n")[0]


def components(
    models: Mapping[str, Any], template: str = "#/components/schemas/{model}"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a schema or reference for each model, and the shared schemas they refer to."""
    inputs = [(word, "validation", TypeAdapter(model)) for word, model in models.items()]
    found, definitions = TypeAdapter.json_schemas(
        inputs,  # type: ignore[arg-type]  # a tuple's Literal is widened by the comprehension
        ref_template=template,
        schema_generator=_Schemas,
    )
    return {word: schema for (word, _), schema in found.items()}, definitions.get("$defs", {})


class _Schemas(GenerateJsonSchema):
    """Pydantic's generator without made-up titles, with the fields' sentences, and with closed maps."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        written = super().dict_schema(schema)
        if "patternProperties" in written:
            written["additionalProperties"] = False
            written.pop("propertyNames", None)
        return written

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        written = super().model_schema(schema)
        for field, sentence in _sentences(schema["cls"]).items():
            written["properties"][field].setdefault("description", sentence)
        return written


def _sentences(model: type[BaseModel]) -> dict[str, str]:
    """Return what stands under each field of a model, its own and its parents'."""
    found: dict[str, str] = {}
    for parent in reversed(model.__mro__):
        if issubclass(parent, BaseModel) and parent.__module__.startswith("coord."):
            found |= _sentences_in(parent)
    return found


def _sentences_in(model: type[BaseModel]) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found


def _close_to(name: str) -> str:
    close = get_close_matches(name, (*MODELS, *_SHORT), n=4, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else "`coord schema` lists them all."
