"""One canonical example of everything in the catalog. Tests, laws and documents speak of these."""

from typing import Final

from coord.events import (
    agent,
    alert,
    directive,
    health,
    node,
    questions,
    run,
    samples,
    team,
    verification,
    work,
)
from coord.events import commands as wish
from coord.events.envelope import Envelope
from coord.events.model import Command, Event, Question
from coord.events.planning import Concurrency, Retry, Scores
from coord.events.upcasters import (
    AgentRegisteredV1,
    VerificationRecordedV1,
    WorkClaimedV1,
    WorkFailedV1,
    WorkLeaseExpiredV1,
    WorkReleasedV1,
    WorkSubmittedV1,
    WorkSubmittedV2,
    WorkSubmittedV3,
    WorkSubmittedV4,
)

DIGEST: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
EVIDENCE: Final = (alert.Evidence(stream="EVENTS", position=41),)
ENVELOPE: Final = Envelope(
    id="0199f0c2-7b7e-7c3e-9d55-2f6d1c1b7a10",
    type="work.claimed.v2",
    source="/coordinator/main",
    time="2026-11-21T07:00:00.123456789Z",
    actor="ada",
    request_id="0199f0c2-7b00-7000-8000-000000000001",
    causation="0199f0c2-7b00-7000-8000-000000000001",
    correlation="nightly-evaluation",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)
INVENTORY: Final = node.Inventory(
    hostname="forge",
    operating_system="Debian GNU/Linux 12",
    kernel="6.18.0",
    architecture="x86_64",
    cpu=node.Cpu(
        model="AMD EPYC 9654", cores_physical=8, cores_logical=16, frequency_mhz_max=3700.0,
        cache_bytes={"L1d": 32_768, "L2": 1_048_576, "L3": 33_554_432},
    ),
    memory_bytes=68_719_476_736,
    swap_bytes=0,
    gpus=(
        node.Gpu(
            index=0, uuid="GPU-5e2c7d0e", model="NVIDIA H200", memory_bytes=150_754_820_096,
            compute_capability="9.0", power_limit_watts=700.0, temperature_slowdown_celsius=87.0,
        ),
    ),
    gpu_driver="570.86.10",
    disks=(
        node.Disk(
            mount="/", file_system="ext4", total_bytes=1_000_204_886_016,
            write_bytes_per_second=1.1e9, read_bytes_per_second=2.4e9,
        ),
    ),
    power_mode="mains",
    capacity=node.Capacity(
        memory_bytes=150_754_820_096, train_parameters_max=7_500_000_000,
        infer_parameters_max=67_000_000_000, reference_parameters=1_000_000_000,
        reference_batch_max=42, reference_sequence=1024,
        formula="16 bytes a parameter (weights, gradients, AdamW in mixed precision), 90 % of memory",
    ),
    labels={"gpu": "NVIDIA-H200", "cores": "16"},
)  # fmt: skip

EVENTS: Final[dict[str, Event]] = {
    "agent.drained.v1": agent.AgentDrained(incarnation=3, reason="the machine is needed elsewhere"),
    "agent.evicted.v1": agent.AgentEvicted(incarnation=3, reason="it holds and does nothing"),
    "agent.lost.v1": agent.AgentLost(incarnation=3, silent_seconds=31.5),
    "agent.registered.v2": agent.AgentRegistered(
        team="blue", capabilities=("python", "gpu"), wip_limit=2, host="forge", serves=("red",)
    ),
    "agent.retired.v1": agent.AgentRetired(incarnation=3, reason="the night is over"),
    "agent.returned.v1": agent.AgentReturned(incarnation=3, lost_seconds=12.0),
    "alert.acknowledged.v1": alert.AlertAcknowledged(by="grace", note="looking"),
    "alert.raised.v1": alert.AlertRaised(
        rule="gpu-too-hot", entity_kind="node", entity="forge", severity="critical",
        summary="gpu0 is at 91 C, 4 C over its slowdown temperature", evidence=EVIDENCE,
    ),
    "alert.resolved.v1": alert.AlertResolved(reason="below 80 C for 60 s", evidence=EVIDENCE),
    "alert.silenced.v1": alert.AlertSilenced(by="grace", until_ns=1_795_000_000_000_000_000),
    "directive.issued.v1": directive.DirectiveIssued(
        directive_id="d-1", entity_kind="run", action="lower_learning_rate", parameters={"factor": 0.5},
        epoch=2, live_seconds=60.0, alert="a-1", reason="loss spike at step 1200",
    ),
    "directive.withdrawn.v1": directive.DirectiveWithdrawn(directive_id="d-1", reason="resolved"),
    "health.weighed.v1": health.HealthWeighed(points=20.0),
    "node.lost.v1": node.NodeLost(silent_seconds=12.0),
    "node.readings_dropped.v1": node.NodeReadingsDropped(writer="m-1", readings=1_200, readings_total=1_500),
    "node.registered.v1": node.NodeRegistered(
        inventory=INVENTORY, monitor_version="0.1.0", sample_seconds=1.0
    ),
    "node.returned.v1": node.NodeReturned(lost_seconds=40.0),
    "run.checkpoint_written.v1": run.RunCheckpointWritten(
        step=1000, path="checkpoints/step-1000", sha256=DIGEST, size_bytes=12_582_912, write_seconds=0.4
    ),
    "run.directive_applied.v1": run.RunDirectiveApplied(
        directive_id="d-1", directive_position=52, step=1201
    ),
    "run.directive_refused.v1": run.RunDirectiveRefused(
        directive_id="d-1", directive_position=52, step=1201, reason="epoch 1 is over"
    ),
    "run.evaluated.v1": run.RunEvaluated(step=1000, values={"loss": 2.31}),
    "run.finished.v1": run.RunFinished(outcome="completed", step=2000),
    "run.lost.v1": run.RunLost(silent_seconds=90.0),
    "run.metrics_recorded.v1": run.RunMetricsRecorded(
        rank=0, writer="w-1", writer_sequence=7,
        points=(
            run.Point(step=1200, values={"loss": 2.5, "learning_rate": 3e-4}),
            run.Point(step=1201, values={"loss": "nan", "learning_rate": 3e-4}),
        ),
    ),
    "run.out_of_memory.v1": run.RunOutOfMemory(
        step=12, micro_batch=32, reason="DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 GiB"
    ),
    "run.started.v1": run.RunStarted(
        name="tiny-gpt", node="forge", agent="ada", world_size=2, configuration={"layers": 4}
    ),
    "team.configured.v1": team.TeamConfigured(wip_limit=12, share=2.0),
    "verification.recorded.v2": verification.VerificationRecorded(
        feature="Claims", scenario="Two hundred agents, one winner", outcome="passed",
        commit="0.1.0", run_seconds=3.2, evidence=EVIDENCE,
        transcript="verified/two-hundred-agents-one-winner.txt", transcript_sha256=DIGEST,
    ),
    "work.blocked.v1": work.WorkBlocked(reason="the licence is being cleared"),
    "work.cancelled.v1": work.WorkCancelled(reason="not needed any more"),
    "work.claimed.v2": work.WorkClaimed(
        agent="ada", incarnation=3, lease_seconds=30.0, attempt=1,
        scores=Scores(priority=0.78, age=0.1, deadline=0.0, match=0.67, fairness=1.0, total=0.65),
    ),
    "work.completed.v1": work.WorkCompleted(agent="ada", fence=42, result={"sha256": DIGEST}),
    "work.dependencies_set.v1": work.WorkDependenciesSet(depends_on=("w-2", "w-3")),
    "work.failed.v2": work.WorkFailed(
        agent="ada", fence=42, reason="the file is gone", then="open", retry_seconds=2.1
    ),
    "work.lease_expired.v2": work.WorkLeaseExpired(
        agent="ada", incarnation=3, fence=42, lease_seconds=30.0, silent_seconds=30.2, cause="agent_lost",
        reason="ada was silent for 30.2 s",
    ),
    "work.moved_on.v1": work.WorkMovedOn(agent="ada", fence=42),
    "work.progressed.v1": work.WorkProgressed(agent="ada", fence=42, fraction=0.5, note="half way"),
    "work.released.v2": work.WorkReleased(
        agent="ada", fence=42, reason="too big for me", in_a_row=2, retry_seconds=1.0
    ),
    "work.reopened.v1": work.WorkReopened(reason="the result was wrong"),
    "work.reprioritised.v1": work.WorkReprioritised(priority=9, reason="the release waits for it"),
    "work.requeued.v1": work.WorkRequeued(reason="the disk is mended"),
    "work.stuck.v1": work.WorkStuck(agent="ada", fence=42, idle_seconds=310.0),
    "work.submitted.v5": work.WorkSubmitted(
        title="Hash the corpus", priority=7, capabilities=("python",), team="blue", body={"path": "a.txt"},
        verify="two-hundred-agents-one-winner", parent="w-0", depends_on=("w-2",),
        deadline_ns=1_795_000_000_000_000_000, deadline_said="+2h", retry=Retry(attempts=3),
        concurrency=Concurrency(key="disk", limit=2), stuck_seconds=300.0,
    ),
    "work.unblocked.v1": work.WorkUnblocked(reason="the licence is cleared"),
}  # fmt: skip
"""By present type."""

OLD_EVENTS: Final[dict[str, Event]] = {
    "agent.registered.v1": AgentRegisteredV1(
        team="blue", capabilities=("python", "gpu"), wip_limit=2, host="forge"
    ),
    "verification.recorded.v1": VerificationRecordedV1(
        feature="Claims", scenario="Two hundred agents, one winner", outcome="passed",
        commit="0.1.0", run_seconds=3.2, evidence=EVIDENCE,
    ),
    "work.claimed.v1": WorkClaimedV1(agent="ada", incarnation=3, lease_seconds=30.0, attempt=1),
    "work.failed.v1": WorkFailedV1(agent="ada", fence=42, reason="the file is gone"),
    "work.lease_expired.v1": WorkLeaseExpiredV1(
        agent="ada", incarnation=3, fence=42, lease_seconds=30.0, silent_seconds=30.2
    ),
    "work.released.v1": WorkReleasedV1(agent="ada", fence=42, reason="too big for me"),
    "work.submitted.v1": WorkSubmittedV1(
        title="Hash the corpus", priority="high", needs="python, gpu", lease_ms=60_000
    ),
    "work.submitted.v2": WorkSubmittedV2(
        title="Hash the corpus", priority=7, capabilities=("python",), team="blue", body={"path": "a.txt"}
    ),
    "work.submitted.v3": WorkSubmittedV3(
        title="Hash the corpus", priority=7, capabilities=("python",), team="blue", body={"path": "a.txt"},
        verify="two-hundred-agents-one-winner",
    ),
    "work.submitted.v4": WorkSubmittedV4(
        title="Hash the corpus", priority=7, capabilities=("python",), team="blue", body={"path": "a.txt"},
        verify="two-hundred-agents-one-winner", parent="w-0", depends_on=("w-2",),
        deadline_ns=1_795_000_000_000_000_000, retry=Retry(attempts=3),
        concurrency=Concurrency(key="disk", limit=2), stuck_seconds=300.0,
    ),
}  # fmt: skip

_R: Final = "0199f0c2-7b00-7000-8000-000000000001"
COMMANDS: Final[dict[str, Command]] = {
    "acknowledge": wish.Acknowledge(request_id=_R, alert_id="a-1", by="grace", note="looking"),
    "block": wish.Block(request_id=_R, item_id="w-1", reason="the licence is being cleared"),
    "cancel": wish.Cancel(request_id=_R, item_id="w-1", reason="not needed"),
    "claim": wish.Claim(request_id=_R, agent="ada", incarnation=3, wait_seconds=20.0),
    "complete": wish.Complete(request_id=_R, agent="ada", item_id="w-1", fence=42, result={"lines": 7}),
    "configure-team": wish.ConfigureTeam(request_id=_R, team="blue", wip_limit=12, share=2.0),
    "depend": wish.Depend(request_id=_R, item_id="w-1", depends_on=("w-2", "w-3")),
    "direct": wish.Direct(
        request_id=_R, entity="tiny-gpt", action="roll_back", parameters={"before_step": 300},
        epoch=41, alert="a-1", reason="the canary rose by 60 %",
    ),
    "drain": wish.Drain(request_id=_R, agent="ada", reason="the machine is needed elsewhere"),
    "evict": wish.Evict(request_id=_R, agent="ada", reason="it holds and does nothing"),
    "explain": wish.Explain(request_id=_R, agent="ada", limit=3),
    "fail": wish.Fail(request_id=_R, agent="ada", item_id="w-1", fence=42, reason="the file is gone"),
    "heartbeat": wish.Heartbeat(request_id=_R, agent="ada", incarnation=3),
    "progress": wish.Progress(request_id=_R, agent="ada", item_id="w-1", fence=42, fraction=0.5),
    "raise": wish.RaiseAlert(
        request_id=_R, alert_id="a-1", rule="loss-spike", entity_kind="run", entity="tiny-gpt",
        severity="warning", summary="the loss rose to 11.6 at step 300", evidence=EVIDENCE,
    ),
    "register": wish.Register(request_id=_R, agent="ada", team="blue", capabilities=("python",)),
    "release": wish.Release(request_id=_R, agent="ada", item_id="w-1", fence=42),
    "reopen": wish.Reopen(request_id=_R, item_id="w-1", reason="the result was wrong"),
    "reprioritise": wish.Reprioritise(request_id=_R, item_id="w-1", priority=9),
    "requeue": wish.Requeue(request_id=_R, item_id="w-1", reason="the disk is mended"),
    "resolve": wish.ResolveAlert(request_id=_R, alert_id="a-1", reason="back to normal", evidence=EVIDENCE),
    "retire": wish.Retire(request_id=_R, agent="ada", incarnation=3),
    "silence": wish.Silence(request_id=_R, alert_id="a-1", by="grace", until_ns=1_795_000_000_000_000_000),
    "submit": wish.Submit(request_id=_R, item_id="w-1", title="Hash the corpus", priority=7),
    "submit-many": wish.SubmitMany(
        request_id=_R,
        items=(
            wish.NewItem(item_id="w-1", title="Hash the corpus"),
            wish.NewItem(item_id="w-2", title="Compare the hashes", depends_on=("w-1",)),
        ),
    ),
    "unblock": wish.Unblock(request_id=_R, item_id="w-1"),
    "wait": wish.Wait(request_id=_R, item_ids=("w-1", "w-2"), any=True),
    "weigh": wish.Weigh(request_id=_R, part="backlog", points=20.0),
    "withdraw": wish.Withdraw(request_id=_R, entity="tiny-gpt", directive_id="d-1", reason="a mistake"),
}  # fmt: skip

QUESTIONS: Final[dict[str, Question]] = {
    "agents": questions.Agents(),
    "alerts": questions.Alerts(),
    "board": questions.Board(),
    "curve": questions.Curve(run="tiny-gpt", metrics=("loss", "learning_rate")),
    "deadletters": questions.DeadLetters(),
    "events": questions.Events(aggregate="work", type="work.claimed"),
    "health": questions.Health(),
    "history": questions.History(id="w-1"),
    "latest": questions.Latest(metric="gpu_temperature_celsius"),
    "meters": questions.Meters(part="nodes"),
    "metrics": questions.Metrics(node="forge"),
    "mine": questions.Mine(agent="ada"),
    "nodes": questions.Nodes(inventory=True),
    "readings": questions.Readings(
        metric="gpu_temperature_celsius", node="forge", device="gpu0", limit=1_000
    ),
    "runs": questions.Runs(),
    "scenarios": questions.Scenarios(),
    "show": questions.ShowItem(id="w-1"),
    "state": questions.State(digests=True),
    "stats": questions.Stats(team="blue", last_seconds=600.0, bins=10),
    "timeline": questions.Timeline(),
    "top": questions.Top(),
    "trend": questions.Trend(metrics=("gpu_temperature_celsius",), node="forge"),
}

SAMPLES: Final[dict[str, samples.Batch]] = {
    samples.HARDWARE: samples.HardwareSample(
        writer="m-1", writer_sequence=9, started_at_ns=1_795_000_000_000_000_000,
        series=(
            samples.Series(metric="cpu_utilization_ratio", offsets_ms=(0, 1000), values=(0.21, 0.25)),
            samples.Series(
                metric="gpu_temperature_celsius", device="gpu0", offsets_ms=(0, 1000), values=(61.0, 62.0)
            ),
        ),
    ),
    samples.PRESENCE: samples.PresenceSample(
        writer="c-1", writer_sequence=4, started_at_ns=1_795_000_000_000_000_000,
        agents=(samples.Presence(agent="ada", incarnation=3, silent_seconds=0.7),),
    ),
    samples.PROCESSES: samples.ProcessesSample(
        writer="m-1", writer_sequence=10, started_at_ns=1_795_000_000_000_000_000, total=211,
        processes=(samples.Process(pid=4711, name="python3", cpu_ratio=0.98, memory_bytes=734_003_200),),
    ),
}  # fmt: skip
