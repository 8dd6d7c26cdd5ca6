"""The boxes of the overview: work by state, the newest run, machines, agents, what is in work, newest events."""

from collections.abc import Mapping, Sequence
from typing import Final

from coord.services.run_state import is_paused
from coord.services.wording import age, percent
from coord.tui.boxes import box
from coord.tui.ink import Ink, Line, Part, cell, fit, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import figure, time_of
from coord.tui.plot import LABEL_CELLS, Trace, plot, scale_of
from coord.tui.scene import Answer, Row, Scene
from coord.tui.telling import entity_of, kind_of, mark_of, sentence
from coord.tui.views.ages import late
from coord.tui.views.crew import GONE, HERE, LOST, SILENT, Crew, note
from coord.tui.views.items import ENDED, HELD_BACK, counted, look_of, seconds_left
from coord.tui.views.run_curves import bins_of, small_log
from coord.tui.views.run_marks import Moment, flags_of, moments_of
from coord.tui.views.waiting import asked

LOSS: Final = "loss"
RUN_INKS: Final = {
    "running": Ink.OK,
    "completed": Ink.OK,
    "stopped": Ink.WARN,
    "failed": Ink.BAD,
    "lost": Ink.BAD,
}
BAR_COUNT: Final = 10
"""A full bar stands for so many at least: one item alone is no long bar."""


def work_box(scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    """Count the work by state, with bars: what lives on one scale, what has ended on another."""
    board = scene.answers.get("board")
    if board is None:
        return box("Work", asked(scene, "board", "asking for the board", width - 2), width, height, "2")
    counts: Mapping[str, int] = board.get("counts", {})
    rows = list(counted(board))
    body = [_state_row(state, ink, within, counts, width - 2) for state, _, ink, _, within in rows]
    oldest = crew.oldest
    if oldest is not None:
        waited = age(oldest["age_seconds"] + late(scene, "board"))
        body.insert(
            len(rows) - len(ENDED), line((f" oldest open {waited} ", Ink.DIM), said(oldest["id"], Ink.DIM))
        )
    return box("Work", _within(body, height - 2), width, height, "2")


def _state_row(state: str, ink: Ink, within: str, counts: Mapping[str, int], width: int) -> Line:
    live = ("open", "claimed", *HELD_BACK)
    peers = [count for name, count in counts.items() if (name in live) == (state in live)]
    count, most = counts.get(state, 0), max((*peers, BAR_COUNT))
    told = f" {within}" if within else ""
    bar = _bar(count, most, width - 19 - len(told))
    return line(f" {state:<10}{count:>6,} ", (bar, ink), (told, Ink.WARN if state == "claimed" else Ink.DIM))


def _bar(count: int, most: int, width: int) -> str:
    if not count or width <= 0:
        return ""
    return "▇" * (count * width // most) or "▏"


def _within(body: Sequence[Line], height: int) -> list[Line]:
    """Leave out what is at the end where there is no room, and say nothing of it: it is a summary."""
    return list(body[: max(height, 0)])


def run_of(scene: Scene) -> Row | None:
    """Return the run that is shown: the newest that runs, else the one that ended last."""
    rows = scene.rows("runs")
    return rows[0] if rows else None


def run_box(scene: Scene, row: Row, width: int, height: int) -> list[Line]:
    """Draw the loss of the newest run, with ▲ where an alert was raised and ◆ where something was asked of it."""
    title = said(f"Run {row['run']} · {LOSS}").text
    inner, room = width - 2, height - 3
    curve = scene.answers.get("curve")
    if curve is None or curve.get("run") != row["run"]:
        return box(
            title,
            [_run_line(row, scene), *asked(scene, "curve", "asking for its curve", width - 2)],
            width,
            height,
            "4",
        )
    drawn = _curve(scene, curve, inner, max(room, 0))
    if drawn is None:
        return box(
            title, [_run_line(row, scene), line((" no loss was told yet", Ink.DIM))], width, height, "4"
        )
    bins = bins_of(curve, LOSS)
    hint = "scale log, by itself  4" if bins is not None and small_log(bins) else "4"
    return box(title, [_run_line(row, scene), *drawn], width, height, hint)


def _run_line(row: Row, scene: Scene) -> Line:
    latest = row["latest"]
    parts: list[Part] = [
        (" ❚❚ paused", Ink.WARN)
        if is_paused(row)
        else (f" {row['status']}", RUN_INKS.get(row["status"], Ink.TEXT)),
        f"  loss {figure(latest.get(LOSS))}  step {row['step']:,}",
    ]
    pace = latest.get("tokens_per_second")
    if isinstance(pace, int | float) and row["status"] == "running" and not is_paused(row):
        parts.append(f"  {figure(pace)} tok/s")
    if row.get("checkpoint_step") is not None:
        parts.append((f"  checkpoint {row['checkpoint_step']:,}", Ink.DIM))
    if row["status"] == "running" and row["silent_seconds"] > 5:
        parts.append((f"  silent {age(row['silent_seconds'] + late(scene, 'runs'))}", Ink.WARN))
    return line(*parts)


def _curve(scene: Scene, curve: Answer, width: int, height: int) -> Sequence[Line] | None:
    return _plotted(curve, moments_of(scene, curve), width, height)


@remembered
def _plotted(curve: Answer, moments: Sequence[Moment], width: int, height: int) -> Sequence[Line] | None:
    bins = bins_of(curve, LOSS)
    if bins is None or not bins.steps or height < 3:
        return None
    traces = [Trace(bins.steps, bins.lowest, bins.highest)]
    log = small_log(bins)
    scale = scale_of(traces, log)
    if scale is None:
        return None
    flags = flags_of(moments, scale.first, scale.last, width - LABEL_CELLS)
    return plot(traces, [flag._replace(label=said(flag.label).text) for flag in flags], width, height, log)


def agents_box(scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    """Tell of the agents, those who work first, then the others, worst first; who retired is not told."""
    if "agents" not in scene.answers:
        return box("Agents", asked(scene, "agents", "asking for the agents", width - 2), width, height, "3")
    counts = crew.counts()
    here = [row for row in crew.rows if row["status"] not in GONE]
    marks = [f" {mood.glyph}{counts[mood.name]}" for mood in HERE if mood.name in counts]
    title = f"Agents {len(here)} {''.join(marks)}"
    body = [
        _agent_row(row, crew, late(scene, "agents"), width - 2)
        for row in _busy_first(crew)[: max(height - 2, 0)]
    ]
    left = len(here) - len(body)
    if left > 0 and body:
        body[-1] = line((f" and {left + 1} more", Ink.DIM))
    return box(title, body or [line((" none yet: coord register NAME", Ink.DIM))], width, height, "3")


@remembered
def _busy_first(crew: Crew) -> Sequence[Row]:
    here = [row for row in crew.rows if row["status"] not in GONE]
    return sorted(here, key=lambda row: (not row["holds"], crew.moods[row["agent"]].rank, row["agent"]))


def _agent_row(row: Row, crew: Crew, late_seconds: float, width: int) -> Line:
    mood = crew.moods[row["agent"]]
    held = crew.held.get(row["agent"], ())
    silent = row.get("silent_seconds")
    troubled = mood in (LOST, SILENT)
    words = note(row, crew, late_seconds)
    if troubled and silent is not None:
        words = f"{mood.name} {age(silent + late_seconds)}: {words}"
    parts: list[Part] = [(f" {mood.glyph} ", mood.ink), cell(said(row["agent"]).text, 8) + " "]
    if held:
        item = said(held[0]["id"]).text + (f" +{len(held) - 1}" if len(held) > 1 else "")
        parts += [cell(item, 12), (f"{age(held[0]['state_seconds'] + late_seconds):>4} ", Ink.DIM)]
    return fit(line(*parts, said(words, mood.ink if troubled else Ink.DIM)), width)


def in_work_box(scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    """Tell what is in work, where there is no run to draw: items, their holders, how far they are."""
    if "board" not in scene.answers:
        return box("In work", asked(scene, "board", "asking for the board", width - 2), width, height, "2")
    rows = [item for item in scene.rows("board") if item["status"] == "claimed"]
    body = [_in_work(item, crew, late(scene, "board"), width - 2) for item in rows[: max(height - 2, 0)]]
    words = "nobody worked on anything then" if scene.past else "nobody works on anything now"
    return box(f"In work {len(rows)}", body or [line((f" {words}", Ink.DIM))], width, height, "2")


def _in_work(item: Row, crew: Crew, late_seconds: float, width: int) -> Line:
    left = seconds_left(item, crew, late_seconds)
    share = item.get("progress")
    gauge = f"{'▇' * round((share or 0.0) * 8):<8} " if width >= 60 else ""
    mood = crew.moods.get(str(item.get("agent") or ""))
    glyph, ink = (
        look_of(item) if mood is None or (item.get("stuck") and mood is not LOST) else (mood.glyph, mood.ink)
    )
    return fit(
        line(
            (f" {glyph} ", ink),
            said(cell(str(item.get("agent") or ""), 8) + " "),
            said(cell(item["id"], 12) + " ", Ink.STRONG),
            (f"{gauge}{percent(share):>5} ", Ink.OK),
            (f"{age(item['state_seconds'] + late_seconds):>4} ", Ink.DIM),
            ("" if left is None else f"lease {age(max(left, 0.0)):>4} ", Ink.DIM),
            said(item["title"]),
        ),
        width,
    )


def events_box(scene: Scene, width: int, height: int) -> list[Line]:
    """List the newest events, the newest first."""
    room = max(height - 2, 0)
    body = [_event(entry, width - 2) for entry in reversed(scene.events[-room:] if room else ())]
    rate = f"Events {scene.rate:,.0f}/s" if scene.rate >= 1 and scene.past is None else "Events"
    unread = scene.link.state == "connecting" or scene.position
    words = "asking for the newest events …" if unread else "nothing was written yet"
    return box(rate, body or [line((f" {words}", Ink.DIM))], width, height, "7")


def _event(entry: Row, width: int) -> Line:
    glyph, ink = mark_of(entry)
    kind = kind_of(entry)
    name = "" if kind.startswith("alert.") else f"{entity_of(entry)} "
    if width < 60:
        what = kind.partition(".")[2] or kind
        return line((f" {glyph} ", ink), said(name, Ink.STRONG), said(f"{what} ", ink), said(sentence(entry)))
    return line(
        (f" {entry['position']:>8,} {time_of(entry['recorded_at_ns'])} ", Ink.DIM),
        (f"{glyph} ", ink),
        said(kind.ljust(22) + " ", ink),
        said(f"{name} " if name else "", Ink.STRONG),
        said(sentence(entry)),
    )
