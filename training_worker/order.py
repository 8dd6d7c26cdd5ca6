"""Which bytes make up a batch: arithmetic of the seed and the batch's number, and nothing else.

The text is cut into windows. The windows of all batches, one after the other, are a new permutation of the
text in each epoch; permutations are computed, not stored (a Feistel network of four rounds over the next even
power of two, walked until it lands inside). So a batch can be asked for at any time and in any order: skipping
is counting on, and rewinding is counting from less.

Shapes: N numbers of windows.
"""

from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]

ROUNDS: Final = 4
_MIX: Final = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT: Final = np.uint64(29)


class Permutation:
    """A permutation of 0 to size-1, by key."""

    def __init__(self, size: int, key: bytes) -> None:
        self._size = np.uint64(size)
        half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
        self._half = np.uint64(half_bits)
        self._mask = np.uint64((1 << half_bits) - 1)
        digest = blake2b(key, digest_size=8 * ROUNDS).digest()
        self._keys = np.frombuffer(digest, "<u8").astype(np.uint64)

    def of(self, places_N: Numbers) -> Numbers:
        """Return where these places go."""
        moved_N = self._once(places_N)
        while (outside_N := moved_N >= self._size).any():
            moved_N[outside_N] = self._once(moved_N[outside_N])
        return moved_N

    def _once(self, places_N: Numbers) -> Numbers:
        left_N, right_N = places_N >> self._half, places_N & self._mask
        for key in self._keys:
            mixed_N = (right_N ^ key) * _MIX
            mixed_N ^= mixed_N >> _SHIFT
            mixed_N *= _MIX
            left_N, right_N = right_N, left_N ^ (mixed_N >> _SHIFT & self._mask)
        return left_N << self._half | right_N


class Order:
    """The windows of every batch of one text."""

    def __init__(self, text_bytes: int, context: int, batch: int, seed: int) -> None:
        self._context, self._batch, self._seed = context, batch, seed
        self.windows = max(1, (text_bytes - 1) // context - 1)
        """So many in each epoch; one less than fit, so that the cut falls elsewhere each time."""
        self._spare = text_bytes - 1 - self.windows * context
        self._epochs: dict[int, tuple[Permutation, int]] = {}

    def starts_of(self, number: int) -> npt.NDArray[np.int64]:
        """Return where in the text each sequence of a batch begins, N = batch."""
        places = range(number * self._batch, (number + 1) * self._batch)
        first, last = places[0] // self.windows, places[-1] // self.windows
        if first == last:
            return self._starts(first, places)
        parts = [
            self._starts(epoch, [place for place in places if place // self.windows == epoch])
            for epoch in range(first, last + 1)
        ]
        return np.concatenate(parts)

    def _starts(self, epoch: int, places: "range | list[int]") -> npt.NDArray[np.int64]:
        permutation, shift = self._of_epoch(epoch)
        within_N = np.array(places, np.uint64) - np.uint64(epoch * self.windows)
        return permutation.of(within_N).astype(np.int64) * self._context + shift

    def _of_epoch(self, epoch: int) -> tuple[Permutation, int]:
        """Return an epoch's permutation, and how far its windows are shifted within what the cut leaves over."""
        if epoch not in self._epochs:
            self._epochs.clear()
            key = f"{self._seed}/{epoch}".encode()
            self._epochs[epoch] = (Permutation(self.windows, key), _number(key, self._spare + 1))
        return self._epochs[epoch]


def following(cursor: int, quarantine: AbstractSet[int]) -> int:
    """Return the first batch from `cursor` on that is not in quarantine."""
    while cursor in quarantine:
        cursor += 1
    return cursor


def noise(number: int, seed: int, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return the bytes that stand in a corrupt batch: the same each time it is read."""
    wanted = shape[0] * shape[1]
    key = f"{seed}/{number}/noise".encode()
    blocks = (blake2b(key + b"/%d" % block).digest() for block in range(-(-wanted // 64)))
    return np.frombuffer(b"".join(blocks)[:wanted], np.uint8).reshape(shape)


def _number(key: bytes, below: int) -> int:
    return int.from_bytes(blake2b(key + b"/shift", digest_size=8).digest()) % below
