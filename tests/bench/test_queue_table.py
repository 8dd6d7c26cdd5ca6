"""The table of job queues beside coord says what was measured, how they compare, and what was not measured and why."""

from pathlib import Path

import pytest
from bench.queue_peers import Peer, environment
from bench.queue_table import Row, figures, ratio, table

from coord.events.errors import FoundWanting

OURS = Row(
    "**coord**",
    "all",
    {16: [3_000.0, 9_000.0, 4_000.0]},
    {16: [0.0002, 0.0003]},
    starts=[0.001] * 99 + [0.0125],
)
QUEUE = Row("arq 0.28, Redis", "results", {16: [1_000.0, 500.0, 5_000.0]}, default_starts=[0.25, 0.25, 0.5])


def test_medians_are_compared_and_percentiles_told() -> None:
    ours, theirs = table(OURS, [QUEUE], [16])[2:]
    assert ours == "| **coord** | 4,000 | 250 us | 1.0 / 12 ms | all |"
    assert theirs == "| arq 0.28, Redis | 1,000 (coord 4.0 x) | - | -; as it comes 250 / 500 ms | results |"


def test_what_was_not_measured_has_no_figure_and_says_why() -> None:
    absent = Row("RQ", "jobs", missing="there is no redis-server here")
    (line,) = table(OURS, [absent], [16, 100])[3:]
    assert line == "| RQ | - | - | - | - | not measured: there is no redis-server here |"
    assert ratio(OURS, absent, 16) is None
    assert ratio(OURS, QUEUE, 100) is None
    assert figures(OURS, [absent]).keys() == {
        "cycles-coord-16",
        "cpu-coord-16",
        "start-p50-coord",
        "start-p99-coord",
    }


def test_a_peer_that_needs_a_program_which_is_not_here_says_which(tmp_path: Path) -> None:
    peer = Peer("script", "script", (), "folder", 1, "-", programs=("sh", "no-such-program"))
    with pytest.raises(FoundWanting, match="there is no no-such-program here"):
        environment(peer, tmp_path)
    assert list(tmp_path.iterdir()) == []
