"""What comes back for a question: its JSON or its table of Arrow, and how it ended; and how a question is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError

from coord.events.answer import ROWS_MAX, Answer, PastQuestion
from coord.events.body import parse_object
from coord.events.commands import Invalid
from coord.events.errors import InvalidEvent
from coord.events.model import Question, first_fault
from coord.events.questions import QUESTIONS
from coord.projections.answers.tabular import to_table, told_beside

_MOMENTS: Final = ("at_position", "at_ns")
_WITHOUT_PAST: Final = {
    "state": "state is how the projector does now, and has no past; every other question has one.",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """JSON, and how it ended."""

    body: bytes
    exit_code: int = 0
    beside: Mapping[str, str] | None = None
    """Of a stream of Arrow, which the body is then: the headers that say what JSON says in itself."""


def read_question(name: str, body: bytes, rows_max: int) -> Question | Invalid:
    """Read a question, which may ask for so many rows."""
    if name not in QUESTIONS:
        return Invalid(reason=f"there is no question {name[:64]!a}; there are {', '.join(QUESTIONS)}.")
    model = QUESTIONS[name][0]
    try:
        fields = parse_object(body or b"{}")
        if not issubclass(model, PastQuestion) and any(one in fields for one in _MOMENTS):
            return Invalid(reason=_WITHOUT_PAST[name])
        limit = fields.get("limit")
        if "limit" in model.model_fields and isinstance(limit, int) and limit > ROWS_MAX:
            if limit > rows_max:
                words = f"limit is {limit}: it must be less than or equal to {rows_max}."
                return Invalid(reason=f"{name}: {words}")
            del fields["limit"]
            question = model.model_validate_json(json.dumps(fields), strict=True)
            return question.model_copy(update={"limit": limit})
        return model.model_validate_json(body or b"{}", strict=True)
    except InvalidEvent as error:
        return Invalid(reason=error.message)
    except ValidationError as error:
        return Invalid(reason=f"{name}: {first_fault(error)}")


def answered(answer: BaseModel) -> Answered:
    """Give an answer as JSON."""
    return Answered(answer.model_dump_json(exclude_none=True).encode(), getattr(answer, "exit_code", 0))


def as_table(name: str, answer: BaseModel) -> Answered:
    """Give an answer as a stream of Arrow; what is no answer, a refusal, as JSON.

    Raises:
        UsageError: the answer is no list.
    """
    if not isinstance(answer, Answer):
        return answered(answer)
    return Answered(to_table(name, answer), beside=told_beside(answer))


assert _WITHOUT_PAST.keys() == {
    name for name, (model, _) in QUESTIONS.items() if not issubclass(model, PastQuestion)
}
