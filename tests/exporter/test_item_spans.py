"""Work items as traces: which spans an event ends, with which ids, links and words."""

from hashlib import blake2b

from msgspec.structs import replace
from written import NS, Written

from coord.events import work
from coord.services.exporter.identity import ident, root_of
from coord.services.exporter.item_spans import spans_of_item
from coord.services.exporter.names import SPANS
from coord.services.exporter.records import EndedSpan

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Item:
    """One item's events, and the spans that each of them ends."""

    def __init__(self, name: str = "w-1", **fields: object) -> None:
        self.written = Written()
        self.name = name
        self.spans: list[EndedSpan] = []
        self.tell(work.WorkSubmitted(title="Hash the corpus", **fields))  # type: ignore[arg-type]

    def tell(self, event: object, seconds: float = 10.0, traceparent: str = "") -> list[EndedSpan]:
        """Append an event; return the spans that it ends."""
        recorded = self.written.write(self.name, event)  # type: ignore[arg-type]
        if traceparent:
            envelope = replace(recorded.envelope, traceparent=traceparent)
            self.written.events[-1] = replace(recorded, envelope=envelope)
        self.written.rest(seconds)
        ended = list(spans_of_item(self.written.events, recorded.position))
        self.spans += ended
        return ended

    def claim(self, agent: str = "ada", attempt: int = 1, traceparent: str = "") -> int:
        """Claim it; return the fence."""
        event = work.WorkClaimed(agent=agent, incarnation=1, lease_seconds=30.0, attempt=attempt)
        self.tell(event, traceparent=traceparent)
        return self.written.position


def names(spans: list[EndedSpan]) -> list[str]:
    return [span.name for span in spans]


def test_an_item_is_a_wait_a_claim_and_a_root_that_ends_last() -> None:
    item = Item(team="blue", priority=7, capabilities=("gpu",))
    assert names(item.spans) == []
    fence = item.claim()
    assert names(item.spans) == ["Queued"]
    assert item.tell(work.WorkProgressed(agent="ada", fence=fence)) == []
    attempt, root = item.tell(work.WorkCompleted(agent="ada", fence=fence))
    assert (attempt.name, root.name) == ("invoke_agent ada", "RUN blue")
    assert root.parent is None
    assert {span.parent for span in item.spans[:2]} == {root.at}
    assert {span.at.trace_id for span in item.spans} == {root.at.trace_id}
    assert (root.began_ns, root.ended_ns) == (1_000 * NS, 1_030 * NS)
    assert (attempt.began_ns, attempt.ended_ns) == (1_010 * NS, 1_030 * NS)
    assert (root.kind, attempt.kind) == ("server", "internal")
    assert root.attributes["cicd.pipeline.result"] == "success"
    assert root.attributes["coord.work.capabilities"] == ("gpu",)
    assert attempt.attributes["coord.lease.fence"] == fence
    assert root.fault is attempt.fault is None


def test_a_lost_lease_is_an_error_and_the_next_try_links_to_it() -> None:
    item = Item()
    fence = item.claim("ada")
    lost = work.WorkLeaseExpired(
        agent="ada", incarnation=1, fence=fence, lease_seconds=30, silent_seconds=31.5
    )
    (expired,) = item.tell(lost)
    assert expired.attributes["error.type"] == "lease_expired"
    assert expired.attributes["cicd.pipeline.task.run.result"] == "error"
    assert expired.fault == "no sign of life for 31.5 s, of the lease's 30 s"
    fence = item.claim("grace", attempt=2)
    attempt, root = item.tell(work.WorkCompleted(agent="grace", fence=fence))
    assert [(link.to, link.kind) for link in attempt.links] == [(expired.at, "retry_of")]
    assert names(item.spans) == ["Queued", "invoke_agent ada", "Queued", "invoke_agent grace", "RUN any"]
    assert root.attributes["coord.work.attempts"] == 2
    assert len({span.at.span_id for span in item.spans}) == len(item.spans)


def test_a_failure_is_an_error_of_both_and_giving_back_is_none() -> None:
    item = Item()
    (released,) = item.tell(work.WorkReleased(agent="ada", fence=item.claim(), reason="too big"))
    assert released.fault is None
    assert released.attributes["coord.attempt.outcome"] == "released"
    attempt, root = item.tell(work.WorkFailed(agent="ada", fence=item.claim(attempt=2), reason="out of disk"))
    assert (attempt.fault, root.fault) == ("out of disk", "out of disk")
    assert root.attributes["error.type"] == "work_failed"
    assert root.attributes["cicd.pipeline.result"] == "failure"


def test_a_failure_that_is_tried_again_ends_its_claim_alone_and_the_last_one_parks() -> None:
    item = Item()
    failed = work.WorkFailed(agent="ada", fence=item.claim(), reason="no", then="open", retry_seconds=2.0)
    (first,) = item.tell(failed)
    assert (first.fault, first.attributes["coord.attempt.outcome"]) == ("no", "failure")
    fence = item.claim(attempt=2)
    (second,) = item.tell(work.WorkFailed(agent="ada", fence=fence, reason="no", then="parked"))
    assert [(link.to, link.kind) for link in second.links] == [(first.at, "retry_of")]
    assert names(item.tell(work.WorkRequeued())) == ["Parked"]
    item.tell(work.WorkCompleted(agent="ada", fence=item.claim(attempt=3)))
    assert names(item.spans) == [
        "Queued", "invoke_agent ada", "Queued", "invoke_agent ada", "Parked", "Queued", "invoke_agent ada", "RUN any",
    ]  # fmt: skip
    assert len({span.at.span_id for span in item.spans}) == len(item.spans)


def test_a_block_is_a_wait_of_its_own() -> None:
    item = Item()
    assert names(item.tell(work.WorkBlocked(reason="the licence"))) == ["Queued"]
    assert names(item.tell(work.WorkUnblocked())) == ["Blocked"]
    item.tell(work.WorkCancelled())
    assert names(item.spans) == ["Queued", "Blocked", "Queued", "RUN any"]


def test_a_reopened_item_has_another_trace_that_links_to_the_one_before() -> None:
    item = Item()
    _, before = item.tell(work.WorkCompleted(agent="ada", fence=item.claim()))
    assert item.tell(work.WorkReopened(reason="the result was wrong")) == []
    attempt, root = item.tell(work.WorkCompleted(agent="ada", fence=item.claim(attempt=2)))
    assert [(link.to, link.kind) for link in root.links] == [(before.at, "reopened_after")]
    assert root.at.trace_id != before.at.trace_id
    assert attempt.parent == root.at
    assert root.began_ns > before.ended_ns
    assert [name for name in names(item.spans) if name == "RUN any"] == ["RUN any", "RUN any"]


def test_a_reclaimed_claim_says_why() -> None:
    item = Item()
    (lost,) = item.tell(work.WorkLeaseExpired(
        agent="ada", incarnation=1, fence=item.claim(), lease_seconds=30, silent_seconds=2, cause="evicted",
        reason="ada was put out",
    ))  # fmt: skip
    assert (lost.attributes["error.type"], lost.fault) == ("evicted", "ada was put out")


def test_cancelling_ends_the_wait_or_the_claim_and_is_no_error() -> None:
    waiting, held = Item(), Item()
    assert names(waiting.tell(work.WorkCancelled(reason="no need"))) == ["Queued", "RUN any"]
    held.claim()
    attempt, root = held.tell(work.WorkCancelled())
    assert names([attempt, root]) == ["invoke_agent ada", "RUN any"]
    assert root.attributes["cicd.pipeline.result"] == "cancellation"
    assert root.fault is attempt.fault is None


def test_what_speaks_of_another_claim_ends_nothing_and_the_end_is_the_end() -> None:
    item = Item()
    fence = item.claim()
    assert item.tell(work.WorkReleased(agent="ada", fence=fence + 7)) == []
    item.tell(work.WorkCompleted(agent="ada", fence=fence))
    assert item.tell(work.WorkFailed(agent="ada", fence=fence, reason="no")) == []


def test_without_its_beginning_an_item_ends_nothing() -> None:
    item = Item()
    fence = item.claim()
    item.tell(work.WorkCompleted(agent="ada", fence=fence))
    events = item.written.events
    assert spans_of_item(events[1:], 3) == ()
    assert spans_of_item([], 3) == ()
    assert spans_of_item(events, 99) == ()


def test_a_clock_that_went_back_clamps_and_says_so() -> None:
    item = Item()
    item.tell(work.WorkClaimed(agent="ada", incarnation=1, lease_seconds=30, attempt=1), seconds=-100)
    attempt, root = item.tell(work.WorkCompleted(agent="ada", fence=2))
    assert attempt.began_ns == attempt.ended_ns
    assert attempt.clamped
    assert root.clamped


def test_the_traces_of_callers_are_linked() -> None:
    item = Item()
    first = item.written.events[0]
    item.written.events[0] = replace(first, envelope=replace(first.envelope, traceparent=PARENT))
    fence = item.claim(traceparent=PARENT)
    attempt, root = item.tell(work.WorkCompleted(agent="ada", fence=fence), traceparent=PARENT)
    for span in (attempt, root):
        ((to, kind),) = [(link.to, link.kind) for link in span.links]
        assert kind == "caused_by"
        assert (f"{to.trace_id:032x}", f"{to.span_id:016x}") == (PARENT[3:35], PARENT[36:52])


def test_a_retry_by_a_caller_with_a_trace_links_to_both() -> None:
    item = Item()
    (released,) = item.tell(work.WorkReleased(agent="ada", fence=item.claim()))
    fence = item.claim(attempt=2, traceparent=PARENT)
    attempt, _ = item.tell(work.WorkCompleted(agent="ada", fence=fence))
    assert [link.kind for link in attempt.links] == ["retry_of", "caused_by"]
    assert attempt.links[0].to == released.at


def test_ids_are_the_same_for_everybody_and_differ_from_log_to_log() -> None:
    by_hand = blake2b(b"\0\0\0\4item\0\0\0\3w-1", digest_size=16, person=b"coord-otlp").digest()
    assert ident(16, "item", "w-1") == int.from_bytes(by_hand, "big")
    assert ident(8, "12", "3") != ident(8, "1", "23")
    assert root_of("work", "local", "w-1", "e-1") == root_of("work", "local", "w-1", "e-1")
    one = {root_of(*parts).trace_id for parts in (
        ("work", "local", "w-1", "e-1"), ("work", "local", "w-1", "e-2"), ("run", "local", "w-1", "e-1"),
        ("work", "other", "w-1", "e-1"),
    )}  # fmt: skip
    assert len(one) == 4


def test_spans_carry_what_the_table_of_names_allows() -> None:
    item = Item(team="blue")
    lost = work.WorkLeaseExpired(
        agent="ada", incarnation=1, fence=item.claim(), lease_seconds=30, silent_seconds=31
    )
    item.tell(lost)
    item.tell(work.WorkFailed(agent="ada", fence=item.claim(attempt=2), reason="no"))
    allowed = {span.name.partition(" ")[0]: set(span.attributes) for span in SPANS}
    for span in item.spans:
        assert span.attributes.keys() <= allowed[span.name.partition(" ")[0]], span.name
