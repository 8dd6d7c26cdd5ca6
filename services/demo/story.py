"""The story: what the log tells while the agents work, one line a finished item."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

NS = 1_000_000_000


@dataclass(slots=True)
class Story:
    """What has been told so far, from the events alone."""

    started_ns: int = 0
    titles: dict[str, str] = field(default_factory=dict)
    claimed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The present claim of each item."""
    completed: dict[str, dict[str, Any]] = field(default_factory=dict)
    expired: list[str] = field(default_factory=list)
    claims: int = 0

    def tell(self, entry: dict[str, Any]) -> str | None:
        """Take in one event and return the line it is worth, if any."""
        self.started_ns = self.started_ns or entry["recorded_at_ns"]
        kind = entry["type"].rpartition(".v")[0]
        entity = entry["subject"].rpartition(".")[2]
        fields = entry["fields"] or {}
        match kind:
            case "work.submitted":
                task, _, path = fields["title"].partition(" ")
                self.titles[entity] = f"{task} {path.rpartition('/')[2]}"
            case "agent.registered":
                return self.line(entry, f"{entity} is here, as incarnation {entry['position']}")
            case "work.claimed":
                self.claims += 1
                self.claimed[entity] = entry
                if fields["attempt"] > 1:
                    return self.line(
                        entry,
                        f"{fields['agent']} took over {self.titles[entity]}, attempt {fields['attempt']}",
                    )
            case "work.completed":
                self.completed[entity] = entry
                return self.line(entry, self._completed(entity, entry))
            case "work.lease_expired":
                self.expired.append(entity)
                return self.line(
                    entry,
                    f"the claim of {fields['agent']} on {self.titles[entity]} ran out after"
                    f" {fields['silent_seconds']:.1f} s of silence; it is open again",
                )
            case "work.failed":
                return self.line(
                    entry, f"{fields['agent']} gave up {self.titles[entity]}: {fields['reason']}"
                )
        return None

    def _completed(self, entity: str, entry: dict[str, Any]) -> str:
        took = (entry["recorded_at_ns"] - self.claimed[entity]["recorded_at_ns"]) / NS
        digest = (entry["fields"].get("result") or {}).get("sha256", "")[:12]
        count = f"{len(self.completed)}/{len(self.titles)}"
        return f"{entry['fields']['agent']:<4} {self.titles[entity]:<28} {took:5.2f} s  {digest}  {count}"

    def line(self, entry: dict[str, Any], text: str) -> str:
        """Return a line of the story, with its moment."""
        return f"{(entry['recorded_at_ns'] - self.started_ns) / NS:6.2f} s  {text}"


def events(coord: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the log from its start, as `coord tail` prints it, until the reader stops."""
    with subprocess.Popen(
        [*coord, "tail", "--from", "1", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as tail:
        assert tail.stdout is not None
        try:
            for line in tail.stdout:
                yield json.loads(line)
        finally:
            tail.kill()


def say(text: str = "") -> None:
    """Print one line of the story at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
