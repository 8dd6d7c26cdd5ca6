"""How far the log is known without a hole.

A coordinator knows the positions of what it appended itself, so it need not read them again. What lies
between them is somebody else's, or its own with an answer that was lost: a hole that stays is to be read.
"""


class Frontier:
    """Every position up to `position` is known; some beyond it may be."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self._beyond: set[int] = set()

    def know(self, position: int) -> None:
        """Take note that what stands at a position is known."""
        if position == self.position + 1 and not self._beyond:
            self.position = position
            return
        if position <= self.position:
            return
        self._beyond.add(position)
        self._close()

    def know_up_to(self, position: int) -> None:
        """Take note that everything up to a position is known."""
        if position > self.position:
            self.position = position
            self._beyond = {one for one in self._beyond if one > position}
            self._close()

    def _close(self) -> None:
        while self.position + 1 in self._beyond:
            self.position += 1
            self._beyond.discard(self.position)
