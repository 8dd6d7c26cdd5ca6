"""The view of health: where the points went, why, and how they come back."""

import re
from dataclasses import replace

import pytest
from scenes import empty_scene
from trouble import health, trouble, trouble_past

from coord.events.weights import WEIGHTS
from coord.tui.ink import plain
from coord.tui.scene import Act, Drawn, Go, Place, Say, Scene
from coord.tui.views.health import VIEW, shown
from coord.tui.views.health_ways import is_known

HERE = Place()


def text(scene: Scene, place: Place = HERE, width: int = 120, height: int = 36) -> str:
    return "\n".join(plain(line) for line in VIEW.draw(scene, place, width, height).lines)


def axis_of(scene: Scene) -> list[str]:
    """Return the times below the curve."""
    drawn = [plain(line) for line in VIEW.draw(scene, HERE, 120, 36).lines]
    top = next(at for at, line in enumerate(drawn) if "Score over" in line)
    bottom = next(at for at, line in enumerate(drawn) if at > top and "╰" in line)
    return re.findall(r"[^─│ ](?:[^─│]*[^─│ ])?", drawn[bottom - 1].split("││")[1])


class TestParts:
    def test_the_systems_deductions_stand_first_then_what_is_worst_off(self) -> None:
        ids = list(VIEW.draw(trouble(), HERE, 120, 36).ids)
        assert ids[:4] == ["system/alerts", "system/nodes", "system/runs", "system/dead_letters"]
        assert ids[4:] == ["node:n2", "node:n3", "run:r-18", "run:r-17"]

    def test_each_says_what_is_lost_why_and_where_that_is_written(self) -> None:
        row = next(line for line in text(trouble()).splitlines() if line.startswith("  nodes"))
        assert "−9.4" in row
        assert "node:n2 has 20 of 100" in row
        assert "#181,770" in row

    def test_the_sum_is_told(self) -> None:
        assert "74  = 100 − 26.0" in text(trouble())

    def test_a_score_that_is_not_whole_is_never_100(self) -> None:
        assert shown(99.97) == "99.9"
        assert shown(100.0) == "100"

    def test_a_filter(self) -> None:
        assert list(VIEW.draw(trouble(), Place(filter="gpu1"), 120, 36).ids) == ["system/alerts", "node:n3"]


class TestPictures:
    def test_where_the_points_went(self) -> None:
        assert "Where 26.0 points went" in text(trouble())
        bars = [
            line for line in text(trouble()).splitlines() if "alerts −11.2" in line or "runs −5.0" in line
        ]
        assert len(bars) == 2
        assert bars[0].count("█") > bars[1].count("█")

    def test_the_trend_says_its_span_and_its_lowest(self) -> None:
        assert "Score over 23h, lowest 74" in text(trouble())

    @pytest.mark.parametrize(
        ("seconds", "marks"),
        [
            (30, ["07:40:30", "07:40:40", "now"]),
            (120, ["07:39:00", "07:39:30", "07:40:00", "now"]),
            (660, ["07:30", "07:32", "07:34", "07:36", "07:38", "now"]),
            (23 * 3_600, ["Sat 16:00", "Sun 00:00", "now"]),
        ],
    )
    def test_its_axis_shows_times_of_the_clock(self, seconds: int, marks: list[str]) -> None:
        answer, scene = health(), trouble()
        now_ns = answer["as_of"]["time_ns"]
        answer["trend"] = [
            {"at_ns": now_ns - place * seconds * 10**8, "score": 90.0} for place in range(10, 0, -1)
        ]
        scene = replace(scene, answers={**scene.answers, "health": answer})
        assert axis_of(scene) == marks
        then = axis_of(replace(scene, past=trouble_past().past))
        assert then[: len(marks) - 1] == marks[:-1]
        assert "now" not in then

    def test_the_newest_point_is_the_present_score(self) -> None:
        answer, scene = health(), trouble()
        now_ns = answer["as_of"]["time_ns"]
        answer["trend"] = [{"at_ns": now_ns - place * 60 * 10**9, "score": 81.1} for place in (2, 1)]
        answer["score"] = 30.9
        shown = text(replace(scene, answers={**scene.answers, "health": answer}))
        assert "Score over 2m, lowest 30.9" in shown

    def test_before_a_second_minute_there_is_no_curve(self) -> None:
        answer = health()
        answer["trend"] = answer["trend"][-1:]
        scene = trouble()
        assert "begins with the second" in text(replace(scene, answers={**scene.answers, "health": answer}))

    def test_the_ways_back_say_what_to_do_the_most_points_first(self) -> None:
        rows = [line for line in text(trouble()).splitlines() if line.startswith("│ +")]
        assert [row[3:7].strip() for row in rows] == ["11.2", "9.4", "5.0", "0.4"]
        assert "coord serve hardware" in rows[1]
        assert "run:r-18" in rows[2]

    def test_all_is_well(self) -> None:
        said = text(empty_scene())
        assert "100" in said
        assert "nothing is missing" in said

    def test_the_past_is_shown_as_it_was_and_says_so_where_it_is_kept_no_longer(self) -> None:
        past = replace(trouble(), past=trouble_past().past)
        assert text(past).replace("───│", "now│") == text(trouble())
        gone = replace(past, answers={}, faults={"health": "no readings are kept of then."})
        assert "no readings are kept of then." in text(gone)

    def test_a_question_that_was_refused_is_said(self) -> None:
        assert "✖ away." in text(trouble(("health",), faults={"health": "away."}))


class TestKeys:
    def test_enter_goes_to_the_newest_evidence(self) -> None:
        there = VIEW.press("enter", trouble(), Place(chosen="system/nodes"), Drawn([]))
        assert there == Go("events", "181770", 181_770)

    def test_what_rests_on_counts_or_readings_says_so(self) -> None:
        assert isinstance(VIEW.press("enter", trouble(), Place(chosen="node:n3"), Drawn([])), Say)

    @pytest.mark.parametrize(
        ("chosen", "there"),
        [
            ("system/alerts", Go("alerts")),
            ("system/nodes", Go("nodes", "n2")),
            ("system/runs", Go("runs", "r-18")),
            ("node:n3", Go("nodes", "n3")),
            ("run:r-18", Go("runs", "r-18")),
        ],
    )
    def test_o_goes_to_what_it_is_about(self, chosen: str, there: Go) -> None:
        assert VIEW.press("o", trouble(), Place(chosen=chosen), Drawn([])) == there

    @pytest.mark.parametrize(
        ("chosen", "command"),
        [("node:n3", "coord health --explain node:n3"), ("system/runs", "coord health")],
    )
    def test_what_is_copied(self, chosen: str, command: str) -> None:
        assert VIEW.copies is not None
        place = Place(chosen=chosen)
        assert VIEW.copies(trouble(), place, VIEW.draw(trouble(), place, 120, 36)) == (chosen, command)


def test_there_is_advice_about_every_deduction_that_a_score_can_have() -> None:
    """The names stand in the projector's own modules as the first word of each deduction."""
    import ast
    from pathlib import Path

    from coord.projections import health as room

    names = set()
    for path in Path(next(iter(room.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = getattr(getattr(node, "func", None), "id", "")
            if (
                called in ("deduct", "_Gauge")
                and isinstance(node, ast.Call)
                and isinstance(node.args[0], ast.Constant)
            ):
                names.add(str(node.args[0].value))
    assert len(names) > 20
    assert [name for name in sorted(names) if not is_known(name)] == []
    assert set(WEIGHTS) <= names, "a weight of nothing"


class TestWeights:
    """`e` shows what each part may cost, and there changes it by the command `coord weigh`."""

    PLACE = Place(mode="weights", chosen="system/nodes")

    def test_e_shows_every_part_the_heaviest_first_with_what_it_costs_now(self) -> None:
        there = VIEW.press("e", trouble(), Place(chosen="system/nodes"), Drawn([]))
        assert there == self.PLACE
        drawn = VIEW.draw(trouble(), self.PLACE, 120, 36)
        assert next(iter(drawn.ids)) == "system/backlog"
        assert set(drawn.ids) == {f"system/{part}" for part in WEIGHTS}
        row = next(plain(line) for line in drawn.lines if "▸ nodes" in plain(line))
        assert row.split()[2:5] == ["20", "20", "−9.4"]
        assert "node:n2 has 20 of 100" in row

    def test_e_there_asks_for_points_and_can_be_undone(self) -> None:
        act = VIEW.press("e", trouble(), self.PLACE, Drawn([]))
        assert isinstance(act, Act)
        assert (act.verb, act.fields, act.wants, act.numeric) == ("weigh", {"part": "nodes"}, "points", True)
        assert act.undo == Act("weigh", {"part": "nodes", "points": 20.0}, "coord weigh nodes --points 20")

    def test_what_was_weighed_is_shown_and_the_column_of_the_parts_says_it(self) -> None:
        answer = health() | {"weights": {**WEIGHTS, "nodes": 7.5}}
        scene = replace(trouble(), answers={**trouble().answers, "health": answer})
        row = next(line for line in text(scene, self.PLACE).splitlines() if "▸ nodes" in line)
        assert row.split()[2:4] == ["7.5", "20"]
        assert "7.5" in next(line for line in text(scene).splitlines() if line.startswith("  nodes"))

    def test_it_is_left_and_filtered_and_offered_in_no_past(self) -> None:
        assert VIEW.press("escape", trouble(), self.PLACE, Drawn([])) == replace(self.PLACE, mode="")
        filtered = replace(self.PLACE, filter="log_")
        assert list(VIEW.draw(trouble(), filtered, 120, 36).ids) == ["system/log_away"]
        assert VIEW.press("escape", trouble(), filtered, Drawn([])) is None, "first the filter goes"
        assert "no part matches" in text(trouble(), replace(self.PLACE, filter="luck"))
        assert VIEW.press("e", trouble_past(), HERE, Drawn([])) is None

    def test_what_is_copied_weighs_the_part(self) -> None:
        assert VIEW.copies is not None
        drawn = VIEW.draw(trouble(), self.PLACE, 120, 36)
        assert VIEW.copies(trouble(), self.PLACE, drawn) == ("system/nodes", "coord weigh nodes")
