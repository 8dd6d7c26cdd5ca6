"""Questions asked of a store as the projector asks them, and their answers as they come out at the other end."""

from typing import Any

from histories import CREATED, SECOND_NS, START_NS, History

from coord.events.commands import Invalid, Refusal
from coord.events.questions import QUESTIONS
from coord.projections.answers import ANSWERS, Answered, Moment
from coord.projections.intake import take_in
from coord.projections.store import Store

NOW_NS = START_NS + 100 * SECOND_NS


def ask(store: Store, name: str, now_ns: int = NOW_NS, **fields: Any) -> Any:
    """Ask, and read the answer as it would travel."""
    question, answer = QUESTIONS[name]
    with store.reader() as reader:
        answered: Answered = ANSWERS[name](reader, question(**fields), Moment(now_ns, lag=3))
    assert isinstance(answered, answer | Refusal | Invalid)
    return type(answered).model_validate_json(answered.model_dump_json())


def tell(store: Store, history: History) -> None:
    """Fold a history in; what was folded in before is skipped."""
    for messages in (history.messages, history.samples):
        if messages:
            store.apply(take_in(CREATED, messages))
