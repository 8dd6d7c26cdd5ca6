"""The verb train: from a command line to a training, and from its end to a line or a document."""

from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from coord.events.errors import UsageError
from coord.services.cli.call import Call
from coord.services.cli.safe import safe
from coord.training_worker.configuration import read_configuration

_NEEDED = ("torch", "numpy", "safetensors")


def train(call: Call) -> int:
    """Train a model until it is done, told to stop, or failed."""
    configuration = read_configuration(call.parsed.values)
    settings = call.settings
    if any(find_spec(name) is None for name in _NEEDED):
        raise UsageError("coord train needs torch.", "Install it with: pip install 'coord[train]'")
    from coord.training_worker.main import train as run

    ended = run(configuration, settings)
    if ended is None:
        return 0
    document: dict[str, Any] = asdict(ended) | {"checkpoint": str(ended.checkpoint)}
    call.show(document, [safe(ended.sentence)])
    if ended.by_signal:
        raise KeyboardInterrupt
    return 0
