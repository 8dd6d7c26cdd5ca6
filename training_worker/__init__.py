"""The trainer and its safety: it tells what happens, and reads only its directives.

`Run` is for anyone's loop:

    from coord.training_worker import Run

    with Run("my-run") as run:
        for step, batch in enumerate(batches):
            run.log(step, loss=train(batch))

Importing it loads no torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coord.training_worker.mailbox import Asked
    from coord.training_worker.run import Run

__all__ = ["Asked", "Run"]


def __getattr__(name: str) -> Any:
    if name == "Run":
        from coord.training_worker.run import Run

        return Run
    if name == "Asked":
        from coord.training_worker.mailbox import Asked

        return Asked
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
