"""Which moment somebody means."""

from datetime import UTC, datetime

import pytest

from coord.events.errors import UsageError
from coord.services.when import When, parse_ahead, parse_when

NOW = int(datetime(2026, 11, 29, 7, 40, 55, tzinfo=UTC).timestamp()) * 10**9
"""A Sunday."""


def at(*parts: int, ns: int = 0) -> When:
    """Return a moment in UTC."""
    year, month, day, hour, minute, second = (*parts, 0, 0, 0)[:6]
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return When(at_ns=int(moment.timestamp()) * 10**9 + ns)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("#121004", When(at_position=121_004)),
        (" #1 ", When(at_position=1)),
        ("now", When(at_ns=NOW)),
        ("-2h", at(2026, 11, 29, 5, 40, 55)),
        ("- 90 s", at(2026, 11, 29, 7, 39, 25)),
        ("1.5m ago", at(2026, 11, 29, 7, 39, 25)),
        ("-30", at(2026, 11, 29, 7, 40, 25)),
        ("07:40", at(2026, 11, 29, 7, 40)),
        ("7:40Z", at(2026, 11, 29, 7, 40)),
        ("14:02", at(2026, 11, 28, 14, 2)),
        ("14:02:11.204", at(2026, 11, 28, 14, 2, 11, ns=204_000_000)),
        ("fri 14:02:11", at(2026, 11, 27, 14, 2, 11)),
        ("Friday 14:02", at(2026, 11, 27, 14, 2)),
        ("sun 07:00", at(2026, 11, 29, 7, 0)),
        ("sun 08:00", at(2026, 11, 22, 8, 0)),
        ("yesterday 00:00", at(2026, 11, 28)),
        ("today 07:00", at(2026, 11, 29, 7, 0)),
        ("2026-11-28", at(2026, 11, 28)),
        ("2026-11-28 14:02", at(2026, 11, 28, 14, 2)),
        ("2026-11-28T14:02:11.204Z", at(2026, 11, 28, 14, 2, 11, ns=204_000_000)),
        ("2026-11-28T14:02:11.2+01:00", at(2026, 11, 28, 13, 2, 11, ns=200_000_000)),
        ("2026-11-28T14:02:11-0530", at(2026, 11, 28, 19, 32, 11)),
    ],
)
def test_a_moment_is_read(text: str, when: When) -> None:
    """Positions, ages, times of day, days of the week and dates."""
    assert parse_when(text, NOW) == when


@pytest.mark.parametrize(
    "text",
    ["", "later", "#", "#0", "#-1", "25:00", "14:61", "2026-13-01", "2026-02-30", "someday 14:02", "-2y", "121004",
     "tomorrow 14:02", "١٤:٠٢", "-" * 65, "2026-11-28T14:02+25:99"],
)  # fmt: skip
def test_what_names_no_moment_is_told_in_a_sentence(text: str) -> None:
    """The sentence says what may be said."""
    with pytest.raises(UsageError, match=r"^--at is '.*") as refused:
        parse_when(text, NOW, "--at")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("text", ["today 09:00", "2026-11-30", "2027-01-01T00:00Z"])
def test_what_is_to_come_cannot_be_seen(text: str) -> None:
    """A time behind now is refused as such."""
    with pytest.raises(UsageError, match="to come"):
        parse_when(text, NOW)


def test_before_1970_there_was_no_log() -> None:
    """An age longer than the clock."""
    with pytest.raises(UsageError, match="before 1970"):
        parse_when("-99999999h", NOW)


def test_a_moment_becomes_the_fields_of_a_question() -> None:
    """One of both, never both."""
    assert parse_when("#7", NOW).fields() == {"at_position": 7}
    assert parse_when("now", NOW).fields() == {"at_ns": NOW}


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("now", When(at_ns=NOW)),
        ("in 5m", at(2026, 11, 29, 7, 45, 55)),
        ("In 2 h", at(2026, 11, 29, 9, 40, 55)),
        ("+5m", at(2026, 11, 29, 7, 45, 55)),
        ("+ 30", at(2026, 11, 29, 7, 41, 25)),
        ("1.5m", at(2026, 11, 29, 7, 42, 25)),
        ("07:40", at(2026, 11, 30, 7, 40)),
        ("14:02", at(2026, 11, 29, 14, 2)),
        ("fri 14:02", at(2026, 12, 4, 14, 2)),
        ("Sunday 08:00", at(2026, 11, 29, 8, 0)),
        ("sun 07:00", at(2026, 12, 6, 7, 0)),
        ("tomorrow 07:00:30", at(2026, 11, 30, 7, 0, 30)),
        ("today 09:00Z", at(2026, 11, 29, 9, 0)),
        ("2027-01-02", at(2027, 1, 2)),
        ("2026-11-28T14:02:11+01:00", at(2026, 11, 28, 13, 2, 11)),
    ],
)
def test_a_moment_to_come_is_read(text: str, when: When) -> None:
    """The same words look forwards: the next time it is that late; a date is itself, passed or not."""
    assert parse_ahead(text, NOW) == when.at_ns


@pytest.mark.parametrize(
    "text",
    ["", "soon", "5", "-5m", "5m ago", "in", "in 5y", "#7", "yesterday 14:02", "25:00", "2026-02-30", "+" + "9" * 400,
     "in 20y", "2036-12-31", "in 5000d"],
)  # fmt: skip
def test_what_names_no_moment_to_come_is_told_in_a_sentence(text: str) -> None:
    """Neither a position nor an age, nor what is too far away to be meant."""
    with pytest.raises(UsageError, match=r"^--deadline is '.*") as refused:
        parse_ahead(text, NOW, "--deadline")
    assert refused.value.exit_code == 2
