"""OpenAPI 3.1 of what is answered over TCP: every question by GET and by POST, the live log, metrics, health."""

from typing import Any, Final, get_origin

from coord.events.answer import AFTER, ARROW, ARROW_ROWS_MAX, AS_OF, ROWS_MAX, TRUNCATED
from coord.events.envelope import CONTENT_TYPE
from coord.events.examples import QUESTIONS as EXAMPLES
from coord.events.openapi import ERROR
from coord.events.questions import QUESTIONS
from coord.events.schemas import LOG_ENTRY, MODELS, VERSION, components, summary_of

_TOKEN: Final[list[dict[str, list[str]]]] = [{"token": []}]
_REFUSALS: Final = {
    "400": "Malformed, or a value does not fit.",
    "401": "No token, or one that is not known.",
    "403": "Asked under another name or from another site's page, or with a token for something else.",
    "404": "Nothing there; or a past moment that is not ready yet: ask again.",
    "409": "Refused, such as an id that is not known.",
    "413": "The body is too large.",
    "431": "The headers are.",
    "503": "Nobody answers now.",
    "504": "No answer came in time: ask again.",
}
_HEADERS: Final = {
    AS_OF: {"description": "Of Arrow: the moment it speaks of, as JSON.", "schema": {"type": "string"}},
    TRUNCATED: {
        "description": "Of Arrow: whether there were more rows.",
        "schema": {"enum": ["true", "false"]},
    },
}


def openapi_http() -> dict[str, Any]:
    """Return the document; its server is where it was asked for."""
    models = {word: MODELS[word] for name in QUESTIONS for word in (name, f"{name}.answer")}
    references, schemas = components({**models, LOG_ENTRY: MODELS[LOG_ENTRY]})
    schemas["Error"] = ERROR
    paths: dict[str, Any] = {
        f"/v1/questions/{name}": _question(name, references, schemas) for name in QUESTIONS
    }
    paths["/v1/tail"] = {"get": _tail(references[LOG_ENTRY])}
    paths["/metrics"] = {
        "get": _plain("metrics", "Every figure, in Prometheus' text format.", "text/plain", True)
    }
    for path, what in _OPEN.items():
        paths[path] = {"get": _plain(path.strip("/").partition(".")[0], what, CONTENT_TYPE, False)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "coord",
            "version": VERSION,
            "description": "Named questions about one coord, each answered as of a position of its log. Lists come as "
            f"JSON up to {ROWS_MAX} rows, and as a stream of Arrow up to {ARROW_ROWS_MAX}; that one was cut is told.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by: coord token create NAME"}
            },
        },
    }  # fmt: skip


_OPEN: Final = {
    "/healthz": "Whether this service serves, how many listen, and how many were cut off.",
    "/readyz": "Whether questions are answered.",
    "/openapi.json": "This document.",
}
"""Without a token: nothing of the house is told there."""


def _question(name: str, references: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    model = references[name]
    schema = schemas[model["$ref"].rpartition("/")[2]] if "$ref" in model else model
    repeated = {
        one for one, info in QUESTIONS[name][0].model_fields.items() if get_origin(info.annotation) is tuple
    }
    body = {"schema": model, "example": EXAMPLES[name].model_dump(mode="json", exclude_none=True)}
    return {
        "summary": summary_of(name),
        "get": {
            **_asking(name, references, "get"),
            "parameters": [
                _after(),
                *((_at(),) if "at_ns" in schema["properties"] else ()),
                *(_parameter(schema, one, one in repeated) for one in schema["properties"]),
            ],
        },
        "post": {
            **_asking(name, references, "ask"),
            "parameters": [_after()],
            "requestBody": {"content": {CONTENT_TYPE: body}},
        },
    }


def _asking(name: str, references: dict[str, Any], verb: str) -> dict[str, Any]:
    table = {ARROW: {"schema": {"type": "string", "contentMediaType": ARROW}}}
    content = {CONTENT_TYPE: {"schema": references[f"{name}.answer"]}, **table}
    done = {"description": "The answer.", "headers": _HEADERS, "content": content}
    return {
        "operationId": f"{verb}_{name}",
        "summary": summary_of(name),
        "security": _TOKEN,
        "responses": {"200": done, **_refusals()},
    }


def _parameter(schema: dict[str, Any], field: str, repeated: bool) -> dict[str, Any]:
    told = schema["properties"][field]
    more = {"style": "form", "explode": True} if repeated else {}
    required = field in schema.get("required", ())
    described = {"description": told["description"]} if "description" in told else {}
    return {"name": field, "in": "query", "required": required, **described, "schema": told, **more}


def _after() -> dict[str, Any]:
    what = "A position of the log that must be folded in first, or `now`; waited for at most two seconds."
    return {"name": AFTER, "in": "header", "description": what, "schema": {"type": "string"}}


def _at() -> dict[str, Any]:
    told = (
        "As of a past moment, as people say it: -2h, 14:02, 2026-11-29T14:02Z (UTC), or #121004, a position."
    )
    return {"name": "at", "in": "query", "description": told, "schema": {"type": "string"}}


def _tail(entry: dict[str, Any]) -> dict[str, Any]:
    filters = {
        "aggregate": "Only about work, agent, node, run ...",
        "entity": "Only about this item, agent, run ...",
        "type": "Only such as work.claimed, or all that begin with `work.`",
    }
    start = {"type": "integer", "minimum": 0}
    parameters = [
        {"name": "from", "in": "query", "description": "From this position on.", "schema": start},
        {"name": "Last-Event-ID", "in": "header", "description": "From behind this one on.", "schema": start},
        *({"name": name, "in": "query", "description": what, "schema": {"type": "string"}}
          for name, what in filters.items()),
    ]  # fmt: skip
    stream = {"text/event-stream": {"schema": {"type": "string"}, "x-item-schema": entry}}
    return {
        "operationId": "tail",
        "summary": "The log as it is written, as server-sent events.",
        "description": "The id of a message is its position. `event: cut` tells who is slower than the log, or whose "
        "token was revoked, and from which position on to come again; `event: end` tells that the service ends.",
        "security": _TOKEN,
        "parameters": parameters,
        "responses": {"200": {"description": "Events in order.", "content": stream}, **_refusals()},
    }


def _plain(name: str, what: str, media_type: str, closed: bool) -> dict[str, Any]:
    schema = {"type": "object"} if media_type == CONTENT_TYPE else {"type": "string"}
    done = {"200": {"description": what, "content": {media_type: {"schema": schema}}}}
    told = {"operationId": name, "summary": what, "responses": {**done, **(_refusals() if closed else {})}}
    return {**told, "security": _TOKEN} if closed else {**told, "security": []}


def _refusals() -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": what, "content": content} for status, what in _REFUSALS.items()}
