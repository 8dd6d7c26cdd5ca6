"""From a request to a question, and its answer back: a body of JSON, or the query string, typed by the question's model.

An answer is passed on as the projector gave it: JSON, or a stream of Arrow where the request accepts that.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, get_origin

from pydantic import ValidationError

from coord.events.answer import AFTER, ARROW, AS_OF, TRUNCATED
from coord.events.errors import UsageError
from coord.events.model import Question, first_fault
from coord.events.questions import QUESTIONS
from coord.services import clock
from coord.services.api.asking import Answered, Projector
from coord.services.gateway import JSON, Lines, Request, Response
from coord.services.when import parse_when

BODY_BYTES_MAX: Final = 64 * 1024
"""No question needs more."""
AT: Final = "at"
_PASSED_BACK: Final = (AS_OF, TRUNCATED)


class Asked:
    """The routes of questions."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector

    async def by_body(self, request: Request) -> Response | Lines:
        """Answer a question whose fields are the body."""
        return await self._answer(request, request.body)

    async def by_query(self, request: Request) -> Response | Lines:
        """Answer a question whose fields are the query string."""
        return await self._answer(request, fields_of(request.name, request.pairs))

    async def _answer(self, request: Request, body: bytes) -> Response:
        headers = {name: request.headers[name] for name in ("accept", AFTER) if name in request.headers}
        return passed_on(
            await self._projector.ask("POST", f"/v1/questions/{_known(request.name)}", body, headers)
        )


def passed_on(answered: Answered) -> Response:
    """Return an answer of the projector's as ours."""
    told = {name: answered.headers[name] for name in _PASSED_BACK if name in answered.headers}
    content_type = answered.headers.get("content-type", JSON)
    return Response(answered.body, answered.status, ARROW if content_type == ARROW else JSON, told)


def fields_of(name: str, pairs: Sequence[tuple[str, str]]) -> bytes:
    """Read a query string as the fields of a question, and write them as the body that asks the same.

    A field that takes several values is named several times. `at` is a past moment as people say it, such as -2h or #7.

    Raises:
        UsageError: there is no such question or field, or a value does not fit.
    """
    model = QUESTIONS[_known(name)][0]
    moments = [value for field, value in pairs if field == AT]
    if moments:
        return _of_the_past(name, [pair for pair in pairs if pair[0] != AT], moments)
    given: dict[str, Any] = defaultdict(list)
    for field, value in pairs:
        given[field].append(value)
    for field, values in given.items():
        if not _takes_many(model, field):
            if len(values) > 1:
                raise UsageError(f"{field[:64]!a} is given {len(values)} times; it takes one value.")
            given[field] = values[0]
    limit = given.pop("limit", None)
    try:
        question = model.model_validate(dict(given))
    except ValidationError as error:
        raise UsageError(f"{name}: {first_fault(error)}") from error
    fields = question.model_dump(mode="json", exclude_unset=True)
    return json.dumps(fields if limit is None else {**fields, "limit": position_of(limit, "limit")}).encode()


def _of_the_past(name: str, pairs: Sequence[tuple[str, str]], moments: list[str]) -> bytes:
    if len(moments) > 1:
        raise UsageError(f"{AT!a} is given {len(moments)} times; it takes one value.")
    text = f"#{moments[0]}" if moments[0].isascii() and moments[0].isdecimal() else moments[0]
    moment = parse_when(text, clock.now_ns(), AT).fields()
    return json.dumps({**json.loads(fields_of(name, pairs)), **moment}).encode()


def _takes_many(model: type[Question], field: str) -> bool:
    known = model.model_fields.get(field)
    return known is not None and get_origin(known.annotation) is tuple


def position_of(text: str, what: str) -> int:
    """Read a whole number: a position, or a limit, of which the projector says how large it may be in which form.

    Raises:
        UsageError: it is none.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 19:
        raise UsageError(f"{what} is {text[:64]!a}; it must be a whole number.")
    return int(text)


def _known(name: str) -> str:
    if name not in QUESTIONS:
        raise UsageError(f"there is no question {name[:64]!a}.", f"There are {', '.join(QUESTIONS)}.")
    return name
