"""The log client on a real server: positions, conflicts, unknown outcomes, and reading everything once."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from standing_still import stop

from coord.events import examples, work
from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.errors import AlreadyAppended, Conflict, NoServer, OutcomeUnknown, UsageError
from coord.events.model import Event
from coord.events.streams import EVENTS, SAMPLES, STREAMS
from coord.events.wire import read_event
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Append, Log, declare_streams
from coord.services.log.appending import BATCH_MAX
from coord.services.log.pulling import BATCH_BYTES_MAX
from coord.services.log.streams import differences, stream_config
from coord.services.settings import Settings

SUBMITTED = examples.EVENTS["work.submitted.v5"]


def append_of(item_id: str, expected: int = 0, event: Event = SUBMITTED, event_id: str = "") -> Append:
    envelope = Envelope(
        id=event_id or clock.new_id(),
        type=kind_of(event).type,
        source="/test",
        time=clock.rfc3339(clock.now_ns()),
    )
    return Append(f"ev.local.work.{item_id}", expected, envelope, event)


Body = Callable[[Log], Awaitable[None]]


@pytest.fixture
def on_log(server: Any) -> Callable[[Body], None]:
    def run(body: Body) -> None:
        async def main() -> None:
            log = await Log.connect(server.settings, server.folder)
            await declare_streams(log, server.settings)
            try:
                await body(log)
            finally:
                await log.close()

        asyncio.run(main())

    return run


def test_an_append_goes_behind_the_position_it_was_decided_on(on_log: Callable[[Body], None]) -> None:
    async def body(log: Log) -> None:
        (first,) = await log.append([append_of("w-1")])
        (second,) = await log.append([append_of("w-1", expected=first)])
        assert second == first + 1
        with pytest.raises(Conflict) as conflict:
            await log.append([append_of("w-1", expected=first)])
        assert conflict.value.last_position == second
        with pytest.raises(Conflict):
            await log.append([append_of("w-1", expected=0)])

    on_log(body)


def test_the_same_event_again_is_the_same_position(on_log: Callable[[Body], None]) -> None:
    async def body(log: Log) -> None:
        one = append_of("w-1")
        assert await log.append([one]) == await log.append([one]) == [1]
        assert (await log.stream_state(EVENTS.name)).messages == 1

    on_log(body)


def test_an_event_of_the_same_id_on_another_subject_is_not_taken_for_this_one(
    on_log: Callable[[Body], None],
) -> None:
    async def body(log: Log) -> None:
        one = append_of("w-1")
        await log.append([one])
        with pytest.raises(AlreadyAppended) as twin:
            await log.append([append_of("w-2", event_id=one.envelope.id)])
        assert twin.value.position == 1

    on_log(body)


def test_a_batch_is_appended_whole_or_not_at_all(on_log: Callable[[Body], None]) -> None:
    async def body(log: Log) -> None:
        batch = [append_of(f"w-{n}") for n in range(BATCH_MAX)]
        assert await log.append(batch) == list(range(1, BATCH_MAX + 1))
        assert await log.append(batch) == list(range(1, BATCH_MAX + 1))
        mixed = [append_of("new-1"), append_of("w-5", expected=3), append_of("new-2")]
        with pytest.raises(Conflict):
            await log.append(mixed)
        assert await log.last("ev.local.work.new-1") is None
        assert (await log.stream_state(EVENTS.name)).messages == BATCH_MAX

    on_log(body)


def test_a_refused_event_reaches_no_watcher(on_log: Callable[[Body], None]) -> None:
    """Neither the live river nor a reader of the stream hears of what the log refused or only staged."""

    async def body(log: Log) -> None:
        heard: list[str] = []

        async def hear(message: Any) -> None:
            heard.append(message.subject)

        await log.client.subscribe("live.>", cb=hear)
        await log.client.flush()
        await log.append([append_of("w-1")])
        with pytest.raises(Conflict):
            await log.append([append_of("w-1")])
        with pytest.raises(Conflict):
            await log.append([append_of("w-2"), append_of("w-1")])
        await log.append([append_of("w-3")])
        reader = log.pull(EVENTS.name, 1)
        read: list[str] = []
        while len(read) < 2:
            read += [stored.subject for stored in await anext(reader)]
        async with asyncio.timeout(5):
            while len(heard) < 2:
                await asyncio.sleep(0.01)
        await log.client.flush()
        assert heard == ["live.local.work.w-1", "live.local.work.w-3"]
        assert read == ["ev.local.work.w-1", "ev.local.work.w-3"]

    on_log(body)


def test_what_was_written_is_read_back_with_position_and_the_brokers_time(
    on_log: Callable[[Body], None],
) -> None:
    async def body(log: Log) -> None:
        one = append_of("w-1")
        await log.append([one])
        by_position = await log.read_at(EVENTS.name, 1)
        by_subject = await log.last(one.subject)
        (pulled,) = await log.read_subject(one.subject)
        assert by_position == by_subject
        assert by_position is not None
        assert dataclasses.replace(pulled, headers=dict(by_position.headers)) == by_position
        recorded = read_event(pulled)
        assert (recorded.event, recorded.envelope) == (one.event, one.envelope)
        assert abs(recorded.recorded_at_ns - clock.now_ns()) < 60 * 10**9

    on_log(body)


def test_what_is_not_there_is_none(on_log: Callable[[Body], None]) -> None:
    async def body(log: Log) -> None:
        assert await log.last("ev.local.work.nobody") is None
        assert await log.read_at(EVENTS.name, 99) is None
        assert await log.read_after("ev.local.work.nobody", 0) is None
        assert await log.read_subject("ev.local.work.nobody") == []

    on_log(body)


def test_a_subject_is_asked_for_its_last_event_while_the_first_is_on_its_way(
    on_log: Callable[[Body], None],
) -> None:
    async def body(log: Log) -> None:
        for number in range(300):
            one = append_of(f"w-{number}")
            found, positions = await asyncio.gather(log.last(one.subject), log.append([one]))
            assert found is None or found.position == positions[0]

    on_log(body)


def test_every_message_is_read_once_although_the_server_is_killed_between(
    server: Any, on_log: Callable[[Body], None]
) -> None:
    async def body(log: Log) -> None:
        await log.append([append_of(f"w-{n}") for n in range(900)])
        seen: list[int] = []
        killed = False
        async with asyncio.timeout(60):
            async for batch in log.pull(EVENTS.name, 1, batch_max=100):
                seen += [stored.position for stored in batch]
                if len(seen) >= 300 and not killed:
                    killed = True
                    server.kill()
                    await asyncio.to_thread(server.restart)
                if len(seen) == 900:
                    await log.append([append_of("last")])
                if len(seen) > 900:
                    break
        assert seen == list(range(1, 902))

    on_log(body)


def test_acknowledged_events_survive_a_killed_server(server: Any, on_log: Callable[[Body], None]) -> None:
    async def body(log: Log) -> None:
        acknowledged = await log.append([append_of(f"w-{n}") for n in range(50)])
        acknowledged += await log.append([append_of("alone")])
        server.kill()
        await asyncio.to_thread(server.restart)
        async with asyncio.timeout(10):
            while True:
                try:
                    state = await log.stream_state(EVENTS.name)
                    break
                except (NoServer, OutcomeUnknown):
                    await asyncio.sleep(0.05)
        assert (state.messages, state.last) == (51, acknowledged[-1])

    on_log(body)


def test_an_append_while_the_server_is_away_is_unknown_and_the_same_again_settles_it(
    server: Any, on_log: Callable[[Body], None]
) -> None:
    async def body(log: Log) -> None:
        one = append_of("w-1")
        server.kill()
        pending = asyncio.create_task(log.append([one]))
        await asyncio.to_thread(server.restart)
        try:
            positions = await pending
        except OutcomeUnknown:
            positions = await log.append([one])
        assert positions == await log.append([one]) == [1]

    on_log(body)


def test_what_was_asked_over_a_connection_that_breaks_is_told_at_once(
    server: Any, on_log: Callable[[Body], None]
) -> None:
    async def body(log: Log) -> None:
        stop(server.embedded.pid)
        asked = asyncio.create_task(log.request("$JS.API.STREAM.INFO.EVENTS", b"{}", 60))
        await asyncio.sleep(0)
        server.kill()
        with pytest.raises(OutcomeUnknown, match="the connection broke"):
            async with asyncio.timeout(10):
                await asked
        await asyncio.to_thread(server.restart)
        assert (await log.append([append_of("w-1")])) == [1]

    on_log(body)


def test_declaring_twice_changes_nothing_and_a_difference_is_mended(
    server: Any, on_log: Callable[[Body], None]
) -> None:
    async def body(log: Log) -> None:
        before = await log.stream_state(EVENTS.name)
        await declare_streams(log, server.settings)
        assert await log.stream_state(EVENTS.name) == before
        smaller = server.settings.changed(events_gib_max=1)
        await declare_streams(log, smaller)
        for definition in STREAMS:
            present = (await log.jetstream.stream_info(definition.name)).config
            assert differences(present, stream_config(definition, smaller)) == []

    on_log(body)


def test_nobody_may_delete_from_the_log(on_log: Callable[[Body], None]) -> None:
    async def body(log: Log) -> None:
        await log.append([append_of("w-1")])
        for name, wanted in (("MSG.DELETE", {"seq": 1}), ("PURGE", {}), ("DELETE", {})):
            with pytest.raises((NoServer, OutcomeUnknown)):
                async with asyncio.timeout(10):
                    await log.request(f"$JS.API.STREAM.{name}.EVENTS", str(wanted).encode(), 0.5)
        assert (await log.stream_state(EVENTS.name)).messages == 1

    on_log(body)


def test_samples_are_stored_without_identity(on_log: Callable[[Body], None]) -> None:
    async def body(log: Log) -> None:
        await log.publish_sample("sample.local.n1.hardware", "hardware", examples.SAMPLES["hardware"])
        state = await log.stream_state(SAMPLES.name)
        assert (state.messages, state.config["persist_mode"]) == (1, "async")
        assert "persist_mode" not in (await log.stream_state(EVENTS.name)).config

    on_log(body)


def test_without_a_server_the_sentence_says_what_to_do(tmp_path: Any) -> None:
    settings = Settings(data=tmp_path)
    with pytest.raises(NoServer, match="coord up"):
        asyncio.run(Log.connect(settings, Folder(tmp_path)))
    with pytest.raises(NoServer, match=r"no server answers at nats://127\.0\.0\.1:1\."):
        asyncio.run(Log.connect(Settings(data=tmp_path, nats="nats://127.0.0.1:1"), Folder(tmp_path)))


def test_a_wrong_password_is_told_without_showing_it(server: Any) -> None:
    url = server.address.url.replace("nats://", "nats://~core:hunter2@")
    with pytest.raises(NoServer) as refusal:
        asyncio.run(Log.connect(Settings(data=server.settings.data, nats=url), server.folder))
    assert "refused the credential" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("subject", "size"),
    [("ev.local.work.w", 9_000_000), ("ev.local.work.w w", 1), ("ev\r\nPUB evil 0\r\n\r\n", 1)],
)
def test_what_cannot_be_sent_is_refused_for_certain_and_the_connection_goes_on(
    on_log: Callable[[Body], None], subject: str, size: int
) -> None:
    async def body(log: Log) -> None:
        with pytest.raises(UsageError, match=f"a message of {size} bytes on .* cannot be sent"):
            await log.request(subject, b"x" * size)
        assert await log.append([append_of("w-1")]) == [1]

    on_log(body)


def test_many_large_messages_are_pulled_without_breaking_the_connection(
    on_log: Callable[[Body], None],
) -> None:
    large = work.WorkSubmitted(title="large", body=["x" * 60_000] * 3)
    count = 250

    async def body(log: Log) -> None:
        for number in range(0, count, 10):
            await log.append([append_of(f"w-{number + one}", event=large) for one in range(10)])
        found = 0
        async with asyncio.timeout(20), contextlib.aclosing(log.pull(EVENTS.name, 1, 1000, 5.0)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                assert batch, "the pull ran dry"
                assert [stored.position for stored in batch] == list(range(found + 1, found + len(batch) + 1))
                assert sum(len(stored.body) for stored in batch) < 4 * BATCH_BYTES_MAX
                found += len(batch)
                if found == count:
                    break

    on_log(body)


def test_as_many_are_given_out_at_once_as_is_said_at_that_moment(on_log: Callable[[Body], None]) -> None:
    async def body(log: Log) -> None:
        await log.append([append_of(f"w-{number}") for number in range(60)])
        most, found = 7, []
        pulled = contextlib.aclosing(log.pull(EVENTS.name, 1, lambda: most, 5.0))  # type: ignore[type-var]
        async with asyncio.timeout(20), pulled as batches:
            async for batch in batches:
                assert 0 < len(batch) <= most
                found += [stored.position for stored in batch]
                most = 20 if len(found) >= 14 else 7
                if len(found) == 60:
                    break
        assert found == [*range(1, 61)]

    on_log(body)
