"""Items that only the workers of one test can take, and those workers."""

import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from command_line import Ran
from houses import House, until

from coord.events.errors import OutcomeUnknown, Refused
from coord.services import client, clock
from coord.services.client import Reply
from coord.services.folder import Folder

ENDS_SECONDS = 30


@dataclass
class Desk:
    """Items that only the workers of one test can take, and workers that take no others."""

    house: House
    capability: str
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def folder(self) -> Folder:
        """The house's data folder."""
        return self.house.folder

    def tell(self, verb: str, **fields: Any) -> Reply:
        """Send a command that must be done, again while nobody answers."""
        command = {"request_id": clock.new_id(), **fields}
        while True:
            with suppress(OutcomeUnknown):
                return client.tell(self.folder, verb, command, "", ENDS_SECONDS)

    def submit(self, title: str = "A title", **fields: Any) -> str:
        """Submit an item and return its id."""
        return str(self.tell("submit", title=title, capabilities=[self.capability], **fields)["id"])

    def item(self, item_id: str) -> dict[str, Any]:
        """Return an item as it is after all that was told to the coordinator before."""
        return dict(client.ask(self.folder, "show", {"id": item_id}, 10.0, fresh=True)["item"])

    def ended(self, item_id: str) -> dict[str, Any]:
        """Wait until nothing holds an item and nothing will, and return it."""
        self.tell("wait", item_ids=[item_id], wait_seconds=float(ENDS_SECONDS))
        return self.once(item_id, "completed", "failed", "cancelled", "parked")

    def once(self, item_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until the projector shows an item with one of these statuses, and return it."""

        def look() -> dict[str, Any] | None:
            try:
                item = self.item(item_id)
            except Refused:
                return None
            return item if item["status"] in statuses else None

        return dict(until(look))

    def history(self, item_id: str) -> list[dict[str, Any]]:
        """Return the events of an item."""
        answer = client.ask(self.folder, "history", {"id": item_id, "aggregate": "work"}, 10.0, fresh=True)
        return list(answer["events"])

    def agent_status(self, name: str | None = None) -> str | None:
        """Return what the projector shows of an agent, or of this test's; None: nothing yet."""
        rows = client.ask(self.folder, "agents", {}, 10.0, fresh=True)["rows"]
        return next((row["status"] for row in rows if row["agent"] == (name or self.capability)), None)

    def start(self, *words: str, **options: Any) -> "subprocess.Popen[bytes]":
        """Start a worker for the items of this test."""
        told = ("--agent", self.capability, "--capability", self.capability)
        return self._noted(self.house.cli.start("work", *told, *words, **options))

    def work(self, *words: str) -> Ran:
        """Have a worker do all that waits."""
        process = self.start("--idle", "0s", *words)
        return end_of(process)

    def run(self, item_id: str, *words: str, **options: Any) -> Ran:
        """Hold one item for a command."""
        self.tell("register", agent=self.capability, capabilities=[self.capability])
        return end_of(
            self._noted(self.house.cli.start("run", item_id, "--agent", self.capability, *words, **options))
        )

    def close(self) -> None:
        """End what a test that failed left running."""
        for process in self.started:
            with process:
                process.kill()

    def _noted(self, process: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
        self.started.append(process)
        return process


def end_of(process: "subprocess.Popen[bytes]") -> Ran:
    """Wait for a process to end."""
    out, err = process.communicate(timeout=ENDS_SECONDS)
    return Ran(process.returncode, (out or b"").decode(), (err or b"").decode())
