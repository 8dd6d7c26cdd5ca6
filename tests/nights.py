"""A night with five agents, for the views of work, agents and all: one is silent, one is lost, a run had two loss
spikes, a GPU is hot, and 38 items wait for an agent that nobody started. Rows are made of the models of their answers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from scenes import EVIDENCE, NOW_NS, POSITION, SECOND_NS, as_of, entry, scene, told

from coord.events import looking, oversight, questions
from coord.events.views import ItemView
from coord.tui.scene import Past, Scene

HOUR: Final = 3_600.0
DAY: Final = 86_400.0
GPUS: Final = {
    "n1": (0.83, 71.0, 498.0),
    "n2": (0.91, 74.0, 525.0),
    "n3": (0.64, 89.0, 450.0),
    "n4": (0.0, 38.0, 61.0),
}
"""Utilization, temperature and power of the GPUs of each node."""


def agents() -> dict[str, Any]:
    """Return five agents and one that left."""
    rows = (
        _agent("a1", 1, 2.1, completed=31, capabilities=("build", "docs")),
        _agent("a2", 1, 4.0, completed=4, capabilities=("train",), team="blue", wip_limit=1),
        _agent("a7", 1, 31.0, completed=12, failed=1, score=88.0, capabilities=("train", "build")),
        _agent("a4", 0, 8 * HOUR, completed=3, expired=2, status="lost", score=40.0, capabilities=("lint",)),
        _agent("a9", 0, 3.0, completed=17, capabilities=("docs",)),
        questions.AgentRow(agent="a0", status="retired", incarnation=11, holds=0, completed=2, failed=0, expired=0),
    )  # fmt: skip
    return told(questions.AgentsAnswer(as_of=as_of(), rows=rows, silence_seconds=60.0))


def _agent(name: str, holds: int, silent: float, **fields: Any) -> questions.AgentRow:
    usual: dict[str, Any] = {
        "status": "active", "incarnation": 120, "completed": 0, "failed": 0, "expired": 0, "score": 100.0,
    }  # fmt: skip
    return questions.AgentRow(agent=name, holds=holds, silent_seconds=silent, **usual | fields)


def board() -> dict[str, Any]:
    """Return a board of which three items are in work, and most of the open ones fit nobody."""
    rows = [
        _item("WI-00231", "train xl", 9, "claimed", 571.0, agent="a7", fence=182_104, attempt=2, lease_seconds=73.0,
              capabilities=("train",), age_seconds=9.5 * HOUR),
        _item("WI-00228", "train nano", 8, "claimed", 2_460.0, agent="a2", fence=181_003, attempt=1, team="blue",
              capabilities=("train",), progress=0.3, note="step 6,080 of 20,000", age_seconds=3_000.0),
        _item("WI-00230", "build docs", 5, "claimed", 720.0, agent="a1", fence=181_977, attempt=1, progress=0.6,
              verify="docs-build-clean", age_seconds=800.0),
        *(_item(f"WI-00{244 + place}", f"evaluate nano checkpoint {place + 1}", 5, "open", 3.2 * HOUR - 60 * place,
                capabilities=("eval",)) for place in range(38)),
        _item("WI-00207", "deploy", 4, "open", 8 * HOUR, team="red"),
        _item("WI-00240", "lint the tree", 4, "open", 60.0, capabilities=("docs",)),
        _item("WI-00192", "hash the corpus", 5, "completed", 1.0, agent="a1", attempt=1, age_seconds=2_473.0, progress=1.0),
        _item("WI-00188", "shard 12", 5, "failed", 900.0, agent="a7", attempt=1, age_seconds=2_400.0,
              note="shard 12 is corrupt: its checksum differs"),
        _item("WI-00150", "old idea", 1, "cancelled", 2 * HOUR, note="nobody needs it", age_seconds=3 * HOUR),
    ]  # fmt: skip
    counts = {"open": 40, "claimed": 3, "completed": 418, "failed": 1, "cancelled": 1}
    return told(questions.BoardAnswer(as_of=as_of(), counts=counts, rows=tuple(rows)))


def night_linked() -> Scene:
    """Return the night when its graph is shown."""
    return night_with({**night().answers, "board_linked": linked()})


def linked() -> dict[str, Any]:
    """Return the items of that night which depend on others, and those that others depend on."""
    rows = (
        _item("WI-00231", "train xl", 9, "claimed", 571.0, agent="a7", fence=182_104, attempt=2, lease_seconds=73.0,
              capabilities=("train",), age_seconds=9.5 * HOUR, depends_on=("WI-00150", "WI-00192")),
        _item("WI-00228", "train nano", 8, "claimed", 2_460.0, agent="a2", fence=181_003, attempt=1, team="blue",
              progress=0.3, note="step 6,080 of 20,000", depends_on=("WI-00192",)),
        _waits("WI-00207", "deploy", 4, "WI-00231", "WI-00244"),
        _waits("WI-00208", "report", 3, "WI-00207", "WI-00228", "WI-00099"),
        _waits("WI-00244", "evaluate nano checkpoint 1", 5, "WI-00228"),
        _item("WI-00302", "stop the service", 2, "open", 60.0),
        _waits("WI-00301", "clean up", 2, "WI-00302"),
        _item("WI-00192", "hash the corpus", 5, "completed", 1.0, agent="a1", attempt=1, progress=1.0),
        _item("WI-00150", "old idea", 1, "cancelled", 2 * HOUR, note="nobody needs it"),
    )  # fmt: skip
    counts = {"open": 5, "claimed": 2, "completed": 1, "cancelled": 1}
    return told(questions.BoardAnswer(as_of=as_of(), counts=counts, waiting=4, rows=rows))


def _waits(name: str, title: str, priority: int, *others: str) -> questions.BoardRow:
    waits = questions.Waits(items=tuple(sorted(others)))
    return _item(name, title, priority, "open", 3 * HOUR, depends_on=others, waits=waits)


def _item(
    name: str, title: str, priority: int, status: str, seconds: float, **fields: Any
) -> questions.BoardRow:
    usual: dict[str, Any] = {"age_seconds": seconds, "lease_seconds": 60.0}
    return questions.BoardRow(
        id=name, title=title, priority=priority, status=status, state_seconds=seconds, **usual | fields
    )


def runs() -> dict[str, Any]:
    """Return a run that goes on after two spikes."""
    row = oversight.RunRow(
        run="r-17", name="gpt-nano", status="running", node="n1", agent="a2", work_item="WI-00228", world_size=8,
        starts=1, step=6_080, latest={"loss": 0.896, "tokens_per_second": 101_000.0}, age_seconds=2_400.0,
        silent_seconds=0.4, checkpoint_step=6_000, score=91.0, directives=(_directive(),),
    )  # fmt: skip
    return told(oversight.RunsAnswer(as_of=as_of(), rows=(row,)))


def _directive(**fields: Any) -> oversight.DirectiveRow:
    usual: dict[str, Any] = {
        "id": "d-1", "entity_kind": "run", "entity": "r-17", "action": "skip_batch", "parameters": {"batches": [4700]},
        "status": "applied", "reason": "loss 1.84 at step 4,700", "answer": "batch 4700 in quarantine", "step": 4_702,
        "alert": "a-2", "live_seconds": 3_600.0, "age_seconds": 118.0, "answered_seconds": 0.3, "position": POSITION - 460,
    }  # fmt: skip
    return oversight.DirectiveRow(**usual | fields)


def curve() -> dict[str, Any]:
    """Return the loss of the run, with its two spikes."""
    steps = tuple(range(40, 6_081, 40))
    calm = [0.89 + 2.24 * math.exp(-step / 900) for step in steps]
    spikes = {3_080: 1.5, 4_680: 0.95}
    highest = tuple(value + spikes.get(step, 0.0) for step, value in zip(steps, calm, strict=True))
    line = looking.CurveLine(
        metric="loss", steps=steps, lowest=tuple(calm), highest=highest, last=tuple(calm)
    )
    answer = looking.CurveAnswer(
        as_of=as_of(),
        run="r-17",
        name="gpt-nano",
        status="running",
        lines=(line,),
        marks=_marks(),
        metrics=("loss",),
    )
    return told(answer)


def _marks() -> tuple[looking.Mark, ...]:
    spike: dict[str, Any] = {"entity": "r-17", "words": "loss-spike: loss 1.84, 0.902 expected (z 7.3)"}
    skip: dict[str, Any] = {"entity": "r-17", "words": "skip_batch"}
    return (
        looking.Mark(kind="alert", position=121_004, at_ns=NOW_NS - 1_200 * SECOND_NS, step=3_100, severity="warning",
                     status="resolved", id="a-1", **spike),
        looking.Mark(kind="directive", position=121_006, at_ns=NOW_NS - 1_199 * SECOND_NS, step=3_102,
                     status="applied", id="d-0", **skip),
        looking.Mark(kind="alert", position=POSITION - 462, at_ns=NOW_NS - 120 * SECOND_NS, step=4_700,
                     severity="warning", status="active", id="a-2", **spike),
        looking.Mark(kind="directive", position=POSITION - 460, at_ns=NOW_NS - 118 * SECOND_NS, step=4_702,
                     status="applied", id="d-1", **skip),
    )  # fmt: skip


def alerts() -> dict[str, Any]:
    """Return a spike that was answered, a hot GPU, and one that a person took notice of."""
    usual: dict[str, Any] = {"status": "active", "evidence": EVIDENCE}
    rows = (
        oversight.AlertRow(
            id="a-3", rule="gpu-too-hot", severity="critical", entity_kind="node", entity="n3", age_seconds=41.0,
            state_seconds=41.0, summary="GPU 1 at 89 degrees C, throttled; it slows down from 87", **usual,
        ),
        oversight.AlertRow(
            id="a-2", rule="loss-spike", severity="warning", entity_kind="run", entity="r-17", age_seconds=120.0,
            state_seconds=120.0, summary="loss 1.84 at step 4,700, 0.902 expected (z 7.3)",
            directives=(_directive(),), **usual,
        ),
        oversight.AlertRow(
            id="a-4", rule="disk-full", severity="warning", entity_kind="node", entity="n1", age_seconds=840.0,
            state_seconds=300.0, summary="8 % of / is free", by="mia", **usual | {"status": "acknowledged"},
        ),
    )  # fmt: skip
    counts = {"active": 2, "acknowledged": 1, "resolved": 6}
    return told(oversight.AlertsAnswer(as_of=as_of(), counts=counts, rows=rows))


def health() -> dict[str, Any]:
    """Return the health of the night."""
    deductions = (
        _deduction("backlog", 9.2, "43 items unfinished (40 open, 3 claimed) for 4 active agents; 1 completed in the last 10 min."),
        _deduction("alerts", 6.1, "3 alerts not resolved: critical: GPU 1 at 89 degrees C."),
        _deduction("dead_letters", 1.4, "2 messages in the last 10 min were no events of ours; coord deadletters."),
    )  # fmt: skip
    parts = (
        questions.HealthScore(entity="node:n3", score=58, deductions=(_deduction("gpu_hot", 30, "gpu1 is over its slowdown temperature."),)),
        questions.HealthScore(entity="agent:a7", score=88, deductions=(_deduction("silent", 12, "nothing was heard of it for 31 s."),)),
    )  # fmt: skip
    trend = [
        questions.PastScore(at_ns=NOW_NS - back * 60 * SECOND_NS, score=100 - back) for back in (3, 2, 1)
    ]
    answer = questions.HealthAnswer(
        as_of=as_of(), score=83, entity="system", deductions=deductions, parts=parts, trend=tuple(trend)
    )
    return told(answer)


def _deduction(name: str, points: float, reason: str) -> questions.Deduction:
    return questions.Deduction(name=name, points=points, reason=reason, evidence=EVIDENCE)


def nodes() -> dict[str, Any]:
    """Return four machines with four GPUs each, and one without."""
    rows = [
        questions.NodeRow(
            node=node, status="active", silent_seconds=1.0, sample_seconds=1.0, readings=_gpus(*figures)
        )
        for node, figures in GPUS.items()
    ]
    cores = (
        _reading("cpu_utilization_ratio", 0.41),
        _reading("memory_total_bytes", 64e9),
        _reading("memory_available_bytes", 50e9),
    )
    rows.append(
        questions.NodeRow(
            node="forge", status="active", silent_seconds=0.6, sample_seconds=1.0, readings=cores
        )
    )
    return told(questions.NodesAnswer(as_of=as_of(), rows=tuple(rows)))


def _gpus(share: float, heat: float, watts: float) -> tuple[questions.Reading, ...]:
    spread = (0.0, 0.05, -0.05, 0.02) if share else (0.0,) * 4
    return tuple(
        _reading(metric, value, f"gpu{place}")
        for place in range(4)
        for metric, value in (
            ("gpu_utilization_ratio", share + spread[place]),
            ("gpu_temperature_celsius", heat - 2 * place),
            ("gpu_temperature_slowdown_celsius", 87.0),
            ("gpu_power_watts", watts),
        )
    )


def _reading(metric: str, value: float, device: str = "") -> questions.Reading:
    return questions.Reading(metric=metric, value=value, device=device, at_ns=NOW_NS - SECOND_NS)


def trend() -> dict[str, Any]:
    """Return how busy the machine without GPUs was."""
    values = tuple(0.2 + 0.2 * math.sin(place / 2) for place in range(20))
    rows = tuple(
        looking.TrendRow(node="forge", metric=metric, values=series, highest=series)
        for metric, series in (
            ("cpu_utilization_ratio", values),
            ("memory_available_bytes", (50e9,) * 20),
            ("memory_total_bytes", (64e9,) * 20),
        )
    )
    return told(
        looking.TrendAnswer(as_of=as_of(), since_ns=NOW_NS - 600 * SECOND_NS, until_ns=NOW_NS, rows=rows)
    )


def events() -> list[dict[str, Any]]:
    """Return the newest events, oldest first."""
    return [
        entry(46, "work.lease_expired", "WI-00231", "coordinator", agent="a4", fence=17, lease_seconds=60.0, silent_seconds=60.1),
        entry(31, "work.claimed", "WI-00231", "a7", agent="a7", incarnation=120, lease_seconds=73.0, attempt=2),
        entry(15, "work.claimed", "WI-00230", "a1", agent="a1", incarnation=120, lease_seconds=60.0, attempt=1),
        entry(11, "work.progressed", "WI-00228", "a2", agent="a2", fraction=0.3, note="step 6,080 of 20,000"),
        entry(8, "alert.raised", "a-3", "watchdog", rule="gpu-too-hot", entity="n3", severity="critical", summary="GPU 1 at 89 degrees C"),
        entry(7, "run.metrics_recorded", "r-17", "r-17", points=[{"step": 6_080, "values": {"loss": 0.896}}]),
        entry(5, "directive.issued", "r-17", "watchdog", action="skip_batch", parameters={"batches": [4700]}),
        entry(4, "run.directive_applied", "r-17", "r-17", step=4_702, note="batch 4700 in quarantine"),
        entry(1, "work.completed", "WI-00192", "a1", agent="a1"),
        entry(0, "agent.lost", "a4", "coordinator", silent_seconds=61.0),
    ]  # fmt: skip


def history(item: str = "WI-00231") -> dict[str, Any]:
    """Return the life of an item that one agent lost and another holds."""
    lives = (
        (
            9.5 * HOUR,
            "work.submitted",
            "mia",
            {"title": "train xl", "priority": 9, "capabilities": ["train"]},
        ),
        (
            9.48 * HOUR,
            "work.claimed",
            "a4",
            {"agent": "a4", "incarnation": 20, "lease_seconds": 60.0, "attempt": 1},
        ),
        (
            8.48 * HOUR,
            "work.lease_expired",
            "coordinator",
            {"agent": "a4", "fence": 17, "silent_seconds": 60.1},
        ),
        (
            571.0,
            "work.claimed",
            "a7",
            {"agent": "a7", "incarnation": 120, "lease_seconds": 73.0, "attempt": 2},
        ),
        (31.0, "work.progressed", "a7", {"agent": "a7", "fence": 182_104, "fraction": 0.1}),
    )
    made = [
        _at(seconds, entry(place, kind, item, actor, **fields))
        for place, (seconds, kind, actor, fields) in enumerate(lives)
    ]
    return {"events": made, "truncated": False, "as_of": told(as_of())}


def _at(seconds: float, made: dict[str, Any]) -> dict[str, Any]:
    return made | {
        "recorded_at_ns": NOW_NS - round(seconds * SECOND_NS),
        "position": POSITION - round(seconds),
    }


def shown(item: str = "WI-00231") -> dict[str, Any]:
    """Return that item in full."""
    view = ItemView(
        id=item, title="train xl", status="claimed", priority=9, capabilities=("train",), agent="a7", incarnation=120,
        fence=182_104, lease_seconds=73.0, attempt=2, body={"model": "xl", "steps": 20_000, "data": "corpus-4"},
    )  # fmt: skip
    answer = questions.ItemAnswer(
        as_of=as_of(), item=view, submitted_at_ns=NOW_NS, changed_at_ns=NOW_NS, progress=0.1, body_bytes=52
    )
    return told(answer)


def agent_events(name: str = "a7") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what was written about an agent, and what it did itself."""
    about = [_at(9 * HOUR, entry(9, "agent.registered", name, name, capabilities=["train", "build"]))]
    did = [
        _at(2_500.0, entry(5, "work.claimed", "WI-00188", name, agent=name, incarnation=120, lease_seconds=60.0, attempt=1)),
        _at(900.0, entry(3, "work.failed", "WI-00188", name, agent=name, reason="shard 12 is corrupt: its checksum differs")),
        _at(571.0, entry(2, "work.claimed", "WI-00231", name, agent=name, incarnation=120, lease_seconds=73.0, attempt=2)),
        _at(31.0, entry(1, "work.progressed", "WI-00231", name, agent=name, fraction=0.1)),
    ]  # fmt: skip
    told_of = told(as_of())
    return {"events": about, "as_of": told_of}, {"events": did, "searched_from": 1, "as_of": told_of}


@cache
def _whole() -> Scene:
    about, did = agent_events()
    answers = {
        "agents": agents(), "board": board(), "runs": runs(), "curve": curve(), "alerts": alerts(), "health": health(),
        "nodes": nodes(), "overview_trend": trend(), "history": history(), "show": shown(), "agent_history": about,
        "agent_doings": did,
    }  # fmt: skip
    return scene(answers, events=events())


def night(without: Sequence[str] = (), **fields: Any) -> Scene:
    """Return the whole scene; without some answers where they were not given yet. Its answers are shared: copy, then change."""
    whole = _whole()
    left = {key: answer for key, answer in whole.answers.items() if key not in without}
    return replace(whole, answers=left, **fields)


def night_with(answers: Mapping[str, Any], **fields: Any) -> Scene:
    """Return the scene with these answers alone."""
    return replace(_whole(), answers=dict(answers), **fields)


def night_past() -> Scene:
    """Return the same as a past moment."""
    moment = told(as_of(POSITION - 4)) | {"past": True}
    kept = night().answers
    answers = {
        key: {**answer, "as_of": moment} if "as_of" in answer else answer for key, answer in kept.items()
    }
    before = [made for made in events() if made["position"] <= POSITION - 4]
    past = Past(POSITION - 4, NOW_NS, POSITION)
    return night_with(answers, events=before, past=past, clock_ns=NOW_NS + 120 * SECOND_NS)
