"""Recording results: a transcript in the data folder, and an event that names it by its digest.

verified/<scenario>-<time>.txt    what the scenario did; its sha256 stands in the event
"""

import asyncio
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.errors import FoundWanting, visible
from coord.events.model import NOTE_LENGTH_MAX, TITLE_LENGTH_MAX
from coord.events.tokens import event_subject
from coord.events.verification import VerificationRecorded
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.verification.runner import Result

FOLDER: Final = "verified"
_GIT_SECONDS: Final = 20
_COMMIT_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class Record:
    """Where a result is recorded."""

    position: int
    transcript: str
    """Path in the data folder."""
    transcript_sha256: str


class Recorder:
    """Records results on the house of a data folder."""

    def __init__(self, settings: Settings, commit: str) -> None:
        self._settings = settings
        self._folder = Folder(settings.data)
        self._commit = commit

    def check(self) -> None:
        """Make sure that there is a house to record on.

        Raises:
            NoServer: there is none.
        """
        asyncio.run(self._publish(None))

    def record(self, result: Result) -> Record:
        """Keep the transcript and publish the result.

        Raises:
            NoServer: the house is gone; the transcript is kept.
        """
        scenario, now_ns = result.scenario, clock.now_ns()
        text = _transcript(result, self._commit, now_ns)
        moment = "".join(mark for mark in clock.rfc3339(now_ns)[:23] if mark.isalnum())
        self._folder.make(FOLDER)
        path = self._folder.write_text(text, FOLDER, f"{scenario.id}-{moment}.txt")
        event = VerificationRecorded(
            feature=visible(scenario.feature, TITLE_LENGTH_MAX),
            scenario=visible(scenario.title, TITLE_LENGTH_MAX),
            outcome=result.outcome,
            commit=self._commit,
            run_seconds=result.seconds,
            reason=visible(result.reason, NOTE_LENGTH_MAX) if result.reason else None,
            transcript=f"{FOLDER}/{path.name}",
            transcript_sha256=sha256(text.encode()).hexdigest(),
        )
        position = asyncio.run(self._publish((scenario.id, event)))
        return Record(position, str(event.transcript), str(event.transcript_sha256))

    async def _publish(self, told: tuple[str, VerificationRecorded] | None) -> int:
        log = await Log.connect(self._settings, self._folder, name="verify")
        try:
            if told is None:
                return 0
            scenario, event = told
            envelope = Envelope(
                id=clock.new_id(),
                type=kind_of(event).type,
                source=f"/verification/{self._settings.node}",
                time=clock.rfc3339(clock.now_ns()),
                actor=self._settings.node,
            )
            return await log.publish(
                event_subject(self._settings.site, "verification", scenario), envelope, event
            )
        finally:
            await log.close()


def commit_of(root: Path) -> str:
    """Return the git commit of a tree, with `-dirty` when it is changed; outside of git, coord's version."""
    try:
        commit = _git(root, "rev-parse", "HEAD")[:_COMMIT_LENGTH]
        return f"{commit}-dirty" if _git(root, "status", "--porcelain") else commit
    except (OSError, subprocess.SubprocessError):
        return f"coord {version('coord')}"


def read_transcript(folder: Folder, path: str, digest: str) -> str:
    """Read a transcript that an event names.

    Raises:
        FoundWanting: it is gone, or not what it was.
    """
    try:
        text = folder.path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FoundWanting(f"the transcript {path} cannot be read: {error}.") from error
    if sha256(text.encode()).hexdigest() != digest:
        raise FoundWanting(
            f"the transcript {path} is not what was recorded: its sha256 differs.",
            "Run the scenario again.",
        )
    return text


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=_GIT_SECONDS
    )
    return done.stdout.strip()


def _transcript(result: Result, commit: str, now_ns: int) -> str:
    head = [
        f"Feature: {result.scenario.feature}",
        f"Scenario: {result.scenario.title}",
        f"Outcome: {result.outcome}{f', {result.reason}' if result.reason else ''}",
        f"Commit: {commit}",
        f"Recorded: {clock.rfc3339(now_ns)}, after {result.seconds:.2f} s",
    ]
    return "\n".join([*head, "", result.transcript])
