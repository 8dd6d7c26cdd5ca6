"""From stored messages to changed rows: what is read, what is set aside, and how far that brings us.

An intake is a batch of messages of one stream as far as they could be read, with what could not as dead
letters, what was missing as gaps, and the mark of its last message. Positions, dead letters and gaps are
tables like all others, so that one transaction holds them with the rows they belong to.

What a table set has folded in already is skipped: folding a batch again changes nothing. An event whose id it
remembers is set aside (repeats.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from coord.events.envelope import MESSAGE_ID, Recorded
from coord.events.errors import InvalidEvent, visible
from coord.events.streams import EVENTS
from coord.events.wire import RecordedSample, Stored, read_event, read_sample
from coord.projections.folds.catalog import OF_EVENTS, OF_SAMPLES
from coord.projections.folds.shape import Changes, Key, Previous, Projection, Row, Table, columns_of, fold
from coord.projections.repeats import EVENT_IDS, Known, ids_of, nothing_known, repeats

SUBJECT_LENGTH_MAX: Final = 256
REASON_LENGTH_MAX: Final = 400


class DeadLetterRow(Row):
    """A message that is none of ours."""

    stream: str
    position: int
    recorded_at_ns: int
    subject: str
    type: str
    reason: str
    size_bytes: int


class Gap(Row):
    """Positions that should be there and are not."""

    stream: str
    first: int
    last: int


class Mark(Row):
    """How far a stream is folded in."""

    stream: str
    created_at: str
    """Of the stream, as the server wrote it: a stream made anew is another one."""
    position: int
    message_id: str
    """Of the message at that position: a log that lost its tail and grew another is seen by it."""
    recorded_at_ns: int


DEAD_LETTERS: Final = Table("dead_letters", DeadLetterRow)
GAPS: Final = Table("gaps", Gap)
POSITIONS: Final = Table("positions", Mark, key=("stream",))
LEDGER: Final[tuple[Table[Any], ...]] = (DEAD_LETTERS, GAPS, POSITIONS)
"""Of both streams."""


@dataclass(frozen=True, slots=True)
class Intake:
    """A batch of one stream, read."""

    mark: Mark
    facts: tuple[Recorded | RecordedSample, ...]
    dead: tuple[DeadLetterRow, ...] = ()
    gaps: tuple[Gap, ...] = ()
    messages: Sequence[Stored] = ()
    """What the facts were read from."""


def take_in(created_at: str, messages: Sequence[Stored], gaps: Iterable[Gap] = ()) -> Intake:
    """Read messages, at least one, all of one stream and in order."""
    facts: list[Recorded | RecordedSample] = []
    dead: list[DeadLetterRow] = []
    read = read_event if messages[0].stream == EVENTS.name else read_sample
    for stored in messages:
        try:
            facts.append(read(stored))
        except InvalidEvent as fault:
            dead.append(dead_letter(stored, fault.message))
    return Intake(mark_of(created_at, messages[-1]), tuple(facts), tuple(dead), tuple(gaps), messages)


def set_aside(created_at: str, stored: Stored, reason: str) -> Intake:
    """Take in a message that could be read and not be folded, as a dead letter."""
    return Intake(mark_of(created_at, stored), (), (dead_letter(stored, reason),))


def mark_of(created_at: str, stored: Stored) -> Mark:
    """Mark a message as the last one that was folded in."""
    return Mark(stored.stream, created_at, stored.position, message_id(stored), stored.recorded_at_ns)


def message_id(stored: Stored) -> str:
    """Return what tells this message from another at the same position."""
    said = (stored.headers or {}).get(MESSAGE_ID, "")
    return visible(said, SUBJECT_LENGTH_MAX) or f"{stored.recorded_at_ns}:{len(stored.body)}"


def dead_letter(stored: Stored, reason: str) -> DeadLetterRow:
    """Write down a message that is set aside, with nothing in it that could hurt who reads it."""
    return DeadLetterRow(
        stored.stream,
        stored.position,
        stored.recorded_at_ns,
        visible(stored.subject, SUBJECT_LENGTH_MAX),
        visible((stored.headers or {}).get("ce-type", ""), SUBJECT_LENGTH_MAX),
        visible(reason, REASON_LENGTH_MAX),
        len(stored.body),
    )


def reads_of(intake: Intake) -> dict[Table[Any], set[Key]]:
    """List the rows that folding an intake may look at."""
    by_kind: defaultdict[type, list[Any]] = defaultdict(list)
    for fact in intake.facts:
        by_kind[type(fact.event if isinstance(fact, Recorded) else fact.batch)].append(fact)
    wanted: defaultdict[Table[Any], set[Key]] = defaultdict(set)
    wanted[POSITIONS].add((intake.mark.stream,))
    for projection in _projections(intake):
        of_its = [some for kind, some in by_kind.items() if kind in projection.on]
        for some in (intake.facts,) if projection.on_all is not None else of_its:
            for table, keys in projection.reads(some):
                wanted[table].update(keys)
    return wanted


def changes_of(previous: Previous, intake: Intake, known: Known = nothing_known) -> Changes:
    """Fold an intake into changed rows; what was folded in before is skipped, and an id that is known set aside."""
    before = previous.row(POSITIONS, (intake.mark.stream,))
    if before is not None and before.created_at == intake.mark.created_at:
        if before.position >= intake.mark.position:
            return Changes()
        intake = _behind(intake, before.position)
    is_of_events = intake.mark.stream == EVENTS.name
    ids, positions = ids_of(cast(tuple[Recorded, ...], intake.facts)) if is_of_events else ([], [])
    repeated = repeats(ids, positions, known) if ids else {}
    if repeated:
        intake = _without(intake, repeated)
    changes = fold(_projections(intake), previous, intake.facts)
    if ids:
        changes.appended[EVENT_IDS.name] = {"id": ids, "position": positions}
    changes.rows[POSITIONS.name] = {(intake.mark.stream,): intake.mark}
    if intake.dead:
        changes.appended[DEAD_LETTERS.name] = columns_of(DEAD_LETTERS, intake.dead)
    if intake.gaps:
        changes.appended[GAPS.name] = columns_of(GAPS, intake.gaps)
    return changes


def _behind(intake: Intake, position: int) -> Intake:
    return replace(
        intake,
        facts=tuple(fact for fact in intake.facts if fact.position > position),
        dead=tuple(letter for letter in intake.dead if letter.position > position),
        gaps=tuple(gap for gap in intake.gaps if gap.last > position),
    )


def _without(intake: Intake, repeated: Mapping[int, int]) -> Intake:
    """Set repeats aside; given are, by position, where the id of each stood before."""
    letters = [
        dead_letter(
            stored, f"its id is that of the event at position {repeated[stored.position]}: it counts once."
        )
        for stored in intake.messages
        if stored.position in repeated
    ]
    facts = tuple(fact for fact in intake.facts if fact.position not in repeated)
    return replace(intake, facts=facts, dead=(*intake.dead, *letters))


def _projections(intake: Intake) -> tuple[Projection[Any], ...]:
    return OF_EVENTS if intake.mark.stream == EVENTS.name else OF_SAMPLES
