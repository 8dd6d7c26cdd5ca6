"""Texts and batches: what is read under a number is arithmetic, so it can be skipped and rewound."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainers import text_file

from coord.events.errors import UsageError
from coord.training_worker import text as texts
from coord.training_worker.order import Order, Permutation, following, noise
from coord.training_worker.text import load_text


@given(st.integers(1, 3_000), st.binary(max_size=8))
def test_a_permutation_goes_to_each_place_once(size: int, key: bytes) -> None:
    moved = Permutation(size, key).of(np.arange(size, dtype=np.uint64))
    assert sorted(moved.tolist()) == list(range(size))


def test_another_key_is_another_order() -> None:
    places = np.arange(1_000, dtype=np.uint64)
    one, other = (Permutation(1_000, key).of(places) for key in (b"1", b"2"))
    assert (one == other).mean() < 0.05
    assert abs(np.corrcoef(places.astype(float), one.astype(float))[0, 1]) < 0.2


@given(
    text_bytes=st.integers(40, 600),
    context=st.integers(2, 16),
    batch=st.integers(1, 9),
    seed=st.integers(0, 2**63 - 1),
)
def test_an_epoch_reads_every_window_once_and_none_outside_the_text(
    text_bytes: int, context: int, batch: int, seed: int
) -> None:
    order = Order(text_bytes, context, batch, seed)
    batches = -(-2 * order.windows // batch)
    starts = np.concatenate([order.starts_of(number) for number in range(batches)])
    for epoch in range(2):
        of_epoch = starts[epoch * order.windows : (epoch + 1) * order.windows]
        assert len(set(of_epoch.tolist())) == len(of_epoch)
        assert len(set((of_epoch % context).tolist())) == 1
    assert starts.min() >= 0
    assert starts.max() + context < text_bytes


def test_a_batch_is_the_same_whenever_and_in_whatever_order_it_is_asked_for() -> None:
    order = Order(5_000, 16, 8, 7)
    forwards = [order.starts_of(number).tolist() for number in range(100)]
    fresh = Order(5_000, 16, 8, 7)
    assert [fresh.starts_of(number).tolist() for number in reversed(range(100))] == forwards[::-1]


def test_a_batch_may_span_epochs_of_a_text_shorter_than_itself() -> None:
    order = Order(60, 16, 8, 7)
    assert order.windows == 2
    assert len(order.starts_of(3)) == 8


@given(st.integers(0, 50), st.sets(st.integers(0, 60)))
def test_the_next_batch_is_the_first_that_is_not_in_quarantine(cursor: int, quarantine: set[int]) -> None:
    found = following(cursor, quarantine)
    assert found not in quarantine
    assert set(range(cursor, found)) <= quarantine


def test_noise_is_the_same_each_time_and_another_for_each_batch() -> None:
    once, again, other = noise(3, 1, (4, 17)), noise(3, 1, (4, 17)), noise(4, 1, (4, 17))
    assert (once == again).all()
    assert (once != other).mean() > 0.9


def test_a_text_is_split_in_two_and_nothing_is_lost(tmp_path: Path) -> None:
    path = text_file(tmp_path)
    text = load_text(path, 16)
    assert text.train.tobytes() + text.validation.tobytes() == path.read_bytes()
    assert len(text.validation) == path.stat().st_size // 10


def test_a_folder_is_its_files_in_order_without_hidden_ones_and_links(tmp_path: Path) -> None:
    for name in ("b/c.txt", "a.txt", ".hidden/d.txt", "b/.e"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name * 100)
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    text = load_text(tmp_path, 16)
    assert text.train.tobytes() + text.validation.tobytes() == b"a.txt" * 100 + b"b/c.txt" * 100


def test_the_default_text_is_bounded_and_always_the_same() -> None:
    text = load_text(None, 64)
    assert 10**6 < len(text.train) + len(text.validation) <= texts.DEFAULT_BYTES_MAX
    assert load_text(None, 64).sha256 == text.sha256


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty. Name a text to train on."),
        (b"x" * 169, "has 169 bytes; with --context 16 it must have at least 170."),
    ],
)
def test_a_text_that_is_too_short_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        load_text(path, 16)


def test_a_text_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "TEXT_BYTES_MAX", 2**20)
    path = tmp_path / "text"
    path.write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(UsageError, match="has more than 1 MiB; coord holds a text in memory"):
        load_text(path, 16)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no .*nothing"):
        load_text(tmp_path / "nothing", 16)
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        load_text(Path("/dev/null"), 16)
    with pytest.raises(UsageError, match="is empty"):
        load_text(tmp_path, 16)
