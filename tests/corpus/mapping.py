"""The corpus of bad events, mapped line by line from its reference layout to ours.

    reference                            ours
    one JSON document with all roles     NATS binary binding: attributes are headers, the body is the fact
    ev.<tenant>.<kind>.<agent>.<what>    ev.<site>.<aggregate>.<id>
    id, type, source, time, schema       ce-id and Nats-Msg-Id, ce-type, ce-source, ce-time, ce-specversion
    tenant                               the site, which stands in the subject alone
    agent                                the writer of a pack of metrics, the team of a work item
    agent that is not the subject's      an agent's command on the subject of another
    sequence                             the writer_sequence of a pack
    data that is all numbers             the values of run.metrics_recorded.v1
    data with text or odd numbers        the body of work.submitted.v5, which is any JSON
    coord.claimed, coord.completed       work.claimed.v2, work.completed.v1; the task is the id in the subject
    artifact.saved                       run.checkpoint_written.v1; the name is its path
    alert.route_set                      nothing: a type that is not in the catalog

As few bytes as possible are changed: what is broken in a line is as broken in its message.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent.parent / "data" / "bad_events.jsonl.gz"
LINES: list[dict[str, Any]] = [json.loads(line) for line in gzip.decompress(_FILE.read_bytes()).splitlines()]
COUNT_MAX = 200
"""How many messages of a storm are sent; the corpus asks for up to 200,000."""
RUN = "run-42"
AGENT = "agent-7"

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Message:
    """One message as it goes over the wire."""

    subject: bytes
    headers: Headers
    body: bytes
    by_agent: bool = False
    """Sent by an agent, not by a service."""

    @property
    def block(self) -> bytes:
        """The headers as they are sent."""
        return b"NATS/1.0\r\n" + b"".join(b"%s: %s\r\n" % pair for pair in self.headers) + b"\r\n"


def messages_of(line: dict[str, Any]) -> Iterator[Message]:
    """Map the messages of a line."""
    for place, given in enumerate(line["messages"]):
        for number, payload in enumerate(_payloads(line, given)):
            message = _message(line, given, payload, f"line-{line['n']}-{place}-{number}")
            yield message
            if line["class"] == "utf8":
                yield from _elsewhere(message)


def _elsewhere(message: Message) -> Iterator[Message]:
    """An agent's name stands in the reference's subject too, and ours in a header: put the same bytes there."""
    (odd,) = re.findall(rb'"a([^"]*)b"', message.body)
    body = message.body.replace(odd, b"")
    yield replace(
        message, headers=[*_marked(message, b"-header"), (b"cx-actor", b"a" + odd + b"b")], body=body
    )
    yield replace(message, headers=_marked(message, b"-subject"), subject=message.subject + odd, body=body)


def _marked(message: Message, mark: bytes) -> Headers:
    """Give a copy of a message an id of its own."""
    ids = (b"ce-id", b"Nats-Msg-Id")
    return [(key, value + mark if key in ids else value) for key, value in message.headers]


def item_of(line: dict[str, Any]) -> str:
    """Return the id of the work item that a line's first message is mapped to, if it is."""
    return f"line-{line['n']}-0-0"


def note_of(line: dict[str, Any]) -> str:
    """Return the text that the data of a line carries."""
    note: str = json.loads(base64.b64decode(line["messages"][0]["payload"]))["data"]["note"]
    return note


def _payloads(line: dict[str, Any], given: dict[str, Any]) -> Iterator[bytes]:
    if "payload" in given:
        yield base64.b64decode(given["payload"])
    elif "repeat" in given:
        head, unit, count, tail = given["repeat"]
        yield base64.b64decode(head) + base64.b64decode(unit) * count + base64.b64decode(tail)
    else:
        for number in range(min(given["count"], COUNT_MAX)):
            numbered = given["template"].replace("{i}", str(number))
            yield numbered.replace('"sequence":17', f'"sequence":{1_000 * line["n"] + number}').encode()


def _message(line: dict[str, Any], given: dict[str, Any], payload: bytes, name: str) -> Message:
    stated, rest = _take_apart(payload)
    if line["label"].startswith("mismatch/agent"):
        (agent,) = re.findall(rb'"agent":"([^"]*)"', rest)
        return Message(b"cmd.main.%s.claim" % agent, [], b"{}", by_agent=True)
    carrier = _carry(line, dict(stated).get(b"type", b""), rest, name)
    attributes = stated if line["class"] in _BAD_ENVELOPES else [*_GOOD.items()]
    headers = [
        (_HEADERS[key], _ours(key, value, carrier, name))
        for key, value in attributes
        if key in _HEADERS and value != b"null"
    ]
    sites = [value for key, value in attributes if key == b"tenant"]
    subject = _subject(given["subject"], carrier, _text(sites[-1]) if sites else b"acme")
    return Message(subject, _complete(headers, given["headers"]), carrier.body)


_VALUE = rb'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{[^{}]*\}|[^\s",{}\[\]]+'
_ATTRIBUTE = re.compile(
    rb'(,)?"(specversion|id|type|source|time|tenant)":(' + _VALUE + rb")(?(1)(?=[,}])|,)", re.DOTALL
)
_HEADERS = {
    b"specversion": b"ce-specversion",
    b"id": b"ce-id",
    b"type": b"ce-type",
    b"source": b"ce-source",
    b"time": b"ce-time",
}
_GOOD = {
    b"specversion": b'"1.0"',
    b"id": b'"chaos-0"',
    b"type": b'"telemetry.gpu_sample"',
    b"source": b'"trainer/run-42"',
    b"time": b'"2026-11-21T07:00:00.123456Z"',
}
_BAD_ENVELOPES = {
    "artifact", "duplicate-key", "envelope", "id", "mismatch", "order", "schema-version", "ssrf", "subject",
    "time", "valid",
}  # fmt: skip
"""Classes whose attributes are those of the line; in the others they are good, so that the body is judged."""
_TYPES = {
    b"alert.fired": b"alert.raised.v1",
    b"alert.route_set": b"alert.route_set.v1",
    b"artifact.saved": b"run.checkpoint_written.v1",
    b"coord.claimed": b"work.claimed.v2",
    b"coord.completed": b"work.completed.v1",
}


@dataclass(frozen=True)
class _Carrier:
    """The event of ours that carries what a line says."""

    type: bytes
    aggregate: str
    entity: str
    body: bytes


def _take_apart(payload: bytes) -> tuple[Headers, bytes]:
    """Separate the attributes from what is left of a document, broken or not."""
    stated = [(found[2], found[3]) for found in _ATTRIBUTE.finditer(payload)]
    return stated, _ATTRIBUTE.sub(b"", payload)


def _carry(line: dict[str, Any], kind: bytes, rest: bytes, name: str) -> _Carrier:
    if kind == b'"artifact.saved"':
        data = json.loads(rest)["data"]
        fields = {"step": 1, "path": data["name"], "sha256": data["sha256"], "size_bytes": data["size"]}
        body = json.dumps({**fields, "write_seconds": 0.1}).encode()
        return _Carrier(b"run.checkpoint_written.v1", "run", RUN, body)
    if kind in (b'"coord.claimed"', b'"coord.completed"') and line["class"] != "mismatch":
        data = json.loads(rest)["data"]
        fields = {"agent": AGENT, "fence": data["epoch"]}
        if kind == b'"coord.claimed"':
            fields = {"agent": AGENT, "incarnation": 1, "lease_seconds": 30.0, "attempt": data["epoch"]}
        type_ = kind.strip(b'"').replace(b"coord", b"work") + b".v1"
        return _Carrier(type_, "work", data["task"], json.dumps(fields).encode())
    rest = rest.replace(b',"note":"ok"', b"")
    if line["class"] in ("number", "depth", "size") or b'"note"' in rest or b'"user"' in rest:
        return _Carrier(b"work.submitted.v5", "work", name, _as_work(line, rest))
    return _Carrier(b"run.metrics_recorded.v1", "run", RUN, _as_metrics(rest))


def _as_metrics(rest: bytes) -> bytes:
    rest = re.sub(rb'"metric":"(v-[0-9]+)"', rb'"\1":1.0', rest)
    rest = re.sub(rb'"agent":"agent-7",(.*),"agent":"(v-[0-9]+)"', rb'"agent":"\2",\1', rest)
    rest = rest.replace(b'"sequence":', b'"writer_sequence":').replace(b'"agent":', b'"writer":')
    return re.sub(rb'"data":(' + _VALUE + rb")", rb'"points":[{"step":1,"values":\1}]', rest)


def _as_work(line: dict[str, Any], rest: bytes) -> bytes:
    rest = re.sub(rb'"sequence":[^,]*,', b"", rest).replace(b'"agent":', b'"team":')
    title = json.dumps(note_of(line)[:200] if line["class"] == "terminal" else "gpu_sample").encode()
    return rest.replace(b'"data":', b'"title":%s,"body":' % title)


def _text(value: bytes) -> bytes:
    """Return what a header says for a JSON value: a string's text, any other value as it is written."""
    if not value.startswith(b'"'):
        return value
    return str(json.loads(value.decode("utf-8", "surrogateescape"), strict=False)).encode(
        "utf-8", "surrogateescape"
    )


def _ours(key: bytes, value: bytes, carrier: _Carrier, name: str) -> bytes:
    text = _text(value)
    if key == b"id" and re.fullmatch(rb"chaos-[0-9]+", text):
        return name.encode()
    if key == b"time":
        return text.replace(b"2026-11-2", b"2024-11-2")  # the past, whatever clock the tests run under
    if key == b"type":
        return carrier.type if text == b"telemetry.gpu_sample" else _TYPES.get(text, text)
    return b"/trainer/run-42" if text == b"trainer/run-42" else text


def _complete(headers: Headers, given: dict[str, str]) -> Headers:
    ids = [value for key, value in headers if key == b"ce-id"][:1]
    stamped = [(b"Nats-Msg-Id", value) for value in ids if "Nats-Msg-Id" not in given]
    odd = [(key.encode(), _place(value, RUN).encode()) for key, value in given.items()]
    return [*headers, (b"ce-datacontenttype", b"application/json"), *stamped, *odd]


def _subject(given: str, carrier: _Carrier, site: bytes) -> bytes:
    if given.startswith("ev.acme.coord.") or carrier.aggregate == "work":
        place = f"ev.local.work.{carrier.entity}"
    else:
        place = _place(given, carrier.entity)
    subject = place.encode("utf-8", "surrogateescape")
    return subject if site == b"acme" else subject.replace(b"ev.local.", b"ev." + site + b".", 1)


def _place(given: str, entity: str) -> str:
    """Map a subject of the reference layout, token by token as far as it has them."""
    place = given.replace("EV.ACME.TELEMETRY.AGENT-7.GPU_SAMPLE", "EV.LOCAL.RUN.RUN-42")
    place = re.sub(r"^ev\.acme\.telemetry\.(.*?)\.gpu_sample", r"ev.local.run.\1", place, flags=re.DOTALL)
    place = re.sub(r"^ev\.acme\.alert\.([^.]*).*", r"ev.local.alert.\1", place)
    place = place.replace("ev.acme.telemetry", "ev.local.run")
    return (
        place.replace("agent-7", entity).replace("agent", "run")
        if place.startswith("ev.local.run")
        else place
    )
