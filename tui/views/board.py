"""The board: a column for each state, cards below one another; the worst cards first in each."""

from collections.abc import Mapping, Sequence
from typing import Final

from coord.services.wording import age
from coord.tui.boxes import beside as side_by_side
from coord.tui.boxes import box, shares
from coord.tui.ink import Ink, Line, choose, fit, line, said
from coord.tui.scene import Row
from coord.tui.views.crew import Crew
from coord.tui.views.items import ENDED, HELD_BACK, STATES, lane_of, seconds_left, standing

WIDE: Final = 100
CARD_LINES: Final = 4


def lanes(rows: Sequence[Row], width: int) -> list[tuple[str, list[Row]]]:
    """Divide items into lanes; a narrow board has one for everything that has ended."""
    if width >= WIDE:
        return [(state, [row for row in rows if lane_of(row["status"]) == state]) for state in STATES]
    return [
        ("open", [row for row in rows if lane_of(row["status"]) == "open"]),
        ("claimed", [row for row in rows if row["status"] == "claimed"]),
        ("ended", [row for row in rows if row["status"] in ENDED]),
    ]


def draw(
    rows: Sequence[Row],
    counts: Mapping[str, int],
    crew: Crew,
    at: int,
    late_seconds: float,
    width: int,
    height: int,
) -> tuple[list[Line], dict[int, str], Sequence[tuple[int, int]]]:
    """Draw the lanes into exactly `width` x `height` cells, the card under the cursor in sight.

    `counts` are of all items, whatever is shown of them. A line crosses a card in each lane: the mouse is told of
    the cards in the lane of the cursor, and of the cells of that lane.
    """
    divided = lanes(rows, width)
    widths = shares(width, *[1] * len(divided))
    chosen = rows[at]["id"] if at >= 0 else ""
    room = max((height - 2) // CARD_LINES, 1)
    blocks: list[list[Line]] = []
    lines: dict[int, str] = {}
    cells: list[tuple[int, int]] = []
    for (state, cards), wide in zip(divided, widths, strict=True):
        seen, hidden, is_here = _in_sight(cards, chosen, room)
        if is_here:
            start = sum(widths[: len(blocks)])
            lines, cells = _lines_of(seen, height), [(start, start + wide)]
        body = [
            part for card in seen for part in _card(card, crew, late_seconds, wide - 2, card["id"] == chosen)
        ]
        total = _total(state, counts)
        if not cards and total:
            body = [line((" none of them listed", Ink.DIM))]
        title, hint = _title(state, len(cards), total), f"{hidden} more" if hidden else ""
        ink = Ink.ACCENT if is_here else Ink.DIM
        blocks.append(box(title, body[: max(height - 2, 0)], wide, height, hint, ink))
    return side_by_side(*blocks), lines, cells


def _in_sight(cards: Sequence[Row], chosen: str, room: int) -> tuple[Sequence[Row], int, bool]:
    """Return the cards that are shown, how many lie below, and whether the cursor is among them."""
    here = next((place for place, card in enumerate(cards) if card["id"] == chosen), -1)
    first = max(0, min(here - room // 2, len(cards) - room)) if here >= 0 and len(cards) > room else 0
    seen = cards[first : first + room]
    return seen, len(cards) - first - len(seen), here >= 0


def _lines_of(cards: Sequence[Row], height: int) -> dict[int, str]:
    """Say which line of a lane belongs to which card."""
    numbered = {1 + line_: card["id"] for place, card in enumerate(cards) for line_ in _span(place)}
    return {number: name for number, name in numbered.items() if number < height - 1}


def _span(place: int) -> range:
    return range(CARD_LINES * place, CARD_LINES * (place + 1))


def _total(state: str, counts: Mapping[str, int]) -> int:
    states = {"ended": ENDED, "open": ("open", *HELD_BACK)}.get(state, (state,))
    return sum(counts.get(name, 0) for name in states)


def _title(state: str, shown: int, total: int) -> str:
    return f"{state} {shown:,}/{total:,}" if 0 < shown < total else f"{state} {max(shown, total):,}"


def _card(item: Row, crew: Crew, late_seconds: float, width: int, chosen: bool) -> list[Line]:
    reason = standing(item, crew, late_seconds)
    left = seconds_left(item, crew, late_seconds)
    tail = f"lease {age(max(left, 0))}" if left is not None else age(item["state_seconds"] + late_seconds)
    mood = crew.moods.get(str(item.get("agent") or "")) if item["status"] == "claimed" else None
    who = f"{mood.glyph if mood else ''} {item['agent']}  ".lstrip() if item.get("agent") else ""
    mark = ("▸", Ink.ACCENT) if chosen else " "
    lines = [
        line(mark, said(item["id"], Ink.STRONG), (f" P{item['priority']}", Ink.DIM)),
        line("  ", said(item["title"])),
        line("  ", (who + tail, Ink.DIM)),
        line("  ", said(reason.words, reason.ink)),
    ]
    whole = [fit(one, width) for one in lines]
    return [choose(one) for one in whole] if chosen else whole


def beside(rows: Sequence[Row], at: int, step: int) -> str:
    """Return the card to go to in the next lane that has any; empty: there is none on that side."""
    states = list(STATES)
    divided = [[row["id"] for row in rows if lane_of(row["status"]) == state] for state in states]
    lane = states.index(lane_of(rows[at]["status"]))
    here = divided[lane].index(rows[at]["id"])
    for other in range(lane + step, len(states) if step > 0 else -1, step):
        if divided[other]:
            return str(divided[other][min(here, len(divided[other]) - 1)])
    return ""
