"""The view of machines: figures on fixed scales, what is wrong, and what stands there when nothing was read."""

from dataclasses import replace
from typing import Any

import pytest
from scenes import empty_scene
from trouble import nodes, trouble, trouble_past

from coord.tui.ink import Ink, plain
from coord.tui.keymap import MORE, beside
from coord.tui.scene import Act, Drawn, Place, Say, Scene
from coord.tui.views.node_readings import GAUGES, Readings
from coord.tui.views.node_rows import ORDERS
from coord.tui.views.nodes import VIEW

N3 = Place(chosen="n3")


def drawn(scene: Scene, place: Place = N3, width: int = 120, height: int = 36) -> list[str]:
    return [plain(line) for line in VIEW.draw(scene, place, width, height).lines]


def text(scene: Scene, place: Place = N3, width: int = 120, height: int = 36) -> str:
    return "\n".join(drawn(scene, place, width, height))


def readings(**values: float) -> Readings:
    return Readings(
        {"readings": [{"metric": name, "device": "gpu0", "value": value} for name, value in values.items()]}
    )


class TestList:
    def test_lost_stands_first_then_what_is_in_trouble(self) -> None:
        assert list(VIEW.draw(trouble(), N3, 120, 36).ids) == ["n2", "n3", "n1", "n4"]

    def test_a_row_says_what_is_wrong_and_marks_what_is_over_its_limit(self) -> None:
        row = drawn(trouble())[2]
        for words in ("▸ n3", "⚠ hot", "41%", "64%", "38%", "89°!", "1,837 W"):
            assert words in row

    def test_what_has_no_gpu_has_none_and_what_was_not_read_is_no_zero(self) -> None:
        row = drawn(trouble())[4]
        assert "n4" in row
        assert "—" in row
        assert "∅" in row

    def test_the_filter_reads_figures(self) -> None:
        assert list(VIEW.draw(trouble(), Place(filter="temp>80"), 120, 36).ids) == ["n3"]
        assert list(VIEW.draw(trouble(), Place(filter="state:lost"), 120, 36).ids) == ["n2"]
        assert list(VIEW.draw(trouble(), Place(filter="gpus<1"), 120, 36).ids) == ["n4"]

    @pytest.mark.parametrize(("order", "first"), [("name", "n1"), ("hottest", "n3")])
    def test_orders(self, order: str, first: str) -> None:
        assert VIEW.draw(trouble(), Place(sort=order), 120, 36).ids[0] == first

    def test_an_empty_house_says_how_a_monitor_is_started(self) -> None:
        assert "coord serve hardware" in text(empty_scene(), Place())


class TestBars:
    def test_the_same_share_is_the_same_bar_on_every_row(self) -> None:
        rows = [line for line in drawn(trouble()) if "gpu" in line and "/80" in line]
        hot = next(line for line in rows if "n3 gpu1" in line)
        usual = next(line for line in rows if "n3 gpu0" in line)
        assert "▆▆▆" in usual
        assert hot != usual
        assert "▅▃▂▁" in hot

    def test_what_was_not_read_leaves_a_hole(self) -> None:
        row = next(line for line in drawn(trouble()) if "n3 gpu0" in line)
        assert "▆  ▆" in row

    def test_a_gpu_that_is_not_read_says_so(self) -> None:
        row = next(line for line in drawn(trouble(), Place(chosen="n1")) if "n1 gpu3" in line)
        assert row.count("∅") == 4

    def test_a_node_without_gpus_says_so(self) -> None:
        assert "no GPU on this node" in text(trouble(), Place(chosen="n4"))

    def test_gpus_of_the_inventory_that_nobody_reads_are_missed(self) -> None:
        answer = nodes()
        row = next(row for row in answer["rows"] if row["node"] == "n3")
        row["readings"] = [one for one in row["readings"] if not one["metric"].startswith("gpu")]
        assert "4 GPUs in the inventory, and none is read" in text(with_nodes(answer))

    def test_m_and_the_window_change_what_is_asked_for(self) -> None:
        place = VIEW.press("m", trouble(), N3, Drawn([]))
        assert isinstance(place, Place)
        place = VIEW.press("minus", trouble(), place, Drawn([]))
        assert isinstance(place, Place)
        trend = next(wish for wish in VIEW.wishes(place) if wish.key == "node_trend")
        assert "gpu_memory_used_bytes" in trend.fields["metrics"]
        assert trend.fields["seconds"] == 21_600
        assert "mem of each GPU, 6 h" in text(trouble(), place)


class TestDetail:
    def test_it_says_why_first_then_what_runs_there(self) -> None:
        shown = text(trouble())
        assert "✖ gpu1 is at 89 C" in shown
        assert "gpu1 clocks held down by heat" in shown
        assert "torchrun" in shown
        assert "NVIDIA H100 80GB" in shown

    def test_a_lost_machine_says_that_its_figures_are_from_before(self) -> None:
        assert "no readings for 5m" in text(trouble(), Place(chosen="n2"))

    def test_processes_of_another_node_are_not_shown(self) -> None:
        assert "torchrun" not in text(trouble(), Place(chosen="n1"))

    def test_the_past_is_shown_as_it_was_and_says_so_where_it_is_kept_no_longer(self) -> None:
        assert "89°!" in text(trouble_past())
        assert [wish.key for wish in VIEW.follows(trouble_past(), N3)] == ["node_top"]
        gone = replace(trouble_past(), answers={}, faults={"nodes": "no readings are kept of then."})
        assert "no readings are kept of then." in text(gone)


class TestKeys:
    def test_draining_asks_first_and_is_what_coord_direct_sends(self) -> None:
        act = VIEW.press("D", trouble(), N3, Drawn([]))
        assert isinstance(act, Act)
        assert "n3" in act.asks
        assert act.fields["entity_kind"] == "node"
        assert act.cli.startswith("coord direct n3 drain --kind node")

    def test_s_silences_every_open_alert_about_the_machine_for_an_hour(self) -> None:
        hot = next(row for row in trouble().rows("alerts") if row["entity"] == "n3")
        others = [{**hot, "id": "a-x"}, {**hot, "id": "a-quiet", "silenced_seconds": 9.0}]
        scene = replace(
            trouble(),
            answers={**trouble().answers, "alerts": {"rows": [hot, *others, *trouble().rows("alerts")[1:]]}},
        )
        act = VIEW.press("s", scene, N3, Drawn([]))
        assert isinstance(act, Act)
        assert act.then is not None
        assert [act.fields["alert_id"], act.then.fields["alert_id"]] == [hot["id"], "a-x"]
        assert act.cli == f"printf '%s\\n' {hot['id']} a-x | coord silence - --for 1h"
        assert act.then.then is None
        alone = VIEW.press("s", trouble(), N3, Drawn([]))
        assert isinstance(alone, Act)
        assert alone.cli == f"coord silence {hot['id']} --for 1h"

    def test_s_says_when_nothing_is_to_be_silenced_and_does_nothing_in_the_past(self) -> None:
        assert VIEW.press("s", trouble(), Place(chosen="n1"), Drawn([])) == Say(
            "No alert about n1 is open that is not silenced already."
        )
        assert isinstance(VIEW.press("s", trouble_past(), N3, Drawn([])), Say)

    def test_capital_s_goes_through_the_orders_from_both_ends(self) -> None:
        place, seen = N3, []
        for _ in range(2 * len(ORDERS)):
            pressed = VIEW.press("S", trouble(), place, Drawn([]))
            assert isinstance(pressed, Place)
            place = pressed
            seen.append((place.sort or ORDERS[0], place.reversed))
        assert set(seen) == {(order, end) for order in ORDERS for end in (False, True)}
        assert place == N3

    def test_a_key_that_a_view_has_for_itself_is_offered_once(self) -> None:
        offered = [command.words for command in beside(VIEW, MORE)]
        assert "sort" not in offered
        assert "reverse" not in offered

    def test_b_orders_the_processes(self) -> None:
        place = VIEW.press("b", trouble(), N3, Drawn([]))
        assert isinstance(place, Place)
        assert VIEW.follows(trouble(), place)[0].fields["by"] == "memory"


class TestReadings:
    @pytest.mark.parametrize(
        ("celsius", "slowdown", "over"),
        [(89.0, 87.0, True), (84.5, 87.0, True), (83.0, 87.0, False), (99.0, 0.0, True)],
    )
    def test_too_hot_is_near_to_where_it_slows_down(
        self, celsius: float, slowdown: float, over: bool
    ) -> None:
        found = readings(gpu_temperature_celsius=celsius, gpu_temperature_slowdown_celsius=slowdown)
        assert found.is_over(GAUGES[2], "gpu0") is over

    def test_a_power_limit_that_is_reached_is_normal(self) -> None:
        found = readings(gpu_power_watts=700.0, gpu_power_limit_watts=700.0, gpu_throttle_power_ratio=1.0)
        assert not found.is_over(GAUGES[3], "gpu0")
        assert found.throttling("gpu0") == ("power limit (normal)",)

    def test_reasons_are_read_from_bits_too(self) -> None:
        assert "heat" in readings(gpu_throttle_reasons_bits=0x20).throttling("gpu0")

    def test_the_ink_of_what_is_over_its_limit_is_a_warning(self) -> None:
        line = next(one for one in VIEW.draw(trouble(), N3, 120, 36).lines if "n3 gpu1" in plain(one))
        assert any("89°!" in span.text and span.ink is Ink.WARN for span in line)


def with_nodes(answer: dict[str, Any]) -> Scene:
    scene = trouble()
    return replace(scene, answers={**scene.answers, "nodes": answer})
