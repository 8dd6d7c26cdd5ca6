"""What the trainer needs of a `Run`, and the do-nothing twin that ranks other than 0 have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from coord.training_worker.mailbox import Asked


Outcome = Literal["completed", "failed", "stopped"]


class Voice(Protocol):
    """The part of a run that a trainer speaks through."""

    @property
    def position(self) -> int:
        """Up to here the log is known to hold what was said."""

    def log(self, step: int, **values: float) -> None:
        """Record the metrics of a step."""

    def log_now(self, step: int, **values: float) -> None:
        """Record them, and send them at once."""

    def evaluated(self, step: int, **values: float) -> None:
        """Record an evaluation."""

    def checkpoint_written(
        self, step: int, path: str, sha256: str, size_bytes: int, write_seconds: float
    ) -> None:
        """Record a checkpoint."""

    def out_of_memory(self, step: int, micro_batch: int, reason: str) -> None:
        """Record that an allocation failed."""

    def directives(self, step: int) -> "Sequence[Asked]":
        """Return what is asked and was not answered."""

    def wait_for_directive(self, step: int, seconds: float) -> "Sequence[Asked]":
        """Return it as soon as something is."""

    def applied(self, asked: "Asked", step: int, note: str | None = None) -> None:
        """Answer that a directive was obeyed."""

    def refused(self, asked: "Asked", step: int, reason: str) -> None:
        """Answer that it was not."""


class Silent:
    """A run that says nothing and is asked nothing."""

    position = 0

    def log(self, step: int, **values: float) -> None:
        """Do nothing."""

    def log_now(self, step: int, **values: float) -> None:
        """Do nothing."""

    def evaluated(self, step: int, **values: float) -> None:
        """Do nothing."""

    def checkpoint_written(
        self, step: int, path: str, sha256: str, size_bytes: int, write_seconds: float
    ) -> None:
        """Do nothing."""

    def out_of_memory(self, step: int, micro_batch: int, reason: str) -> None:
        """Do nothing."""

    def directives(self, step: int) -> "Sequence[Asked]":  # noqa: ARG002 - the twin of a run's
        """Return none."""
        return ()

    def wait_for_directive(self, step: int, seconds: float) -> "Sequence[Asked]":  # noqa: ARG002 - the same
        """Return none."""
        return ()

    def applied(self, asked: "Asked", step: int, note: str | None = None) -> None:
        """Do nothing."""

    def refused(self, asked: "Asked", step: int, reason: str) -> None:
        """Do nothing."""
