"""A house in trouble, for the views of runs, machines, alerts, events and health: a run that spiked, was damaged and
rolled back, another that is silent, a GPU that is hot. Rows are made of the models of their answers.
"""

import math
from dataclasses import replace
from functools import cache
from typing import Any, Final

from scenes import NOW_NS, SECOND_NS, as_of, entry, scene, told

from coord.events import looking, oversight, questions
from coord.events.alert import Evidence
from coord.events.examples import INVENTORY
from coord.events.node import Gpu
from coord.events.samples import Process
from coord.events.weights import WEIGHTS
from coord.tui.scene import Past, Scene

LAST: Final = 182_470
SPIKE: Final = 121_004
"""Position at which the alert about the spike at step 3,100 was raised."""
DAMAGE: Final = 139_880
GIB: Final = 2**30
GPUS: Final = {"n1": 4, "n2": 4, "n3": 4, "n4": 0}
_HOUR_NS: Final = 3_600 * SECOND_NS


def directive(
    name: str, action: Any, position: int, step: int | None, **fields: Any
) -> oversight.DirectiveRow:
    """Return a directive to r-17, obeyed after 42 ms."""
    usual: dict[str, Any] = {
        "status": "applied", "reason": "the watchdog asks for it", "live_seconds": 300.0, "age_seconds": 63_000.0,
        "answered_seconds": 0.042, "entity_kind": "run", "entity": "r-17",
    }  # fmt: skip
    return oversight.DirectiveRow(id=name, action=action, position=position, step=step, **usual | fields)


SKIPPED: Final = directive(
    "d-1", "skip_batch", SPIKE + 2, 3_101, parameters={"batches": [3_100]}, alert="a-spike",
    answer="batch 3100 in quarantine, of which 1 had been read already",
)  # fmt: skip
ROLLED_BACK: Final = directive(
    "d-2", "roll_back", DAMAGE + 3, 4_703, parameters={"before_step": 4_700, "skip_batches": [4_700, 4_701]},
    alert="a-damage", answer="went back to step 4,600", age_seconds=20_000.0,
)  # fmt: skip
LOWERED: Final = directive(
    "d-3", "lower_learning_rate", DAMAGE + 4, 4_703, parameters={"factor": 0.5, "steps": 500}, alert="a-damage",
    age_seconds=20_000.0, answered_seconds=1.2,
)  # fmt: skip
PAUSE: Final = directive(
    "d-4", "pause", LAST - 40, None, status="issued", reason="asked for in the dashboard", age_seconds=12.0,
    answered_seconds=None, live_seconds=60.0,
)  # fmt: skip


def runs() -> dict[str, Any]:
    """Return four runs: one goes on, one is silent, one is done, one has failed."""
    latest: dict[str, Any] = {
        "loss": 0.896, "canary_loss": 0.871, "gradient_norm": 1.1, "learning_rate": 1.5e-4,
        "tokens_per_second": 101_000.0, "step_seconds": 0.31,
    }  # fmt: skip
    rows = (
        oversight.RunRow(
            run="r-17", name="gpt-nano", status="running", node="n1", agent="a2", world_size=8, starts=2, step=6_080,
            latest=latest, age_seconds=80_000.0, silent_seconds=0.4, checkpoint_step=6_000, score=91.0,
            directives=(LOWERED, ROLLED_BACK, SKIPPED),
        ),
        oversight.RunRow(
            run="r-18", name="gpt-xl", status="running", node="n3", starts=1, step=1_204, latest={"loss": 2.31},
            age_seconds=9_000.0, silent_seconds=52.0, score=78.0,
            directives=(PAUSE.model_copy(update={"entity": "r-18"}),),
        ),
        oversight.RunRow(
            run="r-16", name="gpt-nano", status="completed", node="n2", starts=1, step=20_000, latest={"loss": 0.871},
            age_seconds=200_000.0, silent_seconds=90_000.0, checkpoint_step=20_000,
        ),
        oversight.RunRow(
            run="r-15", name="gpt-nano", status="failed", starts=3, step=3_311, latest={"loss": "nan"}, not_finite=12,
            age_seconds=300_000.0, silent_seconds=250_000.0, reason="the loss is no number", out_of_memory=1,
        ),
    )  # fmt: skip
    return told(oversight.RunsAnswer(as_of=as_of(), rows=rows))


def curve(run: str = "r-17", last: int = 6_080) -> dict[str, Any]:
    """Return the curves of a run with a spike at step 3,100 and a damage at 4,700."""
    steps = tuple(range(20, last + 1, 20))
    loss = [0.89 + 2.24 * math.exp(-step / 900) + 0.01 * math.sin(step / 37) for step in steps]
    peaks = {3_100: 1.55, 4_700: 2.9, 4_720: 2.7, 4_740: 1.4}
    lines = (
        _line("loss", steps, loss, peaks),
        _line(
            "gradient_norm",
            steps,
            [1.0 + 0.1 * math.cos(step / 50) for step in steps],
            {3_100: 17.0, 4_700: 30.0},
        ),
        _line(
            "learning_rate",
            steps,
            [3e-4 * min(step / 400, 1) * (0.5 if step > 4_700 else 1) for step in steps],
            {},
        ),
        _line("tokens_per_second", steps, [101_000 + 900 * math.sin(step / 90) for step in steps], {}),
    )
    answer = looking.CurveAnswer(
        as_of=as_of(), run=run, name="gpt-nano", status="running", lines=lines, marks=marks() if run == "r-17" else (),
        metrics=("gradient_norm", "learning_rate", "loss", "tokens_per_second"),
    )  # fmt: skip
    return told(answer)


def _line(
    metric: str, steps: tuple[int, ...], values: list[float], peaks: dict[int, float]
) -> looking.CurveLine:
    highest = tuple(value + peaks.get(step, 0.0) for step, value in zip(steps, values, strict=True))
    return looking.CurveLine(
        metric=metric, steps=steps, lowest=tuple(values), highest=highest, last=tuple(values)
    )


def marks() -> tuple[looking.Mark, ...]:
    """Return what happened to r-17, by step."""
    spiked_ns, damaged_ns = NOW_NS - 63_000 * SECOND_NS, NOW_NS - 20_000 * SECOND_NS
    usual: dict[str, Any] = {"entity": "r-17"}
    alert: dict[str, Any] = {**usual, "kind": "alert", "status": "resolved"}
    asked: dict[str, Any] = {**usual, "kind": "directive", "status": "applied"}
    return (
        looking.Mark(kind="start", position=90_000, at_ns=NOW_NS - 80_000 * SECOND_NS, step=0, words="started", **usual),
        looking.Mark(kind="checkpoint", position=118_000, at_ns=spiked_ns - 9 * SECOND_NS, step=3_000, words="checkpoint at step 3000", **usual),
        looking.Mark(position=SPIKE, at_ns=spiked_ns, step=3_100, severity="warning", id="a-spike", words=SPIKED, **alert),
        looking.Mark(position=SKIPPED.position, at_ns=spiked_ns + SECOND_NS, step=3_101, id="d-1", words="skip_batch applied", **asked),
        looking.Mark(position=DAMAGE, at_ns=damaged_ns, step=4_700, severity="critical", id="a-damage", words=DAMAGED, **alert),
        looking.Mark(position=ROLLED_BACK.position, at_ns=damaged_ns + SECOND_NS, step=4_703, id="d-2", words="roll_back applied", **asked),
        looking.Mark(position=LOWERED.position, at_ns=damaged_ns + SECOND_NS, step=4_703, id="d-3", words="lower_learning_rate applied", **asked),
    )  # fmt: skip


SPIKED: Final = (
    "loss 2.41 at step 3100, 0.96 expected (z 23.6); the canary did not rise from 0.95 to 0.951; batch 3100"
)
DAMAGED: Final = (
    "loss 3.79 at step 4700, 0.902 expected (z 41.0); the canary rose from 0.88 to 2.31; batches 4700 to 4701"
)


def alerts() -> dict[str, Any]:
    """Return two that are open, one that was noticed, one silenced, and what is over."""
    over: dict[str, Any] = {"status": "resolved", "entity_kind": "run", "entity": "r-17"}
    events = (Evidence(stream="EVENTS", position=SPIKE - 1),)
    rows = (
        oversight.AlertRow(
            id="a-hot", rule="gpu-too-hot", severity="critical", status="active", entity_kind="node", entity="n3",
            summary="gpu1 is at 89 C, 2 C over where it slows down", age_seconds=41.0, state_seconds=41.0,
            evidence=(Evidence(stream="SAMPLES", position=90_112),),
        ),
        oversight.AlertRow(
            id="a-silent", rule="run-lost", severity="warning", status="acknowledged", entity_kind="run", entity="r-18",
            summary="nothing was heard of run r-18 for 52 s", age_seconds=30.0, state_seconds=12.0, by="mia",
            reason="the machine is being looked at", evidence=(Evidence(stream="EVENTS", position=LAST - 300),),
        ),
        oversight.AlertRow(
            id="a-disk", rule="device-memory", severity="info", status="active", entity_kind="node", entity="n1",
            summary="gpu0 has 97 % of its memory in use", age_seconds=3_600.0, state_seconds=3_600.0,
            silenced_seconds=3_100.0, by="sam", evidence=(Evidence(stream="SAMPLES", position=80_000),),
        ),
        oversight.AlertRow(
            id="a-damage", rule="model-damaged", severity="critical", summary=DAMAGED, age_seconds=20_000.0,
            state_seconds=19_940.0, reason="32 calm samples running, up to step 4731", evidence=events,
            directives=(LOWERED, ROLLED_BACK), **over,
        ),
        oversight.AlertRow(
            id="a-spike", rule="loss-spike", severity="warning", summary=SPIKED, age_seconds=63_000.0,
            state_seconds=62_987.0, reason="32 calm samples running, up to step 3132", evidence=events,
            directives=(SKIPPED,), **over,
        ),
    )  # fmt: skip
    counts = {"active": 2, "acknowledged": 1, "resolved": 2}
    return told(oversight.AlertsAnswer(as_of=as_of(), counts=counts, rows=rows))


def nodes() -> dict[str, Any]:
    """Return four machines: one hot, one without a GPU, one lost."""
    rows = [_node(name, count) for name, count in GPUS.items()]
    rows[1] = rows[1].model_copy(update={"status": "lost", "silent_seconds": 320.0, "score": 20.0})
    return told(questions.NodesAnswer(as_of=as_of(), rows=tuple(rows)))


def _node(name: str, gpus: int) -> questions.NodeRow:
    at: dict[str, Any] = {"at_ns": NOW_NS - SECOND_NS}
    machine = {
        "cpu_utilization_ratio": 0.41, "memory_used_bytes": 41 * GIB, "memory_total_bytes": 64 * GIB,
        "cpu_pressure_some_ratio": 0.03, "io_pressure_some_ratio": 0.0, "load_average_1m": 3.2,
    }  # fmt: skip
    readings = [questions.Reading(metric=metric, value=value, **at) for metric, value in machine.items()]
    devices = {"disk_used_bytes": ("/", 380e9), "disk_total_bytes": ("/", 1e12),
               "network_receive_bytes_per_second": ("eth0", 1.2e9), "network_transmit_bytes_per_second": ("eth0", 3e8)}  # fmt: skip
    readings += [
        questions.Reading(metric=metric, device=device, value=value, **at)
        for metric, (device, value) in devices.items()
    ]
    for place in range(gpus):
        hot = name == "n3" and place == 1
        figures = {
            "gpu_utilization_ratio": 0.12 if hot else 0.83, "gpu_memory_used_bytes": 61 * GIB,
            "gpu_memory_total_bytes": 80 * GIB, "gpu_temperature_celsius": 89.0 if hot else 71.0 + place,
            "gpu_temperature_slowdown_celsius": 87.0, "gpu_power_watts": 301.0 if hot else 512.0,
            "gpu_power_limit_watts": 700.0, "gpu_throttle_thermal_ratio": 1.0 if hot else 0.0,
        }  # fmt: skip
        if name == "n1" and place == 3:
            figures = {"gpu_memory_total_bytes": 80 * GIB}
        readings += [
            questions.Reading(metric=metric, device=f"gpu{place}", value=value, **at)
            for metric, value in figures.items()
        ]
    made = INVENTORY.model_copy(
        update={"hostname": name, "gpus": tuple(_gpu(place) for place in range(gpus))}
    )
    return questions.NodeRow(
        node=name, status="active", silent_seconds=0.6, sample_seconds=1.0, readings=tuple(readings), inventory=made,
        score=58.0 if name == "n3" else 100.0,
    )  # fmt: skip


def _gpu(place: int) -> Gpu:
    return Gpu(index=place, uuid=f"GPU-4f1a{place:04d}", model="NVIDIA H100 80GB", memory_bytes=80 * GIB)


def node_trend(metric: str = "gpu_utilization_ratio") -> dict[str, Any]:
    """Return the last hour: the hot GPU went down at its end; two minutes were not read."""
    rows = []
    for name, count in GPUS.items():
        for own, value in (("cpu_utilization_ratio", 0.4), ("memory_used_bytes", 41.0 * GIB)):
            values = tuple(value * (1 + 0.2 * math.sin(place / 5)) for place in range(60))
            rows.append(looking.TrendRow(node=name, metric=own, values=values, highest=values))
        for gpu in range(count):
            rows.append(_series(name, metric, gpu))
    answer = looking.TrendAnswer(as_of=as_of(), since_ns=NOW_NS - _HOUR_NS, until_ns=NOW_NS, rows=tuple(rows))
    return told(answer) | {"rows": [row.model_dump(mode="json") for row in rows]}


def _series(node: str, metric: str, gpu: int) -> looking.TrendRow:
    values: list[float | None] = [0.8 if place > 8 else 0.02 for place in range(60)]
    values[30:32] = [None, None]
    if node == "n3" and gpu == 1:
        values[56:] = [0.6, 0.4, 0.2, 0.12]
    return looking.TrendRow(
        node=node, metric=metric, device=f"gpu{gpu}", values=tuple(values), highest=tuple(values)
    )


def node_top(node: str = "n3") -> dict[str, Any]:
    """Return three processes of a node."""
    rows = [
        Process(pid=4_711, name="torchrun", cpu_ratio=3.2, memory_bytes=12 * GIB, gpu_memory_bytes=61 * GIB),
        Process(pid=4_712, name="python3", cpu_ratio=0.98, memory_bytes=700 * 2**20),
        Process(pid=1, name="systemd", cpu_ratio=0.0, memory_bytes=12 * 2**20),
    ]
    found = tuple(questions.TopRow(node=node, process=one, at_ns=NOW_NS) for one in rows)
    return told(questions.TopAnswer(as_of=as_of(), rows=found))


def events() -> list[dict[str, Any]]:
    """Return the newest events, oldest first: a spike with what came of it, work, a silent run."""
    return [
        entry(60, "run.metrics_recorded", "r-17", "", points=[{"step": 6_060, "values": {"loss": 0.9, "canary_loss": 0.87}}]),
        entry(58, "work.submitted", "w-231", "mia", title="train xl", priority=9),
        entry(57, "agent.registered", "a7", "a7", capabilities=["train", "gpu"], team="blue"),
        entry(55, "work.claimed", "w-231", "a7", agent="a7", incarnation=LAST - 57, lease_seconds=30.0, attempt=2),
        entry(50, "run.metrics_recorded", "r-18", "", points=[{"step": 1_204, "values": {"loss": 2.31}}]),
        entry(47, "alert.raised", "a-x", "watchdog", rule="loss-spike", entity_kind="run", entity="r-18", severity="critical",
              summary="loss 9.1 at step 1204, 2.31 expected (z 44.0)", evidence=[{"stream": "EVENTS", "position": LAST - 50}]),
        entry(46, "directive.issued", "r-18", "watchdog", directive_id="d-9", entity_kind="run", action="skip_batch",
              parameters={"batches": [1_204]}, epoch=LAST - 50, live_seconds=60.0, alert="a-x", reason="loss 9.1"),
        entry(45, "run.directive_applied", "r-18", "", directive_id="d-9", directive_position=LAST - 46, step=1_205, note="batch 1204 in quarantine"),
        entry(40, "work.progressed", "w-228", "a2", agent="a2", fence=LAST - 900, fraction=0.6, note="step 6,080 of 20,000"),
        entry(30, "run.checkpoint_written", "r-17", "", step=6_000, path="checkpoints/step-6000", sha256="0" * 64,
              size_bytes=12_582_912, write_seconds=0.4),
        entry(20, "work.lease_expired", "w-231", "coordinator", agent="a7", incarnation=LAST - 57, fence=LAST - 55,
              lease_seconds=30.0, silent_seconds=31.0),
        entry(12, "agent.lost", "a7", "coordinator", incarnation=LAST - 57, silent_seconds=61.0),
        entry(5, "alert.resolved", "a-x", "watchdog", reason="32 calm samples running, up to step 1240"),
        entry(1, "work.completed", "w-228", "a2", agent="a2", fence=LAST - 900, result={"loss": 0.896}),
    ]  # fmt: skip


def health() -> dict[str, Any]:
    """Return a score of 74 with a day of its trend."""
    deductions = (
        _deduction("alerts", 11.2, "2 alerts not resolved: critical: gpu1 is at 89 C; warning: nothing was heard of run r-18.", LAST - 300),
        _deduction("nodes", 9.4, "node:n2 has 20 of 100: it is lost; no readings for 320 s.", LAST - 700),
        _deduction("runs", 5.0, "run:r-18 has 78 of 100: nothing was heard of it for 52 s.", LAST - 50),
        _deduction("dead_letters", 0.4, "1 message in the last 10 min was no event of ours; coord deadletters."),
    )  # fmt: skip
    parts = (
        questions.HealthScore(entity="node:n2", score=20, deductions=(_deduction("lost", 80, "it is lost; no readings for 320 s.", LAST - 700),)),
        questions.HealthScore(entity="node:n3", score=58, deductions=(_deduction("gpu_hot", 30, "gpu1 is 2 C over its slowdown temperature."), _deduction("gpu_throttled", 12, "gpu1 is slowed down by its temperature."))),
        questions.HealthScore(entity="run:r-18", score=78, deductions=(_deduction("silent", 22, "nothing was heard of it for 52 s.", LAST - 50),)),
        questions.HealthScore(entity="run:r-17", score=100),
    )  # fmt: skip
    trend = tuple(
        questions.PastScore(at_ns=NOW_NS - back * 60 * SECOND_NS, score=100 - 20 * math.exp(-(((back - 333) / 40) ** 2)) - (26 if back < 12 else 0))
        for back in range(1_400, -1, -1)
    )  # fmt: skip
    return told(
        questions.HealthAnswer(
            as_of=as_of(),
            score=74,
            entity="system",
            deductions=deductions,
            parts=parts,
            trend=trend,
            weights={**WEIGHTS, "backlog": 25.0},
        )
    )


def _deduction(name: str, points: float, reason: str, position: int = 0) -> questions.Deduction:
    evidence = (Evidence(stream="EVENTS", position=position),) if position else ()
    return questions.Deduction(name=name, points=points, reason=reason, evidence=evidence)


@cache
def _answers() -> dict[str, Any]:
    every = alerts()
    still = [row for row in every["rows"] if row["status"] != "resolved"]
    return {
        "runs": runs(), "curve": curve(), "run_alerts": every, "alerts_all": every, "nodes": nodes(),
        "node_trend": node_trend(), "node_top": node_top(), "health": health(), "alerts": every | {"rows": still},
    }  # fmt: skip


def trouble(without: tuple[str, ...] = (), **fields: Any) -> Scene:
    """Return the scene; `without` names answers that have not come."""
    made = scene(_answers(), **{"events": events(), **fields})
    left = {name: answer for name, answer in made.answers.items() if name not in without}
    return replace(made, answers=left)


def trouble_past(back: int = 44) -> Scene:
    """Return the same house so many positions ago, with a moment marked to compare with."""
    position = LAST - back
    at_ns = NOW_NS - back * SECOND_NS // 4
    past = Past(position, at_ns, LAST, compared=LAST - 1_000)
    compared: dict[str, Any] = {
        "old_board": {"counts": {"open": 98, "claimed": 23}, "rows": []},
        "here_board": {"counts": {"open": 97, "claimed": 24}, "rows": []},
        "old_runs": {"rows": [{**runs()["rows"][1], "step": 1_000, "latest": {"loss": 1.52}}]},
        "here_runs": {"rows": [runs()["rows"][1]]},
        "old_alerts": {"rows": [alerts()["rows"][3] | {"status": "active"}]},
        "here_alerts": {"rows": alerts()["rows"][2:4]},
    }
    made = trouble(past=past, now_ns=at_ns, position=position)
    return replace(made, answers={**made.answers, **compared})
