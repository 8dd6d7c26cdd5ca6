"""What is known of one work item: why it does not move, its life, what it needs, what came of it.

The rows come from the board; the rest from `show` and `history` of the item under the cursor, which may not
be answered yet.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from coord.services.planned import plan_of
from coord.services.wording import age, size
from coord.tui.ink import Ink, Line, Part, line, said
from coord.tui.phrases import exact_time, waiting, wrapped
from coord.tui.scene import Row, Scene
from coord.tui.telling import kind_of, mark_of, sentence
from coord.tui.views.ages import late
from coord.tui.views.crew import Crew
from coord.tui.views.items import ENDED, standing, state_of
from coord.tui.views.lives import life_line, stages_of

HISTORY_TYPE_CELLS: Final = 20
JSON_LENGTH_MAX: Final = 2_000


def shown_of(scene: Scene, item_id: str) -> Row:
    """Return the answer to `show` if it speaks of this item; an older one speaks of another."""
    answer = scene.answers.get("show", {})
    return answer if answer.get("item", {}).get("id") == item_id else {}


def history_of(scene: Scene, item_id: str) -> Sequence[Row]:
    """Return the events of this item; none while they were not told yet."""
    events: Sequence[Row] = scene.answers.get("history", {}).get("events", ())
    named = f".work.{item_id}"
    return events if events and str(events[0]["subject"]).endswith(named) else ()


def run_of(scene: Scene, item_id: str) -> str:
    """Return the newest run that says it works for this item; empty: none is known."""
    return next((row["run"] for row in scene.rows("runs") if row.get("work_item") == item_id), "")


def summary(item: Row, scene: Scene, crew: Crew, width: int) -> list[Line]:
    """Say the most important first: what it is, why it does not move, its life."""
    reason = standing(item, crew, late(scene, "board"))
    events = history_of(scene, item["id"])
    ended = item["status"] in ENDED
    life = (
        life_line(stages_of(events), scene.now_ns, ended, width)
        if events
        else waiting(scene, "history", "asking for its history")
    )
    label = "end  " if ended else "why  "
    return [
        facts(item, scene),
        *(
            line((label, Ink.DIM) if not place else "     ", *part)
            for place, part in enumerate(wrapped(reason.words or "-", width - 5, reason.ink)[:2])
        ),
        life,
    ]


def facts(item: Row, scene: Scene) -> Line:
    """Say in one line what there is to know of an item at a glance."""
    shown = shown_of(scene, item["id"]).get("item", {})
    needs = item.get("capabilities") or shown.get("capabilities") or ()
    lease = item.get("lease_seconds") or shown.get("lease_seconds")
    run = run_of(scene, item["id"])
    named: tuple[tuple[str, object], ...] = (
        ("priority", item["priority"]),
        ("attempt", item.get("attempt") or None),
        ("fence", item.get("fence")),
        ("lease", age(lease) if lease else None),
        ("needs", ", ".join(needs) or None),
        ("team", item.get("team")),
        ("run", run or None),
    )
    parts: list[Part] = [
        (state_of(item), Ink.STRONG),
        f" {age(item['state_seconds'] + late(scene, 'board'))}",
    ]
    for name, value in named:
        if value is not None:
            parts += ((f" · {name} ", Ink.DIM), said(value))
    return line(*parts)


def details(item: Row, scene: Scene, width: int) -> list[Line]:
    """Say what the item is about and what came of it, as far as it was told."""
    answer = shown_of(scene, item["id"])
    if not answer:
        return [waiting(scene, "show", "asking for the item")]
    view = answer["item"]
    return [
        *_block("title   ", view["title"], width),
        *_block("plan    ", _plan(answer, scene.now_ns), width),
        *_block("verify  ", view.get("verify"), width),
        *_block("note    ", answer.get("progress_note"), width),
        *_block("reason  ", view.get("reason"), width),
        *_json("body    ", view.get("body"), answer.get("body_bytes", 0), width),
        *_json("result  ", view.get("result"), answer.get("result_bytes", 0), width),
    ]


def _plan(answer: Row, now_ns: int) -> str:
    """Say how an item is planned, as far as it is."""
    named = plan_of(answer, now_ns)
    return " · ".join(f"{name} {value}" for name, value in named if value)


def _block(name: str, text: Any, width: int) -> list[Line]:
    if text in (None, ""):
        return []
    lines = wrapped(str(text), max(width - len(name), 1))
    return [line((name if not place else " " * len(name), Ink.DIM), *one) for place, one in enumerate(lines)]


def _json(name: str, value: Any, count: int, width: int) -> list[Line]:
    if value is None:
        return [line((name, Ink.DIM), f"{size(count)}, read from the log alone")] if count else []
    text = json.dumps(value, ensure_ascii=False)
    cut = f" … {size(len(text))}" if len(text) > JSON_LENGTH_MAX else ""
    return _block(name, text[:JSON_LENGTH_MAX] + cut, width)


def history_lines(scene: Scene, item_id: str) -> list[Line]:
    """List the events of an item under their heads, oldest first, with what passed between them."""
    events = history_of(scene, item_id)
    if not events:
        return [waiting(scene, "history", "asking for its history")]
    heads = f"{'POSITION':>9} {'TIME (UTC)':<12} {'AFTER':>6}   {'EVENT':<{HISTORY_TYPE_CELLS}} WHAT"
    lines = [line((heads, Ink.DIM))]
    for place, entry in enumerate(events):
        gap = (
            ""
            if not place
            else f"+{age((entry['recorded_at_ns'] - events[place - 1]['recorded_at_ns']) / 1e9)}"
        )
        lines.append(event_line(entry, gap))
    if scene.answers["history"].get("truncated"):
        lines.append(line((f"only the newest {len(events):,} events: coord history {item_id}", Ink.WARN)))
    return lines


def event_line(entry: Row, gap: str = "") -> Line:
    """Write one event: position, time, what passed since the one before, type, who, what."""
    glyph, ink = mark_of(entry)
    return line(
        (f"{entry['position']:>9,} ", Ink.DIM),
        (f"{exact_time(entry['recorded_at_ns'])} {gap:>6} ", Ink.DIM),
        (f"{glyph} ", ink),
        said(kind_of(entry).ljust(HISTORY_TYPE_CELLS) + " ", ink),
        said(sentence(entry)),
        said(f"  ({entry.get('actor')})" if entry.get("actor") else "", Ink.DIM),
    )
