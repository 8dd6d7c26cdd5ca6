"""Looking at a checkpoint: `python -m coord.training_worker.looking TASK FOLDER [TEXT]` prints one line of JSON.

Several tasks, with commas between them, give a line each, in that order: most of the time is spent importing torch.

    checksum   each file's digest, after all of them were checked against the manifest
    evaluate   the loss on the part of the text that is never trained on, in nats a byte
    sample     what the model goes on with after the beginning of that part

The same checkpoint gives the same line each time. TEXT is what the run was trained on; without it, the sources
of Python's own library.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch

from coord.events.errors import CoordError, UsageError, visible
from coord.training_worker.batches import EVALUATION_ROWS, Batches
from coord.training_worker.checkpoint import MANIFEST, Checkpoint, verified
from coord.training_worker.configuration import LASTING, TrainingConfiguration
from coord.training_worker.drills import Drills
from coord.training_worker.model import ByteModel, make_model
from coord.training_worker.sampling import sample
from coord.training_worker.stepping import Measure
from coord.training_worker.text import Text, load_text


def main(words: list[str]) -> int:
    """Do a task and return the exit code."""
    try:
        tasks = words[0].split(",") if len(words) in (2, 3) else []
        if not tasks or not set(tasks) <= _TASKS.keys():
            raise UsageError(
                f"say one of {', '.join(_TASKS)}, the folder of a checkpoint, and perhaps its text."
            )
        text = Path(words[2]) if len(words) == 3 else None
        for task in tasks:
            sys.stdout.write(json.dumps(look(task, Path(words[1]), text)) + "\n")
    except CoordError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return 0


def look(task: str, folder: Path, text: Path | None = None) -> dict[str, Any]:
    """Do a task on a checkpoint.

    Raises:
        CoordError: it is not what its manifest says.
        UsageError: it was trained on another text.
    """
    torch.set_num_threads(1)
    checkpoint = verified(folder)
    return {"task": task, "step": checkpoint.step, **_TASKS[task](checkpoint, text)}


def _checksum(checkpoint: Checkpoint, _: Path | None) -> dict[str, Any]:
    files = json.loads((checkpoint.path / MANIFEST).read_bytes())["files"]
    return {
        "manifest": checkpoint.sha256,
        "files": {name: one["sha256"] for name, one in sorted(files.items())},
        "good": checkpoint.good,
    }


def _evaluate(checkpoint: Checkpoint, text: Path | None) -> dict[str, Any]:
    batches, model, configuration = _opened(checkpoint, text)
    measure = Measure(model, "fp32")
    return {"loss": measure.loss(batches.fixed(EVALUATION_ROWS), configuration.batch)}


def _sample(checkpoint: Checkpoint, text: Path | None) -> dict[str, Any]:
    batches, model, configuration = _opened(checkpoint, text)
    written = sample(model, batches.beginning(), configuration.seed)
    return {"text": written.decode("utf-8", "replace")}


_TASKS: Final[Mapping[str, Callable[[Checkpoint, Path | None], dict[str, Any]]]] = {
    "checksum": _checksum,
    "evaluate": _evaluate,
    "sample": _sample,
}


def _opened(checkpoint: Checkpoint, path: Path | None) -> tuple[Batches, ByteModel, TrainingConfiguration]:
    shape = {name: int(checkpoint.lasting[name]) for name in LASTING}
    configuration = TrainingConfiguration(text=path, **shape)  # type: ignore[arg-type]
    text = load_text(path, configuration.context)
    _same_text(checkpoint, text, path)
    device = torch.device("cpu")
    model = make_model(configuration, device)
    checkpoint.load_model(model.state_dict())
    return Batches(text, configuration, Drills(()), device), model, configuration


def _same_text(checkpoint: Checkpoint, text: Text, path: Path | None) -> None:
    if checkpoint.lasting.get("text_sha256") != text.sha256:
        where = visible(str(path)) if path else "the sources of Python's own library"
        raise UsageError(f"{checkpoint.path} was not trained on {where}.", "Name its text.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
