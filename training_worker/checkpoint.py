"""A checkpoint: a folder that is complete or is not there.

    step-N.tmp/   model.safetensors       the parameters
                  optimizer.safetensors   what AdamW keeps of each
                  state.json              step, cursor, orders, detectors, the state of the random generator
                  manifest.json           of each file its sha256 and size; step, position, canary, good
    step-N/       the same, once every file, the folder, and the folder above are on disk

A name proves nothing: a checkpoint counts when its manifest reads and every file has the digest it states.
Nothing is unpickled; tensors travel as safetensors, the rest as JSON.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from coord.events.errors import CoordError

MODEL: Final = "model.safetensors"
OPTIMIZER: Final = "optimizer.safetensors"
STATE: Final = "state.json"
MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
PARTIAL: Final = ".tmp"
_GONE: Final = f".gone{PARTIAL}"
MANIFEST_BYTES_MAX: Final = 2**20
_BLOCK_BYTES: Final = 2**20


class Damaged(CoordError):
    """A checkpoint is not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One that verified."""

    path: Path
    step: int
    good: bool
    """Whether the canary loss was as expected when it was written."""
    canary_loss: float | None
    """None: it was not finite."""
    position: int
    """Up to here the log knew the run when it was written."""
    sha256: str
    """Of the manifest."""
    size_bytes: int
    lasting: Mapping[str, Any]
    """What the run keeps for life, and the digest of its text."""

    def state(self) -> dict[str, Any]:
        """Return what is neither model nor optimizer."""
        state: dict[str, Any] = json.loads((self.path / STATE).read_bytes())
        return state

    def load(self, model: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
        """Put the tensors of the checkpoint into these.

        Raises:
            Damaged: their names or shapes are not the same; nothing was changed.
        """
        self._put({MODEL: model, OPTIMIZER: optimizer})

    def load_model(self, model: Mapping[str, Tensor]) -> None:
        """Put the parameters alone into these.

        Raises:
            Damaged: their names or shapes are not the same; nothing was changed.
        """
        self._put({MODEL: model})

    def _put(self, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        read = {name: _tensors(self.path / name) for name in tensors}
        for name, into in tensors.items():
            if _shapes(read[name]) != _shapes(into):
                raise Damaged(f"{self.path / name} holds tensors of another model.")
        for name, into in tensors.items():
            for key, tensor in into.items():
                tensor.detach().copy_(read[name][key])


@dataclass(frozen=True, slots=True)
class Facts:
    """What a manifest says besides its files."""

    step: int
    position: int
    canary_loss: float | None
    good: bool
    lasting: Mapping[str, Any]


def write_checkpoint(
    folder: Path, facts: Facts, model: Mapping[str, Tensor], optimizer: Mapping[str, Tensor], state: Any
) -> Checkpoint:
    """Write a checkpoint into its folder, read it again, and return it.

    Raises:
        CoordError: it cannot be written; what was there before is as it was.
        Damaged: what was read is not what was written.
    """
    final = folder / f"step-{facts.step}"
    partial = final.with_name(final.name + PARTIAL)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(_whole(model), partial / MODEL)
        save_file(_whole(optimizer), partial / OPTIMIZER)
        (partial / STATE).write_text(json.dumps(state))
        (partial / MANIFEST).write_text(json.dumps(_manifest(facts, partial), indent=1))
        for path in (*partial.iterdir(), partial):
            _sync(path)
        if final.exists():
            remove(final)
        partial.rename(final)
        _sync(folder)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CoordError(f"the checkpoint {final} cannot be written: {reason}.") from error
    return verified(final)


def remove(path: Path) -> None:
    """Remove a checkpoint: its name first, so that half of one is never taken for one.

    Raises:
        OSError: its name cannot be taken away; it is as it was.
    """
    gone = path.with_name(path.name + _GONE)
    shutil.rmtree(gone, ignore_errors=True)
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def verified(path: Path) -> Checkpoint:
    """Return a checkpoint whose every file is what the manifest says.

    Raises:
        Damaged: one is not; the message says which.
    """
    try:
        raw = _bounded(path / MANIFEST)
        manifest = json.loads(raw)
        files = {
            str(name): (str(one["sha256"]), int(one["size_bytes"])) for name, one in manifest["files"].items()
        }
        canary = manifest["canary_loss"]
        checkpoint = Checkpoint(
            path=path,
            step=int(manifest["step"]),
            good=manifest["good"] is True,
            canary_loss=None if canary is None else float(canary),
            position=int(manifest["position"]),
            sha256=sha256(raw).hexdigest(),
            size_bytes=sum(size for _, size in files.values()) + len(raw),
            lasting=dict(manifest["lasting"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(f"the checkpoint {path} has no manifest that can be read.") from error
    if path.name != f"step-{checkpoint.step}" or manifest.get("format") != FORMAT or set(files) != {
        MODEL, OPTIMIZER, STATE,
    }:  # fmt: skip
        raise Damaged(f"the manifest of {path} is of something else.")
    for name, (digest, size) in files.items():
        _check(path / name, digest, size)
    return checkpoint


def _manifest(facts: Facts, folder: Path) -> dict[str, Any]:
    files = {
        name: {"sha256": _digest(folder / name), "size_bytes": (folder / name).stat().st_size}
        for name in (MODEL, OPTIMIZER, STATE)
    }
    return {
        "format": FORMAT,
        "step": facts.step,
        "position": facts.position,
        "canary_loss": facts.canary_loss,
        "good": facts.good,
        "lasting": dict(facts.lasting),
        "files": files,
    }


def _check(path: Path, digest: str, size: int) -> None:
    try:
        found = path.stat().st_size
        if found != size:
            raise Damaged(f"{path} has {found} bytes; its manifest says {size}.")
        if _digest(path) != digest:
            raise Damaged(f"{path} is not what its manifest says: the digests differ.")
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}.") from error


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MANIFEST_BYTES_MAX + 1)
    if len(raw) > MANIFEST_BYTES_MAX:
        raise ValueError("too long for a manifest")
    return raw


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise Damaged(f"{path} is no safetensors file: {error}.") from error


def _whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Any, ...]]:
    return {name: (tensor.dtype, *tensor.shape) for name, tensor in tensors.items()}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
