"""Scenes to draw from, with rows as the projector really gives them: each is made of the model of its answer.

The story: `tiny-gpt` had a loss spike that a watchdog answered; `ada` and `bob` work, `eve` is silent; `forge` is hot.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from coord.events import looking, oversight, questions
from coord.events.alert import Evidence
from coord.events.answer import AsOf
from coord.events.log_entry import LogEntry
from coord.events.model import Words
from coord.tui.scene import Link, Past, Scene

NOW_NS: Final = 1_795_938_055_000_000_000
"""2026-11-29T07:40:55Z."""
POSITION: Final = 182_470
SECOND_NS: Final = 1_000_000_000
EVIDENCE: Final = (Evidence(stream="EVENTS", position=182_003),)


def as_of(position: int = POSITION, now_ns: int = NOW_NS) -> AsOf:
    """Return the moment of an answer."""
    return AsOf(position=position, time_ns=now_ns, recorded_at_ns=now_ns - SECOND_NS // 80)


def told(answer: Words) -> dict[str, Any]:
    """Return an answer as it comes over the socket."""
    return answer.model_dump(mode="json", exclude_none=True)


def entry(back: int, type_: str, named: str, actor: str = "", **fields: Any) -> dict[str, Any]:
    """Return an event, `back` positions before the last; four a second."""
    made = LogEntry(
        position=POSITION - back,
        recorded_at_ns=NOW_NS - back * SECOND_NS // 4,
        subject=f"ev.local.{type_.partition('.')[0]}.{named}",
        type=f"{type_}.v1",
        id=f"0199f0c2-7b7e-7c3e-9d55-{back:012x}",
        source="/tests",
        actor=actor,
        fields=fields,
    )
    return told(made)


def events() -> list[dict[str, Any]]:
    """Return the newest events, oldest first."""
    return [
        entry(
            47, "alert.raised", "a-1", "watchdog", rule="loss-spike", entity="tiny-gpt", severity="warning"
        ),
        entry(46, "directive.issued", "tiny-gpt", "watchdog", action="skip_batch", batches=[450]),
        entry(30, "directive.applied", "tiny-gpt", "tiny-gpt", step=452),
        entry(15, "work.claimed", "w-230", "bob", agent="bob", lease_seconds=30.0),
        entry(11, "work.progressed", "w-228", "ada", fraction=0.6),
        entry(7, "run.metrics", "tiny-gpt", "tiny-gpt", first_step=600, last_step=610),
        entry(1, "work.completed", "w-192", "ada", result="done"),
        entry(0, "agent.lost", "eve", "coordinator", silent_seconds=61.0),
    ]


def health() -> dict[str, Any]:
    """Return the health of the system with its trend."""
    scores = [100, 100, 95, 90, 94, 100, 88, 87]
    trend = [
        questions.PastScore(at_ns=NOW_NS - (len(scores) - place) * 60 * SECOND_NS, score=score)
        for place, score in enumerate(scores)
    ]
    parts = (
        questions.HealthScore(entity="agent:eve", score=60, deductions=(_deduction("silent", 40),)),
        questions.HealthScore(entity="run:tiny-gpt", score=91, deductions=(_deduction("loss_spike", 9),)),
    )
    answer = questions.HealthAnswer(
        as_of=as_of(), score=87, entity="system", deductions=(_deduction("agents", 13),), parts=parts, trend=tuple(trend)
    )  # fmt: skip
    return told(answer)


def _deduction(name: str, points: float) -> questions.Deduction:
    return questions.Deduction(name=name, points=points, reason=f"{name} for 61 s", evidence=EVIDENCE)


def directive(**fields: Any) -> oversight.DirectiveRow:
    """Return what was asked of the run."""
    usual: dict[str, Any] = {
        "id": "d-4k2m9x", "entity_kind": "run", "entity": "tiny-gpt", "action": "skip_batch",
        "parameters": {"batches": [450]}, "status": "applied", "reason": "loss 11.04 at step 450, 2.123 expected",
        "answer": "batch 450 in quarantine", "step": 452, "alert": "a-1", "live_seconds": 60.0, "age_seconds": 120.0,
        "answered_seconds": 0.2, "position": POSITION - 46,
    }  # fmt: skip
    return oversight.DirectiveRow(**usual | fields)


def alert(**fields: Any) -> oversight.AlertRow:
    """Return an alert: the spike."""
    usual: dict[str, Any] = {
        "id": "a-1", "rule": "loss-spike", "severity": "critical", "status": "active", "entity_kind": "run",
        "entity": "tiny-gpt", "summary": "loss 11.04 at step 450, 2.123 expected (z 23.6)", "evidence": EVIDENCE,
        "age_seconds": 120.0, "state_seconds": 120.0, "directives": (directive(),),
    }  # fmt: skip
    return oversight.AlertRow(**usual | fields)


def alerts() -> dict[str, Any]:
    """Return the open alerts."""
    hot = alert(
        id="a-2", rule="gpu-hot", severity="warning", entity_kind="node", entity="forge",
        summary="GPU 0 at 89 degrees, throttling", age_seconds=41.0, state_seconds=41.0, directives=(),
    )  # fmt: skip
    silent = alert(
        id="a-3", rule="agent-silent", severity="warning", status="acknowledged", entity_kind="agent", entity="eve",
        summary="eve is silent for 61 s", age_seconds=31.0, state_seconds=12.0, by="mia", directives=(),
    )  # fmt: skip
    counts = {"active": 2, "acknowledged": 1, "resolved": 6}
    return told(oversight.AlertsAnswer(as_of=as_of(), counts=counts, rows=(alert(), hot, silent)))


def timeline(bins: int = 100) -> dict[str, Any]:
    """Return the time line of the last forty minutes, with its marks."""
    seconds = 24
    since_ns = NOW_NS - bins * seconds * SECOND_NS
    counts = tuple(1_800 + round(900 * math.sin(place / 4)) for place in range(bins))
    first = POSITION - sum(counts)
    positions = tuple(first + sum(counts[: place + 1]) for place in range(bins))
    answer = looking.TimelineAnswer(
        as_of=as_of(), since_ns=since_ns, until_ns=NOW_NS, counts=counts, positions=positions, marks=marks()
    )
    return told(answer)


def marks() -> tuple[looking.Mark, ...]:
    """Return what is worth going to."""
    spike = looking.Mark(
        kind="alert", position=POSITION - 47, at_ns=NOW_NS - 120 * SECOND_NS, entity="tiny-gpt", step=450,
        words="loss spike of tiny-gpt at step 450", severity="critical", status="active", id="a-1",
    )  # fmt: skip
    asked = looking.Mark(
        kind="directive", position=POSITION - 46, at_ns=NOW_NS - 119 * SECOND_NS, entity="tiny-gpt", step=452,
        words="skip batch 450 of tiny-gpt", status="applied", id="d-4k2m9x",
    )  # fmt: skip
    start = looking.Mark(
        kind="start", position=POSITION - 150_000, at_ns=NOW_NS - 2_000 * SECOND_NS, entity="tiny-gpt",
        words="tiny-gpt starts",
    )  # fmt: skip
    return (start, spike, asked)


def agents() -> dict[str, Any]:
    """Return the agents."""
    usual: dict[str, Any] = {"incarnation": 120, "completed": 12, "failed": 0, "expired": 0}
    rows = (
        questions.AgentRow(agent="eve", status="lost", holds=1, silent_seconds=61.0, score=60, **usual),
        questions.AgentRow(agent="ada", status="active", holds=1, silent_seconds=2.0, team="blue", score=100, **usual),
        questions.AgentRow(agent="bob", status="active", holds=1, silent_seconds=4.0, score=100, **usual),
        questions.AgentRow(agent="cyd", status="active", holds=0, silent_seconds=3.0, score=100, **usual),
    )  # fmt: skip
    return told(questions.AgentsAnswer(as_of=as_of(), rows=rows))


def board() -> dict[str, Any]:
    """Return the board."""
    claimed: dict[str, Any] = {"status": "claimed", "attempt": 1, "state_seconds": 540.0}
    opened: dict[str, Any] = {"status": "open", "state_seconds": 11_520.0, "age_seconds": 11_520.0}
    rows = (
        questions.BoardRow(id="w-231", title="train xl", priority=9, agent="eve", fence=17, age_seconds=33_000.0, **claimed),
        questions.BoardRow(id="w-228", title="train nano", priority=5, agent="ada", progress=0.6, age_seconds=2_460.0, **claimed),
        questions.BoardRow(id="w-230", title="build docs", priority=5, agent="bob", age_seconds=720.0, **claimed),
        questions.BoardRow(id="w-244", title="evaluate the checkpoint", priority=5, team="eval", **opened),
        questions.BoardRow(id="w-245", title="shard 17", priority=4, **opened),
        questions.BoardRow(id="w-192", title="hash the corpus", priority=5, agent="ada", status="completed", age_seconds=4_000.0, state_seconds=1.0),
    )  # fmt: skip
    counts = {"open": 112, "claimed": 3, "completed": 418, "failed": 2, "cancelled": 1}
    return told(questions.BoardAnswer(as_of=as_of(), counts=counts, rows=rows, truncated=True))


def runs() -> dict[str, Any]:
    """Return the runs."""
    going: dict[str, Any] = {
        "status": "running",
        "node": "forge",
        "starts": 1,
        "step": 610,
        "age_seconds": 2_000.0,
    }
    rows = (
        oversight.RunRow(
            run="tiny-gpt", name="tiny-gpt", latest={"loss": 0.896, "tokens_per_second": 101_000.0}, silent_seconds=0.4,
            checkpoint_step=600, directives=(directive(),), score=91, agent="ada", **going,
        ),
        oversight.RunRow(
            run="broken-gpt", name="broken-gpt", status="failed", starts=1, step=331, latest={"loss": "nan"},
            age_seconds=9_000.0, silent_seconds=8_000.0, not_finite=3, reason="the loss is no number",
        ),
    )  # fmt: skip
    return told(oversight.RunsAnswer(as_of=as_of(), rows=rows))


def nodes() -> dict[str, Any]:
    """Return the machines."""
    at: dict[str, Any] = {"at_ns": NOW_NS - SECOND_NS}
    readings = (
        questions.Reading(metric="cpu_utilization", value=0.41, **at),
        questions.Reading(metric="memory_used_bytes", value=41e9, **at),
        questions.Reading(metric="gpu_utilization", device="0", value=0.83, **at),
        questions.Reading(metric="gpu_temperature_celsius", device="0", value=89.0, **at),
    )
    row = questions.NodeRow(
        node="forge", status="active", silent_seconds=0.6, sample_seconds=1.0, readings=readings, score=91
    )
    return told(questions.NodesAnswer(as_of=as_of(), rows=(row,)))


def scene(answers: Mapping[str, Any] | None = None, **fields: Any) -> Scene:
    """Return a live scene; `answers` are laid over those of every view's usual keys."""
    usual = {
        "health": health(), "alerts": alerts(), "timeline": timeline(), "agents": agents(), "board": board(),
        "runs": runs(), "nodes": nodes(),
    }  # fmt: skip
    known = usual | dict(answers or {})
    made = Scene(
        now_ns=NOW_NS,
        answers=known,
        asked_seconds=dict.fromkeys(known, 0.2),
        events=events(),
        rate=412.0,
        position=POSITION,
        link=Link("live", NOW_NS - 600 * SECOND_NS, folder="/home/ada/.local/share/coord"),
    )
    return replace(made, **fields)


def past_scene(position: int = POSITION - 40, seconds_ago: float = 120.0) -> Scene:
    """Return a scene of a past moment."""
    at_ns = NOW_NS - round(seconds_ago * SECOND_NS)
    before: Sequence[Any] = [one for one in events() if one["position"] <= position]
    return scene(
        now_ns=at_ns, clock_ns=NOW_NS, past=Past(position, at_ns, POSITION), events=before, position=position
    )


def lost_scene(seconds: float = 14.0) -> Scene:
    """Return a scene whose house has gone."""
    link = Link(
        "lost", NOW_NS - round(seconds * SECOND_NS), "nobody listens on projector.sock: connection refused.",
        3.0, 4, "/home/ada/.local/share/coord",
    )  # fmt: skip
    usual = scene()
    return replace(usual, link=link, asked_seconds=dict.fromkeys(usual.answers, seconds))


def empty_scene() -> Scene:
    """Return a scene of a house in which nothing has happened."""
    none: Mapping[str, Any] = {"rows": [], "as_of": told(as_of(0)), "counts": {}}
    keys = ("alerts", "agents", "board", "runs", "nodes")
    well = {
        "score": 100.0,
        "entity": "system",
        "as_of": told(as_of(0)),
        "deductions": [],
        "parts": [],
        "trend": [],
    }
    calm = told(
        looking.TimelineAnswer(
            as_of=as_of(0), since_ns=0, until_ns=NOW_NS, counts=(0,), positions=(0,), marks=()
        )
    )
    return scene(
        dict.fromkeys(keys, none) | {"health": well, "timeline": calm}, events=(), position=0, rate=0.0
    )
