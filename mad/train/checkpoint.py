"""Checkpoints: written whole, verified before use, the previous one kept.

A checkpoint is ``checkpoint-<step>.pt``, plain tensors and numbers, and beside it
``checkpoint-<step>.pt.sha256``, which is written last: without it the checkpoint is incomplete. The digest
is no formality: torch.load does not notice a flipped bit.
"""

import hashlib
import io
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from mad.report.atomic import write_atomically
from mad.report.metrics import Metrics

N_KEPT = 2


class Damaged(Exception):
    """A checkpoint that is not what was written."""


class Unsuited(Exception):
    """A checkpoint that was never finished, or belongs to another run."""


@dataclass(kw_only=True)
class Checkpoints:
    """The checkpoints of one run."""

    folder: Path
    identity: str
    code: str
    """Whose checkpoints these are: those of another run or of other code are not used."""
    metrics: Metrics
    """The curves, which a resumed run takes up where the checkpoint leaves them."""
    say: Callable[[str], None]
    """Takes the sentences about checkpoints that cannot be used."""
    _kept: list[Path] = field(default_factory=list)

    def save(self, state: dict[str, Any], *, step: int) -> None:
        """Writes the state after ``step`` updates, then forgets all but the last two checkpoints.

        ``state`` holds tensors, numbers, text, None, and dicts, lists and tuples of these. Raises OSError
        if the disk refuses; the earlier checkpoints are intact then.
        """
        _to_disk(self.metrics.path)
        content = {
            "identity": self.identity,
            "code": self.code,
            "metrics_offset": self.metrics.offset,
            "state": state,
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        path = self.folder / f"checkpoint-{step:08d}.pt"
        _digest_file(path).unlink(missing_ok=True)
        write_atomically(path, buffer.getvalue())
        write_atomically(_digest_file(path), f"{_digest(buffer.getvalue())}  {path.name}\n")
        self._kept = [*(kept for kept in self._kept if kept != path), path][-N_KEPT:]
        self._prune()

    def load(self) -> dict[str, Any] | None:
        """The state of the newest sound checkpoint, or None if the run starts from its beginning.

        The curves are cut back to it. Raises ValueError if there are checkpoints and all are damaged.
        """
        damaged: list[str] = []
        for path in sorted(self.folder.glob("checkpoint-*.pt"), reverse=True):
            try:
                content = self._read(path)
            except Damaged as error:
                damaged.append(f"{path.name} is damaged ({error})")
            except Unsuited as error:
                self.say(f"{path.name} is not used: {error}")
            else:
                self._say_instead(damaged, path)
                self.metrics.truncate(content["metrics_offset"])
                self._kept = [path]
                return dict(content["state"])
        if damaged:
            raise ValueError(
                f"{self.folder} has no sound checkpoint: {'; '.join(damaged)}; "
                "delete the checkpoint files there to start the run from its beginning"
            )
        self.metrics.truncate(0)
        return None

    def _read(self, path: Path) -> dict[str, Any]:
        """The content of a checkpoint of this run. Raises Damaged or Unsuited."""
        if not _digest_file(path).exists():
            raise Unsuited("it is incomplete (there is no SHA-256 beside it)")
        payload = path.read_bytes()
        if _digest_file(path).read_text(errors="replace").split()[:1] != [_digest(payload)]:
            raise Damaged("its SHA-256 is not the recorded one")
        try:
            # Only tensors and plain values are unpickled: a checkpoint cannot bring code along.
            content = torch.load(io.BytesIO(payload), weights_only=True, map_location="cpu")
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise Damaged(f"torch cannot load it: {str(error).splitlines()[0]}") from error
        if not isinstance(content, dict) or content.get("identity") != self.identity:
            raise Unsuited("it belongs to another run")
        if content.get("code") != self.code:
            raise Unsuited("other code made it")
        return content

    def _say_instead(self, damaged: list[str], path: Path) -> None:
        for sentence in damaged:
            self.say(f"{sentence}; {path.name} is used instead")

    def _prune(self) -> None:
        """Removes older checkpoints, and what a crash left of unfinished ones."""
        names = {file.name for path in self._kept for file in (path, _digest_file(path))}
        for file in self.folder.glob("checkpoint-*"):
            if file.name not in names:
                file.unlink()


def weights_sha256(weights: dict[str, torch.Tensor]) -> str:
    """A digest of names, types, shapes and bits: equal for equal weights on whatever device."""
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def _digest_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _to_disk(path: Path) -> None:
    """Brings a file's content to the disk, so that no checkpoint counts rows that a power cut can take."""
    if not path.exists():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
