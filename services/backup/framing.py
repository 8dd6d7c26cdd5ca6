"""How much a snapshot holds unpacked: the server packs it ten to one, and says beforehand only how large it is unpacked.

It comes as frames of S2: a kind, a length, and for the two kinds that hold data a checksum behind them. A packed one
then says how long it is unpacked. Nothing is unpacked here.
"""

from typing import Final

_PACKED: Final = 0x00
_PLAIN: Final = 0x01
_HEAD_BYTES: Final = 4
_SUM_BYTES: Final = 4
_LENGTH_BYTES_MAX: Final = 5
_LOOKED_AT: Final = _HEAD_BYTES + _SUM_BYTES + _LENGTH_BYTES_MAX


class Unpacked:
    """Counts over pieces that are cut anywhere."""

    def __init__(self) -> None:
        self.bytes = 0
        self._rest = b""
        self._skip = 0

    def add(self, piece: bytes) -> None:
        """Count what begins in this piece."""
        data = self._rest + piece
        at = self._skip
        while len(data) - at >= _LOOKED_AT:
            length = int.from_bytes(data[at + 1 : at + _HEAD_BYTES], "little")
            self.bytes += _unpacked(data[at], length, data[at + _HEAD_BYTES + _SUM_BYTES : at + _LOOKED_AT])
            at += _HEAD_BYTES + length
        self._rest, self._skip = data[at:], max(0, at - len(data))


def _unpacked(kind: int, length: int, begins: bytes) -> int:
    if kind == _PLAIN:
        return length - _SUM_BYTES
    if kind != _PACKED:
        return 0
    value = 0
    for place, byte in enumerate(begins):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return value
