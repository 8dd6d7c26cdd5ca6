"""The catalog as documents: JSON Schema of every word, AsyncAPI 3.0 for the bus, OpenAPI 3.1 for the sockets.

Everything is derived from the catalog, so no document can say what the models do not. `schemas` holds JSON
Schema, `openapi` the sockets, this module the bus. `make documents` writes the copy in deploy/.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from msgspec.structs import replace

from coord.events.answer import (
    ACCEPT,
    AFTER,
    ARROW,
    ARROW_ROWS_MAX,
    AS_OF,
    FORM,
    ROWS_MAX,
    TRUNCATED,
    list_in,
)
from coord.events.catalog import AGGREGATES, EVENT_TYPES, encode_event
from coord.events.commands import COMMANDS
from coord.events.envelope import (
    ATTRIBUTE_LENGTH_MAX,
    ATTRIBUTE_PATTERN,
    CONTENT_TYPE,
    HEADER_FIELDS,
    HEADERS_FIXED,
    HEADERS_NEEDED,
    MESSAGE_ID,
    SOURCE_PATTERN,
    TIME_PATTERN,
    to_headers,
)
from coord.events.examples import COMMANDS as COMMAND_EXAMPLES
from coord.events.examples import ENVELOPE, OLD_EVENTS
from coord.events.examples import EVENTS as EVENT_EXAMPLES
from coord.events.examples import QUESTIONS as QUESTION_EXAMPLES
from coord.events.examples import SAMPLES as SAMPLE_EXAMPLES
from coord.events.openapi import openapi
from coord.events.questions import QUESTIONS
from coord.events.samples import SAMPLES, encode_sample, sample_type
from coord.events.schemas import (
    LOG_ENTRY,
    MODELS,
    OLD_TYPES,
    REPLY,
    VERSION,
    components,
    json_schema,
    names,
    summary_of,
)
from coord.events.tokens import TOKEN_PATTERN, TRACEPARENT_PATTERN

__all__ = ["asyncapi", "json_schema", "names", "openapi"]

_ARROW: Final = "answer.arrow"
_REFUSAL: Final = "refusal"
_INBOX: Final = "inbox"
_PARAMETERS: Final = {
    "site": "The site this coord belongs to.",
    "id": "Name of the work item, agent, node, run, alert or scenario.",
    "aggregate": "The family of facts.",
    "node": "Name of the machine; for presence, of the coordinator.",
    "pool": "The pool of work.",
    "actor": "Who asks; the server lets an agent use only its own name.",
}


@dataclass(frozen=True, slots=True)
class _Channel:
    """A subject, what travels on it, and what coord does there."""

    name: str
    address: str
    messages: tuple[str, ...]
    action: Literal["send", "receive"]
    summary: str
    replies: tuple[str, ...] = ()


def _channels() -> list[_Channel]:
    events = [
        _Channel(f"events.{family}", f"ev.{{site}}.{family}.{{id}}", _types_of(family), "send",
                 f"Facts about one {family}, in order; stored for ever.")
        for family in AGGREGATES
    ]  # fmt: skip
    live = _Channel(
        "live", "live.{site}.{aggregate}.{id}", tuple(kind.type for kind in EVENT_TYPES), "send",
        "Every fact again, right after it was stored: for eyes, never for folds.",
    )  # fmt: skip
    samples = [
        _Channel(f"samples.{kind}", f"sample.{{site}}.{{node}}.{kind}", (sample_type(kind),), "send",
                 summary_of(sample_type(kind)))
        for kind in SAMPLES
    ]  # fmt: skip
    commands = [
        _Channel(f"commands.{verb}", f"cmd.{{pool}}.{{actor}}.{verb}", (verb,), "receive",
                 summary_of(verb), (REPLY,))
        for verb in COMMANDS
    ]  # fmt: skip
    questions = [
        _Channel(f"questions.{name}", f"ask.{name}", (name,), "receive",
                 summary_of(name), (f"{name}.answer", *((_ARROW,) if list_in(answer) else ()), _REFUSAL))
        for name, (_, answer) in QUESTIONS.items()
    ]  # fmt: skip
    return [*events, live, *samples, *commands, *questions]


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of everything that travels over NATS, as coord's services see it."""
    channels = _channels()
    references, schemas = components(MODELS)
    _drop_discriminators([references, schemas])
    schemas["EventHeaders"] = _event_headers()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "coord",
            "version": VERSION,
            "description": "One immutable log for agents, training runs and machines. Facts are CloudEvents 1.0 "
            "in the binary binding of NATS; commands and questions are requests with one reply.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"local": _server()},
        "channels": {**{channel.name: _channel(channel) for channel in channels}, _INBOX: _inbox(channels)},
        "operations": {channel.name.replace(".", "_"): _operation(channel) for channel in channels},
        "components": {"messages": _messages(references), "schemas": dict(sorted(schemas.items()))},
    }


def _server() -> dict[str, Any]:
    return {
        "host": "127.0.0.1:{port}",
        "protocol": "nats",
        "description": "The embedded server; a credential per role and per agent.",
        "variables": {"port": {"default": "4222", "description": "Any free one; it stands in server.json."}},
    }


def _types_of(family: str) -> tuple[str, ...]:
    present = (kind.type for kind in EVENT_TYPES if kind.aggregate == family)
    return *present, *(old for old in OLD_TYPES if old.partition(".")[0] == family)


def _channel(channel: _Channel) -> dict[str, Any]:
    described: dict[str, Any] = {
        "address": channel.address,
        "summary": channel.summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in channel.messages},
    }
    parameters = {
        name: {"description": what} for name, what in _PARAMETERS.items() if f"{{{name}}}" in channel.address
    }
    return {**described, "parameters": parameters} if parameters else described


def _inbox(channels: Iterable[_Channel]) -> dict[str, Any]:
    replies = dict.fromkeys(reply for channel in channels for reply in channel.replies)
    return {
        "address": None,
        "summary": "Where a request's reply goes: the reply subject that NATS carries with it.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in replies},
    }


def _operation(channel: _Channel) -> dict[str, Any]:
    described: dict[str, Any] = {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": channel.summary,
    }
    if not channel.replies:
        return described
    messages = [{"$ref": f"#/channels/{_INBOX}/messages/{name}"} for name in channel.replies]
    return {**described, "reply": {"channel": {"$ref": f"#/channels/{_INBOX}"}, "messages": messages}}


def _messages(references: dict[str, Any]) -> dict[str, Any]:
    messages = {word: _message(word, references[word]) for word in MODELS if word != LOG_ENTRY}
    refusals = [{"$ref": f"#/components/schemas/{name}"} for name in ("Refusal", "Invalid", "Unknown")]
    refusal = {"name": _REFUSAL, "payload": {"oneOf": refusals}}
    return {**messages, _ARROW: _arrow(), _REFUSAL: refusal}


def _arrow() -> dict[str, Any]:
    """Describe an answer as a stream of Arrow, which any list may be."""
    return {
        "name": _ARROW,
        "contentType": ARROW,
        "summary": f"The answer's list as a table, a column a field: where the question's header {ACCEPT} is {ARROW}. "
        f"Of at most {ARROW_ROWS_MAX:,} rows; JSON holds {ROWS_MAX:,}. An answer larger than a message may be is refused.",
        "headers": {
            "type": "object",
            "required": [FORM, AS_OF, TRUNCATED],
            "properties": {
                FORM: {"const": ARROW},
                AS_OF: {"type": "string", "description": "The moment the answer speaks of: an AsOf as JSON."},
                TRUNCATED: {"enum": ["true", "false"], "description": "Whether there were more rows."},
            },
        },
        "payload": {"type": "string", "format": "binary", "description": "An Arrow IPC stream."},
    }


def _question_headers(name: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        AFTER: {
            "type": "string",
            "pattern": "^([0-9]{1,19}|now)$",
            "description": "What must be folded in first: a position of EVENTS, or all that the log holds now.",
        }
    }
    if list_in(QUESTIONS[name][1]):
        told[ACCEPT] = {
            "type": "string",
            "description": f"{ARROW}: the answer is to be one; else it is JSON.",
        }
    return {"type": "object", "properties": told}


def _message(word: str, payload: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"name": word, "contentType": CONTENT_TYPE, "payload": payload}
    if word != REPLY:
        message["summary"] = summary_of(word)
    if word in OLD_TYPES:
        message["tags"] = [
            {"name": "old", "description": "Not written any more; read as its present version."}
        ]
    example: dict[str, Any] = {}
    if word in EVENT_EXAMPLES or word in OLD_EVENTS:
        message["headers"] = _headers_of(word)
        event = EVENT_EXAMPLES.get(word) or OLD_EVENTS[word]
        example = {
            "headers": to_headers(replace(ENVELOPE, type=word)),
            "payload": json.loads(encode_event(event)),
        }
    elif word in _SAMPLES_BY_TYPE:
        message["headers"] = {
            "type": "object",
            "required": ["ce-type"],
            "properties": {"ce-type": {"const": word}},
        }
        example = {"headers": {"ce-type": word}, "payload": json.loads(encode_sample(_SAMPLES_BY_TYPE[word]))}
    elif word in COMMAND_EXAMPLES:
        example = {"payload": COMMAND_EXAMPLES[word].model_dump(mode="json", exclude_none=True)}
    elif word in QUESTION_EXAMPLES:
        message["headers"] = _question_headers(word)
        payload = QUESTION_EXAMPLES[word].model_dump(mode="json", exclude_none=True)
        example = {"headers": {AFTER: "now"}, "payload": payload}
    return {**message, "examples": [{"name": "canonical", **example}]} if example else message


_SAMPLES_BY_TYPE: Final = {sample_type(kind): batch for kind, batch in SAMPLE_EXAMPLES.items()}


def _headers_of(type_: str) -> dict[str, Any]:
    kind = {"type": "object", "properties": {"ce-type": {"const": type_}}}
    return {"allOf": [{"$ref": "#/components/schemas/EventHeaders"}, kind]}


def _event_headers() -> dict[str, Any]:
    text = {"type": "string", "pattern": f"^{ATTRIBUTE_PATTERN}$", "maxLength": ATTRIBUTE_LENGTH_MAX}
    patterns = {
        MESSAGE_ID: TOKEN_PATTERN,
        "ce-id": TOKEN_PATTERN,
        "ce-source": SOURCE_PATTERN,
        "ce-time": TIME_PATTERN,
        "traceparent": TRACEPARENT_PATTERN,
    }
    known: dict[str, Any] = {
        name: text | {"pattern": f"^{patterns[name]}$"} if name in patterns else text
        for name in (*HEADER_FIELDS, MESSAGE_ID)
    }
    fixed = {name: {"const": value} for name, value in HEADERS_FIXED.items()}
    return {
        "type": "object",
        "description": f"CloudEvents 1.0; {MESSAGE_ID} equals ce-id.",
        "required": [*HEADERS_NEEDED, MESSAGE_ID],
        "properties": {**known, **fixed},
    }


def _drop_discriminators(node: Any) -> None:
    """AsyncAPI's discriminator is a bare name and means another thing; `oneOf` over constants says it all."""
    if isinstance(node, dict):
        if isinstance(node.get("discriminator"), dict):
            del node["discriminator"]
        for inner in node.values():
            _drop_discriminators(inner)
    elif isinstance(node, list):
        for inner in node:
            _drop_discriminators(inner)
