"""Questions about the projection itself: how it is doing, and what it set aside."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from coord.events.questions import (
    DeadLetter,
    DeadLetters,
    DeadLettersAnswer,
    KeptState,
    State,
    StateAnswer,
    StreamState,
    TableState,
)
from coord.events.streams import EVENTS
from coord.projections.answers.moment import Moment, as_of, cut
from coord.projections.folds.samples import READINGS_HOT, ROLLUP_PARTS
from coord.projections.folds.shape import Table
from coord.projections.store import Reader
from coord.projections.store.digests import digests

_LETTERS: Final = """
    SELECT stream, position, recorded_at_ns, subject, reason FROM dead_letters
    ORDER BY recorded_at_ns DESC, stream, position DESC LIMIT $limit"""
_TOTAL: Final = "SELECT count(*) FROM dead_letters"
_MISSING: Final = "SELECT coalesce(sum(last - first + 1), 0)::BIGINT FROM gaps WHERE stream = $stream"
_FILE: Final = "SELECT coalesce(sum(total_blocks * block_size), 0)::BIGINT FROM pragma_database_size()"
_POSITIONS: Final = "SELECT stream, position FROM positions ORDER BY stream"


_SEGMENTS: Final = (
    "SELECT count(*) AS segments, arg_min(name, first_ns) AS oldest FROM segments WHERE hot = $hot"
)
_OLDEST: Final = 'SELECT min(recorded_at_ns) FROM "{table}"'
_SEALED: Final[tuple[tuple[Literal["readings", "rollups"], Table[Any]], ...]] = (
    ("readings", READINGS_HOT),
    ("rollups", ROLLUP_PARTS),
)


def answer_dead_letters(reader: Reader, question: DeadLetters, moment: Moment) -> DeadLettersAnswer:
    """List what is no event of ours, newest first."""
    rows, truncated = cut(reader.rows(_LETTERS, limit=question.limit + 1), question.limit)
    return DeadLettersAnswer(
        as_of=as_of(reader, moment),
        total=reader.value(_TOTAL),
        rows=tuple(DeadLetter(**row) for row in rows),
        truncated=truncated,
    )


def answer_state(reader: Reader, question: State, moment: Moment) -> StateAnswer:
    """Say how the projection is doing, table by table."""
    hashes = digests(reader) if question.digests else {}
    counts = reader.counts()
    return StateAnswer(
        as_of=as_of(reader, moment),
        file_bytes=reader.value(_FILE),
        dead_letters=reader.value(_TOTAL),
        gaps=reader.value(_MISSING, stream=EVENTS.name),
        opened=moment.opened,
        opened_because=moment.opened_because,
        log_silent_seconds=moment.log_silent_seconds,
        positions={row["stream"]: row["position"] for row in reader.rows(_POSITIONS)},
        streams=tuple(
            StreamState(stream=one.stream, behind=one.behind, per_second=one.per_second)
            for one in moment.followed
        ),
        kept=tuple(_kept(reader, moment, name, table, counts) for name, table in _SEALED),
        tables=tuple(
            TableState(name=name, rows=rows, digest=hashes.get(name)) for name, rows in sorted(counts.items())
        ),
    )


def _kept(
    reader: Reader,
    moment: Moment,
    name: Literal["readings", "rollups"],
    table: Table[Any],
    counts: Mapping[str, int],
) -> KeptState:
    (found,) = reader.rows(_SEGMENTS, hot=table.name)
    limits = moment.keeping[table.name]
    return KeptState(
        name=name,
        segments=found["segments"],
        since_ns=reader.value(_OLDEST.format(table=found["oldest"] or table.name)),
        rows=counts[table.whole],
        rows_max=limits.rows_max,
        seconds_max=limits.seconds,
    )
