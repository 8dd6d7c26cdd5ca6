"""A command's own trace hangs below the span that the exporter sends for its claim."""

import asyncio

from desks import Desk, end_of

from coord.events.streams import EVENTS
from coord.events.tokens import event_subject
from coord.events.wire import read_event
from coord.services.exporter.item_spans import spans_of_item
from coord.services.log import Log
from coord.services.settings import load_settings

RECEIVER = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


async def spans_in_log(desk: Desk, item_id: str) -> dict[str, str]:
    """Return the spans of an item by name, as W3C writes their place."""
    settings = load_settings({"data": str(desk.folder.root)}, environment={}).settings
    log = await Log.connect(settings, desk.folder, "core", "test")
    try:
        subject = event_subject(settings.site, "work", item_id)
        async for batch in log.pull(EVENTS.name, 1, wait_seconds=1.0, subjects=(subject,)):
            events = [read_event(stored) for stored in batch]
            ended = [span for event in events for span in spans_of_item(events, event.position)]
            return {span.name: f"00-{span.at.trace_id:032x}-{span.at.span_id:016x}-01" for span in ended}
    finally:
        await log.close()
    return {}


def test_a_command_is_given_the_place_of_its_claim(desk: Desk) -> None:
    item = desk.submit()
    process = desk.start("--once", "--exec", "echo $TRACEPARENT", environment=RECEIVER)
    told = end_of(process).out.strip()
    desk.ended(item)
    assert told == asyncio.run(spans_in_log(desk, item))[f"invoke_agent {desk.capability}"]


def test_without_a_receiver_it_is_given_what_the_worker_was(desk: Desk) -> None:
    before = f"00-{1:032x}-{2:016x}-01"
    desk.submit()
    process = desk.start("--once", "--exec", "echo $TRACEPARENT", environment={"TRACEPARENT": before})
    assert end_of(process).out.strip() == before
