"""Publishing the corpus on a running house, with good events between, and learning what became of it."""

from dataclasses import dataclass, field
from typing import Any

from corpus.mapping import Message, messages_of
from houses import House, until
from raw_wire import Outcome, RawConnection

from coord.events import work
from coord.events.catalog import encode_event, kind_of
from coord.events.envelope import Envelope, to_headers
from coord.events.errors import Refused
from coord.events.model import Event
from coord.services import client, clock

PATIENCE_SECONDS = 20.0


@dataclass
class Tried:
    """What became of one message."""

    line: dict[str, Any]
    message: Message
    outcome: Outcome
    reason: str = ""
    """Why it was set aside; empty when it was not."""

    @property
    def is_taken(self) -> bool:
        """Whether it counts as an event."""
        return self.outcome.position is not None and not self.reason


@dataclass
class Attempts:
    """A service, which may write events, and an agent, which may not, each on a connection of its own."""

    house: House
    core: RawConnection
    agent: RawConnection
    tried: list[Tried] = field(default_factory=list)
    goods: list[int] = field(default_factory=list)
    """Positions of the good events between."""

    def say(self, entity: str, event: Event) -> int:
        """Publish a good event."""
        kind = kind_of(event)
        envelope = Envelope(clock.new_id(), kind.type, "/tests", clock.rfc3339(clock.now_ns()))
        lines = "".join(f"{name}: {value}\r\n" for name, value in to_headers(envelope).items())
        subject = f"ev.local.{kind.aggregate}.{entity}".encode()
        said = self.core.publish(subject, f"NATS/1.0\r\n{lines}\r\n".encode(), encode_event(event))
        assert said.position is not None, said
        return said.position

    def publish(self, line: dict[str, Any]) -> None:
        """Publish the messages of a line as either, and a good event after them."""
        for message in messages_of(line):
            outcome = self.agent.publish(message.subject, message.block, message.body)
            assert outcome.position is None, (line["label"], "an agent wrote an event")
            if not message.by_agent:
                outcome = self.core.publish(message.subject, message.block, message.body)
            self.tried.append(Tried(line, message, outcome))
        self.goods.append(self.say(f"good-{line['n']}", work.WorkSubmitted(title="good")))

    def seconds_until_seen(self, item: str) -> float:
        """Wait until an item can be asked for; returns how long that took."""
        began = clock.monotonic()
        until(lambda: self.item(item), PATIENCE_SECONDS)
        return clock.monotonic() - began

    def item(self, item: str) -> dict[str, Any] | None:
        """Return an item; None when there is none."""
        try:
            found: dict[str, Any] = client.ask(self.house.folder, "show", {"id": item}, 10)["item"]
        except Refused:
            return None
        return found

    def find_reasons(self) -> None:
        """Learn which messages were set aside, and why; no good one may be among them."""
        rows = client.ask(self.house.folder, "deadletters", {"limit": 1_000}, 10)["rows"]
        reasons = {row["position"]: row["reason"] for row in rows if row["stream"] == "EVENTS"}
        assert not reasons.keys() & set(self.goods)
        for tried in self.tried:
            tried.reason = reasons.get(tried.outcome.position or 0, "")

    def stored_body(self, item: str) -> Any:
        """Return the body of an item's first event as the log has it."""
        return client.ask(self.house.folder, "history", {"id": item}, 10)["events"][0]["fields"]["body"]

    def rows_of(self, table: str) -> int:
        """Return how many rows a table of the projection holds."""
        tables = client.ask(self.house.folder, "state", {}, 10)["tables"]
        return int(next(one["rows"] for one in tables if one["name"] == table))
