"""Lines beside a list that join each item with what depends on it: a graph drawn a row an item, the first on top.

An item stands below everything it depends on. Whatever others wait for has a rail of its own, from its row down to
the last of them:

    ○        a            a rail begins below an item that others depend on
    ├─○      b  ← a       it goes on while more of them follow
    ├───○    c  ← a       a line over a rail that it has nothing to do with hides that
    ○─┴─╯    d  ← a b c   the last of them stands on the rail of one, and the others end there, too

What stands right below an item depends on it. There are as many rails as fit; an item that would need one more has
none, and those behind it name it in words alone. All pure. It costs rows times rails.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

RAIL_CELLS: Final = 2
_NODE: Final = "\0"
"""Stands where the item's own glyph will."""
_MARKS: Final = {
    ("left", False): "├", ("left", True): "╰", ("right", False): "┤", ("right", True): "╯", ("within", False): "┼",
    ("within", True): "┴",
}  # fmt: skip
"""Where a rail meets the line to an item: by which end of the line it is, and whether the rail ends there."""


class Railed(NamedTuple):
    """One item, and what is drawn beside it."""

    id: str
    before: str
    """What stands left of its glyph, and right of it: all rails together are of one width in every row."""
    behind: str


class Drawing(NamedTuple):
    """All items, the first on top."""

    rows: Sequence[Railed]
    cells: int
    """How wide the rails are."""
    unrailed: int
    """How many items are depended on and had no rail left."""


def draw_rails(needs: Mapping[str, Sequence[str]], rails: int) -> Drawing:
    """Draw a graph, with as many rails as given at most.

    Args:
        needs: what each item depends on, by item, in the order of the rows; what has no row above is left out.
        rails: how many may stand beside each other.
    """
    place = {name: number for number, name in enumerate(needs)}
    last = _last_uses(needs, place)
    drawn = _Rails(max(rails, 1))
    rows = []
    for number, (name, wanted) in enumerate(needs.items()):
        above = [one for one in dict.fromkeys(wanted) if place.get(one, number) < number]
        rows.append((name, drawn.row(name, above, last, number)))
    cells = RAIL_CELLS * drawn.used
    return Drawing([_railed(name, text, cells) for name, text in rows], cells, drawn.unrailed)


def _railed(name: str, text: str, cells: int) -> Railed:
    before, _, behind = text.partition(_NODE)
    return Railed(name, before, behind.ljust(cells - len(before) - len(_NODE)))


def in_rows(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Order items for a drawing: each below all it depends on, and right behind the last of them, so that rails are short.

    What hangs together stays together; whole groups, and what nobody waits for within them, keep the order given.
    """
    return list(_ordered(needs))


def groups(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Divide items into those that hang together, in the order of the first of each."""
    joined: dict[str, list[str]] = {name: [] for name in needs}
    for name, wanted in needs.items():
        for one in wanted:
            if one in joined and one != name:
                joined[name].append(one)
                joined[one].append(name)
    seen: set[str] = set()
    found = []
    for first in needs:
        if first not in seen:
            found.append(_reached(first, joined, seen))
    places = {name: number for number, name in enumerate(needs)}
    return [sorted(group, key=places.__getitem__) for group in found]


def _reached(first: str, joined: Mapping[str, Sequence[str]], seen: set[str]) -> list[str]:
    seen.add(first)
    group = [first]
    for name in group:
        for other in joined[name]:
            if other not in seen:
                seen.add(other)
                group.append(other)
    return group


def _ordered(needs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield group by group, each item right behind the last of what it depends on: so rails are short."""
    placed: set[str] = set()
    needed = {one for name, wanted in needs.items() for one in wanted if one != name}
    for group in groups(needs):
        for name in (*(one for one in group if one not in needed), *group):
            yield from _with_needs(name, needs, placed)


def _with_needs(name: str, needs: Mapping[str, Sequence[str]], placed: set[str]) -> Iterator[str]:
    """Yield what an item depends on that was not yielded yet, and then the item."""
    if name in placed:
        return
    placed.add(name)
    walk = [(name, iter(needs[name]))]
    while walk:
        here, wanted = walk[-1]
        other = next((one for one in wanted if one in needs and one not in placed), None)
        if other is None:
            walk.pop()
            yield here
        else:
            placed.add(other)
            walk.append((other, iter(needs[other])))


def _last_uses(needs: Mapping[str, Sequence[str]], place: Mapping[str, int]) -> dict[str, int]:
    """Return the row of the last item that depends on each; none where nobody below does."""
    last: dict[str, int] = {}
    for name, wanted in needs.items():
        for one in wanted:
            if one in place and place[one] < place[name]:
                last[one] = max(last.get(one, 0), place[name])
    return last


class _Rails:
    """The rails as they stand, row by row."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rails: list[str] = []
        """By column: the item that the rail comes from; empty: free."""
        self._node = -1
        """The column of the item above."""
        self.used = 1
        self.unrailed = 0

    def row(self, name: str, above: Sequence[str], last: Mapping[str, int], number: int) -> str:
        """Draw the row of an item below what it depends on, and go on to the next."""
        joins = {self._rails.index(one) for one in above if one in self._rails}
        ends = {rail for rail in joins if last[self._rails[rail]] == number}
        node = min(ends) if ends else self._free()
        text = self._drawn(joins, ends, node)
        for rail in ends:
            self._rails[rail] = ""
        if name in last:
            self._begin(name, node)
        while self._rails and not self._rails[-1]:
            self._rails.pop()
        self._node = node
        return text

    def _free(self) -> int:
        """Return the first column without a rail; not that of the item above: right below it stands what depends on it."""
        column = 0
        while column == self._node or (column < len(self._rails) and self._rails[column]):
            column += 1
        return column

    def _begin(self, name: str, node: int) -> None:
        if node >= self._most:
            self.unrailed += 1
            return
        self._rails += [""] * (node + 1 - len(self._rails))
        self._rails[node] = name

    def _drawn(self, joins: set[int], ends: set[int], node: int) -> str:
        low, high = min(joins | {node}), max(joins | {node})
        wide = max(len(self._rails), node + 1)
        self.used = max(self.used, wide)
        marks = []
        for column in range(wide):
            marks.append(_NODE if column == node else self._mark(column, joins, ends, low, high))
            marks.append("─" if low <= column < high else " ")
        return "".join(marks)

    def _mark(self, column: int, joins: set[int], ends: set[int], low: int, high: int) -> str:
        if column in joins:
            side = "left" if column == low else "right" if column == high else "within"
            return _MARKS[side, column in ends]
        if low < column < high:
            return "─"
        return "│" if column < len(self._rails) and self._rails[column] else " "
