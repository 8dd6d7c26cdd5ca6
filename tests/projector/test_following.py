"""How far behind the log the projector is, and how much it takes at once because of that."""

from types import SimpleNamespace
from typing import Any

import pytest

from coord.events.streams import EVENTS, SAMPLES
from coord.projections.answers import Followed
from coord.services.folder import Folder
from coord.services.projector.following import BATCH_MAX, BULK_BATCH_MAX, BULK_LAG, Follower
from coord.services.settings import Settings


@pytest.fixture
def follower(settings: Settings) -> Follower:
    """A follower of a log that nobody connects to."""
    keeper: Any = SimpleNamespace(folded={EVENTS.name: 10})
    one = Follower(settings, Folder(settings.data), keeper, lambda _: NotImplemented)
    one._last = {EVENTS.name: 10 + BULK_LAG}
    return one


def test_only_far_behind_batches_are_large_and_each_stream_is_for_itself(follower: Follower) -> None:
    assert (follower.lag, follower.lag_of(SAMPLES.name)) == (BULK_LAG, 0)
    assert follower._batch_max(EVENTS.name) == BATCH_MAX
    follower._last[EVENTS.name] += 1
    assert follower._batch_max(EVENTS.name) == BULK_BATCH_MAX
    assert follower._batch_max(SAMPLES.name) == BATCH_MAX


def test_how_folding_stands_is_told_of_each_stream(follower: Follower) -> None:
    follower._paces[EVENTS.name].look(1.0, 2)
    follower._paces[EVENTS.name].look(3.0, 10)
    assert follower.followed() == (
        Followed(EVENTS.name, BULK_LAG, 4.0),
        Followed(SAMPLES.name, 0, 0.0),
    )


def test_a_stream_that_is_folded_in_further_than_was_last_seen_is_not_behind(follower: Follower) -> None:
    follower._last[EVENTS.name] = 3
    assert follower.lag == 0
