"""OpenAPI 3.1 of the two sockets of the gateway: commands go to the coordinator, questions to the projector."""

from typing import Any, Final, Literal

from coord.events.commands import COMMANDS
from coord.events.envelope import CONTENT_TYPE
from coord.events.examples import COMMANDS as COMMAND_EXAMPLES
from coord.events.examples import QUESTIONS as QUESTION_EXAMPLES
from coord.events.questions import QUESTIONS
from coord.events.schemas import LOG_ENTRY, MODELS, REPLY, VERSION, components, summary_of
from coord.events.tokens import TOKEN_PATTERN, TRACEPARENT_PATTERN

ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "reason", "exit_code"],
    "properties": {
        "status": {"enum": ["refused", "invalid", "unknown"]},
        "code": {"type": "string", "description": "Of a refusal; it never changes."},
        "reason": {"type": "string", "description": "What is wrong, with which value, in one sentence."},
        "hint": {"type": "string", "description": "What to do now."},
        "exit_code": {"type": "integer", "description": "What the command line ends with."},
    },
}


def openapi(kind: Literal["commands", "questions"]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the coordinator's socket (commands) or the projector's (questions)."""
    asked = COMMANDS if kind == "commands" else QUESTIONS
    extra = (REPLY,) if kind == "commands" else (*(f"{name}.answer" for name in QUESTIONS), LOG_ENTRY)
    references, schemas = components({word: MODELS[word] for word in (*asked, *extra)})
    schemas["Error"] = ERROR
    paths = {f"/v1/{kind}/{name}": {"post": _asking(kind, name, references)} for name in asked}
    if kind == "questions":
        paths["/v1/tail"] = {"get": _tailing(references[LOG_ENTRY])}
        paths["/v1/rebuild"] = {"post": _rebuilding()}
    plain = {"200": {"description": "A JSON object.", "content": _json({"type": "object"})}}
    paths["/healthz"] = {
        "get": {"operationId": "healthz", "summary": "How the service is.", "responses": plain}
    }
    paths["/openapi.json"] = {
        "get": {"operationId": "openapi", "summary": "This document.", "responses": plain}
    }
    socket = "coordinator" if kind == "commands" else "projector"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"coord {kind}",
            "version": VERSION,
            "description": f"HTTP on the unix socket {socket}.sock in the data folder; it trusts its owner.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://localhost", "description": f"curl --unix-socket DATA/{socket}.sock"}],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }  # fmt: skip


def _asking(kind: str, name: str, references: dict[str, Any]) -> dict[str, Any]:
    commands = kind == "commands"
    done = references[REPLY if commands else f"{name}.answer"]
    example = (COMMAND_EXAMPLES if commands else QUESTION_EXAMPLES)[name]
    body = {"schema": references[name], "example": example.model_dump(mode="json", exclude_none=True)}
    asking = {
        "operationId": f"{kind}_{name}",
        "summary": summary_of(name),
        "requestBody": {"required": True, "content": {CONTENT_TYPE: body}},
        "responses": {"200": {"description": "Done.", "content": _json(done)}, **_errors()},
    }
    return {**asking, "parameters": _command_headers() if commands else _question_headers()}


def _errors() -> dict[str, Any]:
    meant = {
        "400": "Malformed; nothing was decided.", "404": "Nothing there.", "409": "Refused; nothing was changed.",
        "503": "Nothing was sent: the service is not ready.",
        "504": "Unknown: ask again with the same request id.",
    }  # fmt: skip
    content = _json({"$ref": "#/components/schemas/Error"})
    return {status: {"description": what, "content": content} for status, what in meant.items()}


def _command_headers() -> list[dict[str, Any]]:
    return [
        {"name": "coord-actor", "in": "header", "description": "On whose behalf.",
         "schema": {"type": "string", "pattern": f"^{TOKEN_PATTERN}$"}},
        {"name": "traceparent", "in": "header", "description": "W3C trace context.",
         "schema": {"type": "string", "pattern": f"^{TRACEPARENT_PATTERN}$"}},
    ]  # fmt: skip


def _question_headers() -> list[dict[str, Any]]:
    after = "A position of the log that must be folded in first; waited for at most two seconds."
    return [{"name": "coord-after", "in": "header", "description": after, "schema": {"type": "integer"}}]


def _rebuilding() -> dict[str, Any]:
    lines = {"application/x-ndjson": {"schema": {"type": "object"}}}
    return {
        "operationId": "rebuild",
        "summary": "Build the tables anew from the log, beside the present ones, and swap them in.",
        "responses": {"200": {"description": "Progress, one line at a time.", "content": lines}, **_errors()},
    }


def _tailing(entry: dict[str, Any]) -> dict[str, Any]:
    lines = {"application/x-ndjson": {"schema": entry}}
    return {
        "operationId": "tail",
        "summary": "The log as it stands, one entry a line; without `until` it never ends.",
        "parameters": [
            {"name": "from", "in": "query", "schema": {"type": "integer", "minimum": 0}},
            {"name": "until", "in": "query", "schema": {"const": "now"}},
        ],
        "responses": {"200": {"description": "Entries in order.", "content": lines}, **_errors()},
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {CONTENT_TYPE: {"schema": schema}}
